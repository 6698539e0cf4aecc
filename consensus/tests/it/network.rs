//! A mesh of real engines over a seeded event queue: messages are delayed, reordered and lost, keepers crash and come
//! back with nothing but their journal, and a chain of one block per second settles what is submitted.
//!
//! After every event the promises are checked: a keeper never persists two reports at one (task, anchor, input set), the
//! chain never settles a task twice, and it settles nothing whose certificate does not verify.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, Bytes, keccak256};
use consensus::anchor::BlockRef;
use consensus::bls::SecretKey;
use consensus::committee::{Committee, Member, PeerKey};
use consensus::effect::{Settlement, SignRecord};
use consensus::engine::{Config, Engine, JournalState};
use consensus::fault::{Fault, Verdict};
use consensus::input::{LateSettlement, MessageTag};
use consensus::report::{Domain, Report};
use consensus::session::Abstention;
use consensus::task::{DueTask, InstanceKey, JobId, Outcome, Status, Task};
use consensus::time::{Pace, Time};
use consensus::{Effect, Input};
use ed25519_dalek::SigningKey;

/// The network starts at this Unix time, in seconds.
pub(crate) const START: u64 = 1_000_000;
pub(crate) const PACE: Pace = Pace { block_seconds: 1, confirmations: 0 };
const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };
const CODE: B256 = B256::repeat_byte(0xcc);

/// A small seeded generator (splitmix64), so that a run depends on its seed alone.
pub(crate) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// What can be set about a network.
#[derive(Clone)]
pub(crate) struct Faults {
    /// Percent of messages lost per receiver.
    pub(crate) loss: u64,
    /// Longest delay of a message, in milliseconds.
    pub(crate) delay: u64,
    /// What keeper `k` makes of a job: `None` runs it honestly.
    pub(crate) run: fn(usize, JobId) -> Option<Result<&'static str, Abstention>>,
    /// This keeper's transactions never arrive, though it does everything else.
    pub(crate) swallows: Option<usize>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { loss: 0, delay: 20, run: |_, _| None, swallows: None }
    }
}

enum Event {
    Input(usize, u64, Box<Input>),
    Wake(usize, u64),
    Ask { from: usize, to: usize, bytes: Vec<u8> },
    Block,
}

struct Keeper {
    engine: Option<Engine>,
    /// Counts starts; events for an earlier life are dropped.
    life: u64,
    journal: BTreeMap<(B256, B256, B256), B256>,
    wake: Option<Time>,
}

/// The whole world of a test.
pub(crate) struct Network {
    pub(crate) now: Time,
    pub(crate) settled: BTreeMap<Task, (u64, usize)>,
    pub(crate) wasted: usize,
    /// Settlements a full stage after their task was due.
    pub(crate) late: Vec<LateSettlement>,
    pub(crate) faults_seen: Vec<Fault>,
    pub(crate) rejected: Vec<(usize, Verdict)>,
    pub(crate) broadcasts: usize,
    pub(crate) evidence: Vec<consensus::evidence::Evidence>,
    /// Called with every effect of every keeper; true kills the keeper before it is carried out.
    pub(crate) killer: Option<Box<dyn FnMut(usize, &Effect) -> bool>>,
    keepers: Vec<Keeper>,
    committee: Committee,
    queue: BTreeMap<(Time, u64), Event>,
    sequence: u64,
    blocks: Vec<BlockRef>,
    mempool: Vec<(usize, Settlement)>,
    due: Vec<DueTask>,
    random: Random,
    faults: Faults,
    tags: u64,
    salt: u64,
}

fn secret(keeper: usize) -> SecretKey {
    SecretKey::generate(&[keeper as u8 + 1; 32])
}

fn peer_key(keeper: usize) -> SigningKey {
    SigningKey::from_bytes(&[keeper as u8 + 1; 32])
}

impl Network {
    pub(crate) fn new(seed: u64, stakes: &[u128], faults: Faults) -> Self {
        println!("seed {seed}");
        let members = stakes.iter().enumerate().map(|(k, &stake)| Member {
            operator: Address::repeat_byte(k as u8 + 1),
            stake,
            peer_key: PeerKey(peer_key(k).verifying_key().to_bytes()),
            key: secret(k).public_key(),
        });
        let committee = Committee::new(1, 1, B256::repeat_byte(5), members.collect()).unwrap();
        let keepers =
            stakes.iter().map(|_| Keeper { engine: None, life: 0, journal: BTreeMap::new(), wake: None }).collect();
        let mut network = Self {
            now: Time::from_seconds(START),
            settled: BTreeMap::new(),
            wasted: 0,
            late: Vec::new(),
            faults_seen: Vec::new(),
            rejected: Vec::new(),
            broadcasts: 0,
            evidence: Vec::new(),
            killer: None,
            keepers,
            committee,
            queue: BTreeMap::new(),
            sequence: 0,
            blocks: Vec::new(),
            mempool: Vec::new(),
            due: Vec::new(),
            random: Random(seed),
            faults,
            tags: 0,
            salt: seed,
        };
        (0..10).for_each(|back| network.mine(START - 10 + back));
        network.at(network.now.plus(1000), Event::Block);
        (0..stakes.len()).for_each(|k| network.start(k));
        network
    }

    /// Lists a job with an interval: `runs` tasks from `first` seconds after the start on.
    pub(crate) fn job(&mut self, job: u64, first: u64, interval: u64, runs: u64) {
        for run in 0..runs {
            let due = START + first + run * interval;
            let task = Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(run) };
            let due = DueTask {
                task,
                due,
                deadline: PACE.attempt_due(due, 8),
                code_hash: CODE,
                quorum_bps: 0,
                callback_gas: 100_000,
            };
            self.due.push(due);
        }
        let due = self.due.clone();
        for keeper in 0..self.keepers.len() {
            due.iter().for_each(|&due| self.feed(keeper, Input::Due(due)));
        }
    }

    /// Starts a keeper that knows nothing but its journal, and lets it read the chain.
    pub(crate) fn start(&mut self, k: usize) {
        self.keepers[k].life += 1;
        self.keepers[k].wake = None;
        self.keepers[k].engine = Some(Engine::new(Config {
            domain: DOMAIN,
            pace: PACE,
            operator: Address::repeat_byte(k as u8 + 1),
            secret: secret(k),
            peer_key: peer_key(k),
            seed: [k as u8; 32],
            journal: if self.keepers[k].life == 1 { JournalState::New } else { JournalState::Intact },
        }));
        self.feed(k, Input::Epoch(self.committee.clone()));
        self.blocks.clone().into_iter().for_each(|block| self.feed(k, Input::Head(block)));
        self.due.clone().into_iter().for_each(|due| self.feed(k, Input::Due(due)));
        let settled: Vec<_> = self.settled.iter().map(|(&task, &(block, _))| (task, block)).collect();
        settled.into_iter().for_each(|(task, block)| self.feed(k, Input::Settled { task, block }));
        for other in (0..self.keepers.len()).filter(|&other| other != k) {
            self.feed(k, Input::PeerUp(PeerKey(peer_key(other).verifying_key().to_bytes())));
        }
    }

    pub(crate) fn crash(&mut self, k: usize) {
        self.keepers[k].engine = None;
    }

    /// Lets a keeper have any bytes as gossip from another one.
    pub(crate) fn inject(
        &mut self,
        to: usize,
        from: usize,
        channel: consensus::message::Channel,
        bytes: Vec<u8>,
    ) -> MessageTag {
        self.tags += 1;
        let message = MessageTag(self.tags);
        let from = PeerKey(peer_key(from).verifying_key().to_bytes());
        self.feed(to, Input::Received { message, from, channel, bytes });
        message
    }

    /// Runs until `condition`, or panics with what is missing at `limit` seconds after the start.
    pub(crate) fn run_until(&mut self, limit: u64, mut condition: impl FnMut(&mut Self) -> bool) {
        while !condition(self) {
            let ((time, _), event) = self.queue.pop_first().unwrap();
            assert!(time <= Time::from_seconds(START + limit), "not there after {limit} s: settled {:?}", self.settled);
            self.now = self.now.max(time);
            self.happen(event);
        }
    }

    pub(crate) fn all_settled(&self) -> bool {
        self.due.iter().all(|due| self.settled.contains_key(&due.task))
    }

    pub(crate) fn leaders(&self) -> BTreeSet<usize> {
        self.settled.values().map(|&(_, keeper)| keeper).collect()
    }

    fn at(&mut self, time: Time, event: Event) {
        self.sequence += 1;
        self.queue.insert((time, self.sequence), event);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Input(k, life, input) if self.keepers[k].life == life => self.feed(k, *input),
            Event::Wake(k, life) if self.keepers[k].life == life => {
                self.keepers[k].wake = None;
                self.feed(k, Input::Tick);
            }
            Event::Input(..) | Event::Wake(..) => {}
            Event::Ask { from, to, bytes } => {
                if let Some(engine) = &self.keepers[to].engine {
                    let bytes = engine.answer(&bytes);
                    let peer = PeerKey(peer_key(to).verifying_key().to_bytes());
                    self.send(from, Input::Answered { from: peer, bytes }, 5);
                }
            }
            Event::Block => {
                self.settle();
                let timestamp = self.now.0 / 1000;
                self.mine(timestamp);
                let block = *self.blocks.last().unwrap();
                (0..self.keepers.len()).for_each(|k| self.send(k, Input::Head(block), 50));
                self.at(self.now.plus(1000), Event::Block);
            }
        }
    }

    fn mine(&mut self, timestamp: u64) {
        let number = self.blocks.len() as u64 + 1;
        let hash = keccak256([number.to_be_bytes(), self.salt.to_be_bytes()].concat());
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
                if !self.settled.contains_key(&report.task) {
                    fresh += 1;
                    self.settled.insert(report.task, (block, keeper));
                    let settled = Input::Settled { task: report.task, block };
                    (0..self.keepers.len()).for_each(|k| self.send(k, settled.clone(), 50));
                    self.note_late(report, block, keeper);
                }
            }
            self.wasted += usize::from(fresh == 0);
        }
    }

    fn note_late(&mut self, report: &Report, block: u64, keeper: usize) {
        let due = self.due.iter().find(|due| due.task == report.task).map(|due| due.due).unwrap();
        if self.now.0 / 1000 >= due + PACE.stage().div_ceil(1000) {
            let submitter = Address::repeat_byte(keeper as u8 + 1);
            let late = LateSettlement { block, due, anchor: report.anchor.number, submitter };
            self.late.push(late);
            (0..self.keepers.len()).for_each(|k| self.send(k, Input::SettledLate(late), 50));
        }
    }

    fn send(&mut self, to: usize, input: Input, delay: u64) {
        let time = self.now.plus(1 + self.random.below(delay));
        let life = self.keepers[to].life;
        self.at(time, Event::Input(to, life, Box::new(input)));
    }

    fn feed(&mut self, k: usize, input: Input) {
        let now = self.now;
        let Some(engine) = self.keepers[k].engine.as_mut() else {
            return;
        };
        let effects = engine.handle(input, now);
        let next = engine.next_timeout();
        for effect in effects {
            if self.killer.as_mut().is_some_and(|killer| killer(k, &effect)) {
                self.crash(k);
                return;
            }
            self.carry_out(k, effect);
        }
        if let Some(next) = next.filter(|next| self.keepers[k].wake.is_none_or(|wake| *next < wake)) {
            self.keepers[k].wake = Some(next);
            let life = self.keepers[k].life;
            self.at(next.max(now), Event::Wake(k, life));
        }
    }

    fn carry_out(&mut self, k: usize, effect: Effect) {
        match effect {
            Effect::Execute { due, attempt, anchor } => {
                let result = (self.faults.run)(k, due.task.job);
                let said = result.unwrap_or(Ok("done"));
                let result = said.map(|said| outcome(due.task, anchor, said));
                self.send(k, Input::Executed { task: due.task, attempt, anchor: anchor.hash, result }, 30);
            }
            Effect::Persist { token, records } => {
                let safe = self.persist(k, &records);
                self.send(k, Input::Persisted { token, safe }, 5);
            }
            Effect::Broadcast { channel, bytes } => {
                self.broadcasts += 1;
                let from = PeerKey(peer_key(k).verifying_key().to_bytes());
                for to in (0..self.keepers.len()).filter(|&to| to != k) {
                    if self.random.below(100) >= self.faults.loss {
                        self.tags += 1;
                        let message = MessageTag(self.tags);
                        let input = Input::Received { message, from, channel, bytes: bytes.clone() };
                        self.send(to, input, self.faults.delay);
                    }
                }
            }
            Effect::Ask { peer, bytes } => {
                let count = self.keepers.len() as u64;
                let named = peer.and_then(|peer| self.committee.index_of(peer)).map(|index| usize::from(index.0));
                let to = named.unwrap_or_else(|| (k + 1 + self.random.below(count - 1) as usize) % count as usize);
                self.at(self.now.plus(5), Event::Ask { from: k, to, bytes });
            }
            Effect::Submit(_) if self.faults.swallows == Some(k) => {}
            Effect::Submit(settlement) => self.mempool.push((k, *settlement)),
            Effect::Judge { verdict: Verdict::Reject(reason), .. } => self.rejected.push((k, Verdict::Reject(reason))),
            Effect::Blame(fault) => self.faults_seen.push(fault),
            Effect::Recall { records, listening } => {
                let key = |record: &SignRecord| (record.task.0, record.anchor_hash, record.input_set);
                let known =
                    records.iter().all(|record| self.keepers[k].journal.get(&key(record)) == Some(&record.report));
                assert!(known, "keeper {k} meets a signature of its own that it never made, listening: {listening}");
            }
            Effect::Keep(evidence) => self.evidence.push(*evidence),
            Effect::Judge { .. } | Effect::Report(..) | Effect::Assigned { .. } => {}
        }
    }

    /// The promise: one report per (task, anchor, input set), for ever, across crashes.
    fn persist(&mut self, k: usize, records: &[SignRecord]) -> bool {
        for record in records {
            let key = (record.task.0, record.anchor_hash, record.input_set);
            let known = *self.keepers[k].journal.entry(key).or_insert(record.report);
            assert_eq!(known, record.report, "keeper {k} was about to sign a second report");
        }
        true
    }
}

/// What an honest run of a task at an anchor produces.
pub(crate) fn outcome(task: Task, anchor: BlockRef, said: &str) -> Outcome {
    let data = Bytes::from([said.as_bytes(), task.id().0.as_slice(), anchor.hash.as_slice()].concat());
    Outcome { status: Status::Call, data, state_after: B256::ZERO, transcript: B256::ZERO }
}
