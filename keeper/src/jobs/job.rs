//! A job, with its states for as long as a reorganisation could take a block back.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use consensus::task::{DueTask, JobId, Task};
use consensus::time::Pace;
use contracts::terms::{Limits, Missed, Terms, TermsError, TriggerTerms};

use super::trigger::{Run, Trigger, Watch};

/// Blocks for which earlier states of a job are kept.
const HISTORY_BLOCKS: u64 = 512;
/// How late a run may be before it counts as missed, for jobs that want no missed runs made up for: leaders that take over, and
/// a second attempt, have their time.
const GRACE_SECONDS: u64 = 60;
/// How many pauses between attempts a condition's run may last: three attempts.
const CONDITION_PAUSES: u64 = 4;

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

/// Why a job is not run here, in a word that stays and words that say more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRun(Arc<str>);

impl NotRun {
    /// Its terms are of a kind that this keeper does not know, or do not decode.
    pub(super) fn terms(error: &TermsError) -> Self {
        let word = match error {
            TermsError::UnknownTrigger(_) | TermsError::UnknownAction(_) | TermsError::UnknownMissed(_) => {
                "unknown_kind"
            }
            TermsError::TriggerData(_) | TermsError::ActionData(_) => "bad_terms",
        };
        Self(format!("{word}: {error}").into())
    }

    /// Its trigger never makes it due.
    fn trigger(error: &anyhow::Error) -> Self {
        Self(format!("bad_trigger: {error:#}: its owner may give it another with `keeper job update`").into())
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What is to be done when.
#[derive(Clone, Debug)]
pub struct Plan {
    /// When tasks are due.
    pub trigger: Trigger,
    /// What the creator asked for.
    pub terms: Arc<Terms>,
    /// Who pays for it.
    pub owner: Address,
    /// No run is due before this moment, in Unix seconds: the contract takes none.
    from: u64,
}

impl Plan {
    /// The plan of these terms, active from a moment on (Unix seconds), or where blocks are counted from a block on.
    pub(super) fn new(terms: Arc<Terms>, owner: Address, from: u64) -> Result<Self, NotRun> {
        let trigger = Trigger::new(&terms.trigger).map_err(|error| NotRun::trigger(&error))?;
        // What has a rhythm of its own says itself when it begins.
        let from = if trigger.restarted(from).is_some() { 0 } else { from };
        Ok(Self { trigger, terms, owner, from })
    }

    /// Whether a run is within the job's limits. How many logs and conditions may come the contract alone counts.
    fn makes(&self, run: &Run) -> bool {
        let Limits { until, most_runs, .. } = self.terms.limits;
        let is_counted =
            most_runs != 0 && matches!(self.terms.trigger, TriggerTerms::Interval { .. } | TriggerTerms::Blocks { .. });
        let in_count = !is_counted || run.instance.run().is_some_and(|number| number < most_runs.into());
        in_count && run.due >= self.from && (until == 0 || run.due <= until)
    }

    /// When a run is given up, in Unix seconds: when the contract takes it no more, or the job wants it no more.
    fn deadline(&self, run: &Run, pace: &Pace) -> u64 {
        let latest = match self.trigger.watch() {
            // It is seen again where it still holds.
            Watch::Condition(_) => run.due.saturating_add(pace.retry_seconds().saturating_mul(CONDITION_PAUSES)),
            _ => pace.deadline(run.due),
        };
        match self.terms.limits.missed {
            Missed::All => latest,
            Missed::Once => self
                .next(run, pace)
                .map_or(latest, |next| latest.min(next.due.max(run.due.saturating_add(GRACE_SECONDS)))),
            Missed::Skip => latest.min(run.due.saturating_add(GRACE_SECONDS)),
        }
    }

    /// The run that takes a run's place, if there is one within the job's limits. Of blocks it is due where no block is late, for all
    /// keepers are to give a run up at the same moment, whichever blocks they have seen.
    fn next(&self, run: &Run, pace: &Pace) -> Option<Run> {
        let next = match self.trigger.watch() {
            Watch::Blocks(blocks) => blocks.after(run, pace),
            _ => self.trigger.after(run),
        };
        next.filter(|next| self.makes(next))
    }

    /// The same, begun anew at another moment, in Unix seconds, or where blocks are counted at that block.
    pub(super) fn restarted(&self, start: u64) -> Result<Self, NotRun> {
        match self.trigger.restarted(start) {
            Some(trigger) => Self::new(Arc::new(Terms { trigger, ..Terms::clone(&self.terms) }), self.owner, 0),
            None => Ok(Self { from: start, ..self.clone() }),
        }
    }
}

/// A job as it stands after a block.
#[derive(Clone, Debug)]
pub struct JobState {
    /// Version number, from 1.
    pub version: u32,
    /// The block in which the version began: what was seen before it makes none of its runs due.
    begun: u64,
    /// What is done when, or why it is not run here.
    pub plan: Result<Plan, NotRun>,
    /// Whether its tasks come due.
    pub activity: Activity,
    /// Whether it can pay for one in full, as the contract says. While it cannot nothing is done for it.
    pub can_pay: bool,
}

impl JobState {
    /// Whether a run of this state comes due, and is paid for.
    #[must_use]
    pub fn takes(&self, run: &Run) -> bool {
        let comes_due = match self.activity {
            Activity::Active => true,
            Activity::PausedFrom(end) | Activity::CancelledFrom(end) => run.due <= end,
        };
        comes_due && self.can_pay && self.plan.as_ref().is_ok_and(|plan| plan.makes(run))
    }
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
    pub(super) const fn new(
        id: u64,
        owner: Address,
        forwarder: Address,
        since: u64,
        plan: Result<Plan, NotRun>,
    ) -> Self {
        // Money comes with an event of its own.
        let state = JobState { version: 1, begun: since, plan, activity: Activity::Active, can_pay: false };
        Self { id, owner, forwarder, state, since, earlier: VecDeque::new() }
    }

    /// How it stands.
    pub const fn state(&self) -> &JobState {
        &self.state
    }

    /// The block that its newest state holds from.
    pub(super) const fn since(&self) -> u64 {
        self.since
    }

    /// What is done when under one of its versions, if that is certain: of the states before block `complete_from` some may have been
    /// left out, on which later ones rest.
    pub(super) fn plan_of(&self, version: u32, complete_from: u64) -> Option<&Plan> {
        if self.state.version == version {
            return self.state.plan.as_ref().ok();
        }
        let certain = self.earlier.iter().rev().take_while(|(since, _)| *since >= complete_from);
        certain.into_iter().find(|(_, state)| state.version == version)?.1.plan.as_ref().ok()
    }

    /// What its creator asks for; `None` if it is not run here.
    pub fn terms(&self) -> Option<&Arc<Terms>> {
        self.state.plan.as_ref().ok().map(|plan| &plan.terms)
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
        let plan = self.state.plan.clone().and_then(|plan| plan.restarted(active_from));
        self.update(block, version, plan);
    }

    /// Runs again under another plan. If that makes it unable to pay, an event of its own says so.
    pub(super) fn update(&mut self, block: u64, version: u32, plan: Result<Plan, NotRun>) {
        let can_pay = self.state.can_pay;
        self.change(block, JobState { version, begun: block, plan, activity: Activity::Active, can_pay });
    }

    /// The contract has found that it can pay for its next run, or cannot any more.
    pub(super) fn set_can_pay(&mut self, block: u64, can_pay: bool) {
        if self.state.can_pay != can_pay {
            self.change(block, JobState { can_pay, ..self.state.clone() });
        }
    }

    /// How it stood after block `number`; `None` if that is not known, for it was listed later, or as much is forgotten, or
    /// another state came in its place up to block `complete_from`, below which not all states are known.
    pub(super) fn state_at(&self, number: u64, complete_from: u64) -> Option<&JobState> {
        if self.since <= number {
            return Some(&self.state);
        }
        let mut until = self.since;
        for (since, state) in self.earlier.iter().rev() {
            if *since <= number {
                return (until > complete_from).then_some(state);
            }
            until = *since;
        }
        None
    }

    /// How it stood after block `number`, as far as that is known: below `complete_from` as it stands now, and the chain is asked
    /// before anything is run. `None` if it was not listed yet, or there in another version.
    pub(super) fn state_for(&self, number: u64, complete_from: u64) -> Option<&JobState> {
        match number < complete_from {
            true => Some(&self.state).filter(|state| state.begun <= number),
            false => self.state_at(number, complete_from),
        }
    }

    /// What a run asks for in a state of this job; `None` if this keeper does not know the kind.
    pub(super) fn task_in(&self, state: &JobState, run: &Run, pace: &Pace) -> Option<DueTask> {
        let plan = state.plan.as_ref().ok()?;
        Some(DueTask {
            task: Task { job: JobId(self.id), version: state.version, instance: run.instance },
            due: run.due,
            deadline: plan.deadline(run, pace),
            anchor: run.anchor,
            rank: run.rank,
            code_hash: plan.terms.action.code_hash(),
            quorum_bps: plan.terms.quorum_bps,
            callback_gas: plan.terms.callback_gas,
            observes: plan.terms.action.observes(),
        })
    }

    fn change(&mut self, block: u64, state: JobState) {
        let before = std::mem::replace(&mut self.state, state);
        if self.since == block {
            return;
        }
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

    /// Seconds between two runs; `None` where there is one run only, or this keeper does not know the kind.
    pub fn period(&self) -> Option<u32> {
        self.state.plan.as_ref().ok()?.trigger.period()
    }

    /// The first run due at `from` (Unix seconds) or later; `None` if the job is paused or over by then, or cannot pay.
    pub fn first_run(&self, from: u64) -> Option<Run> {
        let plan = self.state.plan.as_ref().ok()?;
        self.within(plan.trigger.first(from.max(plan.from))?)
    }

    /// The run that comes after one of its newest state.
    pub fn run_after(&self, run: &Run) -> Option<Run> {
        self.within(self.state.plan.as_ref().ok()?.trigger.after(run)?)
    }

    fn within(&self, run: Run) -> Option<Run> {
        self.state.takes(&run).then_some(run)
    }

    /// What a run of its newest state asks for; `None` if this keeper does not know the kind.
    pub fn task(&self, run: &Run, pace: &Pace) -> Option<DueTask> {
        self.task_in(&self.state, run, pace)
    }

    #[cfg(test)]
    pub(super) fn states_kept(&self) -> usize {
        self.earlier.len() + 1
    }
}

#[cfg(test)]
mod tests;
