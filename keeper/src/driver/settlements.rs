//! The newest settlements of the chain, for tasks that the schedule tells only later, say after a long stop.

use std::collections::{BTreeMap, BTreeSet};

use consensus::task::Task;

use crate::chain::Settled;

/// Settlements remembered.
const SETTLED_MAX: usize = 8_192;

/// What was settled, by task.
#[derive(Debug, Default)]
pub(super) struct Settlements {
    settled: BTreeMap<Task, Settled>,
    by_block: BTreeSet<(u64, Task)>,
}

impl Settlements {
    /// Remembers a settlement; beyond [`SETTLED_MAX`] the oldest is forgotten.
    pub(super) fn insert(&mut self, task: Task, settled: Settled) {
        let block = settled.block;
        if let Some(before) = self.settled.insert(task, settled) {
            self.by_block.remove(&(before.block, task));
        }
        self.by_block.insert((block, task));
        if self.settled.len() > SETTLED_MAX
            && let Some((_, oldest)) = self.by_block.pop_first()
        {
            self.settled.remove(&oldest);
        }
    }

    pub(super) fn get(&self, task: &Task) -> Option<&Settled> {
        self.settled.get(task)
    }

    /// The blocks above `number` are orphaned, and what they settled is not.
    pub(super) fn rewind(&mut self, number: u64) {
        while let Some(&(block, task)) = self.by_block.last()
            && block > number
        {
            self.by_block.pop_last();
            self.settled.remove(&task);
        }
    }
}

#[cfg(test)]
mod tests;
