//! A job, with its states for as long as a reorganisation could take a block back.

use std::collections::VecDeque;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use consensus::task::{ATTEMPTS_MAX, DueTask, JobId, Task};
use consensus::time::Pace;
use contracts::terms::Terms;

use super::trigger::Trigger;

/// Blocks for which earlier states of a job are kept.
const HISTORY_BLOCKS: u64 = 512;
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

/// What is to be done when.
#[derive(Clone, Debug)]
pub struct Plan {
    /// When tasks are due.
    pub trigger: Trigger,
    /// What the creator asked for.
    pub terms: Arc<Terms>,
}

impl Plan {
    /// The plan of these terms; `None` where the trigger makes no sense.
    pub(super) fn new(terms: Arc<Terms>) -> Option<Self> {
        Some(Self { trigger: Trigger::new(&terms.trigger)?, terms })
    }

    /// The same, with the trigger's first run due at another moment, in Unix seconds.
    fn restarted(&self, start: u64) -> Option<Self> {
        let terms = Terms { trigger: self.trigger.restarted(start), ..Terms::clone(&self.terms) };
        Self::new(Arc::new(terms))
    }
}

/// A job as it stands after a block.
#[derive(Clone, Debug)]
pub struct JobState {
    /// Version number, from 1.
    pub version: u32,
    /// What is done when; `None` if its trigger or action is of a kind that this keeper does not know. Then it is not run.
    pub plan: Option<Plan>,
    /// Whether its tasks come due.
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
    /// Its newest state.
    state: JobState,
    /// The block the newest state holds from.
    since: u64,
    /// Earlier states with the blocks they hold from, oldest first.
    earlier: VecDeque<(u64, JobState)>,
}

impl Job {
    /// A job that was listed in block `since`.
    pub(super) const fn new(id: u64, owner: Address, forwarder: Address, since: u64, plan: Option<Plan>) -> Self {
        let state = JobState { version: 1, plan, activity: Activity::Active };
        Self { id, owner, forwarder, state, since, earlier: VecDeque::new() }
    }

    /// How it stands.
    pub const fn state(&self) -> &JobState {
        &self.state
    }

    /// What its creator asks for; `None` if this keeper does not know the kind.
    pub fn terms(&self) -> Option<&Arc<Terms>> {
        self.state.plan.as_ref().map(|plan| &plan.terms)
    }

    /// SHA-256 of its code; zero where there is none.
    pub fn code_hash(&self) -> B256 {
        self.terms().map_or(B256::ZERO, |terms| terms.action.code_hash())
    }

    pub(super) fn set_activity(&mut self, block: u64, activity: Activity) {
        self.change(block, JobState { activity, ..self.state.clone() });
    }

    /// Runs again from a moment on (Unix seconds), as before.
    pub(super) fn resume(&mut self, block: u64, version: u32, active_from: u64) {
        let plan = self.state.plan.as_ref().and_then(|plan| plan.restarted(active_from));
        self.change(block, JobState { version, plan, activity: Activity::Active });
    }

    /// Runs again under another plan.
    pub(super) fn update(&mut self, block: u64, version: u32, plan: Option<Plan>) {
        self.change(block, JobState { version, plan, activity: Activity::Active });
    }

    fn change(&mut self, block: u64, state: JobState) {
        let before = std::mem::replace(&mut self.state, state);
        self.earlier.push_back((std::mem::replace(&mut self.since, block), before));
        while self.earlier.get(1).is_some_and(|(next, _)| next + HISTORY_BLOCKS < block) {
            self.earlier.pop_front();
        }
    }

    /// Forgets what happened above block `number`; `None` when that was all.
    pub(super) fn rewound(mut self, number: u64) -> Option<Self> {
        while self.since > number {
            (self.since, self.state) = self.earlier.pop_back()?;
        }
        Some(self)
    }

    /// The tasks due from `from` to `to`, both included, in Unix seconds.
    pub(super) fn due(&self, from: u64, to: u64, pace: &Pace) -> Vec<DueTask> {
        let Some(plan) = &self.state.plan else {
            return Vec::new();
        };
        let to = match self.state.activity {
            Activity::Active => to,
            Activity::PausedFrom(end) | Activity::CancelledFrom(end) => to.min(end),
        };
        let runs = plan.trigger.runs(from, to).take(TASKS_MAX);
        runs.map(|run| DueTask {
            task: Task { job: JobId(self.id), version: self.state.version, instance: run.instance },
            due: run.due,
            deadline: pace.attempt_due(run.due, ATTEMPTS_MAX),
            anchor: plan.trigger.anchor(),
            code_hash: plan.terms.action.code_hash(),
            quorum_bps: plan.terms.quorum_bps,
            callback_gas: plan.terms.callback_gas,
        })
        .collect()
    }

    #[cfg(test)]
    pub(super) fn states_kept(&self) -> usize {
        self.earlier.len() + 1
    }
}
