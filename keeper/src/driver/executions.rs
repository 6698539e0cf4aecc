//! The runs under way. An answer counts only for the very run it names: this task, this try, this block.
//!
//! ```text
//!           ordered             answered for (task, attempt, anchor)
//!  (none) ──────────► running ──────────────────────────────────────► (none), and its result goes to the engine
//!                        └── any other answer: left alone
//! ```

use std::collections::BTreeMap;

use alloy::primitives::B256;
use consensus::task::Task;
use consensus::time::Time;

/// Runs remembered: more than the engine has tasks open. Every run is answered, so only lost answers pile up.
const EXECUTIONS_MAX: usize = 16_384;

/// What was ordered and not answered yet.
#[derive(Debug, Default)]
pub(super) struct Executions {
    /// When each was ordered, by task, try and block.
    under_way: BTreeMap<(Task, u8, B256), Time>,
}

impl Executions {
    /// A run was ordered.
    pub(super) fn begin(&mut self, task: Task, attempt: u8, anchor: B256, now: Time) {
        if self.under_way.len() >= EXECUTIONS_MAX {
            let oldest = self.under_way.iter().min_by_key(|(_, since)| **since).map(|(&run, _)| run);
            oldest.and_then(|run| self.under_way.remove(&run));
        }
        self.under_way.insert((task, attempt, anchor), now);
    }

    /// A run was answered; says when it was ordered, or `None` if no such run is under way.
    pub(super) fn end(&mut self, task: Task, attempt: u8, anchor: B256) -> Option<Time> {
        self.under_way.remove(&(task, attempt, anchor))
    }
}

#[cfg(test)]
mod tests;
