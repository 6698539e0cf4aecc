//! What became of the tasks, for people: the runs shown by the API and `keeper status`.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use consensus::effect::Step;
use consensus::task::{DueTask, Task};
use consensus::time::Time;
use contracts::terms::ended;

use crate::chain::{Settled, convert};
use crate::view::{MAX_RUNS, RunView};

/// One task as far as it is shown.
#[derive(Clone, Debug)]
struct Run {
    due: u64,
    view: RunView,
    status: u8,
    /// Operator whose turn it is first to submit.
    first_leader: Option<Address>,
}

/// The newest tasks.
#[derive(Debug, Default)]
pub(super) struct Runs {
    runs: BTreeMap<Task, Run>,
}

impl Runs {
    /// Lists a task that the schedule told.
    pub(super) fn learn(&mut self, due: &DueTask) {
        let task = due.task;
        self.runs.entry(task).or_insert_with(|| Run {
            due: due.due,
            view: RunView {
                task_id: task.id().0.to_string(),
                job_id: task.job.0,
                run: convert::run_number(task.instance.0).unwrap_or_default(),
                due: due.due,
                state: "waiting".to_owned(),
                ..RunView::default()
            },
            status: ended::CALL,
            first_leader: None,
        });
        while self.runs.len() > MAX_RUNS {
            let oldest = self.runs.iter().min_by_key(|(_, run)| run.due).map(|(&task, _)| task);
            oldest.and_then(|task| self.runs.remove(&task));
        }
    }

    /// Remembers who is first in line for the tasks due in a window.
    pub(super) fn note_leader(&mut self, from: u64, to: u64, leader: Address) {
        self.runs.values_mut().filter(|run| (from..to).contains(&run.due)).for_each(|run| {
            run.first_leader.get_or_insert(leader);
        });
    }

    pub(super) fn first_leader(&self, task: &Task) -> Option<Address> {
        self.runs.get(task)?.first_leader
    }

    pub(super) fn due(&self, task: &Task) -> Option<u64> {
        self.runs.get(task).map(|run| run.due)
    }

    /// The word metrics use for how a settled task ended.
    pub(super) fn result(&self, task: &Task) -> &'static str {
        self.runs.get(task).map_or("settled", |run| word(run.status))
    }

    pub(super) fn note_step(&mut self, task: &Task, step: Step, at: Time) {
        let Some(run) = self.runs.get_mut(task) else {
            return;
        };
        let since_due = at.0.saturating_sub(run.due * 1000);
        let view = &mut run.view;
        match step {
            Step::Started { attempt, .. } => {
                view.attempt = u32::from(attempt);
                "running".clone_into(&mut view.state);
            }
            Step::Executed => "executed".clone_into(&mut view.state),
            Step::Abstained(reason) => {
                "abstained".clone_into(&mut view.state);
                if view.reason.is_empty() {
                    reason.name().clone_into(&mut view.reason);
                }
            }
            Step::Certified => {
                view.certified_ms.get_or_insert(since_due);
                "certified".clone_into(&mut view.state);
            }
            Step::Settled => {
                view.settled_ms.get_or_insert(since_due);
                word(run.status).clone_into(&mut view.state);
            }
            Step::Reopened => "reopened".clone_into(&mut view.state),
            Step::Expired => "expired".clone_into(&mut view.state),
        }
    }

    pub(super) fn note_reason(&mut self, task: &Task, reason: &str) {
        if let Some(run) = self.runs.get_mut(task)
            && !reason.is_empty()
        {
            reason.clone_into(&mut run.view.reason);
        }
    }

    pub(super) fn note_settled(&mut self, task: &Task, settled: &Settled, takeover: bool, at: Time) {
        if let Some(run) = self.runs.get_mut(task) {
            run.status = settled.status;
            run.view.block = Some(settled.block);
            run.view.submitter = settled.submitter.to_string();
            run.view.delivered = Some(settled.delivered);
            run.view.takeover = takeover;
            run.view.settled_ms.get_or_insert(at.0.saturating_sub(run.due * 1000));
        }
    }

    /// The contract skipped a report of this job; the newest open run of it is the one meant.
    pub(super) fn note_ineligible(&mut self, job: u64, reason: &str) {
        let open = self.runs.values_mut().filter(|run| run.view.job_id == job && run.view.block.is_none());
        if let Some(run) = open.max_by_key(|run| run.due) {
            run.view.reason = format!("the contract skipped it: {reason}");
        }
    }

    /// The newest runs first.
    pub(super) fn views(&self) -> Vec<RunView> {
        let mut runs: Vec<&Run> = self.runs.values().collect();
        runs.sort_by_key(|run| (std::cmp::Reverse(run.due), run.view.job_id));
        runs.into_iter().map(|run| run.view.clone()).collect()
    }

    /// How the newest run of a job that is over ended.
    pub(super) fn last_result(&self, job: u64) -> Option<&RunView> {
        let over = |run: &&Run| run.view.job_id == job && !["waiting", "running"].contains(&run.view.state.as_str());
        self.runs.values().filter(over).max_by_key(|run| run.due).map(|run| &run.view)
    }
}

fn word(status: u8) -> &'static str {
    match status {
        ended::SKIP => "skipped",
        ended::JOB_ERROR => "job_error",
        _ => "settled",
    }
}
