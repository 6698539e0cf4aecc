//! A quorum's word on a batch: aggregated partials with the bitmap of their signers.

use alloy_primitives::B256;
use thiserror::Error;

use crate::bls::Signature;
use crate::committee::{Committee, SignerSet};
use crate::merkle;
use crate::report::{BATCH_MAX, Domain, Report};

/// Aggregated partials of at least the quorum of stake on one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Epoch of the committee that signed.
    pub epoch: u32,
    /// The batch's reports, in the order of its leaves.
    pub reports: Vec<Report>,
    /// Who signed.
    pub signers: SignerSet,
    /// Sum of their signatures.
    pub signature: Signature,
}

/// Why a certificate is refused. All of these are wrong in every view of the chain, given the epoch's committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// No reports, more than [`BATCH_MAX`], one twice, or one with a status that does not exist.
    #[error("the reports are not a batch")]
    Batch,
    /// The bitmap has the wrong length, no signer, or a bit that names no member.
    #[error("the bitmap does not fit the committee")]
    Bitmap,
    /// The signature is not a valid point.
    #[error("the signature is not a valid point")]
    Point,
    /// The committee is that of another epoch.
    #[error("the committee is that of another epoch")]
    Epoch,
    /// The signers have less than the quorum of stake.
    #[error("the signers hold less than the quorum of stake")]
    Quorum,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    Signature,
}

/// Root of a batch of reports.
pub fn batch_root(reports: &[Report]) -> B256 {
    let leaves: Vec<B256> = reports.iter().map(Report::leaf).collect();
    merkle::root(&leaves)
}

impl Certificate {
    /// Verifies signers, quorum and signature against the committee of its epoch.
    pub fn verify(&self, committee: &Committee, domain: &Domain, quorum_bps: u16) -> Result<(), CertificateError> {
        if committee.epoch() != self.epoch {
            return Err(CertificateError::Epoch);
        }
        let mut tasks: Vec<_> = self.reports.iter().map(|report| report.task).collect();
        tasks.sort_unstable();
        tasks.dedup();
        if !(1..=BATCH_MAX).contains(&tasks.len()) || tasks.len() != self.reports.len() {
            return Err(CertificateError::Batch);
        }
        let stake = committee.stake_of(&self.signers).ok_or(CertificateError::Bitmap)?;
        if !committee.is_quorum(stake, quorum_bps) {
            return Err(CertificateError::Quorum);
        }
        let key = committee.key_of(&self.signers).ok_or(CertificateError::Bitmap)?;
        let digest = domain.batch_digest(self.epoch, batch_root(&self.reports));
        if self.signature.verify(digest.as_slice(), &key) { Ok(()) } else { Err(CertificateError::Signature) }
    }
}
