//! The event queue, and what each event does.

mod disputes;
mod faults;
mod links;
mod lookout;
mod looks;
mod mining;
mod orders;
mod promises;
mod queue;
mod runs;
mod straight;
mod trace;
mod watcher;

use std::collections::BTreeMap;

use alloy::primitives::keccak256;
use consensus::anchor::BlockRef;
use consensus::committee::Committee;
use consensus::effect::Settlement;
use consensus::task::{DueTask, Task};
use consensus::time::Time;
use keeper::driver::Event;

use super::Options;
use super::chain::Chain;
use super::checks::Checks;
use super::keys::{DOMAIN, Keys};
use super::node::Node;
use super::plan::{Conduct, HEAL, LAST_DUE, PRELUDE, Plan, START, listed_in};
use super::plant::Plant;
use super::random::{Fingerprint, Random};
use queue::{Happening, Queue};

/// Calm at the end, so that nothing that still travels is missed.
const REST: u64 = 3_000;

/// One run.
pub(super) struct World<'a> {
    keys: &'a [Keys],
    plan: Plan,
    /// The operator sets as lying nodes show them: with other tables.
    false_committees: Vec<Committee>,
    /// The tasks that are certain beforehand.
    tasks: BTreeMap<Task, (DueTask, Conduct)>,
    /// Milliseconds since the Unix epoch, in truth.
    now: u64,
    queue: Queue,
    nodes: Vec<Node>,
    chain: Chain,
    /// The branch that the newest reorganisation has left, and until when some nodes are still there.
    left_branch: Option<(Vec<BlockRef>, u64)>,
    mempool: Vec<(usize, Settlement)>,
    /// When each task settled last.
    settled_at: BTreeMap<Task, u64>,
    /// The task that was found unsettled last: as long as it is, nobody need look for others.
    awaited: Option<Task>,
    healed: bool,
    verbose: bool,
    /// What is planted in every keeper.
    bug: Option<Plant>,
    tags: u64,
    looks: looks::Looks,
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
        let nodes = plan.roles.iter().map(|&role| Node::new(role)).collect();
        let mut world = Self {
            keys,
            chain: Chain::new(&plan, DOMAIN, seed),
            false_committees: plan.committees.iter().map(with_another_table).collect(),
            plan,
            tasks,
            now: START * 1000,
            queue: Queue::default(),
            nodes,
            left_branch: None,
            mempool: Vec::new(),
            settled_at: BTreeMap::new(),
            awaited: None,
            healed: false,
            verbose: options.verbose,
            bug: options.plant,
            tags: 0,
            looks: looks::Looks::default(),
            random,
            checks: Checks::new(seed),
            trace: Fingerprint::default(),
            events: 0,
            faults: BTreeMap::new(),
            wasted: 0,
        };
        world.tell(|| {
            let (roles, misled, links) = (&world.plan.roles, &world.plan.misled, world.plan.links);
            let (deceived, pace, skews) = (&world.plan.deceived, world.plan.pace, &world.plan.skews);
            format!("roles {roles:?} misled {misled:?} deceived {deceived:?} {pace:?} {links:?} skews {skews:?}")
        });
        world.plan.cuts.iter().for_each(|cut| world.tell(|| format!("{cut:?}")));
        world.begin();
        world
    }

    fn begin(&mut self) {
        for back in (0..PRELUDE).rev() {
            self.chain.mine(START - back, Vec::new());
        }
        for (place, job) in self.plan.jobs.iter().enumerate() {
            if let Some(block) = self.chain.blocks.get_mut(listed_in(job) as usize - 1) {
                block.jobs.push(place);
            }
        }
        for keeper in 0..self.nodes.len() {
            let delay = self.random.below(900);
            self.after(delay, Happening::Restart { keeper });
        }
        self.after(1_000, Happening::Block);
        self.after(HEAL * 1_000, Happening::Heal);
        for (at, strike) in std::mem::take(&mut self.plan.strikes) {
            self.after(at, Happening::Strike(strike));
        }
        let skewed = self.plan.skews.iter().filter(|skew| **skew != 0).count();
        self.count("clock_skew", skewed as u64);
    }

    /// Runs to the end: all that must settle has settled and a rest has passed, or every deadline has.
    pub(super) fn run(&mut self) {
        let last = self.tasks.values().map(|(due, _)| due.deadline * 1000).max().unwrap_or_default();
        let mut rest = None;
        while let Some((at, happening)) = self.queue.pop() {
            self.now = at;
            self.events += 1;
            self.trace.word(self.now);
            self.happen(happening);
            if self.healed && self.now > (START + LAST_DUE + 1) * 1000 && self.has_settled_all() && self.has_ruled_all()
            {
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
        self.look_for_unruled();
        self.look_for_false_records();
        self.look_over_chain();
        self.look_for_unmet();
        self.unsettled().iter().for_each(|task| self.tell(|| format!("unsettled: {}", run_of(task))));
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
        if times > 0 {
            *self.faults.entry(fault).or_default() += times;
        }
    }

    /// Milliseconds since the start of the run.
    fn elapsed(&self) -> u64 {
        self.now - START * 1000
    }

    fn after(&mut self, delay: u64, happening: Happening) {
        self.queue.push(self.now + delay, happening);
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
        self.nodes[keeper].life == life && self.nodes[keeper].core.is_some()
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Block => self.mine(),
            Happening::Deliver { to, from, channel, bytes } => self.deliver(to, from, channel, &bytes),
            Happening::Straight { to, from, bytes } => self.deliver_straight(to, from, &bytes),
            // Of the wakes in the queue, the earliest one asked for counts.
            Happening::Wake { keeper, life }
                if self.is_alive(keeper, life) && self.nodes[keeper].wake == Some(self.now) =>
            {
                self.nodes[keeper].wake = None;
                self.feed(keeper, Event::Tick);
            }
            Happening::House { keeper, life } if self.is_alive(keeper, life) => {
                self.feed(keeper, Event::House);
                self.look_for_missing_verdict(keeper);
                self.after(1_000, Happening::House { keeper, life });
            }
            Happening::Poll { keeper } => self.poll(keeper),
            Happening::Done { keeper, life, event } if self.is_alive(keeper, life) => self.feed(keeper, *event),
            Happening::Flush { keeper, life } if self.is_alive(keeper, life) => self.flush(keeper),
            Happening::Search { keeper, life, stretch } if self.is_alive(keeper, life) => {
                self.searched(keeper, &stretch);
            }
            Happening::Probe { keeper, life, block, questions } if self.is_alive(keeper, life) => {
                self.probed(keeper, block, &questions);
            }
            Happening::Ask { from, to, bytes } => self.hear_question(from, to, bytes.as_deref()),
            Happening::Answer { from, to, status, bytes } => self.hear_answer(from, to, status, &bytes),
            Happening::Transaction { keeper, settlement } => self.take_transaction(keeper, *settlement),
            Happening::Accusation { keeper, life, accusation } => {
                let (key, result) = (accusation.key, self.chain.accuse(accusation.key));
                if self.is_alive(keeper, life) {
                    self.feed(keeper, Event::Accused { key, result });
                }
            }
            Happening::Ruling { keeper, life, ruling } => self.take_ruling(keeper, life, &ruling),
            Happening::Say { keeper, channel, bytes, to } => self.send_to_all(keeper, channel, &bytes, to),
            Happening::Strike(strike) => self.strike(strike),
            Happening::Restart { keeper } => self.start(keeper),
            Happening::Heal => self.heal(),
            // Meant for an earlier life.
            Happening::Wake { .. }
            | Happening::House { .. }
            | Happening::Done { .. }
            | Happening::Flush { .. }
            | Happening::Search { .. }
            | Happening::Probe { .. } => {}
        }
    }
}

/// The same operators under the root of a table that the chain does not hold.
fn with_another_table(committee: &Committee) -> Committee {
    let (epoch, active_from) = (committee.epoch(), committee.active_from());
    let root = keccak256(committee.table_root());
    let other = Committee::new(epoch, active_from, root, committee.members().to_vec());
    other.unwrap_or_else(|_| committee.clone())
}

/// A task for people: job and run.
fn run_of(task: &Task) -> String {
    format!("{}/{}", task.job.0, alloy::primitives::U256::from_be_bytes(task.instance.0.0))
}
