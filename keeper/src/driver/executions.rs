//! The runs under way. An answer counts only for the very run it names: this task, this try, this block.
//!
//! ```text
//!           ordered             answered for (task, attempt, anchor)
//!  (none) ──────────► running ──────────────────────────────────────► (none), and its result goes to the engine
//!                        │ └── any other answer: left alone
//!                        └── over (its task has ended, or another run of it begins): abandoned, and its answer left alone
//! ```

use std::collections::BTreeMap;

use alloy::primitives::B256;
use consensus::task::Task;
use consensus::time::Time;

/// Runs remembered: as many as the engine has tasks, of which each has one run at a time, so that none which is under way
/// is forgotten: its task would wait for an answer that counts for nothing.
const EXECUTIONS_MAX: usize = consensus::engine::SESSIONS_MAX;

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

    /// A task is over, or try `begins` of it is about to run: the runs of it, as (try, block), that were still under way.
    /// Those of that very try are over too: they run at blocks that are orphaned, or were for a while.
    pub(super) fn abandon(&mut self, task: Task, begins: Option<u8>) -> Vec<(u8, B256)> {
        let last = begins.unwrap_or(u8::MAX);
        let runs = self.under_way.range((task, 0, B256::ZERO)..=(task, last, B256::repeat_byte(0xff)));
        let over: Vec<_> = runs.map(|(&(_, attempt, anchor), _)| (attempt, anchor)).collect();
        for &(attempt, anchor) in &over {
            self.under_way.remove(&(task, attempt, anchor));
        }
        over
    }

    /// A run was answered; says when it was ordered, or `None` if no such run is under way.
    pub(super) fn end(&mut self, task: Task, attempt: u8, anchor: B256) -> Option<Time> {
        self.under_way.remove(&(task, attempt, anchor))
    }
}

#[cfg(test)]
mod tests;
