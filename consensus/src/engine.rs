//! All of it at once: holds the machines, and routes what happens to the ones it concerns.
//!
//! The engine decides nothing itself. [`Engine::handle`] takes an [`Input`] and the time, hands it to a machine, carries
//! what that has others know to them, wakes whom it is time for, and returns the [`Effect`]s to be carried
//! out in order; [`Engine::next_timeout`] says when it wants to be called next if nothing happens. It reads no clock,
//! draws no random numbers (the weights of batch verification are hashed from a seed given at the start) and iterates
//! over ordered maps only, so equal inputs give equal effects.

#[cfg(feature = "inspect")]
pub mod inspect;
mod query;
mod receive;
pub mod sizes;
mod tell;

use std::sync::Arc;

use crate::agenda::{Agenda, Wake};
use crate::batches::Batches;
use crate::budgets::Budgets;
use crate::disputes::Disputes;
use crate::effect::Effect;
use crate::facts::Facts;
use crate::fault::Awaits;
use crate::held::Held;
use crate::input::Input;
use crate::laws::{Kept, Laws};
use crate::message::{Channel, Source};
use crate::outbox::{Item, Outbox};
use crate::plans::Plans;
use crate::proofs::Proofs;
use crate::session::Event;
use crate::sessions::Sessions;
use crate::start::Start;
use crate::time::Time;
use crate::windows::Windows;

pub use crate::config::{Config, JournalState};
pub use crate::facts::WindowView;
pub use crate::held::HELD_MAX;
pub use crate::plans::ASSIGNMENTS_HELD_MAX;
pub use crate::sessions::SESSIONS_MAX;

/// The whole protocol state of one keeper.
#[derive(Debug)]
pub struct Engine {
    facts: Facts,
    sessions: Sessions,
    batches: Batches,
    windows: Windows,
    plans: Plans,
    proofs: Proofs,
    disputes: Disputes,
    held: Held,
    budgets: Budgets,
    start: Start,
    agenda: Agenda,
    outbox: Outbox,
    effects: Vec<Effect>,
}

impl Engine {
    /// An engine that knows nothing of the chain yet.
    pub fn new(config: Config) -> Self {
        Self::with_laws(config, Arc::new(Kept))
    }

    /// An engine that holds itself to other laws than the right ones: for the simulator, which must notice.
    pub fn with_laws(config: Config, laws: Arc<dyn Laws>) -> Self {
        Self {
            start: Start::new(config.journal, config.anchor_age),
            facts: Facts::new(config, laws),
            sessions: Sessions::default(),
            batches: Batches::default(),
            windows: Windows::default(),
            plans: Plans::default(),
            proofs: Proofs::default(),
            disputes: Disputes::default(),
            held: Held::default(),
            budgets: Budgets::default(),
            agenda: Agenda::default(),
            outbox: Outbox::default(),
            effects: Vec::new(),
        }
    }

    /// Takes in what happened at `now`, and returns what is to be done, in order.
    pub fn handle(&mut self, input: Input, now: Time) -> Vec<Effect> {
        self.route(input, now);
        self.empty_outbox(now);
        while let Some(wake) = self.agenda.pop(now) {
            self.wake(wake, now);
        }
        std::mem::take(&mut self.effects)
    }

    /// When to call [`Engine::handle`] with [`Input::Tick`] at the latest.
    pub fn next_timeout(&self) -> Option<Time> {
        self.agenda.next_time()
    }

    fn route(&mut self, input: Input, now: Time) {
        let Self { facts, sessions, batches, outbox, .. } = self;
        match input {
            Input::Head(block) => {
                facts.push(block);
                self.start.on_head(facts, now, outbox);
                self.wake_waiting(now);
            }
            Input::Newest { number, ahead_ms } => {
                self.start.note_newest(number);
                if facts.set_ahead(ahead_ms) {
                    self.agenda.all_at(now);
                }
            }
            Input::Rewound(number) => {
                facts.rewind(number);
                self.start.rewound(number);
                batches.rewound(number, outbox);
                sessions.rewound(number, facts, now, outbox);
                self.disputes.rewound(number, facts, now, outbox);
            }
            Input::Epoch(committee) => self.enter_epoch(committee, now),
            Input::Due(due) => self.learn(due, now),
            Input::Trouble { job, troubled } => self.windows.note_trouble(job, troubled),
            Input::Received { message, from, channel, bytes } => {
                self.receive(Source::Gossip(message), from, channel, bytes, now);
            }
            Input::Answered { from, bytes } => self.receive_answer(from, &bytes, now),
            Input::Executed { task, attempt, anchor, result, took } => {
                self.executed(task, (attempt, anchor), (result, took), now);
            }
            Input::Observed { task, attempt, anchor, result } => {
                sessions.handle(task, Event::Observed(attempt, anchor, result), facts, now, outbox);
            }
            Input::Decided { task, attempt, inputs, result } => self.decided(task, (attempt, inputs), result, now),
            Input::Persisted { token, answer } => batches.persisted((token, &answer), facts, sessions, now, outbox),
            Input::Void(task) => sessions.void(&task, outbox),
            Input::Settled { task, block } => sessions.handle(task, Event::Settled(block), facts, now, outbox),
            Input::SettledLate(late) => facts.note_late(&late),
            Input::Kept(bytes) => self.proofs.restore(&bytes, facts, &self.sessions, outbox),
            Input::Straight { message, from, bytes } => {
                self.receive(Source::Straight(message, from), from, Channel::Partials, bytes, now);
            }
            Input::Unsent { key, peer } => {
                if let Some(batch) = batches.get_mut(&key) {
                    batch.unsent(peer, facts, now, outbox);
                }
            }
            Input::PeerUp(peer) => {
                facts.link(peer);
                self.start.peer_up(peer, facts, outbox);
            }
            Input::PeerDown(peer) => facts.unlink(peer),
            Input::PeerTable { peer, epoch, table_root } => {
                if facts.note_table(peer, epoch, table_root) {
                    batches.wake_all(now, outbox);
                }
            }
            Input::SubmissionFailed(key) => {
                if let Some(batch) = batches.get_mut(&key) {
                    batch.submission_failed(facts, now, outbox);
                }
            }
            Input::Dispute { id, event } => self.on_dispute(id, event, now),
            Input::Tick => {}
        }
    }

    /// Carries out what machines gave back, each thing with all that follows from it before the next.
    fn empty_outbox(&mut self, now: Time) {
        for item in self.outbox.take() {
            match item {
                Item::Effect(effect) => self.effects.push(effect),
                Item::At(at, wake) => self.agenda.at(at, wake),
                Item::WithNextBlock(wake) => self.agenda.with_next_block(wake),
                Item::Notice(notice) => {
                    self.hear(notice, now);
                    self.empty_outbox(now);
                }
            }
        }
    }

    fn wake(&mut self, wake: Wake, now: Time) {
        match wake {
            Wake::Session(task) => self.sessions.handle(task, Event::Look, &self.facts, now, &mut self.outbox),
            Wake::Batch(key) => self.look_at_batch(key, now),
            Wake::Window(window) => self.look_at_window(window, now),
            Wake::Held => self.retry_held(now),
            Wake::Start => self.start.look(now, &mut self.outbox),
            Wake::Dispute(id) => self.disputes.look(id, &mut self.facts, now, &mut self.outbox),
        }
        self.empty_outbox(now);
    }

    fn wake_waiting(&mut self, now: Time) {
        self.empty_outbox(now);
        for wake in self.agenda.take_waiting() {
            self.wake(wake, now);
        }
        self.held.came(Awaits::Line, now, &mut self.outbox);
        self.empty_outbox(now);
    }
}
