//! The job book: all jobs the chain lists, fed by its events. Pure: no clock, no IO.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::Address;
use consensus::input::LateSettlement;
use consensus::task::{AnchorRule, DueTask, Task};
use consensus::time::Pace;
use contracts::terms::Terms;

use super::at_anchor::Standing;
use super::job::{Activity, Job, NotRun, Plan};
use super::trigger::{Run, Watch};
use crate::chain::{JobEvent, JobParams};

/// Most jobs in the book; what is listed beyond them is not run here. A hostile chain cannot fill the memory.
const JOBS_MAX: usize = 65_536;

/// When, where and by whom a task was settled.
#[derive(Clone, Copy, Debug)]
pub struct SettledAt {
    /// The task.
    pub task: Task,
    /// Number of the block.
    pub block: u64,
    /// Its timestamp, in Unix seconds.
    pub timestamp: u64,
    /// The block the report was pinned to.
    pub anchor: u64,
    /// Who sent the transaction.
    pub submitter: Address,
}

/// All jobs the chain lists.
#[derive(Debug)]
pub struct JobBook {
    jobs: BTreeMap<u64, Job>,
    /// Most jobs that are taken in.
    most: usize,
    /// Those whose runs are not known ahead.
    watched: BTreeSet<u64>,
    /// The block from which on every event was taken in; of those before it some were left out, if a later one undid them.
    complete_from: Option<u64>,
}

impl Default for JobBook {
    fn default() -> Self {
        Self::of(JOBS_MAX)
    }
}

impl JobBook {
    /// An empty one that has room for so many jobs.
    #[must_use]
    pub const fn of(most: usize) -> Self {
        Self { jobs: BTreeMap::new(), most, watched: BTreeSet::new(), complete_from: None }
    }

    /// Takes in what happened to a job in `block`. Events of unknown jobs are none of ours. False: there is no room for the job.
    pub fn apply(&mut self, block: u64, event: &JobEvent) -> bool {
        match event {
            JobEvent::Created { job_id, owner, forwarder, params, active_from } => {
                if self.jobs.len() >= self.most {
                    return false;
                }
                let plan = plan(*job_id, *owner, params, *active_from);
                self.jobs.insert(*job_id, Job::new(*job_id, *owner, *forwarder, block, plan));
                self.note_watch(*job_id);
            }
            JobEvent::Paused { job_id, inactive_from } => {
                self.change(*job_id, |job| job.set_activity(block, Activity::PausedFrom(*inactive_from)));
            }
            JobEvent::Cancelled { job_id, inactive_from } => {
                self.change(*job_id, |job| job.set_activity(block, Activity::CancelledFrom(*inactive_from)));
            }
            JobEvent::Resumed { job_id, version, active_from } => {
                self.change(*job_id, |job| job.resume(block, *version, *active_from));
            }
            JobEvent::Updated { job_id, version, params, active_from } => {
                let plan = |job: &Job| plan(*job_id, job.owner, params, *active_from);
                self.change(*job_id, |job| job.update(block, *version, plan(job)));
            }
            JobEvent::Covered { job_id, covered } => self.change(*job_id, |job| job.set_can_pay(block, *covered)),
        }
        true
    }

    /// Forgets jobs that were cancelled so long ago (Unix seconds) that none of their runs settles any more: they come back no
    /// more. Says which.
    pub fn forget_over(&mut self, before: u64) -> Vec<u64> {
        let over = |job: &&Job| matches!(job.state().activity, Activity::CancelledFrom(end) if end < before);
        let over: Vec<u64> = self.jobs.values().filter(over).map(|job| job.id).collect();
        for id in &over {
            self.jobs.remove(id);
            self.watched.remove(id);
        }
        over
    }

    fn change(&mut self, job: u64, change: impl FnOnce(&mut Job)) {
        if let Some(state) = self.jobs.get_mut(&job) {
            change(state);
            self.note_watch(job);
        }
    }

    fn note_watch(&mut self, id: u64) {
        let plan = self.jobs.get(&id).and_then(|job| job.state().plan.as_ref().ok());
        if plan.is_some_and(|plan| !matches!(plan.trigger.watch(), Watch::Time)) {
            self.watched.insert(id);
        } else {
            self.watched.remove(&id);
        }
    }

    /// The jobs whose runs are not known ahead, by number.
    pub fn watched(&self) -> impl Iterator<Item = &Job> {
        self.watched.iter().filter_map(|id| self.jobs.get(id))
    }

    /// What a job asks for in a block of the chain that the book has followed, made of its plan there by `run`: the task, and
    /// nothing where it does not come due.
    pub fn task_at(
        &self,
        job: u64,
        block: u64,
        pace: &Pace,
        run: impl FnOnce(&Plan) -> Option<Run>,
    ) -> Option<DueTask> {
        let job = self.jobs.get(&job)?;
        let state = job.state_for(block, self.complete_from.unwrap_or(u64::MAX))?;
        let run = run(state.plan.as_ref().ok()?).filter(|run| state.takes(run))?;
        job.task_in(state, &run, pace)
    }

    /// A block has been taken in whole. From the first one on every event is.
    pub fn head(&mut self, block: u64) {
        self.complete_from.get_or_insert(block);
    }

    /// Whether a task runs at its anchor, a block of this number on the chain that the book has followed.
    pub fn standing(&self, due: &DueTask, anchor: u64) -> Standing {
        let complete_from = self.complete_from.unwrap_or(u64::MAX);
        let state = self.jobs.get(&due.task.job.0).and_then(|job| job.state_at(anchor, complete_from));
        state.map_or(Standing::Untold, |state| Standing::of(due, state))
    }

    /// What was to be done when under a task's version of its job; `None` where only the chain's history knows.
    pub fn plan_of(&self, task: &Task) -> Option<&Plan> {
        self.jobs.get(&task.job.0)?.plan_of(task.version, self.complete_from.unwrap_or(u64::MAX))
    }

    /// Forgets what happened in the blocks above `number`; says to which jobs.
    pub fn rewind(&mut self, number: u64) -> Vec<u64> {
        let changed: Vec<u64> = self.jobs.values().filter(|job| job.since() > number).map(|job| job.id).collect();
        for id in &changed {
            let rewound = self.jobs.remove(id).and_then(|job| job.rewound(number));
            rewound.and_then(|job| self.jobs.insert(*id, job));
            self.note_watch(*id);
        }
        changed
    }

    /// Whether a settlement came a full stage of submitters after its task was due, or later, in chain time: its
    /// window's leader may have missed its turn then.
    pub fn late(&self, settled: &SettledAt, pace: &Pace) -> Option<LateSettlement> {
        let state = self.jobs.get(&settled.task.job.0)?.state();
        let plan = state.plan.as_ref().ok().filter(|_| state.version == settled.task.version)?;
        let due = plan.trigger.due(&settled.task.instance)?;
        let late = due.saturating_add(pace.stage_seconds());
        let SettledAt { block, timestamp, anchor, submitter, .. } = *settled;
        // Of those whose due moment the chain alone tells nobody says here who was late.
        (timestamp >= late).then_some(LateSettlement { block, due, rule: AnchorRule::ByTime, anchor, submitter })
    }

    /// One job.
    pub fn job(&self, id: u64) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// How many jobs there are, those included that are over.
    pub fn count(&self) -> usize {
        self.jobs.len()
    }

    /// All jobs, by number.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }
}

/// What is to be done when, if this keeper knows how.
fn plan(job: u64, owner: Address, params: &JobParams, active_from: u64) -> Result<Plan, NotRun> {
    let terms = Terms::try_from(params).map_err(|error| NotRun::terms(&error));
    let plan = terms.and_then(|terms| Plan::new(Arc::new(terms), owner, active_from));
    plan.inspect_err(|why| tracing::warn!(job, %why, "the job is not run here"))
}

#[cfg(test)]
mod tests;
