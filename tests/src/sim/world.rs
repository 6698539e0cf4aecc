//! The event queue, and what each event does.

mod effects;
mod faults;
mod watcher;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;

use alloy::primitives::B256;
use consensus::Input;
use consensus::effect::{PersistToken, Settlement};
use consensus::input::MessageTag;
use consensus::message::Channel;
use consensus::task::{Abstention, DueTask, Outcome, Task};
use consensus::time::Time;

use super::Options;
use super::actor::Means;
use super::chain::{Chain, Refusal};
use super::checks::{Checks, VERDICT_PATIENCE};
use super::node::{Node, Unjudged};
use super::plan::{CALM, Conduct, DOMAIN, HEAL, Keys, LAST_DUE, PRELUDE, Plan, START, Strike};
use super::plant::Plant;
use super::random::{Fingerprint, Random};

/// Calm at the end, so that nothing that still travels is missed.
const REST: u64 = 3_000;

/// Something that happens.
#[derive(Debug)]
enum Event {
    Block,
    Deliver {
        to: usize,
        from: usize,
        channel: Channel,
        bytes: Rc<[u8]>,
    },
    Wake {
        keeper: usize,
        life: u64,
    },
    House {
        keeper: usize,
        life: u64,
    },
    Poll {
        keeper: usize,
    },
    Executed {
        keeper: usize,
        life: u64,
        task: Task,
        attempt: u8,
        anchor: B256,
        result: Box<Result<Outcome, Abstention>>,
    },
    Flush {
        keeper: usize,
        life: u64,
    },
    Persisted {
        keeper: usize,
        life: u64,
        token: PersistToken,
        safe: bool,
    },
    Ask {
        from: usize,
        to: usize,
        bytes: Rc<[u8]>,
    },
    Answer {
        from: usize,
        to: usize,
        bytes: Rc<[u8]>,
    },
    Transaction {
        keeper: usize,
        settlement: Box<Settlement>,
    },
    NotSettled {
        keeper: usize,
        life: u64,
        key: consensus::effect::BatchKey,
    },
    Say {
        keeper: usize,
        channel: Channel,
        bytes: Rc<[u8]>,
        to: super::actor::Audience,
    },
    Strike(Strike),
    Restart {
        keeper: usize,
    },
    Heal,
}

/// An event in the queue; the sequence number makes the order of equal times definite.
#[derive(Debug)]
struct Queued {
    at: u64,
    sequence: u64,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// One run.
pub(super) struct World<'a> {
    keys: &'a [Keys],
    plan: Plan,
    tasks: BTreeMap<Task, (DueTask, Conduct)>,
    /// Milliseconds since the Unix epoch, in truth.
    now: u64,
    queue: BinaryHeap<Reverse<Queued>>,
    sequence: u64,
    nodes: Vec<Node>,
    chain: Chain,
    mempool: Vec<(usize, Settlement)>,
    /// When each task settled last.
    settled_at: BTreeMap<Task, u64>,
    healed: bool,
    verbose: bool,
    /// What is planted in every keeper.
    bug: Option<Plant>,
    tags: u64,
    random: Random,
    pub(super) checks: Checks,
    pub(super) trace: Fingerprint,
    pub(super) events: u64,
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) wasted: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(seed: u64, keys: &'a [Keys], options: &Options) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random, keys, options.byzantine);
        let tasks = plan.tasks();
        let due = tasks.iter().map(|(&task, &(due, _))| (task, due)).collect();
        let nodes = plan.roles.iter().map(|&role| Node::new(role)).collect();
        let mut world = Self {
            keys,
            chain: Chain::new(plan.committees.clone(), DOMAIN, due, seed),
            plan,
            tasks,
            now: START * 1000,
            queue: BinaryHeap::new(),
            sequence: 0,
            nodes,
            mempool: Vec::new(),
            settled_at: BTreeMap::new(),
            healed: false,
            verbose: options.verbose,
            bug: options.plant,
            tags: 0,
            random,
            checks: Checks::new(seed),
            trace: Fingerprint::default(),
            events: 0,
            faults: BTreeMap::new(),
            wasted: 0,
        };
        world.tell(|| {
            let (roles, misled, links) = (&world.plan.roles, &world.plan.misled, world.plan.links);
            format!("roles {roles:?} misled {misled:?} {:?} {links:?} skews {:?}", world.plan.pace, world.plan.skews)
        });
        world.plan.cuts.iter().for_each(|cut| world.tell(|| format!("{cut:?}")));
        world.begin();
        world
    }

    fn begin(&mut self) {
        for back in (0..PRELUDE).rev() {
            self.chain.mine(START - back, Vec::new());
        }
        // Listed one after the other, in blocks that no reorganisation of the run can reach.
        for job in 0..self.plan.jobs.len() {
            if let Some(block) = self.chain.blocks.get_mut(4 + job) {
                block.jobs.push(job);
            }
        }
        for keeper in 0..self.nodes.len() {
            let delay = self.random.below(900);
            self.after(delay, Event::Restart { keeper });
        }
        self.after(1_000, Event::Block);
        self.after(HEAL * 1_000, Event::Heal);
        for (at, strike) in std::mem::take(&mut self.plan.strikes) {
            self.after(at, Event::Strike(strike));
        }
        let skewed = self.plan.skews.iter().filter(|skew| **skew != 0).count();
        self.count("clock_skew", skewed as u64);
    }

    /// Runs to the end: all that must settle has settled and a rest has passed, or every deadline has.
    pub(super) fn run(&mut self) {
        let last = self.demanded().map(|due| due.deadline * 1000).max().unwrap_or_default();
        let mut rest = None;
        while let Some(Reverse(queued)) = self.queue.pop() {
            self.now = queued.at;
            self.events += 1;
            self.trace.word(self.now);
            self.happen(queued.event);
            if self.healed && self.now > (START + LAST_DUE + 1) * 1000 && self.unsettled().next().is_none() {
                let end = *rest.get_or_insert(self.now + REST);
                if self.now >= end {
                    break;
                }
            }
            if self.now > last + REST || self.checks.violations.len() > 8 {
                break;
            }
        }
        self.look_for_missing_verdicts();
        self.look_for_stalls();
        self.unsettled().for_each(|due| self.tell(|| format!("unsettled: {}", run_of(&due.task))));
    }

    /// Every task of a job whose honest runs agree, without exception: the faults end long enough before the first
    /// deadline for three more attempts.
    fn demanded(&self) -> impl Iterator<Item = &DueTask> {
        self.tasks.values().filter(|(_, conduct)| *conduct != Conduct::Differs).map(|(due, _)| due)
    }

    /// What should have settled and has not.
    pub(super) fn unsettled(&self) -> impl Iterator<Item = &DueTask> {
        self.demanded().filter(|due| !self.chain.settled.contains(&due.task))
    }

    /// How many tasks there were.
    pub(super) fn task_count(&self) -> usize {
        self.tasks.len()
    }

    /// Misdeeds by role.
    pub(super) fn misdeeds(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.nodes.iter().filter_map(|node| node.actor.as_ref()).map(|actor| (actor.role.name(), actor.deeds))
    }

    /// Tells whoever replays a seed what happens.
    fn tell(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            eprintln!("{:>6} {}", self.elapsed(), what());
        }
    }

    fn count(&mut self, fault: &'static str, times: u64) {
        *self.faults.entry(fault).or_default() += times;
    }

    /// Milliseconds since the start of the run.
    fn elapsed(&self) -> u64 {
        self.now - START * 1000
    }

    fn after(&mut self, delay: u64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse(Queued { at: self.now + delay, sequence: self.sequence, event }));
    }

    /// What a keeper's clock shows.
    fn local(&self, keeper: usize) -> Time {
        let skew = if self.healed { 0 } else { self.plan.skews[keeper] };
        Time(self.now.saturating_add_signed(skew))
    }

    /// Whether a keeper does as the protocol says; one that is misled by its RPC node does.
    fn is_honest(&self, keeper: usize) -> bool {
        self.plan.roles[keeper].is_none()
    }

    fn is_alive(&self, keeper: usize, life: u64) -> bool {
        self.nodes[keeper].life == life && self.nodes[keeper].engine.is_some()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Block => self.mine(),
            Event::Deliver { to, from, channel, bytes } => self.deliver(to, from, channel, &bytes),
            // Of the wakes in the queue, the earliest one asked for counts.
            Event::Wake { keeper, life }
                if self.is_alive(keeper, life) && self.nodes[keeper].wake == Some(self.now) =>
            {
                self.nodes[keeper].wake = None;
                self.feed(keeper, Input::Tick);
            }
            Event::House { keeper, life } if self.is_alive(keeper, life) => {
                self.tell_due(keeper);
                self.look_for_missing_verdict(keeper);
                self.after(1_000, Event::House { keeper, life });
            }
            Event::Poll { keeper } => self.poll(keeper),
            Event::Executed { keeper, life, task, attempt, anchor, result } if self.is_alive(keeper, life) => {
                self.feed(keeper, Input::Trouble { job: task.job, troubled: result.is_err() });
                self.feed(keeper, Input::Executed { task, attempt, anchor, result: *result });
            }
            Event::Flush { keeper, life } if self.is_alive(keeper, life) => self.flush(keeper),
            Event::Persisted { keeper, life, token, safe } if self.is_alive(keeper, life) => {
                self.feed(keeper, Input::Persisted { token, safe });
            }
            Event::Ask { from, to, bytes } => self.answer(from, to, &bytes),
            Event::Answer { from, to, bytes } => {
                let from = self.keys[from].peer;
                self.feed(to, Input::Answered { from, bytes: bytes.to_vec() });
            }
            Event::Transaction { keeper, settlement } => self.take_transaction(keeper, *settlement),
            Event::NotSettled { keeper, life, key } if self.is_alive(keeper, life) => {
                self.feed(keeper, Input::SubmissionFailed(key));
            }
            Event::Say { keeper, channel, bytes, to } => self.send_to_all(keeper, channel, &bytes, to),
            Event::Strike(strike) => self.strike(strike),
            Event::Restart { keeper } => self.start(keeper),
            Event::Heal => self.heal(),
            Event::Wake { .. }
            | Event::House { .. }
            | Event::Executed { .. }
            | Event::Flush { .. }
            | Event::Persisted { .. }
            | Event::NotSettled { .. } => {}
        }
    }

    fn deliver(&mut self, to: usize, from: usize, channel: Channel, bytes: &Rc<[u8]>) {
        if self.nodes[to].engine.is_none() {
            return;
        }
        self.tags += 1;
        let message = MessageTag(self.tags);
        self.nodes[to].unjudged.insert(message, Unjudged { since: self.now, author: from });
        let peer = self.keys[from].peer;
        self.feed(to, Input::Received { message, from: peer, channel, bytes: bytes.to_vec() });
        let quiet = self.healed && self.plan.quiet;
        let node = &mut self.nodes[to];
        if let (Some(actor), Some(engine)) = (node.actor.as_mut().filter(|_| !quiet), node.engine.as_ref()) {
            let keepers = self.keys.len();
            let keys = &self.keys[to];
            let mut means = Means { keys, index: to, keepers, engine, random: &mut self.random };
            let deeds = actor.on_message(channel, bytes, &mut means);
            self.do_deeds(to, deeds);
        }
    }

    fn answer(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let silent = self.nodes[to].actor.as_ref().is_some_and(|actor| actor.role == super::actor::Role::Silent);
        if silent || (!self.is_honest(to) && self.healed && self.plan.quiet) {
            return;
        }
        let Some(answer) = self.nodes[to].engine.as_ref().map(|engine| engine.answer(bytes)) else {
            return;
        };
        let answer: Rc<[u8]> = answer.into();
        for delay in self.route(to, from) {
            self.after(delay, Event::Answer { from: to, to: from, bytes: Rc::clone(&answer) });
        }
    }

    /// A submitter looks whether its work is done already before it pays for a transaction.
    fn take_transaction(&mut self, keeper: usize, settlement: Settlement) {
        let reports = &settlement.certificate.reports;
        if !reports.iter().all(|report| self.chain.settled.contains(&report.task)) {
            self.mempool.push((keeper, settlement));
        }
    }

    fn mine(&mut self) {
        let transactions = std::mem::take(&mut self.mempool);
        let results = self.chain.mine(self.now / 1000, transactions);
        let at = self.elapsed();
        for (keeper, settlement, result) in results {
            self.tell(|| {
                let runs = settlement.certificate.reports.iter().map(|report| run_of(&report.task));
                let head = self.chain.head();
                format!("block {head}: {keeper} submits {:?}: {result:?}", runs.collect::<Vec<_>>())
            });
            match result {
                Ok(effects) => {
                    self.checks.on_certificate(at, &settlement);
                    for (task, outcome) in effects.fresh {
                        self.settled_at.insert(task, self.now);
                        self.check_result(task, outcome, &settlement);
                    }
                }
                Err(refusal) => {
                    self.wasted += u64::from(refusal == Refusal::NothingToSettle);
                    if refusal != Refusal::NothingToSettle && self.is_honest(keeper) {
                        self.checks.fail(at, "refused_certificate", format!("keeper {keeper}: {refusal:?}"));
                    }
                    let life = self.nodes[keeper].life;
                    self.after(200, Event::NotSettled { keeper, life, key: settlement.key });
                }
            }
        }
        for keeper in 0..self.nodes.len() {
            let delay = 10 + self.random.below(self.plan.links.delay + 50);
            self.after(delay, Event::Poll { keeper });
        }
        self.after(1_000, Event::Block);
    }

    /// What a task settled with must be what an honest run of it gives.
    fn check_result(&mut self, task: Task, outcome: alloy::primitives::B256, settlement: &Settlement) {
        let Some((_, conduct)) = self.tasks.get(&task) else {
            return;
        };
        let report = settlement.certificate.reports.iter().find(|report| report.task == task);
        if let Some(report) = report.filter(|_| *conduct != Conduct::Differs) {
            let honest = effects::honest_outcome(task, report.anchor.hash, *conduct);
            if honest.hash(super::plan::CODE) != outcome {
                self.checks.fail(self.elapsed(), "wrong_result", format!("{:?}", task.id()));
            }
        }
    }

    fn look_for_missing_verdict(&mut self, keeper: usize) {
        let late = |unjudged: &Unjudged| self.now > unjudged.since + VERDICT_PATIENCE;
        if self.nodes[keeper].unjudged.values().next().is_some_and(late) && self.nodes[keeper].actor.is_none() {
            self.nodes[keeper].unjudged.pop_first();
            self.checks.fail(self.elapsed(), "no_verdict", format!("keeper {keeper} left a message without a verdict"));
        }
    }

    /// Once all honest keepers are up and nobody misbehaves but by silence, leaders that are silent cost stages, not
    /// attempts: every task settles before its second attempt begins.
    fn look_for_stalls(&mut self) {
        let calm = (START + CALM) * 1000;
        let stalled = |due: &&DueTask| {
            let retry = self.plan.pace.attempt_due(due.due, 1) * 1000;
            due.due * 1000 >= calm && self.settled_at.get(&due.task).is_some_and(|&at| at >= retry)
        };
        let stalled: Vec<Task> = self.demanded().filter(stalled).map(|due| due.task).collect();
        for task in stalled.into_iter().filter(|_| self.plan.quiet) {
            let late = format!("{} waited for another attempt though nothing failed", run_of(&task));
            self.checks.fail(self.elapsed(), "stalled", late);
        }
    }

    fn look_for_missing_verdicts(&mut self) {
        for keeper in 0..self.nodes.len() {
            self.look_for_missing_verdict(keeper);
        }
    }
}

/// A task for people: job and run.
fn run_of(task: &Task) -> String {
    format!("{}/{}", task.job.0, alloy::primitives::U256::from_be_bytes(task.instance.0.0))
}
