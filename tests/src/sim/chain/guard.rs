//! The contract's replay guard, in arithmetic of its own.

use std::collections::BTreeSet;

use consensus::report::Report;
use consensus::task::Task;

use crate::sim::plan::{Job, Rhythm, START};

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

    /// Whether a report may settle in a block of this number and time, in Unix seconds.
    pub(in crate::sim) fn takes(&self, report: &Report, job: &Job, (number, timestamp): (u64, u64)) -> bool {
        let task = &report.task;
        let run = task.instance.run().filter(|run| *run <= RUN_MAX);
        let is_hash = run.is_none();
        let is_due = match &job.rhythm {
            Rhythm::Interval { first, interval } => run.is_some_and(|run| START + first + run * interval <= timestamp),
            Rhythm::Blocks { first, every } => run.is_some_and(|run| first + run * every <= number),
            Rhythm::Logs(_) => is_hash,
            Rhythm::Condition { cooldown } => {
                let mut last = self.conditions.iter().rev().filter(|(_, last)| last.job == task.job);
                let rests = last.next().is_some_and(|(block, _)| report.anchor.number < block + cooldown);
                is_hash && !rests
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
