//! The simulator: the keepers that ship (`keeper::driver::Core` with all that it owns) and real journals over one seeded
//! queue of happenings, which stands in for chain, mesh, disks and clocks.
//!
//! A seed decides everything: who is hostile and how, what fails and when, how long each message takes. There are no
//! threads, no clocks and no unordered containers, so a seed gives the same run, and the same fingerprint, on every
//! machine and in every build.
//!
//! A run has two phases. In the *attack*, 48 s with tasks due over 21 windows, everything goes wrong that the plan holds,
//! and after every event the promises of safety are checked ([`checks`]). Then the faults *heal*: links are calm, clocks
//! are right, everybody honest is up; hostile keepers fall silent in half of the seeds and go on in the others. From then
//! on settlement is demanded of every task ever due whose honest runs agree, before its deadline, without exception: the
//! first deadline lies three attempts after the healing. And where hostile keepers are silent, a task due when all others
//! have come back settles before its second attempt.

mod actor;
mod chain;
mod checks;
mod court;
mod disk;
mod doubt;
mod keys;
mod node;
mod plan;
pub mod plant;
pub(crate) mod random;
mod role;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use consensus::bls::simulated;

pub use checks::Violation;
use keys::Keys;
use plant::Plant;
use random::Fingerprint;
use role::Role;
use world::World;

/// Every kind of fault; a run in which one never occurred proves nothing about it.
pub const FAULTS: [&str; 22] = [
    "clock_skew",
    "crash",
    "dispute",
    "duplication",
    "false_answer",
    "false_condition",
    "hidden_log",
    "lagging_view",
    "loss",
    "lost_unsynced_write",
    "lying_view",
    "made_up_log",
    "made_up_run",
    "moved_log",
    "other_branch",
    "other_table",
    "partition_one_way",
    "partition_total",
    "reorder",
    "reorg",
    "rpc_outage",
    "wrong_certificate",
];

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seeds, the last one excluded.
    pub seeds: Range<u64>,
    /// Keepers in the mesh.
    pub keepers: usize,
    /// How many of them are hostile, those with lying RPC nodes included.
    pub byzantine: usize,
    /// A bug to plant.
    pub plant: Option<Plant>,
    /// Whether to tell on standard error what happens.
    pub verbose: bool,
    /// Whether to sign with blst and ed25519 in the place of the stand-ins.
    pub real_crypto: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Seeds run.
    pub seeds: u64,
    /// Tasks that were due.
    pub tasks: u64,
    /// Events that happened.
    pub events: u64,
    /// How often each kind of fault struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// How many misdeeds each kind of hostile keeper committed.
    pub actors: BTreeMap<&'static str, u64>,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Tasks that should have settled and did not.
    pub unsettled: u64,
    /// Seeds with unsettled tasks.
    pub unsettled_seeds: Vec<u64>,
    /// Transactions that found nothing left to settle.
    pub wasted: u64,
    /// Fingerprint of everything that happened.
    pub hash: u64,
}

impl Summary {
    /// Kinds of faults and hostile keepers that never occurred.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let faults = FAULTS.into_iter().chain(["storage_error"]).filter(|kind| !self.faults.contains_key(kind));
        let roles = Role::ALL.into_iter().map(Role::name).filter(|kind| !self.actors.contains_key(kind));
        faults.chain(roles).collect()
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.unsettled == 0
    }

    /// The first seed in which something went wrong.
    #[must_use]
    pub fn first_bad_seed(&self) -> Option<u64> {
        let violations = self.violations.iter().map(|violation| violation.seed);
        violations.chain(self.unsettled_seeds.iter().copied()).min()
    }
}

/// Runs all seeds, one after the other; `stop` is asked after each whether that is enough.
pub fn run(options: &Options, mut stop: impl FnMut(&Summary) -> bool) -> Summary {
    simulated::switch(!options.real_crypto);
    let keys: Vec<Keys> = (0..options.keepers).map(Keys::of).collect();
    let mut summary = Summary::default();
    let mut hash = Fingerprint::default();
    for seed in options.seeds.clone() {
        run_seed(seed, &keys, options, &mut summary, &mut hash);
        if stop(&summary) {
            break;
        }
    }
    summary.hash = hash.value();
    simulated::switch(false);
    summary
}

fn run_seed(seed: u64, keys: &[Keys], options: &Options, summary: &mut Summary, hash: &mut Fingerprint) {
    summary.seeds += 1;
    let run = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, keys, options);
        world.run();
        world
    }));
    let Ok(world) = run else {
        summary.violations.push(Violation { seed, at: 0, kind: "panic", detail: "see standard error".to_owned() });
        return;
    };
    summary.tasks += world.task_count() as u64;
    summary.events += world.events;
    summary.wasted += world.wasted;
    let unsettled = world.unsettled().len() as u64;
    summary.unsettled += unsettled;
    if unsettled > 0 {
        summary.unsettled_seeds.push(seed);
    }
    for (&kind, &count) in world.faults.iter().filter(|(_, count)| **count > 0) {
        *summary.faults.entry(kind).or_default() += count;
    }
    for (kind, count) in world.misdeeds().filter(|(_, count)| *count > 0) {
        *summary.actors.entry(kind).or_default() += count;
    }
    summary.violations.extend(world.checks.violations.iter().cloned());
    hash.word(world.trace.value());
}
