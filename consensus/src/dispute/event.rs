//! What happens to a dispute, and what comes of it.

use alloy_primitives::B256;

use crate::bls::Signature;
use crate::committee::SignerSet;
use crate::report::Report;
use crate::task::{Abstention, Status};

/// What a run of the disputed task gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// Hash of its outcome, see [`crate::task::Outcome::hash`].
    pub outcome_hash: B256,
}

/// What a dispute on chain is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disputed {
    /// The block it was opened in.
    pub block: u64,
    /// The certified report that somebody says is wrong.
    pub report: Report,
    /// The last block in which the contract takes a ruling.
    pub deadline: u64,
}

/// What happens to a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeEvent {
    /// It was opened.
    Opened(Disputed),
    /// The run that [`crate::Effect::Rerun`] asked for has ended.
    Reran {
        /// Leaf of the report that it was for.
        leaf: B256,
        /// What it gave.
        result: Result<Answer, Abstention>,
    },
    /// The chain has ended it in this block: the report was wrong, or it was right or nobody ruled in time.
    Ended {
        /// Whether the report was wrong: its signers are to be punished.
        upheld: bool,
        /// The block.
        block: u64,
    },
    /// Another certificate of the report counts against its signers too.
    Joined {
        /// The block.
        block: u64,
    },
    /// What this keeper sent for it did not come to anything.
    SendingFailed,
    /// Nobody is left to punish.
    AllPunished,
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
