//! What the protocol wants done. Effects run in order; nothing is said before what it rests on is persisted.

use std::sync::Arc;

use crate::anchor::BlockRef;
use crate::certificate::Certificate;
use crate::committee::{KeeperIndex, PeerKey};
use crate::fault::{Fault, Verdict};
use crate::inputs::InputSet;
use crate::message::{Channel, Evidence, Source};
use crate::report::Report;
use crate::ruling::AgreedRuling;
use crate::task::{Abstention, DueTask, Task};

pub use crate::message::BatchKey;
pub use crate::report::SignRecord;
pub use crate::settlement::Settlement;

/// Names a request to the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersistToken(pub u64);

/// What the journal says to records that were to be made durable ([`Effect::Persist`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalAnswer {
    /// All of them are on disk: what rests on them may be signed.
    Recorded,
    /// None was recorded, and those at these positions may never be signed; without them the others may.
    Refused(Vec<usize>),
    /// Nobody knows what is on disk: nothing of it may be signed.
    Failed,
}

/// A step in a task's life, for whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its execution began, pinned to this block.
    Started {
        /// Which try.
        attempt: u8,
        /// The anchor.
        anchor: BlockRef,
    },
    /// This keeper has its outcome.
    Executed,
    /// This keeper signs nothing for it.
    Abstained(Abstention),
    /// A quorum's certificate is at hand.
    Certified,
    /// The chain has settled it.
    Settled,
    /// A reorganisation of the chain undid its settlement.
    Reopened,
    /// Its deadline passed without a settlement.
    Expired,
    /// The block that it rests on is orphaned: there is no such task any more.
    Void,
}

/// One thing to be done by the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Run a task, pinned to `anchor`; answer with [`crate::input::Input::Executed`].
    Execute {
        /// What to run.
        due: DueTask,
        /// Which try.
        attempt: u8,
        /// The block all chain reads are pinned to.
        anchor: BlockRef,
    },
    /// Look outside for a task, its chain reads pinned to `anchor`; answer with [`crate::input::Input::Observed`].
    Observe {
        /// What to look for.
        due: DueTask,
        /// Which try.
        attempt: u8,
        /// The block all chain reads are pinned to.
        anchor: BlockRef,
    },
    /// Have a task decide on what keepers saw; answer with [`crate::input::Input::Decided`].
    Decide {
        /// What to decide.
        due: DueTask,
        /// Which try.
        attempt: u8,
        /// The block all chain reads are pinned to.
        anchor: BlockRef,
        /// What keepers saw.
        inputs: Arc<InputSet>,
    },
    /// Make the records durable, all or none; answer with [`crate::input::Input::Persisted`]. Must not be dropped.
    Persist {
        /// To be named in the answer.
        token: PersistToken,
        /// What must be on disk.
        records: Vec<SignRecord>,
    },
    /// Send to all. May be lost: the mesh repairs it.
    Broadcast {
        /// The topic.
        channel: Channel,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Send a partial of this keeper's straight to these peers, each over the stream that there is for that; answer for each that
    /// does not take it with [`crate::input::Input::Unsent`].
    Send {
        /// The batch that it is about.
        key: BatchKey,
        /// Whom.
        peers: Vec<PeerKey>,
        /// The message, as it would be gossiped.
        bytes: Vec<u8>,
    },
    /// Send a partial of this keeper's to all that went straight, and brought nothing. May be lost: the mesh repairs it.
    FallBack {
        /// The message.
        bytes: Vec<u8>,
    },
    /// The verdict on a message. Every gossip message gets exactly one, and every one that came straight; so does every message of an answer, up to the
    /// first that is rejected on the spot, and an answer that cannot be read.
    Judge {
        /// Which message, or whose answer.
        source: Source,
        /// What to do with it.
        verdict: Verdict,
    },
    /// Ask one peer, or any keeper if none is named, with the want protocol.
    Ask {
        /// Whom.
        peer: Option<PeerKey>,
        /// The question.
        bytes: Vec<u8>,
    },
    /// Put a certificate on chain.
    Submit(Box<Settlement>),
    /// Run the task of a disputed report once more, at its anchor; answer with [`crate::dispute::DisputeEvent::Reran`] about this very report.
    Rerun {
        /// Number of the dispute on chain.
        dispute: u64,
        /// What was certified.
        report: Box<Report>,
    },
    /// Put a ruling on chain; answer with [`crate::dispute::DisputeEvent::SendingFailed`] if that fails.
    Rule(Box<AgreedRuling>),
    /// Have those punished who signed a report that was ruled wrong; answer as above, or that nobody is left.
    Enforce {
        /// Number of the dispute on chain.
        dispute: u64,
    },
    /// Tell whoever watches.
    Report(Task, Step),
    /// A member has said something in a batch, for whoever watches: its signature may not have been checked yet, and then it stands
    /// for nothing but that somebody said so.
    Heard {
        /// In which batch.
        key: BatchKey,
        /// Who, by its own word.
        keeper: KeeperIndex,
        /// Whether it signs nothing.
        abstains: bool,
    },
    /// A quorum has certified these reports, for whoever watches: the certificate verifies.
    Certified(Arc<Certificate>),
    /// This keeper assigned tasks as the leader of a window; the stage tells whether in place of another.
    Assigned {
        /// The window.
        window: u64,
        /// The stage it led at.
        stage: u8,
    },
    /// A leader has assigned tasks that this keeper does not know of: those that only leaders look for may be there, and are to
    /// be told ([`crate::input::Input::Due`]) if they can be.
    Unknown(Vec<Task>),
    /// A keeper misbehaved.
    Blame(Fault),
    /// A quorum has certified this, and this keeper got another result at the same block.
    Contradicted(Box<Report>),
    /// Keep this proof until it is on chain or too old; hand it in again as [`crate::input::Input::Kept`] at the start.
    Keep(Box<Evidence>),
    /// A valid signature of this keeper's own key turned up that it has not made since its start. If the journal knows
    /// the records, it was made before; if not, they must be recorded while the keeper is still listening
    /// (`listening`), and the keeper must stop for good otherwise: another process signs with its key.
    Recall {
        /// What was signed.
        records: Vec<SignRecord>,
        /// Whether this keeper has signed nothing yet since its start.
        listening: bool,
    },
}
