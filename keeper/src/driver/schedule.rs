//! Which tasks come into reach when. Of each job only the next run is held, by the moment it is told: a tick costs what is told in
//! it, and nothing for the jobs that are not due.
//!
//! ```text
//!            changed, or unknown            the moment comes: the run is told
//!   (none) ─────────────────────► Waiting ──────────────────────────────────► Waiting for the run after it, if there is one
//!                                   ▲  └─ put off: for want of room it is told again in a moment ─┐
//!                                   └─────────────────────────────────────────────────────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};

use consensus::task::DueTask;
use consensus::time::{EXPIRY_SECONDS, Pace};

use crate::jobs::JobBook;
use crate::jobs::trigger::Run;

/// How many windows ahead tasks are told.
const WINDOWS_AHEAD: u64 = 3;
/// Of a job's runs below the newest one that settled the contract keeps account of 64 (`RunLog`): older ones settle no more. Half
/// of that leaves time for as many more to come due before these settle.
const RUNS_ACCOUNTED: u64 = 32;
/// Seconds until a run that found no room is told again.
const PUT_OFF_SECONDS: u64 = 1;

/// The next runs of all jobs.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Of each job that has runs to come: when it is looked at (Unix seconds), and the run that is told then.
    next: BTreeMap<u64, (u64, Run)>,
    /// The same by moment.
    looks: BTreeSet<(u64, u64)>,
    /// Jobs that have changed, and whether all may have.
    changed: BTreeSet<u64>,
    all_changed: bool,
}

impl Schedule {
    /// A task that has come into reach by `seconds` (Unix): of the windows ahead, or at first not too old to be tried still. What
    /// settled is known of all tasks due at `known_from` or later: of older ones none is told but those of the last windows,
    /// which are remembered. May name a task twice. To be asked until there is none.
    pub(super) fn take(&mut self, book: &JobBook, seconds: u64, known_from: u64, pace: &Pace) -> Option<DueTask> {
        self.take_in_changes(book, seconds, known_from, pace);
        while let Some(&(look, id)) = self.looks.first().filter(|(look, _)| *look <= seconds) {
            self.looks.remove(&(look, id));
            let told = self.next.remove(&id).zip(book.job(id));
            if let Some(((_, run), job)) = told {
                if let Some(after) = job.run_after(&run) {
                    self.wait(id, look_of(&after, pace), after);
                }
                if let Some(due) = job.task(&run, pace) {
                    return Some(due);
                }
            }
        }
        None
    }

    /// A task that was told found no room: it is told again in a moment, and the job's later runs after it.
    pub(super) fn put_off(&mut self, due: &DueTask, seconds: u64) {
        self.wait(due.task.job.0, seconds + PUT_OFF_SECONDS, Run::of(due));
    }

    /// A job is new or has changed: all of it that is in reach is told again.
    pub(super) fn job_changed(&mut self, job: u64) {
        self.changed.insert(job);
    }

    /// Any job may have changed.
    pub(super) fn all_changed(&mut self) {
        self.all_changed = true;
    }

    fn take_in_changes(&mut self, book: &JobBook, seconds: u64, known_from: u64, pace: &Pace) {
        let mut changed = std::mem::take(&mut self.changed);
        if std::mem::take(&mut self.all_changed) {
            (self.next, self.looks) = Default::default();
            changed = book.jobs().map(|job| job.id).collect();
        }
        let remembered = seconds.saturating_sub(pace.reach_seconds());
        let oldest = seconds.saturating_sub(EXPIRY_SECONDS).max(known_from).min(remembered);
        for id in changed {
            self.forget(id);
            let Some(job) = book.job(id) else { continue };
            let accounted = job.period().map_or(0, |period| seconds.saturating_sub(RUNS_ACCOUNTED * u64::from(period)));
            if let Some(run) = job.first_run(oldest.max(accounted.min(remembered))) {
                self.wait(id, look_of(&run, pace), run);
            }
        }
    }

    fn wait(&mut self, job: u64, look: u64, run: Run) {
        self.forget(job);
        self.next.insert(job, (look, run));
        self.looks.insert((look, job));
    }

    fn forget(&mut self, job: u64) {
        if let Some((look, _)) = self.next.remove(&job) {
            self.looks.remove(&(look, job));
        }
    }
}

/// When a run is told.
fn look_of(run: &Run, pace: &Pace) -> u64 {
    run.due.saturating_sub(WINDOWS_AHEAD * pace.window_seconds())
}

#[cfg(test)]
mod tests;
