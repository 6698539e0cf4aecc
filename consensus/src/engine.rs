//! All tasks at once: routes what happens to the sessions and batches it concerns, and collects what is to be done.
//!
//! The engine is a pure state machine: [`Engine::handle`] takes an [`Input`] and the time, and returns [`Effect`]s to be
//! carried out in order; [`Engine::next_timeout`] says when it wants to be called next if nothing happens. It reads no
//! clock, draws no random numbers (the weights of batch verification are hashed from a seed given at the start) and
//! iterates over ordered maps only, so equal inputs give equal effects.

mod batches;
mod budget;
mod dispute;
mod evidence;
#[cfg(any(feature = "simulation", feature = "inspect"))]
pub mod inspect;
mod plan;
mod query;
mod receive;
mod start;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use alloy_primitives::{Address, B256, keccak256};
use ed25519_dalek::SigningKey;

use crate::anchor::ChainView;
use crate::bls::SecretKey;
use crate::collection::Collection;
use crate::committee::{Committee, KeeperIndex, PeerKey, SignerSet};
use crate::effect::{BatchKey, Effect, PersistToken, Step};
use crate::evidence::Evidence;
use crate::fault::{Reason, Verdict};
use crate::input::{Input, LateSettlement, MessageTag};
use crate::leader::turns::MissedTurns;
use crate::leader::{self, Window};
use crate::message::{Message, Partial};
use crate::report::{Domain, Report};
use crate::session::{Abstention, Attempt, Session};
use crate::task::{DueTask, JobId, Outcome, Task};
use crate::time::{Pace, Time};

pub use query::{SessionView, WindowView};

/// Most tasks remembered at a time; further ones are refused until some have ended.
pub const SESSIONS_MAX: usize = 8_192;
/// Most assignments remembered at a time.
pub const ASSIGNMENTS_HELD_MAX: usize = 2_048;
/// Most messages held back for context that may still come.
pub const HELD_MAX: usize = 1_024;
/// Committees kept: an anchor is at most 100 blocks old, so few epochs can matter.
const COMMITTEES_MAX: usize = 16;

/// What an engine needs to know at its start.
#[derive(Clone)]
pub struct Config {
    /// Chain and contract everything signed is bound to.
    pub domain: Domain,
    /// The chain's pace.
    pub pace: Pace,
    /// The operator this keeper acts for.
    pub operator: Address,
    /// Signs partials.
    pub secret: SecretKey,
    /// The keeper's mesh identity; signs assignments and abstentions.
    pub peer_key: SigningKey,
    /// 32 secret random bytes: the source of the weights of batch verification.
    pub seed: [u8; 32],
    /// What this keeper knows of what it has signed before.
    pub journal: JournalState,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("domain", &self.domain).field("operator", &self.operator).finish_non_exhaustive()
    }
}

/// What a keeper knows at its start of what its key has signed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalState {
    /// The key has never signed: nothing to know.
    New,
    /// The journal is the one the key signed with last.
    Intact,
    /// The journal is empty, or may be an older copy: only what is newer than anything anybody shows may be signed.
    Lost,
}

/// What the engine means to look at again, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wake {
    Session(Task),
    Batch(BatchKey),
    Window(u64),
    Held,
    Start,
}

/// A message that may become right when more of the chain or the mesh is known.
#[derive(Clone, Debug)]
struct HeldMessage {
    message: Option<MessageTag>,
    from: PeerKey,
    content: Message,
    bytes: Vec<u8>,
    until: Time,
}

/// An own partial that waits for the journal.
#[derive(Clone, Debug)]
struct Unspoken {
    key: BatchKey,
    partial: Partial,
    digest: B256,
}

/// The whole protocol state of one keeper.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    chain: ChainView,
    committees: BTreeMap<u32, Arc<Committee>>,
    sessions: BTreeMap<Task, Session>,
    collections: BTreeMap<BatchKey, Collection>,
    /// Accepted assignments by hash, as they came.
    plans: BTreeMap<B256, Vec<u8>>,
    /// Hash of the assignment seen under (window, stage, leader, number).
    numbered: BTreeMap<(u64, u8, u16, u8), B256>,
    /// Attempts by the window they are due in.
    windows: BTreeMap<u64, BTreeSet<(Task, u8)>>,
    troubled: BTreeSet<JobId>,
    missed: MissedTurns,
    lines: leader::Lines,
    /// Proofs by task and guilty keepers.
    evidence: BTreeMap<(Task, SignerSet), Evidence>,
    start: start::Start,
    budgets: budget::Budgets,
    shown: dispute::Shown,
    unspoken: BTreeMap<PersistToken, Unspoken>,
    held: VecDeque<HeldMessage>,
    agenda: BTreeSet<(Time, Wake)>,
    waiting_for_head: BTreeSet<Wake>,
    tokens: u64,
    draws: u64,
    effects: Vec<Effect>,
}

impl Engine {
    /// An engine that knows nothing of the chain yet.
    pub fn new(config: Config) -> Self {
        Self {
            start: start::Start::new(config.journal),
            evidence: BTreeMap::new(),
            budgets: budget::Budgets::default(),
            shown: dispute::Shown::default(),
            config,
            chain: ChainView::default(),
            committees: BTreeMap::new(),
            sessions: BTreeMap::new(),
            collections: BTreeMap::new(),
            plans: BTreeMap::new(),
            numbered: BTreeMap::new(),
            windows: BTreeMap::new(),
            troubled: BTreeSet::new(),
            missed: MissedTurns::default(),
            lines: leader::Lines::default(),
            unspoken: BTreeMap::new(),
            held: VecDeque::new(),
            agenda: BTreeSet::new(),
            waiting_for_head: BTreeSet::new(),
            tokens: 0,
            draws: 0,
            effects: Vec::new(),
        }
    }

    /// Takes in what happened at `now`, and returns what is to be done, in order.
    pub fn handle(&mut self, input: Input, now: Time) -> Vec<Effect> {
        match input {
            Input::Head(block) => {
                self.chain.push(block);
                self.begin_listening(now);
                self.wake_for_head(now);
            }
            Input::Rewound(number) => self.rewound(number, now),
            Input::Epoch(committee) => self.enter_epoch(committee, now),
            Input::Due(due) => self.learn(due, now),
            Input::Trouble { job, troubled } => self.note_trouble(job, troubled),
            Input::Received { message, from, channel, bytes } => {
                self.receive(Some(message), from, channel, bytes, now);
            }
            Input::Answered { from, bytes } => self.receive_answer(from, &bytes, now),
            Input::Executed { task, attempt, anchor, result } => self.executed(task, attempt, anchor, result, now),
            Input::Persisted { token, safe } => self.persisted(token, safe, now),
            Input::Settled { task, block } => self.settled(task, block),
            Input::SettledLate(late) => self.note_late(&late),
            Input::Kept(bytes) => self.receive_kept(&bytes),
            Input::PeerUp(peer) => self.peer_up(peer),
            Input::PeerTable { peer, epoch, table_root } => self.note_table(peer, epoch, table_root),
            Input::SubmissionFailed(key) => self.submission_failed(key, now),
            Input::Tick => {}
        }
        self.run_agenda(now);
        std::mem::take(&mut self.effects)
    }

    /// When to call [`Engine::handle`] with [`Input::Tick`] at the latest.
    pub fn next_timeout(&self) -> Option<Time> {
        self.agenda.first().map(|(time, _)| *time)
    }

    fn schedule(&mut self, at: Time, wake: Wake) {
        self.agenda.insert((at, wake));
    }

    fn run_agenda(&mut self, now: Time) {
        while let Some(&(time, wake)) = self.agenda.first() {
            if time > now {
                break;
            }
            self.agenda.pop_first();
            self.wake(wake, now);
        }
    }

    fn wake(&mut self, wake: Wake, now: Time) {
        match wake {
            Wake::Session(task) => self.look_at_session(task, now),
            Wake::Batch(key) => self.look_at_batch(key, now),
            Wake::Window(window) => self.look_at_window(window, now),
            Wake::Held => self.retry_held(now),
            Wake::Start => self.end_listening(now),
        }
    }

    fn wake_for_head(&mut self, now: Time) {
        for wake in std::mem::take(&mut self.waiting_for_head) {
            self.wake(wake, now);
        }
        self.retry_held(now);
    }

    /// Blocks above `number` are gone: so are the epochs that began in them, the runs and batches pinned to them, and
    /// the settlements in them.
    fn rewound(&mut self, number: u64, now: Time) {
        self.chain.rewind(number);
        self.missed.rewind(number);
        #[cfg(feature = "simulation")]
        if crate::plant::is(crate::plant::Plant::NoReopening) {
            return;
        }
        self.committees.retain(|_, committee| committee.active_from() <= number + 1);
        let moved = |collection: &Collection| {
            let anchors = collection.basis.as_ref().map(|basis| basis.anchors.as_slice()).unwrap_or_default();
            anchors.iter().any(|anchor| anchor.number > number)
        };
        let moved = self.collections.values_mut().filter(|collection| moved(collection));
        for message in moved.flat_map(Collection::reset).collect::<Vec<_>>() {
            self.judge(Some(message), Verdict::Ignore(Reason::UnknownContext));
        }
        let touched: Vec<Task> = self.sessions.keys().copied().collect();
        for task in touched {
            let Some(session) = self.sessions.get_mut(&task) else {
                continue;
            };
            session.rewind(number);
            if session.settled.is_some_and(|block| block > number) {
                session.settled = None;
                session.ended = false;
                self.effects.push(Effect::Report(task, Step::Reopened));
            }
            let keys: Vec<BatchKey> = session.batches.iter().copied().collect();
            self.schedule(now, Wake::Session(task));
            keys.into_iter().for_each(|key| self.schedule(now, Wake::Batch(key)));
        }
    }

    fn enter_epoch(&mut self, committee: Committee, now: Time) {
        self.committees.insert(committee.epoch(), Arc::new(committee));
        while self.committees.len() > COMMITTEES_MAX {
            self.committees.pop_first();
        }
        self.repeat_evidence();
        self.wake_for_head(now);
    }

    fn learn(&mut self, due: DueTask, now: Time) {
        let over = now > Time::from_seconds(due.deadline);
        if over || self.sessions.contains_key(&due.task) || self.sessions.len() >= SESSIONS_MAX {
            return;
        }
        self.sessions.insert(due.task, Session::new(due));
        let window = due.due / self.config.pace.window_seconds();
        self.windows.entry(window).or_default().insert((due.task, 0));
        self.schedule(Time::from_seconds(due.due), Wake::Session(due.task));
        self.schedule(now, Wake::Window(window));
        let waiting: Vec<BatchKey> = self
            .collections
            .iter()
            .filter(|(_, collection)| collection.basis.is_none() && collection.tasks.contains(&due.task))
            .map(|(&key, _)| key)
            .collect();
        for key in waiting {
            if let Some(session) = self.sessions.get_mut(&due.task) {
                session.batches.insert(key);
            }
            self.schedule(now, Wake::Batch(key));
        }
    }

    fn note_trouble(&mut self, job: JobId, troubled: bool) {
        if troubled {
            self.troubled.insert(job);
        } else {
            self.troubled.remove(&job);
        }
    }

    /// Starts the attempt that is due, plans the next one, and in the end lets go of the task.
    fn look_at_session(&mut self, task: Task, now: Time) {
        let pace = self.config.pace;
        let Some(session) = self.sessions.get_mut(&task) else {
            return;
        };
        if now >= session.deadline() && !session.ended {
            session.ended = true;
            self.effects.push(Effect::Report(task, Step::Expired));
        }
        if session.ended && now >= session.deadline().plus(pace.retention()) {
            self.forget_session(task);
            return;
        }
        if session.ended {
            let end = session.deadline().plus(pace.retention());
            self.schedule(end, Wake::Session(task));
            return;
        }
        let current = session.current_attempt(now, &pace);
        let next_wake = session.next_wake(now, &pace);
        if let Some((attempt, anchor)) = session.next_start(now, &pace, &self.chain) {
            self.start(task, attempt, anchor, now);
        } else if current.is_some_and(|attempt| !session.attempts.contains_key(&attempt)) {
            self.waiting_for_head.insert(Wake::Session(task));
        }
        self.open_next_attempt(task, current, now);
        self.schedule(next_wake, Wake::Session(task));
    }

    fn start(&mut self, task: Task, attempt: u8, anchor: crate::anchor::BlockRef, now: Time) {
        let member = self.committee_at(anchor.number).is_some_and(|committee| self.my_index(&committee).is_some());
        let Some(session) = self.sessions.get_mut(&task) else {
            return;
        };
        session.attempts.insert(attempt, Attempt::Running(anchor));
        if member {
            let due = session.due;
            self.effects.push(Effect::Report(task, Step::Started { attempt, anchor }));
            self.effects.push(Effect::Execute { due, attempt, anchor });
        }
        self.look_at_batches_of(task, now);
    }

    /// Lists the attempt after the current one under its window, so that the window's leader can assign it.
    fn open_next_attempt(&mut self, task: Task, current: Option<u8>, now: Time) {
        let pace = self.config.pace;
        let Some(session) = self.sessions.get(&task) else {
            return;
        };
        for attempt in current.into_iter().filter(|&attempt| attempt > 0) {
            if !session.is_open(now, &pace) {
                continue;
            }
            let window = pace.attempt_due(session.due.due, attempt) / pace.window_seconds();
            if self.windows.entry(window).or_default().insert((task, attempt)) {
                self.agenda.insert((now, Wake::Window(window)));
            }
        }
    }

    fn executed(&mut self, task: Task, attempt: u8, at: B256, result: Result<Outcome, Abstention>, now: Time) {
        let Some(session) = self.sessions.get_mut(&task) else {
            return;
        };
        let running = session.attempts.get(&attempt);
        let Some(Attempt::Running(anchor)) = running.filter(|attempt| attempt.runs_at(at)) else {
            return;
        };
        let (next, step) = match result {
            Ok(outcome) => {
                let report = Report {
                    task,
                    anchor: (*anchor).into(),
                    input_set: B256::ZERO,
                    status: outcome.status,
                    outcome_hash: outcome.hash(session.due.code_hash),
                };
                (Attempt::Reported { report, outcome }, Step::Executed)
            }
            Err(reason) => (Attempt::Abstained(reason), Step::Abstained(reason)),
        };
        session.attempts.insert(attempt, next);
        self.effects.push(Effect::Report(task, step));
        self.look_at_batches_of(task, now);
    }

    fn settled(&mut self, task: Task, block: u64) {
        let Some(session) = self.sessions.get_mut(&task) else {
            return;
        };
        if session.settled.replace(block).is_none() {
            session.ended = true;
            self.effects.push(Effect::Report(task, Step::Settled));
        }
    }

    fn look_at_batches_of(&mut self, task: Task, now: Time) {
        let keys: Vec<BatchKey> =
            self.sessions.get(&task).map(|session| session.batches.iter().copied().collect()).unwrap_or_default();
        keys.into_iter().for_each(|key| self.look_at_batch(key, now));
    }

    fn forget_session(&mut self, task: Task) {
        self.sessions.remove(&task);
        self.waiting_for_head.remove(&Wake::Session(task));
        self.windows.retain(|_, attempts| {
            attempts.retain(|(other, _)| *other != task);
            !attempts.is_empty()
        });
    }

    /// The committee active at a block; `None` before the first epoch.
    fn committee_at(&self, block: u64) -> Option<Arc<Committee>> {
        #[cfg(feature = "simulation")]
        let block = block.saturating_sub(if crate::plant::is(crate::plant::Plant::StaleEpoch) { 3 } else { 0 });
        self.committees.values().rev().find(|committee| committee.active_from() <= block).cloned()
    }

    /// This keeper's index in a committee: its operator's row, if the row holds the very keys it signs with.
    fn my_index(&self, committee: &Committee) -> Option<KeeperIndex> {
        let index = committee.index_of(self.my_peer_key())?;
        let member = committee.member(index)?;
        let mine = member.operator == self.config.operator && member.key == self.config.secret.public_key();
        mine.then_some(index)
    }

    fn my_peer_key(&self) -> PeerKey {
        PeerKey(self.config.peer_key.verifying_key().to_bytes())
    }

    /// A leader that left a task to others for a full stage, though it could be settled at its first attempt, has missed
    /// its turn.
    fn note_late(&mut self, late: &LateSettlement) {
        let window = late.due / self.config.pace.window_seconds();
        let first_anchor = self.chain.last_up_to(self.config.pace.anchor_limit(late.due, 0));
        let Some((order, committee)) = self.leaders(window) else {
            return;
        };
        let leader = order.first().and_then(|&index| Some((index, committee.member(index)?)));
        if let Some((index, member)) = leader
            && first_anchor.is_some_and(|anchor| anchor.number == late.anchor)
            && member.operator != late.submitter
        {
            self.missed.note(Window(window), index, late.block);
        }
    }

    /// The leaders of a window by stage with the committee they were drawn from, once the seed block is certain: as
    /// drawn, but for those that the chain shows missing turns, who come last.
    fn leaders(&self, window: u64) -> Option<(Vec<KeeperIndex>, Arc<Committee>)> {
        let (drawn, committee, block) = self.drawn(window)?;
        Some((self.missed.reorder(&drawn, block), committee))
    }

    /// The leaders of a window as they were drawn, with the number of the seed block.
    fn drawn(&self, window: u64) -> Option<(Vec<KeeperIndex>, Arc<Committee>, u64)> {
        let block = self.chain.last_up_to(self.config.pace.seed_limit(window))?;
        let committee = self.committee_at(block.number)?;
        let seed = leader::seed(self.config.domain.separator(), committee.table_root(), Window(window), block.hash);
        #[cfg_attr(not(feature = "simulation"), expect(unused_mut, reason = "a planted bug changes it"))]
        let mut order = self.lines.order(window, seed, &committee);
        #[cfg(feature = "simulation")]
        crate::plant::scramble(&mut order, self.config.seed[0]);
        Some((order, committee, block.number))
    }

    /// The next random weight for batch verification.
    fn draw(seed: &[u8; 32], draws: &mut u64) -> u64 {
        *draws += 1;
        let mut bytes = [0; 40];
        bytes[..32].copy_from_slice(seed);
        bytes[32..].copy_from_slice(&draws.to_be_bytes());
        let hash = keccak256(bytes);
        u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
    }

    fn judge(&mut self, message: Option<MessageTag>, verdict: Verdict) {
        if let Some(message) = message {
            self.effects.push(Effect::Judge { message, verdict });
        }
    }
}
