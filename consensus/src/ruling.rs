//! What a disputed task gives: what a keeper found, and what a quorum says together.

use alloy_primitives::{B256, keccak256};

use crate::bls::Signature;
use crate::committee::SignerSet;
use crate::report::Report;
use crate::task::Status;

/// What a run of the disputed task gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// Hash of its outcome, see [`crate::task::Outcome::hash`].
    pub outcome_hash: B256,
}

/// What is hashed for the outcome of a task that was not due. No run comes to that hash: what is hashed for one is 128 bytes long.
const NOT_DUE: &str = "Keeper Mesh: the task was not due";

impl Answer {
    /// What is ruled on the report of a task that never was, or was not to be run at its anchor: a job error with one fixed hash. There is
    /// nothing right to report of such a task, so where the report says just that, it is a skip with this hash instead: whatever was
    /// certified loses.
    pub fn not_due(report: &Report) -> Self {
        let outcome_hash = keccak256(NOT_DUE);
        let says_just_that = (report.status, report.outcome_hash) == (Status::JobError, outcome_hash);
        Self { status: if says_just_that { Status::Skip } else { Status::JobError }, outcome_hash }
    }
}

/// A quorum's word on a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedRuling {
    /// Number of the dispute on chain.
    pub dispute: u64,
    /// What the task gives.
    pub answer: Answer,
    /// Epoch of the committee that signed.
    pub epoch: u32,
    /// Who signed.
    pub signers: SignerSet,
    /// Sum of their signatures.
    pub signature: Signature,
    /// Rows of the committee; the bitmap is as long as it needs.
    pub committee_size: usize,
}

#[cfg(test)]
mod tests;
