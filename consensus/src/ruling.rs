//! What a disputed task gives: what a keeper found, and what a quorum says together.

use alloy_primitives::B256;

use crate::bls::Signature;
use crate::committee::SignerSet;
use crate::task::Status;

/// What a run of the disputed task gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// Hash of its outcome, see [`crate::task::Outcome::hash`].
    pub outcome_hash: B256,
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
