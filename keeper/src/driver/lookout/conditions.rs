//! Conditions: which of them are asked about at a block, and which are at rest.
//!
//! While a run of a job is open, and for the cooldown after a settlement, it is not asked about: so leaders that see it hold at
//! different blocks mostly agree on the first one. Where they do not, keepers take up what either has assigned, for else some would
//! be left with one run and some with the other, and neither had a quorum. The contract takes one; then the others are void.

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
    /// The newest runs of a job that were told, and the numbers of their blocks.
    told: BTreeMap<u64, Vec<(u64, Task)>>,
    /// The block of the newest settlement of a job's version, and of those that a reorganisation may bring back.
    settled: BTreeMap<u64, Vec<(u32, u64)>>,
    /// The block that is asked about, and since when.
    asking: Option<(B256, Time)>,
}

/// Settlements of a job that are remembered.
const SETTLED_MAX: usize = 8;
/// Most runs of a job that are open at a time, were its leaders never to agree.
const OPEN_MAX: usize = 4;

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
            let Watch::Condition(condition) = state.plan.as_ref().ok()?.trigger.watch() else { return None };
            let rests = self.rests(id, state.version, condition.cooldown(), block.number);
            let is_free = self.open(id, &is_open) == 0;
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

    /// Whether there is room for a run: one that was assigned, or that this keeper has seen itself.
    pub(in crate::driver) fn has_room(&self, job: u64, is_assigned: bool, is_open: impl Fn(&Task) -> bool) -> bool {
        self.open(job, is_open) < if is_assigned { OPEN_MAX } else { 1 }
    }

    fn open(&self, job: u64, is_open: impl Fn(&Task) -> bool) -> usize {
        self.told.get(&job).into_iter().flatten().filter(|(_, task)| is_open(task)).count()
    }

    /// A run at a block was told.
    pub(in crate::driver) fn note_told(&mut self, task: Task, block: u64, is_open: impl Fn(&Task) -> bool) {
        let told = self.told.entry(task.job.0).or_default();
        told.retain(|(_, other)| *other != task && is_open(other));
        told.push((block, task));
    }

    /// The runs of a job's version that were told and that its last settlement, with that cooldown, has made too early.
    pub(in crate::driver) fn take_overtaken(&mut self, settled: &Task, cooldown: u64) -> Vec<Task> {
        let JobId(job) = settled.job;
        let Some(told) = self.told.get(&job) else { return Vec::new() };
        let rests = |(block, task): &&(u64, Task)| task != settled && self.rests(job, task.version, cooldown, *block);
        let overtaken: Vec<Task> = told.iter().filter(rests).map(|(_, task)| *task).collect();
        if let Some(told) = self.told.get_mut(&job) {
            told.retain(|(_, task)| !overtaken.contains(task));
        }
        overtaken
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
