//! Conditions: which of them are asked about at a block, and which are at rest.
//!
//! A job has one run at a time: while one is open, and for the cooldown after a settlement, it is not asked about. So leaders
//! that see it hold at different blocks mostly agree on the first one; where they do not, the contract takes one of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::B256;
use consensus::anchor::BlockRef;
use consensus::task::{JobId, Task};
use consensus::time::Time;

use crate::jobs::JobBook;
use crate::jobs::probe::Question;
use crate::jobs::trigger::Watch;

/// A question about a block is given up after so many milliseconds: the next block has its own.
const PATIENCE_MS: u64 = 20_000;

/// The conditions.
#[derive(Debug, Default)]
pub(in crate::driver) struct Conditions {
    /// The newest run of a job that was told.
    told: BTreeMap<u64, Task>,
    /// The block of the newest settlement of a job's version, and of those that a reorganisation may bring back.
    settled: BTreeMap<u64, Vec<(u32, u64)>>,
    /// The block that is asked about, and since when.
    asking: Option<(B256, Time)>,
}

/// Settlements of a job that are remembered.
const SETTLED_MAX: usize = 8;

impl Conditions {
    /// What to ask at a block; nothing while another block is asked about. `is_open` tells of a task whether it still is.
    pub(in crate::driver) fn ask(
        &mut self,
        block: &BlockRef,
        book: &JobBook,
        now: Time,
        is_open: impl Fn(&Task) -> bool,
    ) -> Option<Arc<[Question]>> {
        if self.asking.is_some_and(|(_, since)| now.0 < since.0.saturating_add(PATIENCE_MS)) {
            return None;
        }
        let question = |id: u64| {
            let job = book.job(id)?;
            let state = job.state();
            let Watch::Condition(condition) = state.plan.as_ref()?.trigger.watch() else { return None };
            let rests = self.rests(id, state.version, condition.cooldown(), block.number);
            let is_free = self.told.get(&id).is_none_or(|task| !is_open(task));
            let asked = Question { job: id, target: condition.target(), call: condition.call().clone() };
            (state.can_pay && is_free && !rests).then_some(asked)
        };
        let questions: Arc<[Question]> = book.watched().filter_map(|job| question(job.id)).collect();
        if questions.is_empty() {
            return None;
        }
        self.asking = Some((block.hash, now));
        Some(questions)
    }

    /// The answer about a block has come: whether it was asked about.
    pub(in crate::driver) fn answered(&mut self, block: B256) -> bool {
        self.asking.take_if(|(asked, _)| *asked == block).is_some()
    }

    /// Whether a run at block `number` would come too soon after the last one.
    pub(in crate::driver) fn rests(&self, job: u64, version: u32, cooldown: u64, number: u64) -> bool {
        let last = self.settled.get(&job).and_then(|all| all.last());
        last.is_some_and(|(of, block)| *of == version && number < block.saturating_add(cooldown))
    }

    /// Whether another run of the job than this one is open.
    pub(in crate::driver) fn is_taken(&self, task: &Task, is_open: impl Fn(&Task) -> bool) -> bool {
        self.told.get(&task.job.0).is_some_and(|told| told != task && is_open(told))
    }

    /// A run was told.
    pub(in crate::driver) fn note_told(&mut self, task: Task) {
        self.told.insert(task.job.0, task);
    }

    /// A run of the job has settled in a block.
    pub(in crate::driver) fn note_settled(&mut self, job: JobId, version: u32, block: u64) {
        let all = self.settled.entry(job.0).or_default();
        all.push((version, block));
        if all.len() > SETTLED_MAX {
            all.remove(0);
        }
    }

    /// The blocks above `number` are orphaned.
    pub(in crate::driver) fn rewind(&mut self, number: u64) {
        for all in self.settled.values_mut() {
            all.retain(|(_, block)| *block <= number);
        }
        self.settled.retain(|_, all| !all.is_empty());
    }

    /// Lets go of jobs that are none, or no more.
    pub(in crate::driver) fn forget(&mut self, is_known: impl Fn(u64) -> bool) {
        self.told.retain(|job, _| is_known(*job));
        self.settled.retain(|job, _| is_known(*job));
    }
}
