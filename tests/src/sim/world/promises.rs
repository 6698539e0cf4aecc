//! What is demanded at the end of a run: everything settled, nothing stalled, every message judged.

use std::collections::BTreeMap;

use consensus::task::{DueTask, Task};
use keeper::chain::convert;

use super::{World, run_of};
use crate::sim::checks::VERDICT_PATIENCE;
use crate::sim::node::Unjudged;
use crate::sim::plan::{CALM, Conduct, START};

impl World<'_> {
    /// Every task of a job whose honest runs agree, without exception: the faults end long enough before the first
    /// deadline for three more attempts.
    pub(super) fn demanded(&self) -> impl Iterator<Item = &DueTask> {
        self.tasks.values().filter(|(_, conduct)| *conduct != Conduct::Differs).map(|(due, _)| due)
    }

    /// What should have settled and has not.
    pub(in crate::sim) fn unsettled(&self) -> impl Iterator<Item = &DueTask> {
        self.demanded().filter(|due| !self.chain.settled.contains(&due.task))
    }

    /// Whether nothing that should settle is left.
    pub(super) fn has_settled_all(&mut self) -> bool {
        if self.awaited.is_none_or(|task| self.chain.settled.contains(&task)) {
            let next = self.unsettled().next().map(|due| due.task);
            self.awaited = next;
        }
        self.awaited.is_none()
    }

    pub(super) fn look_for_missing_verdict(&mut self, keeper: usize) {
        let late = |unjudged: &Unjudged| self.now > unjudged.since + VERDICT_PATIENCE;
        if self.nodes[keeper].unjudged.values().next().is_some_and(late) && self.nodes[keeper].actor.is_none() {
            self.nodes[keeper].unjudged.pop_first();
            self.checks.fail(self.elapsed(), "no_verdict", format!("keeper {keeper} left a message without a verdict"));
        }
    }

    /// Once all honest keepers are up and nobody misbehaves but by silence, leaders that are silent cost stages, not
    /// attempts: every task settles before its second attempt begins.
    pub(super) fn look_for_stalls(&mut self) {
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

    /// Whatever was reorganised and whoever died on the way: what a keeper has recorded is what the chain has settled, as far as
    /// it has read it.
    pub(super) fn look_for_false_records(&mut self) {
        for keeper in 0..self.nodes.len() {
            let node = &self.nodes[keeper];
            if !self.is_honest(keeper) || node.core.is_none() {
                continue;
            }
            let read = self.chain.blocks.iter().zip(&node.held).take_while(|(block, held)| block.reference == **held);
            let read: Vec<_> = read.map(|(block, _)| block).collect();
            let settled = read.iter().flat_map(|block| &block.settled);
            let settled: BTreeMap<Task, u64> = settled.map(|settled| (convert::task(settled), settled.block)).collect();
            let recorded = node.archive.iter().filter_map(|(&task, run)| Some((task, run.settled?.block)));
            let recorded: BTreeMap<Task, u64> = recorded.filter(|(_, block)| *block <= read.len() as u64).collect();
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
}
