//! The keeper's view of the chain: what it reads (watcher, snapshot) and what it writes (submitter).
//!
//! Everything an RPC node says is checked before it is passed on: headers must follow each other, logs must come from
//! our contracts and from the blocks that were asked for, every field is decoded without panic.

use alloy::primitives::{Address, B256};
use contracts::network::Network;
use std::path::PathBuf;

mod callback;
mod challenge;
pub mod convert;
pub mod cost;
mod digest;
mod dispute;
mod dispute_log;
pub(crate) mod error;
pub mod fees;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod heads;
mod job_event;
pub mod lane;
mod listing;
mod logs;
mod market;
mod most;
pub mod nonce;
mod parts;
mod past;
mod reach;
mod receipt;
pub mod refusal;
mod rpc;
mod snapshot;
mod statement;
mod submitter;
mod watcher;

#[cfg(test)]
pub(crate) mod fake_node;
#[cfg(test)]
pub(crate) mod real_node;

pub(crate) use callback::{Called, call_of, gas_of_transaction};
pub use callback::{Undelivered, why_undelivered};
pub use challenge::{Accusation, AccusationResult, is_proven};
pub use dispute::{BroughtResult, RulingCall};
pub use dispute_log::DisputeLog;
pub use error::ChainError;
pub use heads::HELD_BLOCKS;
pub(crate) use heads::{Block, at as head_at, block_at, latest};
pub use job_event::JobEvent;
pub(crate) use listing::{Listing, jobs};
pub(crate) use market::market;
pub(crate) use most::Most;
pub(crate) use past::newest_log;
pub(crate) use reach::newest;
pub use reach::{highest, reach, was_registered};
pub use receipt::Receipt;
pub(crate) use receipt::{fetch as receipt_of, reason};
pub(crate) use rpc::Node;
#[cfg(feature = "fuzz")]
pub use rpc::fuzz as rpc_fuzz;
pub use rpc::{ChainProvider, NodeView, Rpc};
pub use snapshot::{Constants, Registration, check_contracts, constants, ejection, registration};
pub(crate) use statement::{Certified, certificates, certified};
pub use submitter::{SnapshotResult, Submitter};
pub use watcher::Watcher;

pub use contracts::IJobManager::JobParams;
pub use contracts::ITaskManager::{Anchor, Batch, Certificate};
pub use contracts::network::Contracts;

/// The network and the file it was read from, which error messages name.
#[derive(Clone, Debug)]
pub struct ChainConfig {
    /// Chain, contracts, constants.
    pub network: Network,
    /// Where they were read.
    pub network_file: PathBuf,
}

/// A block, as far as keepers care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Block number.
    pub number: u64,
    /// Block hash.
    pub hash: B256,
    /// Hash of the block before it.
    pub parent: B256,
    /// Unix seconds.
    pub timestamp: u64,
}

/// What happens on the chain, in chain order.
#[derive(Clone, Debug, PartialEq)]
pub enum ChainEvent {
    /// Every block at the confirmation depth, in order and without gaps. All other events of a block come before its
    /// head. Events of blocks older than the first head (the replay at start) come before that head.
    Head(Head),
    /// Blocks above `number` turned out orphaned: forget them and what they held. The blocks in their place follow.
    Rewound {
        /// The last block that still stands.
        number: u64,
    },
    /// Something happened to a job.
    Job {
        /// Block of the log.
        block: u64,
        /// What happened.
        event: JobEvent,
    },
    /// An operator registered, took other keys from the next epoch on, or left.
    Operator {
        /// Block of the log.
        block: u64,
        /// Who.
        operator: Address,
        /// Its raw ed25519 public key; none when it left.
        peer_key: Option<[u8; 32]>,
    },
    /// An operator was convicted, and counts no more.
    Ejected {
        /// Block of the log.
        block: u64,
        /// Who.
        operator: Address,
    },
    /// A new epoch was written.
    Epoch(EpochSnapshot),
    /// A task was settled.
    Settled(Settled),
    /// A certified report could not settle.
    Ineligible {
        /// Block of the log.
        block: u64,
        /// Task of the report.
        task_id: B256,
        /// Job of the report.
        job_id: u64,
        /// Why it could not.
        reason: Ineligible,
    },
    /// Something happened to a dispute.
    Dispute {
        /// Block of the log.
        block: u64,
        /// Number of the dispute.
        id: u64,
        /// What.
        event: DisputeLog,
    },
    /// Another newest block, before it has its confirmations: what the chain's clock says beside this machine's. Sent before
    /// the events of the blocks that are confirmed by it.
    Newest {
        /// Its number.
        number: u64,
        /// Its timestamp, unix seconds.
        timestamp: u64,
        /// When it was first seen here, by this machine's clock, in milliseconds since the Unix epoch.
        seen_ms: u64,
        /// Whether it came while the newest block was being watched. Only then is `seen_ms` the moment it came: the first
        /// block after a start, and the first after an outage, may be old.
        live: bool,
    },
    /// The RPC nodes became reachable (`ok`) or not, or why they are not is another reason now.
    Connection {
        /// Whether the watcher makes progress.
        ok: bool,
        /// What, why and how to mend, when it does not.
        why: String,
    },
}

/// Why a certified report could not settle; `ITaskManager.Ineligible` in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ineligible {
    /// The task is settled.
    Duplicate,
    /// The anchor is not on this chain.
    AnchorUnknown,
    /// The anchor is older than the contract takes.
    AnchorTooOld,
    /// There is no such job.
    JobUnknown,
    /// The job has another version.
    Version,
    /// The job is paused or cancelled.
    Inactive,
    /// The job cannot pay.
    Escrow,
    /// The run is not due.
    NotDue,
    /// The job asks for a larger quorum.
    Quorum,
    /// The task was due too long ago.
    Expired,
    /// Older runs of the job could still settle, and could no more after this one.
    OutOfOrder,
    /// A reason this program does not know.
    Other(u8),
}

impl From<u8> for Ineligible {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Duplicate,
            1 => Self::AnchorUnknown,
            2 => Self::AnchorTooOld,
            3 => Self::JobUnknown,
            4 => Self::Version,
            5 => Self::Inactive,
            6 => Self::Escrow,
            7 => Self::NotDue,
            8 => Self::Quorum,
            9 => Self::Expired,
            10 => Self::OutOfOrder,
            other => Self::Other(other),
        }
    }
}

/// A settled task (`TaskSettled`, `TasksSkipped`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Block of the log.
    pub block: u64,
    /// That block's timestamp, unix seconds.
    pub timestamp: u64,
    /// The settling transaction.
    pub tx: B256,
    /// The task.
    pub task_id: B256,
    /// Its job.
    pub job_id: u64,
    /// Version of the job.
    pub job_version: u32,
    /// Which run of the job.
    pub instance_key: B256,
    /// How it ended, see [`contracts::terms::ended`].
    pub status: u8,
    /// Seconds between the moment it was due and its settlement, by the contract's count.
    pub seconds_late: u64,
    /// Block the report was pinned to.
    pub anchor_number: u64,
    /// Hash of the certified outcome.
    pub outcome_hash: B256,
    /// Whether the target's callback succeeded.
    pub delivered: bool,
    /// Who sent the transaction.
    pub submitter: Address,
}

/// An operator set and the blocks it is valid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochSnapshot {
    /// Block of the log.
    pub block: u64,
    /// Number of the epoch, from 1.
    pub epoch: u32,
    /// First anchor block of the epoch.
    pub active_from: u64,
    /// The committee by index.
    pub members: Vec<MemberRow>,
    /// Root of the epoch's table, part of the leader seed.
    pub table_root: B256,
}

/// One row of a committee. A row with stake zero only keeps the indices of the others in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRow {
    /// The operator.
    pub operator: Address,
    /// Stake, in the strategy's smallest unit.
    pub stake: u128,
    /// Raw ed25519 public key; the PeerId follows from it.
    pub peer_key: [u8; 32],
    /// G2 point of 192 bytes: x.c0, x.c1, y.c0, y.c1 (EIP-2537 order without padding).
    pub bls_key: Vec<u8>,
}

/// A certified batch, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The aggregate signature and its signers.
    pub certificate: Certificate,
    /// The reports to settle, each anchor once, and the outcomes for their targets.
    pub batch: Batch,
    /// The jobs' `callbackGas`, one for each delivery in their order.
    pub callback_gas: Vec<u64>,
    /// Hash of every report, in the order of the entries: what stands for an entry that another transaction settles.
    pub leaves: Vec<B256>,
    /// Positions of entries that are not brought, for their jobs cannot pay: they would settle nothing.
    pub unpaid: Vec<usize>,
    /// Whether others may be at it already.
    pub takeover: bool,
}

/// What became of a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettlementResult {
    /// Our transaction was included and succeeded.
    Mined {
        /// The transaction.
        tx: B256,
        /// Gas it used.
        gas_used: u64,
        /// How many tasks it settled.
        settled: u64,
    },
    /// Somebody else settled all of it.
    AlreadySettled,
    /// It would go through and settle nothing, so it was not sent.
    Useless {
        /// Whose runs these are: at the present base fee they may not be able to pay.
        jobs: Vec<u64>,
    },
    /// The contract refuses it.
    Reverted {
        /// Name and arguments of the custom error, or the node's words.
        reason: String,
    },
    /// It could not be sent or was not included in time.
    Failed {
        /// What, why and how to mend.
        why: String,
    },
}

impl SettlementResult {
    /// Why it is still to be settled; `None` where it is.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        match self {
            Self::Mined { .. } | Self::AlreadySettled => None,
            Self::Useless { .. } => Some("nothing of it can settle now"),
            Self::Reverted { reason } => Some(reason),
            Self::Failed { why } => Some(why),
        }
    }
}
