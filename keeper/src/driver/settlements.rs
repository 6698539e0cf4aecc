//! The newest settlements of the chain, for tasks that the schedule tells only later, say after a long stop.

use std::collections::{BTreeMap, BTreeSet};

use consensus::task::Task;

use crate::chain::Settled;

/// Settlements remembered: some 10 MiB.
const SETTLED_MAX: usize = 32_768;

/// What was settled, by task and block: of two settlements of a task one is untrue, and its block is taken back in time.
#[derive(Debug, Default)]
pub(super) struct Settlements {
    settled: BTreeMap<(Task, u64), Settled>,
    by_block: BTreeSet<(u64, Task)>,
    /// When the last one that was forgotten had settled, in Unix seconds.
    forgotten: u64,
}

impl Settlements {
    /// Remembers a settlement; beyond [`SETTLED_MAX`] the oldest is forgotten.
    pub(super) fn insert(&mut self, task: Task, settled: Settled) {
        let block = settled.block;
        self.settled.insert((task, block), settled);
        self.by_block.insert((block, task));
        if self.settled.len() > SETTLED_MAX
            && let Some((block, oldest)) = self.by_block.pop_first()
        {
            let settled = self.settled.remove(&(oldest, block));
            self.forgotten = self.forgotten.max(settled.map_or(0, |settled| settled.timestamp));
        }
    }

    /// From this moment on (Unix seconds) no task has come due that has settled and is not here: none settles before it is due.
    pub(super) fn complete_from(&self) -> u64 {
        self.forgotten.saturating_add(1)
    }

    /// The newest settlement of a task.
    pub(super) fn get(&self, task: &Task) -> Option<&Settled> {
        self.settled.range((*task, 0)..=(*task, u64::MAX)).next_back().map(|(_, settled)| settled)
    }

    /// The blocks above `number` are orphaned, and what they settled is not unless an earlier one did: those tasks are given.
    pub(super) fn rewind(&mut self, number: u64) -> Vec<Task> {
        let mut undone = Vec::new();
        while let Some(&(block, task)) = self.by_block.last()
            && block > number
        {
            self.by_block.pop_last();
            self.settled.remove(&(task, block));
            undone.push(task);
        }
        undone.retain(|task| self.get(task).is_none());
        undone
    }
}

#[cfg(test)]
mod tests;
