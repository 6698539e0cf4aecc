//! What became of the tasks, for people: the runs shown by the API and `keeper status`. They are kept as facts; words are
//! made of them only when somebody is shown.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256};
use consensus::effect::Step;
use consensus::task::{DueTask, Task};
use consensus::time::Time;
use contracts::terms::ended;

use crate::archive::result_of;
use crate::chain::{Settled, convert};
use crate::view::{MAX_RUNS, MissedView, RunView};

/// Seconds after its due moment in which a run is not forgotten for the sake of others, and most runs kept at all: as many
/// as a busy network has in a minute, and in the windows ahead.
const FRESH_SECONDS: u64 = 60;
const KEPT_MAX: usize = 16_384;
/// Most runs to come that are shown where there are more runs than can be.
const AHEAD_SHOWN: usize = MAX_RUNS / 4;

/// Where it settled, and by whose hand.
#[derive(Clone, Copy, Debug)]
struct Settlement {
    block: u64,
    submitter: Address,
    delivered: bool,
    takeover: bool,
    status: u8,
}

/// One task as far as it is shown.
#[derive(Clone, Debug)]
struct Run {
    due: u64,
    state: &'static str,
    reason: String,
    attempt: u8,
    certified_ms: Option<u64>,
    settled_ms: Option<u64>,
    settled: Option<Settlement>,
    /// Operator whose turn it is first to submit.
    first_leader: Option<Address>,
    /// Block its first try was pinned to here.
    first_anchor: Option<u64>,
}

impl Run {
    /// Milliseconds from its due moment to `at`.
    fn late_ms(&self, at: Time) -> u64 {
        at.0.saturating_sub(self.due.saturating_mul(1000))
    }
}

/// The newest tasks.
#[derive(Debug, Default)]
pub(super) struct History {
    runs: BTreeMap<Task, Run>,
    by_due: BTreeSet<(u64, Task)>,
    /// Of each job the newest run that went past running: when it was due, and its state.
    last: BTreeMap<u64, (u64, &'static str)>,
    missed: MissedView,
    /// Tasks that were not made for the price of gas, when they were last tried here: also those that are shown no more. [`KEPT_MAX`] at
    /// most.
    too_dear: BTreeSet<Task>,
}

impl History {
    /// Lists a task that the schedule told at a moment of the chain, in Unix seconds. Beyond [`MAX_RUNS`] the oldest is
    /// forgotten, once it is a minute old.
    pub(super) fn learn(&mut self, due: &DueTask, second: u64) {
        let run = || Run {
            due: due.due,
            state: "waiting",
            reason: String::new(),
            attempt: 0,
            certified_ms: None,
            settled_ms: None,
            settled: None,
            first_leader: None,
            first_anchor: None,
        };
        self.runs.entry(due.task).or_insert_with(run);
        self.by_due.insert((due.due, due.task));
        let old = second.saturating_sub(FRESH_SECONDS);
        while self.runs.len() > MAX_RUNS
            && let Some(&(due, oldest)) = self.by_due.first()
            && (due < old || self.runs.len() > KEPT_MAX)
        {
            self.by_due.pop_first();
            self.runs.remove(&oldest);
            if self.last.get(&oldest.job.0).is_some_and(|(newest, _)| *newest == due) {
                self.last.remove(&oldest.job.0);
            }
        }
    }

    /// Remembers who is first in line for the tasks due from `from` on and before `to`, in Unix seconds.
    pub(super) fn note_leader(&mut self, from: u64, to: u64, leader: Address) {
        let first =
            Task { job: consensus::task::JobId(0), version: 0, instance: consensus::task::InstanceKey::from_run(0) };
        for (_, task) in self.by_due.range((from, first)..(to, first)) {
            if let Some(run) = self.runs.get_mut(task) {
                run.first_leader.get_or_insert(leader);
            }
        }
    }

    /// Who is first in line for a task, where that is known.
    pub(super) fn first_leader(&self, task: &Task) -> Option<Address> {
        self.runs.get(task)?.first_leader
    }

    /// Whether `leader` was first in line for a task, and its first try pinned to block `anchor`: later tries are late
    /// without anybody's fault.
    pub(super) fn was_led_by(&self, task: &Task, leader: Address, anchor: u64) -> bool {
        self.runs.get(task).is_some_and(|run| run.first_leader == Some(leader) && run.first_anchor == Some(anchor))
    }

    /// Takes note of a step; says how many milliseconds after its due moment a listed task took it.
    pub(super) fn note_step(&mut self, task: &Task, step: Step, at: Time) -> Option<u64> {
        let is_over = matches!(step, Step::Settled | Step::Expired | Step::Void);
        let too_dear = is_over && self.too_dear.remove(task);
        let Some(run) = self.runs.get_mut(task) else {
            if matches!(step, Step::Expired) && !too_dear {
                self.missed.count += 1;
                self.missed.newest = format!("{}, forgotten since", name_of(task));
            }
            return None;
        };
        let late_ms = Some(run.late_ms(at));
        run.state = match step {
            Step::Started { attempt, anchor } => {
                run.attempt = attempt;
                if attempt == 0 {
                    run.first_anchor = Some(anchor.number);
                }
                "running"
            }
            Step::Executed => "executed",
            Step::Abstained(reason) => {
                if run.reason.is_empty() {
                    reason.name().clone_into(&mut run.reason);
                }
                "abstained"
            }
            Step::Certified => {
                run.certified_ms = run.certified_ms.or(late_ms);
                "certified"
            }
            Step::Settled => {
                // Late, but not missed after all.
                if run.state == "expired" {
                    self.missed.count = self.missed.count.saturating_sub(1);
                }
                run.settled_ms = run.settled_ms.or(late_ms);
                result_of(run.settled.map_or(ended::CALL, |settled| settled.status))
            }
            Step::Reopened => {
                (run.settled, run.settled_ms) = (None, None);
                "reopened"
            }
            // As its creator wants it.
            Step::Expired if too_dear => "skipped",
            Step::Expired => {
                self.missed.count += 1;
                self.missed.newest = missed(task, run);
                "expired"
            }
            Step::Void => {
                let due = run.due;
                self.by_due.remove(&(due, *task));
                self.runs.remove(task);
                return None;
            }
        };
        let (due, state) = (run.due, run.state);
        let last = self.last.entry(task.job.0).or_insert((due, ""));
        if state != "running" && due >= last.0 {
            *last = (due, state);
        }
        late_ms
    }

    /// How a task ends whose deadline passes.
    pub(super) fn expires_as(&self, task: &Task) -> &'static str {
        if self.too_dear.contains(task) { "skipped" } else { "expired" }
    }

    /// Takes note of whether a run was not made for the price of gas.
    pub(super) fn note_too_dear(&mut self, task: &Task, too_dear: bool) {
        if !too_dear {
            self.too_dear.remove(task);
        } else if self.too_dear.len() < KEPT_MAX {
            self.too_dear.insert(*task);
        }
    }

    /// The runs that were missed.
    pub(super) fn missed(&self) -> MissedView {
        self.missed.clone()
    }

    pub(super) fn note_reason(&mut self, task: &Task, reason: &str) {
        if let Some(run) = self.runs.get_mut(task)
            && !reason.is_empty()
        {
            reason.clone_into(&mut run.reason);
        }
    }

    pub(super) fn note_settled(&mut self, task: &Task, settled: &Settled, at: Time) {
        if let Some(run) = self.runs.get_mut(task) {
            let late_ms = Some(run.late_ms(at));
            let Settled { block, submitter, delivered, status, .. } = *settled;
            let takeover = run.first_leader.is_some_and(|leader| leader != submitter);
            run.settled = Some(Settlement { block, submitter, delivered, takeover, status });
            run.settled_ms = run.settled_ms.or(late_ms);
        }
    }

    /// The contract skipped a report on the task of this job with this id, which is given unless it is settled or unknown.
    pub(super) fn note_ineligible(&mut self, job: u64, task_id: B256, reason: &str) -> Option<Task> {
        let of_job = self.by_due.iter().rev().map(|(_, task)| *task).filter(|task| task.job.0 == job);
        let meant = of_job.into_iter().find(|task| task.id().0 == task_id)?;
        let run = self.runs.get_mut(&meant).filter(|run| run.settled.is_none())?;
        run.reason = format!("the contract skipped it: {reason}");
        Some(meant)
    }

    /// The newest runs first, [`MAX_RUNS`] at most: of those to come after `second` (Unix, the chain's) the soonest.
    pub(super) fn views(&self, second: u64) -> Vec<RunView> {
        let to_come = self.by_due.iter().rev().take_while(|(due, _)| *due > second).count();
        let shown_ahead = match self.by_due.len() {
            0..=MAX_RUNS => to_come,
            _ => to_come.min(AHEAD_SHOWN),
        };
        let newest = self.by_due.iter().rev().skip(to_come - shown_ahead).take(MAX_RUNS).map(|(_, task)| task);
        let mut views: Vec<RunView> = newest.filter_map(|task| Some(view(task, self.runs.get(task)?))).collect();
        views.sort_by_key(|run| (std::cmp::Reverse(run.due), run.job_id));
        views
    }

    /// How the newest run of a job that is over ended.
    pub(super) fn last_result(&self, job: u64) -> Option<&'static str> {
        self.last.get(&job).map(|(_, state)| *state).filter(|state| !state.is_empty())
    }
}

fn name_of(task: &Task) -> String {
    let number = convert::run_number(task.instance.0).map(|number| format!(", run {number}")).unwrap_or_default();
    format!("job {}{number}", task.job.0)
}

/// A run that was missed, in words.
fn missed(task: &Task, run: &Run) -> String {
    let why = if run.reason.is_empty() { "no quorum agreed, or nobody could send it" } else { &run.reason };
    format!("{}, due {}, was last {}: {why}", name_of(task), run.due, run.state)
}

fn view(task: &Task, run: &Run) -> RunView {
    RunView {
        task_id: task.id().0.to_string(),
        key: crate::scene::key(task),
        job_id: task.job.0,
        run: convert::run_number(task.instance.0).unwrap_or_default(),
        due: run.due,
        state: run.state.to_owned(),
        reason: run.reason.clone(),
        attempt: u32::from(run.attempt),
        certified_ms: run.certified_ms,
        settled_ms: run.settled_ms,
        block: run.settled.map(|settled| settled.block),
        submitter: run.settled.map(|settled| settled.submitter.to_string()).unwrap_or_default(),
        takeover: run.settled.is_some_and(|settled| settled.takeover),
        delivered: run.settled.map(|settled| settled.delivered),
    }
}

#[cfg(test)]
mod tests;
