//! What is demanded at the end of a run: everything settled, nothing stalled, every message judged.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::B256;
use consensus::task::{InstanceKey, JobId, Task};
use keeper::chain::{Settled, convert};

use super::{World, run_of};
use crate::sim::checks::VERDICT_PATIENCE;
use crate::sim::node::Unjudged;
use crate::sim::plan::{CALM, Conduct, HEAL, LAST_DUE, Rhythm, START, moment_of};

/// A condition that holds for so many seconds after the faults have ended has its run: one that is open may have to be given up
/// first, and the next one may need another attempt.
const UNMET_MAX: u64 = 75;

impl World<'_> {
    /// Every task of a job whose honest runs agree, without exception, and when it is due: the faults end long enough before the
    /// first deadline for three more attempts.
    pub(super) fn demanded(&self) -> impl Iterator<Item = (Task, u64)> {
        let certain = self.tasks.values().filter(|(_, conduct)| *conduct != Conduct::Differs);
        certain.map(|(due, _)| (due.task, due.due)).chain(self.due_by_logs())
    }

    /// The tasks that the logs of the chain make due as it stands, and when.
    fn due_by_logs(&self) -> impl Iterator<Item = (Task, u64)> {
        let waiting = self.plan.jobs.iter().filter_map(|job| match &job.rhythm {
            Rhythm::Logs(terms) => Some((job.id, u64::from(terms.confirmations))),
            _ => None,
        });
        let pace = self.plan.pace;
        waiting.flat_map(move |(id, confirmations)| {
            self.chain.blocks.iter().flat_map(move |block| {
                let depth = confirmations.saturating_sub(pace.confirmations);
                let due = moment_of(block.reference.number + depth) + pace.confirmed_seconds;
                let known = self.chain.record.block(block.reference.hash);
                let keys = known.into_iter().flat_map(|known| &known.keys);
                keys.map(move |&key| (Task { job: JobId(id), version: 1, instance: InstanceKey(key) }, due))
            })
        })
    }

    /// How many tasks there were.
    pub(in crate::sim) fn task_count(&self) -> usize {
        let settled = self.chain.blocks.iter().flat_map(|block| &block.settled);
        let conditions = settled.filter(|settled| self.cooldown_of(settled).is_some()).count();
        self.tasks.len() + self.due_by_logs().count() + conditions
    }

    /// What should have settled and has not.
    pub(in crate::sim) fn unsettled(&self) -> Vec<Task> {
        self.demanded().map(|(task, _)| task).filter(|task| !self.chain.guard.has(task)).collect()
    }

    /// Whether nothing that should settle is left.
    pub(super) fn has_settled_all(&mut self) -> bool {
        if self.is_unmet() && self.elapsed() < (LAST_DUE + 2 * UNMET_MAX) * 1000 {
            return false;
        }
        if self.awaited.is_none_or(|task| self.chain.guard.has(&task)) {
            let next = self.unsettled().first().copied();
            self.awaited = next;
        }
        self.awaited.is_none()
    }

    /// Whether the condition holds at the newest block.
    fn is_unmet(&self) -> bool {
        let newest = self.chain.blocks.last().and_then(|block| self.chain.record.block(block.reference.hash));
        newest.is_some_and(|block| block.is_met)
    }

    pub(super) fn look_for_missing_verdict(&mut self, keeper: usize) {
        let late = |unjudged: &Unjudged| self.now > unjudged.since + VERDICT_PATIENCE;
        if self.nodes[keeper].unjudged.values().next().is_some_and(late) && self.nodes[keeper].actor.is_none() {
            self.nodes[keeper].unjudged.pop_first();
            self.checks.fail(self.elapsed(), "no_verdict", format!("keeper {keeper} left a message without a verdict"));
        }
    }

    /// Whether an earlier run of a task's job was late already, and open still, when the task came due.
    fn waits(&self, task: &Task, due: u64) -> bool {
        let is_open = |task: &Task| self.settled_at.get(task).is_none_or(|&at| at > due * 1000);
        let is_late = |(_, earlier): &(Task, u64)| self.plan.pace.late_from(*earlier) <= due;
        self.demanded().filter(|(other, _)| other.job == task.job).filter(is_late).any(|(other, _)| is_open(&other))
    }

    /// Once all honest keepers are up and nobody misbehaves but by silence, leaders that are silent cost stages, not
    /// attempts: every task settles before its second attempt begins. One whose job has something to catch up with waits for that.
    pub(super) fn look_for_stalls(&mut self) {
        let calm = (START + CALM) * 1000;
        let stalled = |(task, due): &(Task, u64)| {
            let retry = self.plan.pace.attempt_due(*due, 1) * 1000;
            let is_stalled = due * 1000 >= calm && self.settled_at.get(task).is_some_and(|&at| at >= retry);
            is_stalled && !self.waits(task, *due)
        };
        let stalled: Vec<Task> = self.demanded().filter(stalled).map(|(task, _)| task).collect();
        for task in stalled.into_iter().filter(|_| self.plan.quiet) {
            let late = format!("{} waited for another attempt though nothing failed", run_of(&task));
            self.checks.fail(self.elapsed(), "stalled", late);
        }
    }

    /// Whatever was reorganised and whoever died on the way: what a keeper has recorded is what the chain has settled, as far as
    /// it has read it. A node that makes up settlements is recorded with the rest.
    pub(super) fn look_for_false_records(&mut self) {
        for keeper in 0..self.nodes.len() {
            let node = &self.nodes[keeper];
            // A node that lies shows what is settled again, in a block that is none.
            if !self.is_honest(keeper) || self.plan.misled[keeper] || node.core.is_none() {
                continue;
            }
            let read = self.chain.blocks.iter().zip(&node.held).take_while(|(block, held)| block.reference == **held);
            let read: Vec<_> = read.map(|(block, _)| block).collect();
            let settled = read.iter().flat_map(|block| &block.settled);
            let settled: BTreeMap<Task, u64> = settled.map(|settled| (convert::task(settled), settled.block)).collect();
            let recorded = node.archive.iter().filter_map(|(&task, run)| Some((task, run.settled?.block)));
            // Whoever was down when a log or a condition was orphaned never hears of its task again.
            let is_told = |task: &Task| node.life == 1 || self.tasks.contains_key(task) || settled.contains_key(task);
            let recorded = recorded.filter(|(task, block)| *block <= read.len() as u64 && is_told(task));
            let recorded: BTreeMap<Task, u64> = recorded.collect();
            let wrong = settled.iter().chain(&recorded).find(|(task, _)| settled.get(task) != recorded.get(task));
            if let Some((task, _)) = wrong.filter(|_| read.len() == node.held.len()) {
                let (is, says) = (settled.get(task), recorded.get(task));
                let detail = format!("keeper {keeper} on {}: settled in block {is:?}, not {says:?}", run_of(task));
                self.checks.fail(self.elapsed(), "false_record", detail);
            }
        }
    }

    pub(super) fn look_for_missing_verdicts(&mut self) {
        for keeper in 0..self.nodes.len() {
            self.look_for_missing_verdict(keeper);
        }
    }

    /// Whether what settled in a block was due on the branch that the block is on.
    pub(super) fn judge(&mut self, settled: &Settled, block: B256) {
        let task = convert::task(settled);
        if !self.was_due(&task, block) {
            let detail = format!("{} settles in block {}", run_of(&task), settled.block);
            return self.checks.fail(self.elapsed(), "settled_what_was_not_due", detail);
        }
        let job = self.plan.job(settled.job_id);
        let depth = match job.map(|job| &job.rhythm) {
            Some(Rhythm::Logs(terms)) => u64::from(terms.confirmations).max(self.plan.pace.confirmations),
            _ => return,
        };
        let seen = self.chain.record.log(task.instance.0).map_or(0, |log| log.block_number);
        if settled.block <= seen + depth {
            let detail = format!("{} of block {seen} settles in block {}", run_of(&task), settled.block);
            self.checks.fail(self.elapsed(), "settled_too_early", detail);
        }
    }

    fn cooldown_of(&self, settled: &Settled) -> Option<u64> {
        match self.plan.job(settled.job_id).map(|job| &job.rhythm) {
            Some(Rhythm::Condition { cooldown }) => Some(*cooldown),
            _ => None,
        }
    }

    /// The chain as it stands at last: what it holds was due, once each, and a condition rested after each run.
    pub(super) fn look_over_chain(&mut self) {
        let blocks = self.chain.blocks.iter();
        let settled =
            blocks.flat_map(|block| block.settled.iter().map(|settled| (settled.clone(), block.reference.hash)));
        let settled: Vec<(Settled, B256)> = settled.collect();
        let mut seen = BTreeSet::new();
        let mut rests = 0;
        for (settled, block) in settled {
            self.judge(&settled, block);
            if !seen.insert(settled.task_id) {
                self.checks.fail(self.elapsed(), "settled_twice", run_of(&convert::task(&settled)));
            }
            if let Some(cooldown) = self.cooldown_of(&settled) {
                if settled.anchor_number < rests {
                    self.checks.fail(self.elapsed(), "cooldown", run_of(&convert::task(&settled)));
                }
                rests = settled.block + cooldown;
            }
        }
    }

    /// The condition holds for long only before the faults end.
    pub(super) fn look_for_unmet(&mut self) {
        let mut since = None;
        let mut longest = 0;
        for block in &self.chain.blocks {
            let timestamp = block.reference.timestamp.max(START + HEAL);
            let is_met = self.chain.record.block(block.reference.hash).is_some_and(|block| block.is_met);
            since = is_met.then(|| since.unwrap_or(timestamp));
            longest = longest.max(since.map_or(0, |since| timestamp - since));
        }
        if longest > UNMET_MAX {
            let detail = format!("the condition held for {longest} s without a run that met it");
            self.checks.fail(self.elapsed(), "unmet", detail);
        }
    }
}
