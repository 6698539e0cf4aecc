//! What the chain shows that makes jobs due: the numbers of its blocks, logs, and conditions.
//!
//! ```text
//!   head ──► block numbers ────────────────────────────────────────────────► due
//!    │
//!    ├─► logs: blocks to be searched ──► one stretch of them is searched ──► due
//!    │              ▲                             │
//!    │              └── it failed, or a block is orphaned
//!    │
//!    └─► conditions, where this keeper is among the first to lead: asked ──► due
//!                              assigned by another one that was ─────────────► due
//! ```
//!
//! All that is known of a block is a pure function of the chain: what makes a job due has its place there, and the moment at
//! which that is acted on is the timestamp of the block that gives it the job's confirmations.

mod conditions;
mod room;
mod searches;
mod troubles;

use consensus::anchor::BlockRef;
use consensus::task::{DueTask, Task};
use consensus::time::Pace;

use conditions::Conditions;
use room::{Sightings, Waiting};
use searches::Searches;
pub(super) use troubles::Subject;
use troubles::Troubles;

use crate::jobs::trigger::{Run, Sighting, Watch};
use crate::jobs::{JobBook, Plan};

/// What is looked out for.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    pub(super) searches: Searches,
    pub(super) conditions: Conditions,
    pub(super) troubles: Troubles,
    /// What made the tasks due that are remembered.
    sightings: Sightings,
    /// Tasks that found no room yet.
    waiting: Waiting,
}

/// A task that was seen to be due, and what made it.
pub(super) type Seen = (DueTask, Option<Sighting>);

/// When what was seen in a block with this timestamp is acted on, in Unix seconds: when the block is confirmed.
pub(super) fn acted_on(timestamp: u64, pace: &Pace) -> u64 {
    timestamp.saturating_add(pace.confirmed_seconds)
}

impl Lookout {
    /// The tasks that the number of a block makes due.
    pub(super) fn of_number(&self, block: &BlockRef, book: &JobBook, pace: &Pace) -> Vec<Seen> {
        let due = acted_on(block.timestamp, pace);
        let run = |plan: &Plan| match plan.trigger.watch() {
            Watch::Blocks(blocks) => blocks.at(block.number, due),
            _ => None,
        };
        let tasks = book.watched().filter_map(|job| book.task_at(job.id, block.number, pace, run));
        tasks.map(|task| (task, Some(Sighting::Block(*block)))).collect()
    }

    /// Remembers what made a task due. False: there is no room for it, or its job has its share.
    pub(super) fn remember(&mut self, task: Task, sighting: Sighting) -> bool {
        self.sightings.remember(task, sighting)
    }

    /// What made a task due, if that was seen here.
    pub(super) fn sighting(&self, task: &Task) -> Option<&Sighting> {
        self.sightings.get(task)
    }

    /// A task found no room: it is told again. False: it is one too many, and lost.
    pub(super) fn put_off(&mut self, due: DueTask) -> bool {
        self.waiting.put(due)
    }

    /// Whether a job finds room of which nothing is remembered, and nothing waits.
    pub(super) fn has_room(&self) -> bool {
        self.sightings.has_any() && self.waiting.has_any()
    }

    /// One that has waited found no room again.
    pub(super) fn put_back(&mut self, due: DueTask) {
        self.waiting.put_back(due);
    }

    /// The tasks that wait for room.
    pub(super) fn take_waiting(&mut self) -> Vec<DueTask> {
        self.waiting.take()
    }

    /// The blocks above `number` are orphaned, and what was seen in them.
    pub(super) fn rewind(&mut self, number: u64) {
        let rests = |due: &DueTask| due.anchor.rests_on().is_none_or(|block| block <= number);
        self.waiting.retain(rests);
        self.searches.rewind(number);
        self.conditions.rewind(number);
    }

    /// Lets go of what belongs to tasks that are not remembered any more, and to jobs that are none.
    pub(super) fn forget(&mut self, is_known: impl Fn(&Task) -> bool, is_job: impl Fn(u64) -> bool) {
        let waiting = &self.waiting;
        self.sightings.retain(|task| waiting.holds(task) || is_known(task));
        self.conditions.forget(&is_job);
        self.troubles.forget(is_job);
    }
}

/// The run of a condition that was seen to hold at a block.
pub(super) fn condition_run(block: &BlockRef, pace: &Pace) -> impl Fn(&Plan) -> Option<Run> {
    let due = acted_on(block.timestamp, pace);
    move |plan| match plan.trigger.watch() {
        Watch::Condition(condition) => Some(condition.run(block, due)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
