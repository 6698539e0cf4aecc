//! Everything that can happen to a keeper, as plain data: what the loop hears, and what the simulator makes up.

use std::time::Duration;

use alloy::primitives::{B256, Bytes};
use consensus::anchor::BlockRef;
use consensus::committee::PeerKey;
use consensus::dispute::Answer;
use consensus::effect::{BatchKey, JournalAnswer, PersistToken};
use consensus::input::MessageTag;
use consensus::message::Channel;
use consensus::task::Abstention;
use consensus::task::{JobId, Outcome, Task};

use super::readings::{Readings, Wallet};
use crate::chain::{AccusationResult, BroughtResult, ChainEvent, SettlementResult, SnapshotResult, Undelivered};
use crate::jobs::probe::Probed;
use crate::jobs::search::Found;
use crate::journal::{self, Record};

/// Names a peer's question until it is answered; chosen by whoever carries questions and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestTag(pub u64);

/// One thing that happened. Handed to [`super::Core::on`] with the time it happened at.
#[derive(Debug)]
pub enum Event {
    /// The watcher has read something from the chain.
    Chain(ChainEvent),
    /// A gossip message arrived; its verdict is [`super::Order::Judge`].
    Message {
        /// What the verdict will name.
        message: MessageTag,
        /// The peer it came from, which need not be its author.
        from: PeerKey,
        /// The topic.
        channel: Channel,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A partial arrived straight from the one who says it; its verdict is [`super::Order::Judge`].
    Straight {
        /// What the verdict will name.
        message: MessageTag,
        /// The peer.
        from: PeerKey,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A peer does not take what was to go straight to it ([`super::Order::Send`]).
    Unsent {
        /// The batch that it is about.
        key: BatchKey,
        /// The peer.
        peer: PeerKey,
    },
    /// A peer asks what this keeper has (the want protocol).
    Question {
        /// What the answer will name.
        request: RequestTag,
        /// The peer, which answers for what is wrong in it.
        from: PeerKey,
        /// The question.
        bytes: Vec<u8>,
    },
    /// A peer asks how this keeper fares (the status protocol).
    StatusQuestion {
        /// What the answer will name.
        request: RequestTag,
    },
    /// A peer is connected.
    PeerUp(PeerKey),
    /// A peer's last connection is gone.
    PeerDown(PeerKey),
    /// The mesh listens on this multiaddr.
    Listening(String),
    /// A run ([`super::Order::Run`]) ended; the answer names what was run, so that it can be taken for nothing else.
    Executed {
        /// The task.
        task: Task,
        /// Which try.
        attempt: u8,
        /// Hash of the block it ran at.
        anchor: B256,
        /// What came of it.
        result: Result<Outcome, Abstention>,
        /// More about it, for people; may be empty.
        reason: String,
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
        /// What was seen, encoded.
        result: Result<Bytes, Abstention>,
        /// More about it, for people; may be empty.
        reason: String,
    },
    /// A task has decided on what keepers saw.
    Decided {
        /// The task.
        task: Task,
        /// Which try.
        attempt: u8,
        /// The set.
        inputs: B256,
        /// What came of it.
        result: Result<Outcome, Abstention>,
        /// More about it, for people; may be empty.
        reason: String,
    },
    /// The journal has answered [`super::Order::Persist`].
    Persisted {
        /// Which request.
        token: PersistToken,
        /// What it says.
        answer: JournalAnswer,
    },
    /// The journal has answered [`super::Order::Recall`].
    Recalled {
        /// What was asked for.
        group: Vec<Record>,
        /// As it was asked.
        listening: bool,
        /// Whether all of it was recorded before.
        known: bool,
    },
    /// The journal has answered [`super::Order::Learn`].
    Learnt {
        /// Whether the records are on disk.
        safe: bool,
    },
    /// A peer answered a question ([`super::Order::Ask`]).
    Answered {
        /// The peer.
        from: PeerKey,
        /// Its answer.
        bytes: Vec<u8>,
    },
    /// A peer said how it fares ([`super::Order::AskStatus`]).
    Status {
        /// The peer.
        from: PeerKey,
        /// Its answer.
        bytes: Vec<u8>,
    },
    /// A submission ([`super::Order::Submit`]) ended.
    Submitted {
        /// Which batch.
        key: BatchKey,
        /// What became of it.
        result: SettlementResult,
    },
    /// A job's code was prepared ([`super::Order::Prepare`]), or could not be.
    Prepared {
        /// The job.
        job: JobId,
        /// Hash of the code that was asked for.
        code: B256,
        /// What is wrong with it, if anything.
        result: Result<(), String>,
    },
    /// An accusation ([`super::Order::Accuse`]) ended.
    Accused {
        /// Which proof.
        key: B256,
        /// What became of it.
        result: AccusationResult,
    },
    /// A run for a dispute ([`super::Order::Rerun`]) ended.
    Reran {
        /// Which dispute.
        dispute: u64,
        /// Leaf of the report that it was for.
        leaf: B256,
        /// What it gave.
        result: Result<Answer, Abstention>,
        /// More about it, for people; may be empty.
        reason: String,
    },
    /// What was sent for a dispute ([`super::Order::Rule`], [`super::Order::Enforce`]) ended.
    Brought {
        /// Which dispute.
        dispute: u64,
        /// What became of it.
        result: BroughtResult,
    },
    /// Why a target did not take its outcome ([`super::Order::Explain`]).
    Explained {
        /// The task.
        task: Task,
        /// Why.
        why: Undelivered,
    },
    /// An offer to write the next epoch's table ([`super::Order::OfferSnapshot`]) ended.
    Offered(SnapshotResult),
    /// A look at a job that could not pay ([`super::Order::LookAgain`]) ended, however.
    LookedAgain,
    /// This machine's clock was set by so many milliseconds, forward or, if negative, back: it shows another time than it would,
    /// and nothing else has changed. To be told before anything else that happens.
    ClockSet {
        /// By how much.
        by_ms: i64,
    },
    /// How the parts stand ([`super::Order::Look`]).
    Looked(Box<Readings>),
    /// What the wallet can pay for ([`super::Order::Measure`]).
    Measured(Wallet),
    /// A search for logs ([`super::Order::Search`]) ended.
    Searched {
        /// Which one.
        number: u64,
        /// What was found, or why nothing can be said.
        result: Result<Found, String>,
    },
    /// The conditions were asked about at a block ([`super::Order::Probe`]).
    Probed {
        /// The block.
        block: BlockRef,
        /// Which hold and which fail, or why nothing can be said.
        result: Result<Probed, String>,
    },
    /// The proofs on disk ([`super::Order::LoadEvidence`]), in their gossip encoding.
    Evidence(Vec<Vec<u8>>),
    /// The moment to look after what no event brings; a few times per second.
    House,
    /// The time asked for by [`super::Core::next_timeout`] has come.
    Tick,
}

impl From<journal::Answer> for JournalAnswer {
    fn from(outcome: journal::Answer) -> Self {
        match outcome {
            journal::Answer::Recorded => Self::Recorded,
            journal::Answer::Refused(refusals) => {
                Self::Refused(refusals.iter().map(|refusal| refusal.position).collect())
            }
        }
    }
}
