//! Everything a keeper wants done, as plain data. Orders are carried out in order; none may be dropped unless it says so.

use std::sync::Arc;

use alloy::primitives::B256;
use consensus::anchor::BlockRef;
use consensus::committee::PeerKey;
use consensus::dispute::AgreedRuling;
use consensus::effect::{BatchKey, PersistToken, Settlement};
use consensus::fault::{Reason, Verdict};
use consensus::input::MessageTag;
use consensus::message::Channel;
use consensus::report::Report;
use consensus::task::{DueTask, JobId, Task};

use super::event::RequestTag;
use super::note::Note;
use crate::archive;
use crate::chain::{Accusation, Settled};
use crate::jobs::Plan;
use crate::jobs::action::Part;
use crate::jobs::probe::Question;
use crate::jobs::search::Stretch;
use crate::jobs::trigger::Sighting;
use crate::journal::Record;
use crate::scene::Sight;

/// One thing to be done.
#[derive(Clone, Debug)]
pub enum Order {
    /// Run a task, pinned to `anchor`; answer with [`super::Event::Executed`].
    Run {
        /// What to run.
        due: DueTask,
        /// Which try.
        attempt: u8,
        /// The block all chain reads are pinned to.
        anchor: BlockRef,
        /// What is to be done, and why.
        plan: Plan,
        /// What was seen that makes it due.
        sighting: Option<Sighting>,
        /// Whether the chain must be asked first if the job runs at that block.
        ask: bool,
        /// Which part of it: a look outside is answered with [`super::Event::Observed`], a decision on what was seen with
        /// [`super::Event::Decided`].
        part: Part,
    },
    /// A run is of no more use: it may end without an answer.
    Abandon {
        /// Of which task.
        task: Task,
        /// Which try.
        attempt: u8,
        /// Hash of the block it runs at.
        anchor: B256,
    },
    /// Make the records durable, all or none; answer with [`super::Event::Persisted`].
    Persist {
        /// To be named in the answer.
        token: PersistToken,
        /// What must be on disk.
        group: Vec<Record>,
    },
    /// Ask the journal whether it knows all of these; answer with [`super::Event::Recalled`].
    Recall {
        /// What this key has signed, as the mesh holds it.
        group: Vec<Record>,
        /// To be named in the answer.
        listening: bool,
    },
    /// Make durable what the mesh remembers of this key; answer with [`super::Event::Learnt`].
    Learn {
        /// What must be on disk.
        group: Vec<Record>,
    },
    /// Send to all. May be lost: the mesh repairs it.
    Publish {
        /// The topic.
        channel: Channel,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Send a partial straight to these peers; answer for each that does not take it with [`super::Event::Unsent`].
    Send {
        /// The batch that it is about.
        key: BatchKey,
        /// Whom.
        peers: Vec<PeerKey>,
        /// The message.
        bytes: Vec<u8>,
    },
    /// The verdict on a message, of gossip or straight; every message gets exactly one.
    Judge {
        /// Which message.
        message: MessageTag,
        /// What to do with it.
        verdict: Verdict,
    },
    /// Hold against a peer what is wrong in an answer of its own ([`super::Event::Answered`]), in every view of the chain.
    Fault {
        /// Whose answer it was.
        peer: PeerKey,
        /// What is wrong with it.
        reason: Reason,
    },
    /// Ask a peer with the want protocol; answer, if it does, with [`super::Event::Answered`]. May be lost.
    Ask {
        /// Whom.
        peer: PeerKey,
        /// The question.
        bytes: Vec<u8>,
    },
    /// Ask a peer how it fares; answer, if it does, with [`super::Event::Status`]. May be lost.
    AskStatus {
        /// Whom.
        peer: PeerKey,
    },
    /// Answer a peer's question. May be lost.
    Respond {
        /// Which question.
        request: RequestTag,
        /// The answer.
        bytes: Vec<u8>,
    },
    /// Put a certificate on chain; answer with [`super::Event::Submitted`].
    Submit {
        /// What was certified.
        settlement: Box<Settlement>,
        /// Positions of the reports whose jobs cannot pay: they are not brought.
        unpaid: Vec<usize>,
    },
    /// Bring a proof before the contract; answer with [`super::Event::Accused`].
    Accuse(Arc<Accusation>),
    /// Run a disputed task once more, at its anchor; answer with [`super::Event::Reran`].
    Rerun {
        /// Which dispute.
        dispute: u64,
        /// What was certified.
        report: Box<Report>,
        /// What was to be done; none where only the chain's history knows it.
        plan: Option<Plan>,
    },
    /// Bring a ruling before the contract; answer with [`super::Event::Brought`].
    Rule(Box<AgreedRuling>),
    /// Have those punished who signed what was ruled wrong; answer with [`super::Event::Brought`].
    Enforce {
        /// Which dispute.
        dispute: u64,
    },
    /// Fetch and compile a job's code unless that is done; answer with [`super::Event::Prepared`].
    Prepare {
        /// The job.
        job: JobId,
        /// What it asks for.
        plan: Plan,
    },
    /// Search blocks for logs that make jobs due; answer with [`super::Event::Searched`].
    Search(Stretch),
    /// Ask at a block which conditions hold and which fail; answer with [`super::Event::Probed`].
    Probe {
        /// The block.
        block: BlockRef,
        /// The conditions.
        questions: Arc<[Question]>,
    },
    /// Let these peer keys connect, and no others.
    Admit(Vec<[u8; 32]>),
    /// Write the next epoch's table if one is due; answer with [`super::Event::Offered`].
    OfferSnapshot,
    /// Have a job looked at again that could not pay; answer with [`super::Event::LookedAgain`]. The chain tells when it can.
    LookAgain {
        /// The job.
        job: JobId,
    },
    /// Keep a proof on disk, in its gossip encoding.
    KeepEvidence(Vec<u8>),
    /// Let go of the proof whose bytes have this hash.
    ForgetEvidence(B256),
    /// Read the proofs on disk; answer with [`super::Event::Evidence`].
    LoadEvidence,
    /// Find out why a target did not take the outcome of a task; answer, if that works, with [`super::Event::Explained`].
    /// May be lost.
    Explain {
        /// The task.
        task: Task,
        /// How it settled.
        settled: Box<Settled>,
    },
    /// Read what the wallet can pay for; answer, if the nodes do, with [`super::Event::Measured`].
    Measure,
    /// Read how the parts stand; answer with [`super::Event::Looked`].
    Look {
        /// The newest block that most other keepers have, for the nodes to be compared with.
        peers_head: Option<u64>,
    },
    /// What [`super::Core::view`] shows has changed.
    Show,
    /// Something to be counted, and told to whoever watches.
    Note(Note),
    /// Something to be kept on disk for people, who look at it later. May be lost.
    Archive(archive::Entry),
    /// Something to be shown on the page to whoever looks. May be lost.
    Witness(Sight),
    /// Stop for good, and do not start again unasked: signing on could get this keeper slashed. The text says why.
    Stop(String),
}
