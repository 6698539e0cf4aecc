//! The partial: one keeper's word on a batch.

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::assignment::BatchKey;
use crate::bls::SIGNATURE_BYTES;
use crate::report::{Anchor, BATCH_MAX, Domain, Report};
use crate::task::{Status, Task};

/// Largest partial, in bytes.
pub const PARTIAL_LIMIT: usize = 12 * 1024;

/// One keeper's signature on a batch, with what it says of each entry, so that the receiver can rebuild the root and a
/// split shows which task differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// Hash of the assignment that lists the batch.
    pub assignment: ByteArray<32>,
    /// The batch's position in it.
    pub batch: u8,
    /// The sender's index in the committee of the batch's epoch.
    pub keeper: u16,
    /// Merkle root it signs, zero if it abstains. A receiver that arrives at another root from the findings sees another
    /// chain: the signature is not wrong then, it is about blocks the receiver does not have.
    pub root: ByteArray<32>,
    /// One finding per task of the batch, in its order.
    pub findings: Vec<Finding>,
    /// keccak256(keeper index, transcript roots): shown to be true or copied once the outcome is on chain.
    pub execution_tag: ByteArray<32>,
    /// Compressed BLS signature (48 bytes) on the batch; if the sender abstains on any task, the ed25519 signature
    /// (64 bytes) of its peer key over [`Partial::abstention_hash`] instead, so that nobody can abstain for another.
    pub signature: ByteBuf,
}

/// What a keeper says of one task: status number and outcome hash (32 bytes), or [`Finding::ABSTAIN`] and a reason
/// number (1 byte).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// 0 call, 1 skip, 2 job error, 255 abstains.
    pub status: u8,
    /// Outcome hash, or the reason's number.
    pub detail: ByteBuf,
}

impl Finding {
    /// Status number of an abstention.
    pub const ABSTAIN: u8 = 255;

    /// A finding that will be signed for.
    pub fn reported(status: Status, outcome_hash: B256) -> Self {
        Self { status: status as u8, detail: ByteBuf::from(outcome_hash.to_vec()) }
    }

    /// An abstention for the reason of this number.
    pub fn abstained(reason: u8) -> Self {
        Self { status: Self::ABSTAIN, detail: ByteBuf::from([reason]) }
    }

    /// Status and outcome hash; `None` if it abstains or is malformed.
    pub fn report(&self) -> Option<(Status, B256)> {
        let hash: [u8; 32] = self.detail.as_slice().try_into().ok()?;
        Some((Status::from_number(self.status)?, B256::from(hash)))
    }

    /// Whether it is an abstention in the right form.
    pub fn abstains(&self) -> bool {
        self.status == Self::ABSTAIN && self.detail.len() == 1
    }
}

impl Partial {
    /// Whether counts, findings and the signature's length agree with each other.
    pub fn is_well_formed(&self) -> bool {
        let abstains = self.findings.iter().any(Finding::abstains);
        (1..=BATCH_MAX).contains(&self.findings.len())
            && self.findings.iter().all(|finding| finding.abstains() || finding.report().is_some())
            && self.signature.len() == if abstains { 64 } else { SIGNATURE_BYTES }
    }

    /// Whether the sender abstains on any task, and so signs none.
    pub fn abstains(&self) -> bool {
        self.findings.iter().any(Finding::abstains)
    }

    /// The batch it is about.
    pub fn key(&self) -> BatchKey {
        BatchKey { assignment: B256::from(self.assignment.into_array()), batch: self.batch }
    }

    /// What an abstaining keeper's peer key signs: keccak256 over a tag, the domain and all fields but the signature.
    pub fn abstention_hash(&self, domain: &Domain) -> B256 {
        let mut bytes = Vec::with_capacity(128 + 34 * self.findings.len());
        bytes.extend_from_slice(b"KeeperMesh abstention");
        bytes.extend_from_slice(domain.separator().as_slice());
        bytes.extend_from_slice(&*self.assignment);
        bytes.push(self.batch);
        bytes.extend_from_slice(&self.keeper.to_be_bytes());
        bytes.extend_from_slice(&*self.execution_tag);
        for finding in &self.findings {
            bytes.push(finding.status);
            bytes.push(u8::try_from(finding.detail.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(&finding.detail);
        }
        keccak256(bytes)
    }
}

/// The reports that findings amount to, all of them on one input set; `None` if one abstains or is malformed.
pub fn reports(tasks: &[Task], anchors: &[Anchor], input_set: B256, findings: &[Finding]) -> Option<Vec<Report>> {
    let rows = tasks.iter().zip(anchors).zip(findings);
    rows.map(|((&task, &anchor), finding)| {
        let (status, outcome_hash) = finding.report()?;
        Some(Report { task, anchor, input_set, status, outcome_hash })
    })
    .collect()
}
