//! Proof that keepers signed two different reports at one (task, anchor, input set).
//!
//! One shape serves both kinds: a *statement* is a report, its Merkle proof, and a signature on the root by a set of
//! signers. A partial is a statement of one signer, a certificate one of many; two conflicting statements convict
//! everybody in the intersection of their signers. Since every key comes with a proof of possession, an aggregate is as
//! accountable as a single signature (Boneh, Drijvers, Neven: Compact multi-signatures, 2018), and no quorum is needed.
//!
//! Nobody can be framed: evidence verifies against the committee of its epoch, or is refused.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use thiserror::Error;

use super::report::ReportMessage;
use crate::bls::Signature;
use crate::certificate::Certificate;
use crate::committee::{Committee, KeeperIndex, SignerSet};
use crate::merkle;
use crate::report::{Domain, Report};
use crate::task::Task;

/// Largest evidence, in bytes.
pub const EVIDENCE_LIMIT: usize = 16 * 1024;
/// A proof for a batch of 256 leaves has 8 siblings.
const PROOF_MAX: usize = 8;

/// A report that a set of keepers has signed as part of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The report.
    pub report: ReportMessage,
    /// Siblings from its leaf to the root.
    pub proof: Vec<ByteArray<32>>,
    /// Bitmap of the signers, as long as the committee needs.
    pub signers: ByteBuf,
    /// Compressed sum of their signatures on the batch, 48 bytes.
    pub signature: ByteArray<48>,
}

/// Two statements that contradict each other, in the order of their reports' leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The epoch both batches were signed in: the one active at the anchor.
    pub epoch: u32,
    /// The statement with the smaller leaf.
    pub first: Statement,
    /// The other one.
    pub second: Statement,
}

/// Why evidence is refused. All of these are wrong in every view of the chain, given the epoch's committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EvidenceError {
    /// A report, proof, bitmap or signature of the wrong form.
    #[error("a statement is malformed")]
    Malformed,
    /// The statements are about different tasks, anchors or input sets, say the same, or stand in the wrong order.
    #[error("the statements do not contradict each other")]
    NoConflict,
    /// Nobody signed both.
    #[error("nobody signed both statements")]
    NobodyGuilty,
    /// The committee is that of another epoch.
    #[error("the committee is that of another epoch")]
    Epoch,
    /// A signature does not verify.
    #[error("a signature does not verify")]
    Signature,
}

impl Statement {
    /// What `signers` said of the report at `position` of a batch; `None` if there is no such report.
    pub fn new(
        reports: &[Report],
        position: usize,
        size: usize,
        signers: SignerSet,
        signature: Signature,
    ) -> Option<Self> {
        let leaves: Vec<B256> = reports.iter().map(Report::leaf).collect();
        let proof = merkle::proof(&leaves, position)?;
        Some(Self {
            report: reports.get(position)?.into(),
            proof: proof.into_iter().map(|node| ByteArray::new(node.0)).collect(),
            signers: ByteBuf::from(signers.to_bytes(size)),
            signature: ByteArray::new(signature.to_bytes()),
        })
    }

    fn verify(&self, report: &Report, epoch: u32, committee: &Committee, domain: &Domain) -> Result<(), EvidenceError> {
        let signers = SignerSet::from_bytes(&self.signers, committee.size()).ok_or(EvidenceError::Malformed)?;
        let signature = Signature::from_bytes(&*self.signature).map_err(|_| EvidenceError::Malformed)?;
        if self.proof.len() > PROOF_MAX {
            return Err(EvidenceError::Malformed);
        }
        let key = committee.key_of(&signers).ok_or(EvidenceError::Malformed)?;
        let root = self.proof.iter().fold(report.leaf(), |node, sibling| merkle::parent(node, B256::from(**sibling)));
        let digest = domain.batch_digest(epoch, root);
        if signature.verify(digest.as_slice(), &key) { Ok(()) } else { Err(EvidenceError::Signature) }
    }
}

impl Evidence {
    /// Puts two statements in order.
    pub fn new(epoch: u32, one: Statement, other: Statement) -> Option<Self> {
        let leaf = |statement: &Statement| Some(statement.report.report()?.leaf());
        let ordered = leaf(&one)? < leaf(&other)?;
        let (first, second) = if ordered { (one, other) } else { (other, one) };
        Some(Self { epoch, first, second })
    }

    /// Checks everything and returns the guilty: whoever signed both statements.
    ///
    /// # Errors
    /// [`EvidenceError`], cheapest checks first.
    pub fn verify(&self, committee: &Committee, domain: &Domain) -> Result<SignerSet, EvidenceError> {
        if committee.epoch() != self.epoch {
            return Err(EvidenceError::Epoch);
        }
        let (Some(one), Some(other)) = (self.first.report.report(), self.second.report.report()) else {
            return Err(EvidenceError::Malformed);
        };
        if !conflict(&one, &other) {
            return Err(EvidenceError::NoConflict);
        }
        if one.leaf() > other.leaf() {
            return Err(EvidenceError::NoConflict);
        }
        let guilty = self.accused(committee).ok_or(EvidenceError::Malformed)?;
        self.first.verify(&one, self.epoch, committee, domain)?;
        self.second.verify(&other, self.epoch, committee, domain)?;
        if guilty.count() == 0 { Err(EvidenceError::NobodyGuilty) } else { Ok(guilty) }
    }

    /// Whom it accuses, right or wrong: whoever both bitmaps name. Costs no signature check.
    pub fn accused(&self, committee: &Committee) -> Option<SignerSet> {
        let first = SignerSet::from_bytes(&self.first.signers, committee.size())?;
        let second = SignerSet::from_bytes(&self.second.signers, committee.size())?;
        Some(first.iter().filter(|&index| second.contains(index)).collect())
    }

    /// The task that it is about, if its report is one.
    pub fn task(&self) -> Option<Task> {
        Some(self.first.report.report()?.task)
    }

    /// Number of the block it rests on; evidence is kept until that is too old for the contract.
    pub fn anchor_number(&self) -> u64 {
        self.first.report.anchor_number
    }
}

/// Whether no honest keeper can sign both: same task, anchor and input set, different statement.
pub fn conflict(one: &Report, other: &Report) -> bool {
    one.task == other.task && one.anchor == other.anchor && one.input_set == other.input_set && one != other
}

/// The statement a certificate makes on one of its reports.
pub fn of_certificate(certificate: &Certificate, position: usize, size: usize) -> Option<Statement> {
    Statement::new(&certificate.reports, position, size, certificate.signers, certificate.signature)
}

/// The statement a partial makes on one of its reports.
pub fn of_partial(
    reports: &[Report],
    position: usize,
    size: usize,
    signer: KeeperIndex,
    signature: Signature,
) -> Option<Statement> {
    Statement::new(reports, position, size, [signer].into_iter().collect(), signature)
}

#[cfg(test)]
mod tests;
