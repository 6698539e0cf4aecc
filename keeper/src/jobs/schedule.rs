//! Which tasks come into reach when: a calendar. Of each job only its number is held, under the second at which its next run is
//! told; what that run is follows from its terms. A tick costs what is told in it, and nothing for the jobs that are not due.
//!
//! ```text
//!            changed, or unknown            the second comes: the run is told
//!   (none) ─────────────────────► a page ──────────────────────────────────► the page of the run after it, if there is one
//!                                   ▲  └─ put off: for want of room it is told again in a moment ─┐
//!                                   └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! A job that changes stands on the page of before as well. Once that comes, it is held against the terms: where the job has no run
//! then it is struck out, and where it has one the two are the same from there on, for a page names a job once.

use std::collections::{BTreeMap, BTreeSet};

use consensus::task::DueTask;
use consensus::time::{EXPIRY_SECONDS, Pace};

use super::trigger::Run;
use super::{Job, JobBook};

/// How many windows ahead tasks are told.
const WINDOWS_AHEAD: u64 = 3;
/// Of a job's runs below the newest one that settled the contract keeps account of 64 (`RunLog`): older ones settle no more. Half
/// of that leaves time for as many more to come due before these settle.
const RUNS_ACCOUNTED: u64 = 32;
/// Seconds until a run that found no room is told again.
const PUT_OFF_SECONDS: u64 = 1;
/// Entries that jobs may have left on pages of before, besides one for each job: then the calendar is made anew.
const STALE_MAX: usize = 65_536;

/// The next runs of all jobs.
#[derive(Debug, Default)]
pub struct Schedule {
    /// The jobs to be looked at by second (Unix), by number.
    pages: BTreeMap<u64, Vec<u64>>,
    /// How many entries there are.
    entries: usize,
    /// The second whose page is being read, and what is left of it, the first one last.
    open: (u64, Vec<u64>),
    /// Of jobs that found no room: the run, and when it is told again. Their later runs come after it.
    put_off: BTreeMap<u64, (u64, Run)>,
    /// The same by moment.
    again: BTreeSet<(u64, u64)>,
    /// Jobs that have changed, and whether all may have.
    changed: BTreeSet<u64>,
    all_changed: bool,
}

impl Schedule {
    /// A task that has come into reach by `seconds` (Unix): of the windows ahead, or at first not too old to be tried still. What
    /// settled is known of all tasks due at `known_from` or later: of older ones none is told but those of the last windows,
    /// which are remembered. May name a task twice. To be asked until there is none.
    pub fn take(&mut self, book: &JobBook, seconds: u64, known_from: u64, pace: &Pace) -> Option<DueTask> {
        self.take_in_changes(book, seconds, known_from, pace);
        loop {
            let (job, run) = match self.told_again(book, seconds) {
                Some(again) => again,
                None => self.turn(book, seconds, pace)?,
            };
            let told = run.and_then(|run| {
                if let Some(after) = job.run_after(&run) {
                    self.wait(job.id, &after, pace);
                }
                job.task(&run, pace)
            });
            if told.is_some() {
                return told;
            }
        }
    }

    /// A task that was told found no room: it is told again in a moment, and the job's later runs after it.
    pub fn put_off(&mut self, due: &DueTask, seconds: u64) {
        let (job, again) = (due.task.job.0, seconds + PUT_OFF_SECONDS);
        self.forget_put_off(job);
        self.put_off.insert(job, (again, Run::of(due)));
        self.again.insert((again, job));
    }

    /// A job is new or has changed: all of it that is in reach is told again.
    pub fn job_changed(&mut self, job: u64) {
        self.changed.insert(job);
    }

    /// Any job may have changed.
    pub fn all_changed(&mut self) {
        self.all_changed = true;
    }

    /// A job whose run was put off, when that is told again.
    fn told_again<'a>(&mut self, book: &'a JobBook, seconds: u64) -> Option<(&'a Job, Option<Run>)> {
        loop {
            let &(_, id) = self.again.first().filter(|(at, _)| *at <= seconds)?;
            let run = self.forget_put_off(id);
            if let Some(job) = book.job(id) {
                return Some((job, run));
            }
        }
    }

    fn forget_put_off(&mut self, job: u64) -> Option<Run> {
        let (at, run) = self.put_off.remove(&job)?;
        self.again.remove(&(at, job));
        Some(run)
    }

    /// The next job on the pages up to a second, and its run there if it has one.
    fn turn<'a>(&mut self, book: &'a JobBook, seconds: u64, pace: &Pace) -> Option<(&'a Job, Option<Run>)> {
        loop {
            let Some(id) = self.open.1.pop() else {
                let page = self.pages.first_entry().filter(|page| *page.key() <= seconds)?;
                self.open = page.remove_entry();
                self.open.1.reverse();
                continue;
            };
            self.entries -= 1;
            let due = self.open.0.saturating_add(ahead(pace));
            if let Some(job) = book.job(id).filter(|_| !self.put_off.contains_key(&id)) {
                return Some((job, job.first_run(due).filter(|run| run.due == due)));
            }
        }
    }

    fn take_in_changes(&mut self, book: &JobBook, seconds: u64, known_from: u64, pace: &Pace) {
        let mut changed = std::mem::take(&mut self.changed);
        self.all_changed |= self.entries > STALE_MAX + book.count();
        if std::mem::take(&mut self.all_changed) {
            *self = Self::default();
            changed = book.jobs().map(|job| job.id).collect();
        }
        let remembered = seconds.saturating_sub(pace.reach_seconds());
        let oldest = seconds.saturating_sub(EXPIRY_SECONDS).max(known_from).min(remembered);
        for id in changed {
            self.forget_put_off(id);
            let Some(job) = book.job(id) else { continue };
            let accounted = job.period().map_or(0, |period| seconds.saturating_sub(RUNS_ACCOUNTED * u64::from(period)));
            if let Some(run) = job.first_run(oldest.max(accounted.min(remembered))) {
                self.wait(id, &run, pace);
            }
        }
    }

    /// Enters a job on the page of a run. Most come in the order of their numbers.
    fn wait(&mut self, job: u64, run: &Run, pace: &Pace) {
        let page = self.pages.entry(run.due.saturating_sub(ahead(pace))).or_default();
        if page.last().is_none_or(|last| *last < job) {
            page.push(job);
        } else if let Err(place) = page.binary_search(&job) {
            page.insert(place, job);
        } else {
            return;
        }
        self.entries += 1;
    }
}

/// How many seconds before it is due a run is told.
fn ahead(pace: &Pace) -> u64 {
    WINDOWS_AHEAD * pace.window_seconds()
}

#[cfg(test)]
mod tests;
