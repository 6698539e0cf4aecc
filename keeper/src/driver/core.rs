//! A keeper without its hands: what happens goes in as an [`Event`], what is to be done comes out as [`Order`]s.
//!
//! ```text
//!              ┌────────────────────────────────── Core ──────────────────────────────────┐
//!   Event ───► │ chain:  book, settlements, admission, standing ──┐                       │
//!              │ mesh:   peers, unjudged messages ────────────────┼──► Engine ──► effects │ ───► Order, Order, ...
//!              │ work:   executions, codes ───────────────────────┘                       │
//!              │ house:  schedule, snapshot, history, what is shown                       │
//!              └──────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Pure: no clock, no IO, no task, no unordered container. `driver.rs` is one pair of hands for it and the simulator
//! another, so what is simulated is what ships. Each part of it has its life in a file of its own; this one routes.

mod chain;
mod checks;
mod disputes;
mod effects;
mod house;
mod lookout;
mod others;
mod outside;
mod proofs;
mod straight;
mod view;

use std::collections::BTreeSet;

use alloy::primitives::Address;
use consensus::committee::PeerKey;
use consensus::input::MessageTag;
use consensus::message::Channel;
use consensus::task::Task;
use consensus::time::{Pace, Time};
use consensus::{Engine, Input};

use super::accusations::Accusations;
use super::admission::Admission;
use super::chain_time::ChainTime;
use super::codes::Codes;
use super::contradicted::Contradicted;
#[cfg(feature = "equivocate")]
use super::equivocate::Pen;
use super::event::Event;
use super::executions::Executions;
use super::history::History;
use super::lookout::Lookout;
use super::note::Note;
use super::order::Order;
use super::peers::Peers;
use super::readings::{Readings, Wallet};
use super::runs::Runs;
use super::settlements::Settlements;
use super::shed::{Load, Shed};
use super::snapshots::Snapshots;
use super::standing::Post;
use super::uncovered::Uncovered;
use super::unjudged::{Unjudged, Way};
use crate::archive::{self, Change};
use crate::jobs::action::Finding;
use crate::jobs::{JobBook, Schedule};
use crate::journal::Record;

/// What a keeper tells its operator when its key signs elsewhere.
const FOREIGN_SIGNATURE: &str = "the mesh holds a signature of this key that this keeper never made: another process \
                                 runs with the same key, or this data directory is an old copy. Stop the other one, and \
                                 start this one only with the journal of the one that signed last";

/// What a keeper knows of itself and of its network.
#[derive(Clone, Debug)]
pub struct About {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Network name in topics and protocols.
    pub domain: String,
    /// This keeper's operator.
    pub operator: Address,
    /// Base58 PeerId, for people.
    pub peer_id: String,
    /// Raw ed25519 public key of this keeper in the mesh, 32 bytes.
    pub peer_key: [u8; 32],
    /// The chain's pace.
    pub pace: Pace,
    /// Blocks before the first one it follows that are searched for logs: those in which a task may still be open.
    pub backfill_blocks: u64,
    /// Whether proofs of equivocation are brought before the contract.
    pub challenge: bool,
    /// What second results are signed with.
    #[cfg(feature = "equivocate")]
    pub pen: Pen,
}

/// The keeper as a machine.
#[derive(Debug)]
pub struct Core {
    engine: Engine,
    about: About,
    book: JobBook,
    settlements: Settlements,
    admission: Admission,
    post: Post,
    peers: Peers,
    unjudged: Unjudged,
    executions: Executions,
    codes: Codes,
    schedule: Schedule,
    lookout: Lookout,
    accusations: Accusations,
    history: History,
    time: ChainTime,
    /// Number of the newest block, confirmed or not.
    newest: u64,
    /// Whether the chain node answers, and what is wrong if not; `None` before the first word of it.
    connection: Option<(bool, String)>,
    listeners: Vec<String>,
    /// Whether the mesh contradicted this keeper's operator set last.
    disputed: bool,
    readings: Readings,
    wallet: Option<Wallet>,
    /// When the wallet was read last; before that, when it was first to be read.
    wallet_read: Option<Time>,
    runs: Runs,
    contradicted: Contradicted,
    /// Disputes for which something is on its way to the chain.
    brought: BTreeSet<u64>,
    snapshots: Snapshots,
    uncovered: Uncovered,
    /// Gas of this keeper's newest settlement.
    settlement_gas: u64,
    shed: Shed,
    /// When a callback that failed was looked into last.
    explained: Option<Time>,
    /// The last window that this keeper was seen to miss.
    missed_window: Option<u64>,
    /// The last window that this keeper led and did what a leader does besides.
    led_window: u64,
    evidence_loaded: bool,
    measured: Option<Time>,
    /// Whether something that is shown has changed, and the second it was shown last.
    changed: bool,
    shown: u64,
    orders: Vec<Order>,
}

impl Core {
    /// A keeper around an engine that knows nothing yet.
    #[must_use]
    pub fn new(engine: Engine, about: About) -> Self {
        Self {
            engine,
            book: JobBook::default(),
            settlements: Settlements::default(),
            admission: Admission::default(),
            post: Post::default(),
            peers: Peers::default(),
            unjudged: Unjudged::default(),
            executions: Executions::default(),
            codes: Codes::default(),
            schedule: Schedule::default(),
            lookout: Lookout::default(),
            accusations: Accusations::default(),
            history: History::default(),
            time: ChainTime::new(about.pace.block_seconds),
            newest: 0,
            connection: None,
            listeners: Vec::new(),
            disputed: false,
            readings: Readings::default(),
            wallet: None,
            wallet_read: None,
            runs: Runs::default(),
            contradicted: Contradicted::default(),
            brought: BTreeSet::new(),
            snapshots: Snapshots::default(),
            uncovered: Uncovered::default(),
            settlement_gas: 0,
            shed: Shed::default(),
            explained: None,
            missed_window: None,
            led_window: 0,
            evidence_loaded: false,
            measured: None,
            changed: true,
            shown: 0,
            orders: Vec::new(),
            about,
        }
    }

    /// Takes in what happened at `now`, and returns what is to be done, in order.
    pub fn on(&mut self, event: Event, now: Time) -> Vec<Order> {
        match event {
            Event::Chain(event) => self.on_chain(event, now),
            Event::Message { message, from, channel, bytes } => self.on_message(message, from, channel, bytes, now),
            Event::Straight { message, from, bytes } => self.on_straight(message, from, bytes, now),
            Event::Unsent { key, peer } => self.feed(Input::Unsent { key, peer }, now),
            Event::Question { request, from, bytes } => self.on_question(request, from, &bytes),
            Event::StatusQuestion { request } => {
                let bytes = self.status(now).encode();
                self.order(Order::Respond { request, bytes });
            }
            Event::PeerUp(peer) => self.on_peer_up(peer, now),
            Event::PeerDown(peer) => {
                self.peers.down(peer);
                self.feed(Input::PeerDown(peer), now);
                self.changed = true;
            }
            Event::Listening(address) => self.on_listening(address),
            Event::Executed { task, attempt, anchor, result, reason, took } => {
                self.executed(task, (attempt, anchor), Finding { result, reason, took }, now);
            }
            Event::Observed { task, attempt, anchor, result, reason } => {
                self.observed(task, (attempt, anchor), (result, reason), now);
            }
            Event::Decided { task, attempt, inputs, result, reason } => {
                self.decided(task, (attempt, inputs), (result, reason), now);
            }
            Event::Persisted { token, answer } => self.feed(Input::Persisted { token, answer }, now),
            Event::Recalled { group, listening, known } => self.on_recalled(group, listening, known),
            Event::Learnt { safe: true } => self.note(Note::Learnt),
            Event::Learnt { safe: false } => self.order(Order::Stop(FOREIGN_SIGNATURE.to_owned())),
            Event::Answered { from, bytes } => self.feed(Input::Answered { from, bytes }, now),
            Event::Status { from, bytes } => self.on_status(from, &bytes, now),
            Event::Submitted { key, result } => self.on_submitted(key, result, now),
            Event::Prepared { job, code, result } => {
                let troubled = result.is_err();
                self.on_prepared(job.0, code, result, now);
                self.feed(Input::Trouble { job, troubled }, now);
            }
            Event::Accused { key, result } => self.on_accused(key, result),
            Event::Reran { dispute, leaf, result, reason } => self.on_reran(dispute, (leaf, result), reason, now),
            Event::Brought { dispute, result } => self.on_brought(dispute, result, now),
            Event::Looked(readings) => self.on_looked(*readings, now),
            Event::Measured(wallet) => (self.wallet, self.wallet_read) = (Some(wallet), Some(now)),
            Event::Offered(result) => {
                self.snapshots.note(&result);
                self.note(Note::Offered(result));
            }
            Event::LookedAgain => self.uncovered.looked(),
            Event::ClockSet { by_ms } => self.on_clock_set(by_ms, now),
            Event::Explained { task, why } => {
                self.history.note_reason(&task, &why.to_string());
                self.archive(task, Change::Undelivered { why: why.to_string() }, now);
                self.note(Note::Undelivered { job: task.job.0, why });
                self.changed = true;
            }
            Event::Evidence(proofs) => self.on_evidence(proofs, now),
            Event::Searched { number, result } => self.on_searched(number, result, now),
            Event::Probed { block, result } => self.on_probed(&block, result, now),
            Event::House => self.keep_house(now),
            Event::Tick => self.feed(Input::Tick, now),
        }
        std::mem::take(&mut self.orders)
    }

    /// When to call [`Core::on`] with [`Event::Tick`] at the latest, if nothing happens before.
    pub fn next_timeout(&self) -> Option<Time> {
        self.engine.next_timeout()
    }

    /// The protocol's state, to be looked at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Hands an input to the engine and turns what it wants done into orders.
    fn feed(&mut self, input: Input, now: Time) {
        for effect in self.engine.handle(input, now) {
            self.on_effect(effect, now);
        }
    }

    fn order(&mut self, order: Order) {
        self.orders.push(order);
    }

    fn note(&mut self, note: Note) {
        self.orders.push(Order::Note(note));
    }

    /// Has something kept on disk that happened to a task, for people.
    fn archive(&mut self, task: Task, change: Change, now: Time) {
        let at = self.chain_time(now);
        self.orders.push(Order::Archive(archive::Entry { task, at, change }));
    }

    fn on_message(&mut self, message: MessageTag, from: PeerKey, channel: Channel, bytes: Vec<u8>, now: Time) {
        if self.unjudged.take_in(message, Way::Gossip(channel)) {
            self.feed(Input::Received { message, from, channel, bytes }, now);
        } else {
            self.turn_away(message, Way::Gossip(channel), now);
        }
    }

    fn shed(&mut self, load: Load, number: u64, now: Time) {
        self.shed.note(load, number, now);
        self.note(Note::Shed { load, number });
    }

    fn on_peer_up(&mut self, peer: PeerKey, now: Time) {
        self.peers.up(peer, now);
        self.feed(Input::PeerUp(peer), now);
        self.order(Order::AskStatus { peer });
        self.changed = true;
    }

    fn on_listening(&mut self, address: String) {
        self.note(Note::Listening(address.clone()));
        if !self.listeners.contains(&address) {
            self.listeners.push(address);
        }
        self.changed = true;
    }

    fn on_prepared(&mut self, job: u64, code: alloy::primitives::B256, result: Result<(), String>, now: Time) {
        if self.codes.note(job, code, result.clone(), now) {
            self.changed = true;
            if let Err(why) = result {
                self.note(Note::CodeTrouble { job, why });
            }
        }
    }

    /// A signature of this very key turned up: the journal must know it. While nothing has been signed since the start
    /// it may be learnt from the mesh; afterwards, somebody else is signing.
    fn on_recalled(&mut self, group: Vec<Record>, listening: bool, known: bool) {
        match (known, listening) {
            (true, _) => {}
            (false, true) => self.order(Order::Learn { group }),
            (false, false) => self.order(Order::Stop(FOREIGN_SIGNATURE.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
