//! The contract's replay guard, in arithmetic of its own.

use std::collections::BTreeSet;

use consensus::report::Report;
use consensus::task::{DueTask, Task};

use crate::sim::plan::{Job, Rhythm};

/// Numbers of runs that are none: keys above are hashes.
const RUN_MAX: u64 = 1 << 40;

/// What has settled on the canonical chain.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Guard {
    settled: BTreeSet<Task>,
    /// Block and run of each settlement of a condition, in order.
    conditions: Vec<(u64, Task)>,
}

impl Guard {
    pub(in crate::sim) fn has(&self, task: &Task) -> bool {
        self.settled.contains(task)
    }

    /// Whether a report may settle in a block of this number and time; `due` is what is certain of its task beforehand.
    pub(in crate::sim) fn takes(&self, report: &Report, job: &Job, due: Option<&DueTask>, at: (u64, u64)) -> bool {
        let (number, timestamp) = at;
        let task = &report.task;
        let is_hash = task.instance.run().is_none_or(|run| run > RUN_MAX);
        let is_due = match &job.rhythm {
            Rhythm::Interval { .. } => due.is_some_and(|due| due.due <= timestamp),
            Rhythm::Blocks { first, every } => {
                task.instance.run().is_some_and(|run| run <= RUN_MAX && first + run * every <= number)
            }
            Rhythm::Logs(terms) => is_hash && timestamp >= terms.start,
            Rhythm::Condition { start, cooldown } => {
                let mut last = self.conditions.iter().rev().filter(|(_, last)| last.job == task.job);
                let rests = last.next().is_some_and(|(block, _)| report.anchor.number < block + cooldown);
                is_hash && timestamp >= *start && !rests
            }
        };
        is_due && task.version == 1 && !self.has(task)
    }

    /// A report settles in a block.
    pub(super) fn settle(&mut self, task: Task, job: &Job, number: u64) {
        self.settled.insert(task);
        if matches!(job.rhythm, Rhythm::Condition { .. }) {
            self.conditions.push((number, task));
        }
    }

    /// A settlement is undone: its block is orphaned.
    pub(super) fn undo(&mut self, task: &Task) {
        self.settled.remove(task);
        self.conditions.retain(|(_, settled)| settled != task);
    }
}
