//! The simulator of the sender: the real lane over a seeded model of mempools, fee markets, reorganisations, nodes that
//! disagree, disks that fail and crashes at any order.
//!
//! A seed decides everything, so the same seed gives the same run and the same fingerprint. A run has two phases. In the
//! *attack* everything goes wrong that the seed holds, and at every order the promises are checked ([`checks`]). Then all is
//! calm, and whatever was wanted and can still settle must settle, nothing may stay open, and new contents go through.

mod chain;
mod checks;
mod node;
mod pen;
mod plan;
pub mod plants;
mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use crate::sim::Violation;
use crate::sim::random::Fingerprint;
use plants::Plant;
use world::World;

/// Every kind of fault; seeds in which one never occurred prove nothing about it.
pub const FAULTS: [&str; 26] = [
    "answer_lost",
    "base_fee_spike",
    "crash",
    "disk_full",
    "displaced",
    "dropped_silently",
    "false_count",
    "false_receipt",
    "false_verdict",
    "gap",
    "lagging_node",
    "ledger_lost",
    "ledger_older",
    "lone_liar",
    "min_tip",
    "node_down",
    "other_fork",
    "other_program",
    "poor",
    "refused",
    "reorg_dropped",
    "reorg_returned",
    "replaced",
    "settled_by_others",
    "slow_answer",
    "write_landed",
];

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seeds, the last one excluded.
    pub seeds: Range<u64>,
    /// A bug to plant.
    pub plant: Option<Plant>,
    /// Whether to tell on standard error what happens.
    pub verbose: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Seeds run.
    pub seeds: u64,
    /// Contents that were wanted.
    pub contents: u64,
    /// Events that happened.
    pub events: u64,
    /// Transactions sent.
    pub sent: u64,
    /// Transactions of ours that were included and found nothing left to do.
    pub wasted: u64,
    /// How often each kind of fault struck.
    pub faults: BTreeMap<&'static str, u64>,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Fingerprint of everything that happened.
    pub hash: u64,
}

impl Summary {
    /// Kinds of faults that never occurred.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        FAULTS.into_iter().filter(|kind| !self.faults.contains_key(kind)).collect()
    }

    /// The first seed in which something went wrong.
    #[must_use]
    pub fn first_bad_seed(&self) -> Option<u64> {
        self.violations.iter().map(|found| found.seed).min()
    }
}

/// Runs all seeds, one after the other; `stop` is asked after each whether that is enough.
pub fn run(options: &Options, mut stop: impl FnMut(&Summary) -> bool) -> Summary {
    let mut summary = Summary::default();
    let mut hash = Fingerprint::default();
    for seed in options.seeds.clone() {
        run_seed(seed, options, &mut summary, &mut hash);
        if stop(&summary) {
            break;
        }
    }
    summary.hash = hash.value();
    summary
}

fn run_seed(seed: u64, options: &Options, summary: &mut Summary, hash: &mut Fingerprint) {
    summary.seeds += 1;
    let run = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, options.plant, options.verbose);
        world.run();
        world
    }));
    let Ok(world) = run else {
        summary.violations.push(Violation { seed, at: 0, kind: "panic", detail: "see standard error".to_owned() });
        return;
    };
    summary.contents += world.contents.len() as u64;
    summary.events += world.events;
    summary.sent += world.checks.sent;
    summary.wasted += world.chain.wasted();
    for (&kind, &count) in &world.faults {
        *summary.faults.entry(kind).or_default() += count;
    }
    summary.violations.extend(world.checks.violations.iter().cloned());
    hash.word(world.trace.value());
}
