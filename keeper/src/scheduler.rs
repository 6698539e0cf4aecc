//! Which tasks are due when: the job book, fed by the chain's events, asked for a stretch of time. Pure: no clock, no IO.
//!
//! A job's state is kept with the block it holds from, for as long as a reorganisation could take the block back.

mod trigger;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use consensus::input::LateSettlement;
use consensus::task::{ATTEMPTS_MAX, AnchorRule, DueTask, InstanceKey, JobId, Task};
use consensus::time::Pace;

pub use trigger::Trigger;

use crate::chain::{JobEvent, JobParams};

/// Blocks for which earlier states of a job are kept.
const HISTORY_BLOCKS: u64 = 512;
/// Most jobs in the book; what is listed beyond them is not run here. A hostile chain cannot fill the memory.
const JOBS_MAX: usize = 65_536;
/// Most tasks told for one job and one question; a job with an interval of 1 s has no more in the stretches asked for.
const TASKS_MAX: usize = 1_024;

/// Whether a job's tasks come due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// They do.
    Active,
    /// They do up to this moment, in Unix seconds; then the job is paused.
    PausedFrom(u64),
    /// They do up to this moment, in Unix seconds; then the job is over.
    CancelledFrom(u64),
}

/// A job as it stands after a block.
#[derive(Clone, Debug)]
pub struct JobState {
    /// Version number, from 1.
    pub version: u32,
    /// When its tasks are due.
    pub trigger: Trigger,
    /// Whether they still are.
    pub activity: Activity,
}

/// A job in the book.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number on chain.
    pub id: u64,
    /// Who may change it.
    pub owner: Address,
    /// What its target sees as sender.
    pub forwarder: Address,
    /// What its creator asked for.
    pub params: Arc<JobParams>,
    /// Its states with the blocks they hold from, oldest first.
    states: VecDeque<(u64, JobState)>,
}

impl Job {
    /// The newest state; a job in the book has one.
    pub fn state(&self) -> Option<&JobState> {
        self.states.back().map(|(_, state)| state)
    }

    fn change(&mut self, block: u64, change: impl FnOnce(&mut JobState)) {
        if let Some((_, state)) = self.states.back() {
            let mut state = state.clone();
            change(&mut state);
            self.states.push_back((block, state));
        }
        while self.states.get(1).is_some_and(|(next, _)| next + HISTORY_BLOCKS < block) {
            self.states.pop_front();
        }
    }

    /// The tasks due from `from` to `to`, both included, in Unix seconds.
    fn due(&self, from: u64, to: u64, pace: &Pace) -> Vec<DueTask> {
        let Some(state) = self.state() else {
            return Vec::new();
        };
        let to = match state.activity {
            Activity::Active => to,
            Activity::PausedFrom(end) | Activity::CancelledFrom(end) => to.min(end),
        };
        let runs = state.trigger.runs(from, to).take(TASKS_MAX);
        runs.map(|(run, due)| DueTask {
            task: Task { job: JobId(self.id), version: state.version, instance: InstanceKey::from_run(run) },
            due,
            deadline: pace.attempt_due(due, ATTEMPTS_MAX),
            anchor: AnchorRule::ByTime,
            code_hash: self.params.codeHash,
            quorum_bps: self.params.quorumBps,
            callback_gas: self.params.callbackGas,
        })
        .collect()
    }
}

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
#[derive(Debug, Default)]
pub struct JobBook {
    jobs: BTreeMap<u64, Job>,
}

impl JobBook {
    /// Takes in what happened to a job in `block`. Events of unknown jobs are none of ours.
    pub fn apply(&mut self, block: u64, event: &JobEvent) {
        match event {
            JobEvent::Created { job_id, owner, forwarder, params } => {
                let Some(trigger) = Trigger::of(params) else {
                    tracing::warn!(job = job_id, "this keeper does not know the job's trigger: an update is needed");
                    return;
                };
                if self.jobs.len() >= JOBS_MAX {
                    tracing::warn!(job = job_id, limit = JOBS_MAX, "the job book is full: the job is not run here");
                    return;
                }
                let state = JobState { version: 1, trigger, activity: Activity::Active };
                let params = Arc::new(JobParams::clone(params));
                let states = VecDeque::from([(block, state)]);
                let job = Job { id: *job_id, owner: *owner, forwarder: *forwarder, params, states };
                self.jobs.insert(*job_id, job);
            }
            JobEvent::Paused { job_id, inactive_from } => {
                self.change(*job_id, block, |state| state.activity = Activity::PausedFrom(*inactive_from));
            }
            JobEvent::Cancelled { job_id, inactive_from } => {
                self.change(*job_id, block, |state| state.activity = Activity::CancelledFrom(*inactive_from));
            }
            JobEvent::Resumed { job_id, version, active_from } => self.change(*job_id, block, |state| {
                state.version = *version;
                state.trigger = state.trigger.restarted(*active_from);
                state.activity = Activity::Active;
            }),
            JobEvent::Updated { job_id, version, params } => self.update(*job_id, block, *version, params),
            JobEvent::Funded { .. } | JobEvent::Withdrawn { .. } => {}
        }
    }

    /// Terms change only long after the old version's last task, so the ones before are not kept.
    fn update(&mut self, job: u64, block: u64, version: u32, params: &JobParams) {
        let (Some(trigger), Some(job)) = (Trigger::of(params), self.jobs.get_mut(&job)) else {
            return;
        };
        job.params = Arc::new(params.clone());
        job.change(block, |state| *state = JobState { version, trigger, activity: Activity::Active });
    }

    fn change(&mut self, job: u64, block: u64, change: impl FnOnce(&mut JobState)) {
        if let Some(job) = self.jobs.get_mut(&job) {
            job.change(block, change);
        }
    }

    /// Forgets what happened in the blocks above `number`.
    pub fn rewind(&mut self, number: u64) {
        for job in self.jobs.values_mut() {
            job.states.retain(|(block, _)| *block <= number);
        }
        self.jobs.retain(|_, job| !job.states.is_empty());
    }

    /// The tasks of all jobs due from `from` to `to`, both included, in Unix seconds.
    pub fn due(&self, from: u64, to: u64, pace: &Pace) -> Vec<DueTask> {
        self.jobs.values().flat_map(|job| job.due(from, to, pace)).collect()
    }

    /// Whether a settlement came a full stage of submitters after its task was due, or later, in chain time: its
    /// window's leader may have missed its turn then.
    pub fn late(&self, settled: &SettledAt, pace: &Pace) -> Option<LateSettlement> {
        let state = self.jobs.get(&settled.task.job.0)?.state()?;
        let run = settled.task.instance.run().filter(|_| state.version == settled.task.version)?;
        let due = state.trigger.due(run)?;
        let late = due.saturating_add(pace.stage_seconds());
        let SettledAt { block, timestamp, anchor, submitter, .. } = *settled;
        (timestamp >= late).then_some(LateSettlement { block, due, rule: AnchorRule::ByTime, anchor, submitter })
    }

    /// One job.
    pub fn job(&self, id: u64) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// All jobs, by number.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    /// The code every live job needs: its hash and where it is.
    pub fn code_of(&self, id: u64) -> Option<(B256, &str)> {
        let job = self.jobs.get(&id)?;
        Some((job.params.codeHash, &job.params.codeUrl))
    }
}

#[cfg(test)]
mod tests;
