//! Everything that can happen to the protocol.

use std::time::Duration;

use alloy_primitives::{B256, Bytes};

use crate::anchor::BlockRef;
use crate::committee::{Committee, PeerKey};
use crate::effect::{JournalAnswer, PersistToken};
use crate::message::{BatchKey, Channel};
use crate::task::{Abstention, DueTask, JobId, Outcome, Task};

pub use crate::dispute::DisputeEvent;
pub use crate::facts::LateSettlement;
pub use crate::message::MessageTag;

/// One thing that happened. Handed to [`crate::engine::Engine::handle`] with the time it happened at.
#[derive(Clone, Debug)]
pub enum Input {
    /// The next block at the confirmation depth. What else the block held has been handed in before.
    Head(BlockRef),
    /// The newest block, before it has its confirmations, and what the chain's time is.
    Newest {
        /// Its number.
        number: u64,
        /// How many milliseconds the chain's time is ahead of the keeper's clock.
        ahead_ms: i64,
    },
    /// The blocks above this number turned out orphaned.
    Rewound(u64),
    /// A committee, active from its first block on.
    Epoch(Committee),
    /// The schedule knows of a task, ahead of time or late; telling it twice does no harm.
    Due(DueTask),
    /// A job's code is missing or failing here, or no longer is: a leader leaves its tasks to those who can run them.
    Trouble {
        /// The job.
        job: JobId,
        /// Whether it is in trouble.
        troubled: bool,
    },
    /// A gossip message arrived.
    Received {
        /// What the verdict will name.
        message: MessageTag,
        /// The peer it came from, which need not be its author.
        from: PeerKey,
        /// The topic.
        channel: Channel,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A partial arrived straight from a peer ([`crate::effect::Effect::Send`]).
    Straight {
        /// What the verdict will name.
        message: MessageTag,
        /// The peer that sent it.
        from: PeerKey,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A peer that is connected does not take what was to be sent to it straight, or nobody knows that it has.
    Unsent {
        /// The batch that it is about.
        key: BatchKey,
        /// The peer.
        peer: PeerKey,
    },
    /// A peer answered a question ([`crate::effect::Effect::Ask`]).
    Answered {
        /// The peer.
        from: PeerKey,
        /// Its answer.
        bytes: Vec<u8>,
    },
    /// An execution ended.
    Executed {
        /// The task.
        task: Task,
        /// Which try.
        attempt: u8,
        /// Hash of the block it ran at: the anchor may have become another one meanwhile.
        anchor: B256,
        /// What came of it.
        result: Result<Outcome, Abstention>,
        /// What it took by itself: not how long it waited for its turn.
        took: Duration,
    },
    /// A look outside ended.
    Observed {
        /// The task.
        task: Task,
        /// Which try.
        attempt: u8,
        /// Hash of the block it was pinned to.
        anchor: B256,
        /// What was seen, at most [`crate::message::SEEN_LIMIT`] bytes as the job's code wrote them.
        result: Result<Bytes, Abstention>,
    },
    /// A task has decided on what keepers saw, or has not.
    Decided {
        /// The task.
        task: Task,
        /// Which try.
        attempt: u8,
        /// The set that it decided on.
        inputs: B256,
        /// What came of it.
        result: Result<Outcome, Abstention>,
    },
    /// The journal has answered.
    Persisted {
        /// Which request.
        token: PersistToken,
        /// What it says.
        answer: JournalAnswer,
    },
    /// A task that was told is none: what was said to make it due did not, or another run has taken its place.
    Void(Task),
    /// The chain settled a task, in this block.
    Settled {
        /// The task.
        task: Task,
        /// Number of the block.
        block: u64,
    },
    /// The chain settled a task a full stage of submitters after it was due or later, in chain time.
    SettledLate(LateSettlement),
    /// Evidence kept by an earlier run of this keeper ([`crate::effect::Effect::Keep`]), in its gossip encoding.
    Kept(Vec<u8>),
    /// A keeper is connected: the moment to ask what it remembers of this one.
    PeerUp(PeerKey),
    /// A keeper is connected no more.
    PeerDown(PeerKey),
    /// A peer has told which operator set it sees.
    PeerTable {
        /// The peer.
        peer: PeerKey,
        /// Its current epoch.
        epoch: u32,
        /// Root of that epoch's table, as its chain node shows it.
        table_root: B256,
    },
    /// This keeper's submission of a batch ended without settling it.
    SubmissionFailed(BatchKey),
    /// Something happened to a dispute.
    Dispute {
        /// Its number on chain.
        id: u64,
        /// What.
        event: DisputeEvent,
    },
    /// Nothing but time passed.
    Tick,
}
