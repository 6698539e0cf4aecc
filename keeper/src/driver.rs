//! The one loop: everything that happens becomes an [`Input`], the engine answers with [`Effect`]s, and each effect
//! goes to the part that carries it out.
//!
//! The loop itself never waits for slow work. Executions, journal writes, questions to peers and transactions run as
//! tasks of their own and come back as [`Done`] through one bounded channel; local work is taken before the chain's
//! events, and those before gossip, so a flood from outside cannot starve what is already under way.

mod accusations;
mod admission;
mod effects;
#[cfg(feature = "equivocate")]
pub(crate) mod equivocate;
mod peers;
mod run;
mod runs;
mod standing;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256};
use consensus::committee::PeerKey;
use consensus::effect::{BatchKey, PersistToken};
use consensus::fault::{Reason, Verdict};
use consensus::input::MessageTag;
use consensus::message::Channel;
use consensus::session::Abstention;
use consensus::task::{JobId, Outcome, Task};
use consensus::time::{Pace, Time};
use consensus::{Engine, Input};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::chain::{
    AccusationResult, ChainEvent, ChainProvider, Contracts, Settled, SettlementResult, Submitter, convert,
};
use crate::evidence::EvidenceStore;
use crate::executor::Executor;
use crate::journal::JournalHandle;
use crate::metrics::{Liveness, Metrics};
use crate::scheduler::{JobBook, SettledAt};
use crate::view::View;
use accusations::Accusations;
use admission::Admission;
use runs::Runs;
use standing::Standing;
use status::Health;

/// Results of finished work on their way back to the loop.
const DONE_MAX: usize = 1_024;
/// How often the loop looks after what no event brings: the schedule, the snapshot duty, the view.
const HOUSEKEEPING: Duration = Duration::from_millis(100);
/// How many windows ahead tasks are told to the engine.
const WINDOWS_AHEAD: u64 = 3;
/// Settlements remembered for tasks the schedule has not told yet.
const SETTLED_MAX: usize = 8_192;

/// The parts of a keeper that carry out effects.
#[derive(Clone, Debug)]
pub struct Services {
    /// The mesh.
    pub mesh: p2p::Handle,
    /// Runs jobs.
    pub executor: Arc<Executor>,
    /// The sign-once journal.
    pub journal: JournalHandle,
    /// Sends transactions.
    pub submitter: Arc<Submitter>,
    /// Reads the chain.
    pub provider: ChainProvider,
    /// Where the contracts are.
    pub contracts: Contracts,
    /// Proofs of equivocation, on disk.
    pub evidence: EvidenceStore,
}

/// What a driver knows of the node it runs in.
#[derive(Clone, Debug)]
pub struct About {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Network name in topics and protocols.
    pub domain: String,
    /// This keeper's operator.
    pub operator: Address,
    /// Raw ed25519 public key of this keeper in the mesh, 32 bytes.
    pub peer_key: [u8; 32],
    /// The chain's pace.
    pub pace: Pace,
    /// Whether proofs of equivocation are brought before the contract.
    pub challenge: bool,
    /// What second results are signed with.
    #[cfg(feature = "equivocate")]
    pub pen: equivocate::Pen,
}

/// Work that was done off the loop.
#[derive(Debug)]
pub(crate) enum Done {
    Executed {
        task: Task,
        attempt: u8,
        anchor: B256,
        result: Result<Outcome, Abstention>,
        reason: String,
    },
    Persisted {
        token: PersistToken,
        safe: bool,
    },
    Answered {
        from: PeerKey,
        bytes: Vec<u8>,
    },
    Status {
        from: PeerKey,
        bytes: Vec<u8>,
    },
    Submitted {
        key: BatchKey,
        result: SettlementResult,
    },
    Prepared {
        job: JobId,
        result: Result<(), String>,
    },
    SnapshotTried,
    Accused {
        key: B256,
        result: AccusationResult,
    },
    /// Another process signs with this key, or the journal contradicts the mesh: nothing may be signed any more.
    Protect(String),
}

/// The loop and its state.
#[derive(Debug)]
pub struct Driver {
    engine: Engine,
    services: Services,
    about: About,
    metrics: Metrics,
    liveness: Liveness,
    book: JobBook,
    runs: Runs,
    health: Health,
    admission: Admission,
    /// Where this keeper's operator stood last.
    standing: Option<Standing>,
    /// The newest block at which this keeper counted.
    last_counted: Option<u64>,
    /// Whether the mesh contradicted this keeper's operator set last.
    disputed: bool,
    accusations: Accusations,
    /// Gossip messages without a verdict yet.
    unjudged: BTreeMap<MessageTag, (p2p::MessageRef, p2p::Topic)>,
    tags: u64,
    /// Connected peers, in the order questions go round.
    peers: Vec<PeerKey>,
    asked: usize,
    settled: BTreeMap<Task, Settled>,
    preparing: BTreeSet<u64>,
    snapshot_window: u64,
    evidence_loaded: bool,
    done: mpsc::Sender<Done>,
    view: watch::Sender<Arc<View>>,
}

/// Why a keeper has stopped to protect its stake. It must not be restarted unasked.
#[derive(Debug, thiserror::Error)]
#[error("stopped to protect the stake: {0}")]
pub struct Protection(String);

/// The ends of the channels a driver listens at.
#[derive(Debug)]
pub struct Inlets {
    /// From the watcher.
    pub chain: mpsc::Receiver<ChainEvent>,
    /// From the mesh.
    pub mesh: mpsc::Receiver<p2p::Event>,
    done: mpsc::Receiver<Done>,
}

impl Driver {
    /// A driver around an engine that knows nothing yet.
    pub fn new(
        engine: Engine,
        services: Services,
        about: About,
        metrics: Metrics,
        liveness: Liveness,
        view: watch::Sender<Arc<View>>,
    ) -> Self {
        // Replaced by `connect`; a driver that is not connected has nowhere to send finished work.
        let (done, _) = mpsc::channel(1);
        Self {
            engine,
            services,
            about,
            metrics,
            liveness,
            book: JobBook::default(),
            runs: Runs::default(),
            health: Health::default(),
            admission: Admission::default(),
            standing: None,
            last_counted: None,
            disputed: false,
            accusations: Accusations::default(),
            unjudged: BTreeMap::new(),
            tags: 0,
            peers: Vec::new(),
            asked: 0,
            settled: BTreeMap::new(),
            preparing: BTreeSet::new(),
            snapshot_window: 0,
            evidence_loaded: false,
            done,
            view,
        }
    }

    /// Connects the driver to the watcher and the mesh.
    pub fn connect(mut self, chain: mpsc::Receiver<ChainEvent>, mesh: mpsc::Receiver<p2p::Event>) -> (Self, Inlets) {
        let (sender, done) = mpsc::channel(DONE_MAX);
        self.done = sender;
        (self, Inlets { chain, mesh, done })
    }

    /// Runs until `shutdown`, or until the watcher or the mesh is gone.
    ///
    /// # Errors
    /// [`Protection`]: signing on could get this keeper slashed.
    pub async fn run(mut self, mut inlets: Inlets, shutdown: CancellationToken) -> Result<(), Protection> {
        let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.liveness.tick();
            let timeout = self.until_timeout();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(()),
                Some(done) = inlets.done.recv() => self.on_done(done).await?,
                event = inlets.chain.recv() => match event {
                    Some(event) => self.on_chain(event).await,
                    None => return Ok(()),
                },
                _ = housekeeping.tick() => self.keep_house().await,
                () = tokio::time::sleep(timeout) => self.feed(Input::Tick).await,
                event = inlets.mesh.recv() => match event {
                    Some(event) => self.on_mesh(event).await,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Hands an input to the engine and carries out what it wants done.
    async fn feed(&mut self, input: Input) {
        for effect in self.engine.handle(input, now()) {
            self.carry_out(effect).await;
        }
    }

    fn until_timeout(&self) -> Duration {
        let next = self.engine.next_timeout().unwrap_or(Time(u64::MAX));
        Duration::from_millis(next.0.saturating_sub(now().0)).min(HOUSEKEEPING)
    }

    async fn on_done(&mut self, done: Done) -> Result<(), Protection> {
        match done {
            Done::Executed { task, attempt, anchor, result, reason } => {
                self.note_run(&task, &result, &reason);
                let troubled = result.is_err();
                self.feed(Input::Trouble { job: task.job, troubled }).await;
                self.feed(Input::Executed { task, attempt, anchor, result }).await;
            }
            Done::Persisted { token, safe } => self.feed(Input::Persisted { token, safe }).await,
            Done::Answered { from, bytes } => self.feed(Input::Answered { from, bytes }).await,
            Done::Submitted { key, result } => self.on_submitted(key, result).await,
            Done::Prepared { job, result } => {
                self.preparing.remove(&job.0);
                let troubled = result.is_err();
                self.health.note_code(job.0, result);
                self.feed(Input::Trouble { job, troubled }).await;
            }
            Done::Status { from, bytes } => self.on_status(from, &bytes).await,
            Done::SnapshotTried => {}
            Done::Accused { key, result } => self.on_accused(key, &result),
            Done::Protect(why) => return Err(Protection(why)),
        }
        Ok(())
    }

    async fn on_submitted(&mut self, key: BatchKey, result: SettlementResult) {
        match result {
            SettlementResult::Mined { tx, gas_used, settled } => {
                self.metrics.transactions.inc(["mined"]);
                self.metrics.transaction_gas_used.inc_by(gas_used);
                tracing::info!(%tx, gas_used, settled, "settled a batch");
            }
            SettlementResult::AlreadySettled => self.metrics.transactions.inc(["already_settled"]),
            SettlementResult::Reverted { reason } => {
                self.metrics.transactions.inc(["reverted"]);
                tracing::warn!(reason, "the contract refused a batch: the next in line will try");
                self.feed(Input::SubmissionFailed(key)).await;
            }
            SettlementResult::Failed { why } => {
                self.metrics.transactions.inc(["failed"]);
                tracing::warn!(why, "could not submit a batch: the next in line will try");
                self.feed(Input::SubmissionFailed(key)).await;
            }
        }
    }

    async fn on_chain(&mut self, event: ChainEvent) {
        match event {
            ChainEvent::Head(head) => {
                self.metrics.chain_head_block.set(i64::try_from(head.number).unwrap_or(i64::MAX));
                self.metrics.chain_head_timestamp.set(i64::try_from(head.timestamp).unwrap_or(i64::MAX));
                if let Some(keys) = self.admission.news(head.number) {
                    self.services.mesh.admit(keys).await;
                }
                self.feed(Input::Head(convert::block(&head))).await;
                self.load_evidence().await;
                self.press_accusations(head.number);
            }
            ChainEvent::Rewound { number } => {
                self.metrics.chain_reorgs.inc();
                tracing::warn!(number, "the chain was reorganised: blocks above this one are forgotten");
                self.book.rewind(number);
                self.admission.rewind(number);
                self.settled.retain(|_, settled| settled.block <= number);
                self.feed(Input::Rewound(number)).await;
            }
            ChainEvent::Job { block, event } => self.book.apply(block, &event),
            ChainEvent::Operator { block, operator, peer_key } => self.admission.operator(block, operator, peer_key),
            ChainEvent::Epoch(snapshot) => match convert::committee(&snapshot) {
                Ok(committee) => {
                    self.admission.epoch(&snapshot);
                    tracing::info!(epoch = snapshot.epoch, members = snapshot.members.len(), "a new epoch");
                    self.metrics.epoch.set(i64::from(snapshot.epoch));
                    self.feed(Input::Epoch(committee)).await;
                    self.ask_all_statuses();
                }
                Err(error) => tracing::error!(%error, "an epoch cannot be used: nothing is signed under it"),
            },
            ChainEvent::Settled(settled) => self.on_settled(settled).await,
            ChainEvent::Ineligible { job_id, reason, .. } => {
                self.runs.note_ineligible(job_id, &format!("{reason:?}"));
            }
            ChainEvent::Newest { .. } => {}
            ChainEvent::Connection { ok, why } => self.health.note_chain(ok, why),
        }
    }

    async fn on_settled(&mut self, settled: Settled) {
        let task = convert::task(&settled);
        if self.settled.len() >= SETTLED_MAX {
            let oldest = self.settled.iter().min_by_key(|(_, settled)| settled.block).map(|(&task, _)| task);
            oldest.and_then(|task| self.settled.remove(&task));
        }
        let first = self.runs.first_leader(&task);
        self.runs.note_settled(&task, &settled, first.is_some_and(|leader| leader != settled.submitter), now());
        let Settled { block, timestamp, anchor_number: anchor, submitter, .. } = settled;
        self.settled.insert(task, settled);
        self.feed(Input::Settled { task, block }).await;
        let settled = SettledAt { task, block, timestamp, anchor, submitter };
        if let Some(late) = self.book.late(&settled, &self.about.pace) {
            self.feed(Input::SettledLate(late)).await;
        }
    }

    async fn on_mesh(&mut self, event: p2p::Event) {
        match event {
            p2p::Event::Message { message, from, topic, data } => self.on_message(message, from, topic, data).await,
            p2p::Event::Request { id, protocol: p2p::Protocol::Want, data, .. } => {
                let answer = self.engine.answer(&data);
                if let Err(error) = self.services.mesh.respond(id, answer).await {
                    tracing::debug!(%error, "could not answer a peer");
                }
            }
            p2p::Event::Request { id, protocol: p2p::Protocol::Status, .. } => {
                let answer = self.status_answer();
                if let Err(error) = self.services.mesh.respond(id, answer).await {
                    tracing::debug!(%error, "could not answer a peer");
                }
            }
            p2p::Event::PeerConnected(peer) => {
                if let Some(key) = p2p::public_key_of(&peer).map(PeerKey) {
                    self.peers.retain(|known| *known != key);
                    self.peers.push(key);
                    self.feed(Input::PeerUp(key)).await;
                    self.ask_status(key);
                }
            }
            p2p::Event::PeerDisconnected(peer) => {
                let key = p2p::public_key_of(&peer).map(PeerKey);
                self.peers.retain(|known| Some(*known) != key);
            }
            p2p::Event::Listening(address) => {
                tracing::info!(%address, "listening for peers");
                self.health.note_listener(address.to_string());
            }
            p2p::Event::Subscribed { .. } => {}
        }
    }

    async fn on_message(&mut self, message: p2p::MessageRef, from: p2p::PeerId, topic: p2p::Topic, data: Vec<u8>) {
        let channel = match topic {
            p2p::Topic::Assignments => Channel::Assignments,
            p2p::Topic::Partials => Channel::Partials,
            p2p::Topic::Certificates => Channel::Certificates,
            p2p::Topic::Evidence => Channel::Evidence,
            _ => return self.services.mesh.judge(message, p2p::Verdict::Ignore).await,
        };
        let Some(from) = p2p::public_key_of(&from).map(PeerKey) else {
            return self.services.mesh.judge(message, p2p::Verdict::Reject).await;
        };
        self.tags += 1;
        let tag = MessageTag(self.tags);
        self.unjudged.insert(tag, (message, topic));
        self.feed(Input::Received { message: tag, from, channel, bytes: data }).await;
    }

    async fn judge(&mut self, tag: MessageTag, verdict: Verdict) {
        let Some((message, topic)) = self.unjudged.remove(&tag) else {
            return;
        };
        let (verdict, result) = match verdict {
            Verdict::Accept => (p2p::Verdict::Accept, "accept"),
            Verdict::Ignore(reason) => (p2p::Verdict::Ignore, reason.name()),
            Verdict::Reject(reason) => {
                tracing::debug!(topic = topic_name(topic), reason = reason.name(), "rejected a message");
                (p2p::Verdict::Reject, reason.name())
            }
        };
        self.metrics.gossip_messages.inc([topic_name(topic), result]);
        if topic == p2p::Topic::Partials {
            let duplicate = result == Reason::Duplicate.name();
            let result = if verdict == p2p::Verdict::Accept { "valid" } else { "invalid" };
            if !duplicate {
                self.metrics.partials.inc(["received", result]);
            }
        }
        self.services.mesh.judge(message, verdict).await;
    }
}

fn topic_name(topic: p2p::Topic) -> &'static str {
    match topic {
        p2p::Topic::Assignments => "assignments",
        p2p::Topic::Partials => "partials",
        p2p::Topic::Certificates => "certificates",
        p2p::Topic::Evidence => "evidence",
        p2p::Topic::Observations => "observations",
        p2p::Topic::Health => "health",
    }
}

/// This machine's time.
pub(crate) fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
