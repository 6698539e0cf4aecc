//! The certificate as it travels.

use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::report::ReportMessage;
use crate::bls::Signature;
use crate::certificate::{Certificate, CertificateError};
use crate::committee::{Committee, SignerSet};
use crate::report::{BATCH_MAX, Domain, Report};

/// Largest certificate, in bytes.
pub const CERTIFICATE_LIMIT: usize = 48 * 1024;

/// A certificate as it travels: true or not by itself, whoever sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateMessage {
    /// Epoch of the committee.
    pub epoch: u32,
    /// The reports, in the order of the Merkle leaves.
    pub reports: Vec<ReportMessage>,
    /// Bitmap of the signers, as long as the committee needs.
    pub signers: ByteBuf,
    /// Compressed aggregate, 48 bytes.
    pub signature: ByteArray<48>,
}

impl CertificateMessage {
    /// The certificate for the wire, with a bitmap for a committee of `size`.
    pub fn new(certificate: &Certificate, size: usize) -> Self {
        Self {
            epoch: certificate.epoch,
            reports: certificate.reports.iter().map(Into::into).collect(),
            signers: ByteBuf::from(certificate.signers.to_bytes(size)),
            signature: ByteArray::new(certificate.signature.to_bytes()),
        }
    }

    /// The reports it stands for; `None` if one has a status that does not exist.
    pub fn reports(&self) -> Option<Vec<Report>> {
        self.reports.iter().map(ReportMessage::report).collect()
    }

    /// Verifies it whole, cheapest checks first.
    ///
    /// # Errors
    /// [`CertificateError`] names what is wrong with it, given the committee of its epoch.
    pub fn verify(
        &self,
        committee: &Committee,
        domain: &Domain,
        quorum_bps: u16,
    ) -> Result<Certificate, CertificateError> {
        if !(1..=BATCH_MAX).contains(&self.reports.len()) {
            return Err(CertificateError::Batch);
        }
        let reports = self.reports().ok_or(CertificateError::Batch)?;
        let signers = SignerSet::from_bytes(&self.signers, committee.size()).ok_or(CertificateError::Bitmap)?;
        let signature = Signature::from_bytes(&*self.signature).map_err(|_| CertificateError::Point)?;
        let certificate = Certificate { epoch: self.epoch, reports, signers, signature };
        certificate.verify(committee, domain, quorum_bps)?;
        Ok(certificate)
    }
}

#[cfg(test)]
mod tests;
