//! What is demanded at the end of a run: everything settled, nothing stalled, every message judged.

use consensus::task::{DueTask, Task};

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

    pub(super) fn look_for_missing_verdicts(&mut self) {
        for keeper in 0..self.nodes.len() {
            self.look_for_missing_verdict(keeper);
        }
    }
}
