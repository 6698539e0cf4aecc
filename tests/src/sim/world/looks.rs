//! Jobs that look outside: what keepers saw, true or not, what they decide on, and what of that settles.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::{B256, Bytes};
use consensus::anchor::BlockRef;
use consensus::committee::{KeeperIndex, QUORUM_BPS};
use consensus::inputs::InputSet;
use consensus::report::Report;
use consensus::task::{Abstention, DueTask, Outcome, Status, Task};
use keeper::driver::Event;

use super::{World, run_of};
use crate::sim::plan::Job;

/// How far apart honest keepers see the same thing at most.
const SPREAD: u64 = 10;

/// What has been seen and decided on so far.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// What each keeper's runs gave at a try.
    seen: BTreeMap<(Task, u8, usize), BTreeSet<Vec<u8>>>,
    /// The sets that honest keepers have decided on.
    sets: BTreeSet<B256>,
}

/// The truth of a task: what honest keepers see is this, or up to [`SPREAD`] more.
fn truth(due: &DueTask) -> u64 {
    1_000 + due.due % 97 * 100
}

/// The value at which half of the stake lies on either side; of those who saw a value at all.
fn median(inputs: &InputSet) -> Option<u64> {
    let value = |bytes: &[u8]| Some(u64::from_be_bytes(bytes.try_into().ok()?));
    let mut values: Vec<(u64, u64)> =
        inputs.seen.iter().filter_map(|seen| Some((value(&seen.bytes)?, u64::from(seen.share)))).collect();
    values.sort_unstable();
    let half = values.iter().map(|(_, share)| share).sum::<u64>().div_ceil(2);
    let mut below = 0;
    values.into_iter().find_map(|(value, share)| {
        below += share;
        (below >= half).then_some(value)
    })
}

impl World<'_> {
    /// Whether a keeper tells what it sees, and sees what there is.
    fn is_truthful(&self, keeper: usize) -> bool {
        self.is_honest(keeper) && !self.plan.misled[keeper]
    }

    /// Looks outside: after a while, and not the same on two keepers. Whoever is hostile lies, and so extremely that a mean would
    /// be lost.
    pub(super) fn look_outside(&mut self, keeper: usize, due: &DueTask, (attempt, anchor): (u8, BlockRef)) {
        if self.conduct(&due.task).is_none() {
            return;
        }
        let delay =
            if self.random.chance(100) { self.random.between(900, 2_500) } else { self.random.between(20, 900) };
        let result = if self.now < self.nodes[keeper].outage_until {
            Err(Abstention::NothingSeen)
        } else if !self.is_truthful(keeper) && self.random.chance(800) {
            self.count("lying_observation", 1);
            Ok(match self.random.below(4) {
                0 => 0_u64.to_be_bytes().to_vec(),
                1 => self.random.bytes(12),
                2 => Vec::new(),
                _ => u64::MAX.to_be_bytes().to_vec(),
            })
        } else {
            Ok((truth(due) + self.random.below(SPREAD + 1)).to_be_bytes().to_vec())
        };
        if let Ok(seen) = &result {
            self.looks.seen.entry((due.task, attempt, keeper)).or_default().insert(seen.clone());
        }
        let result = result.map(Bytes::from);
        let (task, anchor) = (due.task, anchor.hash);
        self.done(keeper, delay, Event::Observed { task, attempt, anchor, result, reason: String::new() });
    }

    /// Decides on a set, which must be one.
    pub(super) fn decide(
        &mut self,
        keeper: usize,
        due: &DueTask,
        (attempt, anchor): (u8, BlockRef),
        inputs: &Arc<InputSet>,
    ) {
        let value = median(inputs);
        if self.is_truthful(keeper) && !self.plan.deceived[keeper] {
            self.check_set(keeper, due, (attempt, anchor), inputs, value);
            self.looks.sets.insert(inputs.hash);
        }
        let parts = [due.task.instance.0.as_slice(), anchor.hash.as_slice(), inputs.hash.as_slice()].concat();
        let data = [parts.as_slice(), &value.unwrap_or(0).to_be_bytes()].concat();
        let outcome =
            Outcome { status: Status::Call, data: data.into(), state_after: B256::ZERO, transcript: B256::ZERO };
        let result = match self.now < self.nodes[keeper].outage_until {
            true => Err(Abstention::ChainReadFailed),
            false => Ok(outcome),
        };
        let (delay, task, inputs) = (self.random.between(5, 60), due.task, inputs.hash);
        self.done(keeper, delay, Event::Decided { task, attempt, inputs, result, reason: String::new() });
    }

    /// Two thirds of the stake at its anchor, each once, who all have said just that; and so many that the liars among them do not
    /// move the median beyond what honest keepers saw.
    fn check_set(
        &mut self,
        keeper: usize,
        due: &DueTask,
        (attempt, anchor): (u8, BlockRef),
        inputs: &InputSet,
        value: Option<u64>,
    ) {
        let at = self.elapsed();
        let active = self.plan.committees.iter().rev().find(|committee| committee.active_from() <= anchor.number);
        let Some(committee) = active else { return };
        let keepers: BTreeSet<u16> = inputs.seen.iter().map(|seen| seen.keeper.0).collect();
        let stakes = keepers.iter().filter_map(|&of| committee.member(KeeperIndex(of)));
        let stake: u128 = stakes.map(|member| member.stake).sum();
        let is_enough = keepers.len() == inputs.seen.len() && committee.is_quorum(stake, QUORUM_BPS);
        if !is_enough {
            let detail = format!("keeper {keeper} decides {} on what {keepers:?} saw", run_of(&due.task));
            self.checks.fail(at, "unfit_set", detail);
        }
        for seen in &inputs.seen {
            let of = usize::from(seen.keeper.0);
            let said = self.looks.seen.get(&(due.task, attempt, of));
            if self.is_truthful(of) && !said.is_some_and(|said| said.contains(&seen.bytes[..])) {
                let detail = format!("keeper {keeper} takes what keeper {of} has not said of {}", run_of(&due.task));
                self.checks.fail(at, "forged_observation", detail);
            }
        }
        let honest = truth(due)..=truth(due) + SPREAD;
        if is_enough && !value.is_some_and(|value| honest.contains(&value)) {
            let detail = format!("{} comes to {value:?}, and honest keepers saw {honest:?}", run_of(&due.task));
            self.checks.fail(at, "median_moved", detail);
        }
    }

    /// What has settled rests on a set that honest keepers have found to be one.
    pub(super) fn check_inputs(&mut self, report: &Report) {
        let observes = self.plan.job(report.task.job.0).is_some_and(Job::observes);
        let is_agreed = self.looks.sets.contains(&report.input_set);
        if observes != is_agreed {
            let detail = format!("{} settled on {}", run_of(&report.task), report.input_set);
            self.checks.fail(self.elapsed(), "unagreed_set", detail);
        }
    }
}
