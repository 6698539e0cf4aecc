//! What is late (rule 19): of each job the first of it goes before all later runs, which wait for it or come with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::session::Session;
use crate::sessions::Sessions;
use crate::task::{JobId, Task, is_catch_up};
use crate::time::{Pace, Time};

/// Where a task stands among those of its job: when it is due, and its place there.
type Rank = (u64, u32, Task);

/// The tasks that are late, and where they are listed.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog {
    of_job: BTreeMap<JobId, BTreeSet<Rank>>,
    listed: BTreeMap<Task, BTreeSet<u64>>,
}

impl Backlog {
    /// A task is late, and listed under a window.
    pub(super) fn note(&mut self, task: Task, window: u64, sessions: &Sessions) {
        if let Some(session) = sessions.get(&task) {
            self.of_job.entry(task.job).or_default().insert(rank_of(session));
            self.listed.entry(task).or_default().insert(window);
        }
    }

    /// Lets go of a task; gives the windows it is listed under.
    pub(super) fn forget(&mut self, task: &Task) -> BTreeSet<u64> {
        if let Some(tasks) = self.of_job.get_mut(&task.job) {
            tasks.retain(|(.., of)| of != task);
            if tasks.is_empty() {
                self.of_job.remove(&task.job);
            }
        }
        self.listed.remove(task).unwrap_or_default()
    }

    /// Of each job of which something is late, or was until lately: what goes before all that is due later.
    pub(super) fn firsts(&self, sessions: &Sessions, now: Time, pace: &Pace) -> Firsts {
        let first = |job: JobId| {
            let going = sessions.of(job).filter(|session| session.goes_first(now, pace));
            going.map(rank_of).min()
        };
        Firsts(self.of_job.keys().filter_map(|&job| Some((job, first(job)?))).collect())
    }
}

/// What goes first, by job.
pub(super) struct Firsts(BTreeMap<JobId, Rank>);

impl Firsts {
    /// What else a window catches up with: all that is open of these jobs and has this attempt in it.
    pub(super) fn with_them(&self, window: u64, sessions: &Sessions, pace: &Pace) -> Vec<(Task, u8)> {
        let Some(attempt) = pace.catch_up_attempt(window) else {
            return Vec::new();
        };
        let all = self.0.keys().flat_map(|&job| sessions.of(job));
        let has_it = |session: &&Session| pace.window_of(pace.attempt_due(session.due().due, attempt)) == window;
        let due = all.filter(has_it).filter(|session| session.may_catch_up());
        due.map(|session| (session.due().task, attempt)).collect()
    }

    /// Whether a task waits: one that goes first is not on chain yet. What is caught up with comes together with that, if it is
    /// not held by a batch already.
    pub(super) fn hold_back(&self, session: &Session, attempt: u8, is_held: impl Fn(&Task) -> bool) -> bool {
        let first = self.0.get(&session.due().task.job);
        first.is_some_and(|first| match is_catch_up(attempt) {
            true => first.2 != session.due().task && is_held(&first.2),
            false => *first < rank_of(session),
        })
    }
}

fn rank_of(session: &Session) -> Rank {
    let (due, rank) = session.rank();
    (due, rank, session.due().task)
}
