//! What happens to a dispute.

use alloy_primitives::B256;

use crate::report::Report;
use crate::ruling::Answer;
use crate::task::Abstention;

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
