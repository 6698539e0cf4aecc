//! A mesh of real engines and nothing else: messages are delayed, reordered and lost, runs take a moment, every journal
//! says yes, and a chain of one block per second settles what is submitted. Whatever needs journals, crashes, hostile
//! keepers, or a chain that moves is the simulator's (`tests/src/sim.rs`).
//!
//! Promises checked on the way: the chain never settles a task twice, and nothing whose certificate does not verify.

mod disputes;
mod jobs;
mod links;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use consensus::anchor::BlockRef;
use consensus::committee::{Committee, Member, PeerKey};
use consensus::dispute::{AgreedRuling, DisputeEvent};
use consensus::effect::{JournalAnswer, Settlement};
use consensus::fault::{Fault, Verdict};
use consensus::message::{Channel, MessageTag};
use consensus::report::{Anchor, Domain, Report};
use consensus::task::{Abstention, DueTask, InstanceKey, JobId, Outcome, Status, Task};
use consensus::time::{Pace, Time};
use consensus::{Config, Effect, Engine, Input, JournalState};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) use self::disputes::right_answer;
use super::bench;

/// The network starts at this Unix time, in seconds.
pub(crate) const START: u64 = 1_000_000;
const PACE: Pace = Pace::of(Duration::from_secs(1), 0);
const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };
const CODE: B256 = B256::repeat_byte(0xcc);

/// What can be set about a network.
#[derive(Clone)]
pub(crate) struct Faults {
    /// Percent of messages lost per receiver.
    pub(crate) loss: u64,
    /// Longest delay of a message, in milliseconds.
    pub(crate) delay: u64,
    /// What keeper `k` makes of a job: `None` runs it honestly.
    pub(crate) run: fn(usize, JobId) -> Option<Result<&'static str, Abstention>>,
    /// What keeper `k` sees outside; nothing at all for `None`.
    pub(crate) look: fn(usize) -> Option<u64>,
    /// Whether keeper `k` takes nothing straight, as one of an older version does.
    pub(crate) refuses: fn(usize) -> bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self { loss: 0, delay: 20, run: |_, _| None, look: |k| Some(100 + k as u64), refuses: |_| false }
    }
}

enum Event {
    Input(usize, Box<Input>),
    Ask { from: usize, to: usize, bytes: Vec<u8> },
    Block,
}

/// The whole world of a test.
pub(crate) struct Network {
    pub(crate) now: Time,
    /// The keeper that settled each task.
    pub(crate) settled: BTreeMap<Task, usize>,
    /// The tasks that settled, in the order of the chain.
    pub(crate) order: Vec<Task>,
    pub(crate) wasted: usize,
    pub(crate) faults_seen: Vec<Fault>,
    pub(crate) rejected: Vec<Verdict>,
    pub(crate) broadcasts: usize,
    /// Partials that went straight, one for each receiver, and that were gossiped after that.
    pub(crate) straight: usize,
    pub(crate) fallen_back: usize,
    /// What is disputed, who brought a ruling on it and which, and who had its signers punished.
    pub(crate) disputed: Report,
    pub(crate) ruled: Vec<(usize, AgreedRuling)>,
    pub(crate) enforced: Vec<usize>,
    /// Who was heard in each set that somebody decided on.
    pub(crate) sets: BTreeSet<Vec<u16>>,
    /// `None` for those that are down.
    engines: Vec<Option<Engine>>,
    committee: Committee,
    queue: BTreeMap<(Time, u64), Event>,
    sequence: u64,
    blocks: Vec<BlockRef>,
    mempool: Vec<(usize, Settlement)>,
    due: Vec<DueTask>,
    random: ChaCha8Rng,
    faults: Faults,
    seed: u64,
}

/// The peer of keeper `k`.
fn peer(k: usize) -> PeerKey {
    bench::peer_key(k as u16)
}

impl Network {
    pub(crate) fn new(seed: u64, stakes: &[u128], faults: Faults) -> Self {
        eprintln!("seed {seed}");
        let members = stakes.iter().enumerate().map(|(k, &stake)| Member {
            operator: Address::repeat_byte(k as u8 + 1),
            stake,
            peer_key: peer(k),
            key: bench::secret(k as u16).public_key(),
        });
        let mut network = Self {
            now: Time::from_seconds(START),
            settled: BTreeMap::new(),
            order: Vec::new(),
            wasted: 0,
            faults_seen: Vec::new(),
            rejected: Vec::new(),
            broadcasts: 0,
            straight: 0,
            fallen_back: 0,
            disputed: Report {
                task: Task { job: JobId(0), version: 0, instance: InstanceKey::from_run(0) },
                anchor: Anchor { number: 0, hash: B256::ZERO },
                input_set: B256::ZERO,
                status: Status::Call,
                outcome_hash: B256::ZERO,
            },
            ruled: Vec::new(),
            enforced: Vec::new(),
            sets: BTreeSet::new(),
            engines: stakes.iter().map(|_| None).collect(),
            committee: Committee::new(1, 1, B256::repeat_byte(5), members.collect()).unwrap(),
            queue: BTreeMap::new(),
            sequence: 0,
            blocks: Vec::new(),
            mempool: Vec::new(),
            due: Vec::new(),
            random: ChaCha8Rng::seed_from_u64(seed),
            faults,
            seed,
        };
        (START - 10..START).for_each(|second| network.mine(second));
        network.after(1_000, Event::Block);
        (0..stakes.len()).for_each(|k| network.start(k));
        network
    }

    /// Starts a keeper that knows nothing, and lets it read the chain.
    pub(crate) fn start(&mut self, k: usize) {
        self.engines[k] = Some(Engine::new(Config {
            domain: DOMAIN,
            pace: PACE,
            anchor_age: 100,
            operator: Address::repeat_byte(k as u8 + 1),
            secret: bench::secret(k as u16),
            peer_key: bench::peer(k as u16),
            seed: [k as u8; 32],
            journal: JournalState::New,
        }));
        self.feed(k, Input::Epoch(self.committee.clone()));
        self.blocks.clone().into_iter().for_each(|block| self.feed(k, Input::Head(block)));
        self.due.clone().into_iter().for_each(|due| self.feed(k, Input::Due(due)));
        let block = self.blocks.len() as u64;
        self.order.clone().into_iter().for_each(|task| self.feed(k, Input::Settled { task, block }));
        self.link(k);
    }

    pub(crate) fn crash(&mut self, k: usize) {
        self.engines[k] = None;
        self.unlink(k);
    }

    /// Lets a keeper have any bytes as gossip from another one.
    pub(crate) fn inject(&mut self, to: usize, from: usize, channel: Channel, bytes: Vec<u8>) {
        let message = self.tag();
        self.feed(to, Input::Received { message, from: peer(from), channel, bytes });
    }

    /// Runs until `condition`, or panics with what is missing at `limit` seconds after the start.
    pub(crate) fn run_until(&mut self, limit: u64, mut condition: impl FnMut(&mut Self) -> bool) {
        while !condition(self) {
            let ticks = self.engines.iter().flatten().filter_map(Engine::next_timeout);
            let next_tick = ticks.min().map(|at| at.max(self.now));
            let next_event = self.queue.first_key_value().map(|(&(at, _), _)| at).unwrap();
            assert!(next_event <= Time::from_seconds(START + limit), "not there: settled {:?}", self.settled);
            match next_tick.filter(|&at| at < next_event) {
                Some(at) => {
                    self.now = at;
                    (0..self.engines.len()).for_each(|k| self.feed(k, Input::Tick));
                }
                None => {
                    let ((at, _), event) = self.queue.pop_first().unwrap();
                    self.now = at;
                    self.happen(event);
                }
            }
        }
    }

    pub(crate) fn all_settled(&self) -> bool {
        self.due.iter().all(|due| self.settled.contains_key(&due.task))
    }

    pub(crate) fn leaders(&self) -> BTreeSet<usize> {
        self.settled.values().copied().collect()
    }

    fn tag(&mut self) -> MessageTag {
        self.sequence += 1;
        MessageTag(self.sequence)
    }

    fn after(&mut self, milliseconds: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((Time(self.now.0 + milliseconds), self.sequence), event);
    }

    fn send(&mut self, to: usize, input: Input, longest: u64) {
        let delay = 1 + self.random.random_range(0..longest.max(1));
        self.after(delay, Event::Input(to, Box::new(input)));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Input(k, input) => self.feed(k, *input),
            Event::Ask { from, to, bytes } => {
                if let Some(engine) = &self.engines[to] {
                    let bytes = engine.answer(&bytes);
                    self.send(from, Input::Answered { from: peer(to), bytes }, 5);
                }
            }
            Event::Block => {
                self.settle();
                self.mine(self.now.seconds());
                let block = *self.blocks.last().unwrap();
                (0..self.engines.len()).for_each(|k| self.send(k, Input::Head(block), 50));
                self.after(1_000, Event::Block);
            }
        }
    }

    fn mine(&mut self, timestamp: u64) {
        let number = self.blocks.len() as u64 + 1;
        let hash = keccak256([number.to_be_bytes(), self.seed.to_be_bytes()].concat());
        self.blocks.push(BlockRef { number, hash, timestamp });
    }

    fn settle(&mut self) {
        let block = self.blocks.len() as u64 + 1;
        for (keeper, settlement) in std::mem::take(&mut self.mempool) {
            settlement.certificate.verify(&self.committee, &DOMAIN, 0).unwrap();
            let mut fresh = 0;
            for (report, outcome) in settlement.certificate.reports.iter().zip(&settlement.outcomes) {
                let anchor = &self.blocks[report.anchor.number as usize - 1];
                assert_eq!(anchor.hash, report.anchor.hash, "an anchor that is not on the chain");
                assert_eq!(outcome.hash(CODE), report.outcome_hash, "an outcome that was not certified");
                if let Entry::Vacant(unsettled) = self.settled.entry(report.task) {
                    fresh += 1;
                    unsettled.insert(keeper);
                    self.order.push(report.task);
                    let settled = Input::Settled { task: report.task, block };
                    (0..self.engines.len()).for_each(|k| self.send(k, settled.clone(), 50));
                }
            }
            let reports = &settlement.certificate.reports;
            assert_eq!(settlement.code_hashes, vec![CODE; reports.len()]);
            assert_eq!(settlement.callback_gas, vec![100_000; reports.len()], "each job's own");
            self.wasted += usize::from(fresh == 0);
        }
    }

    fn feed(&mut self, k: usize, input: Input) {
        let Some(engine) = self.engines[k].as_mut() else {
            return;
        };
        for effect in engine.handle(input, self.now) {
            self.carry_out(k, effect);
        }
    }

    fn carry_out(&mut self, k: usize, effect: Effect) {
        match effect {
            Effect::Execute { due, attempt, anchor } => {
                let said = (self.faults.run)(k, due.task.job).unwrap_or(Ok("done"));
                let result = said.map(|said| outcome(due.task, anchor, said));
                let took = Duration::from_millis(30);
                self.send(k, Input::Executed { task: due.task, attempt, anchor: anchor.hash, result, took }, 30);
            }
            Effect::Observe { due, attempt, anchor } => self.look(k, due.task, attempt, anchor),
            Effect::Decide { due, attempt, anchor, inputs } => self.decide(k, due.task, (attempt, anchor), &inputs),
            Effect::Persist { token, .. } => {
                self.send(k, Input::Persisted { token, answer: JournalAnswer::Recorded }, 5);
            }
            Effect::Broadcast { channel, bytes } => self.broadcast(k, channel, &bytes),
            Effect::Send { key, peers, bytes } => self.send_straight(k, key, &peers, &bytes),
            Effect::FallBack { bytes } => {
                self.fallen_back += 1;
                self.broadcast(k, Channel::Partials, &bytes);
            }
            Effect::Ask { peer, bytes } => {
                let count = self.engines.len();
                let named = peer.and_then(|peer| self.committee.index_of(peer)).map(|index| usize::from(index.0));
                let to = named.unwrap_or_else(|| (k + 1 + self.random.random_range(0..count - 1)) % count);
                self.after(5, Event::Ask { from: k, to, bytes });
            }
            Effect::Submit(settlement) => self.mempool.push((k, *settlement)),
            Effect::Judge { verdict: verdict @ Verdict::Reject(_), .. } => self.rejected.push(verdict),
            Effect::Judge { .. } => {}
            Effect::Blame(fault) => self.faults_seen.push(fault),
            Effect::Rerun { dispute, report } => self.rerun(k, dispute, &report),
            Effect::Rule(ruling) => {
                let digest = DOMAIN.ruling_digest(ruling.epoch, ruling.dispute, self.disputed.leaf(), ruling.answer);
                let key = self.committee.key_of(&ruling.signers).unwrap();
                assert!(ruling.signature.verify(digest.as_slice(), &key), "a ruling that does not verify");
                self.ruled.push((k, *ruling));
            }
            Effect::Enforce { dispute } => {
                self.enforced.push(k);
                self.send(k, Input::Dispute { id: dispute, event: DisputeEvent::AllPunished }, 50);
            }
            Effect::Contradicted(_) => {}
            Effect::Report(..)
            | Effect::Heard { .. }
            | Effect::Certified(_)
            | Effect::Unknown(_)
            | Effect::Assigned { .. }
            | Effect::Keep(_)
            | Effect::Recall { .. } => {}
        }
    }
}

/// What an honest run of a task at an anchor produces.
fn outcome(task: Task, anchor: BlockRef, said: &str) -> Outcome {
    let data = Bytes::from([said.as_bytes(), task.id().0.as_slice(), anchor.hash.as_slice()].concat());
    Outcome { status: Status::Call, data, state_after: B256::ZERO, transcript: B256::ZERO }
}
