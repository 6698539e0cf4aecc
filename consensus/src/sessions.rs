//! All tasks that are remembered, by task.

mod room;

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_primitives::B256;

use crate::agenda::Wake;
use crate::certificate::Certificate;
use crate::committee::Committee;
use crate::effect::{Effect, Step};
use crate::facts::Facts;
use crate::inputs::InputSet;
use crate::message::{Listed, Observation};
use crate::outbox::{Notice, Outbox};
use crate::report::Report;
use crate::session::{Event, Session};
use crate::task::{DueTask, InstanceKey, JobId, Task};
use crate::time::{Pace, Time};

/// Most tasks remembered at a time; further ones are refused until some have ended.
pub const SESSIONS_MAX: usize = 32_768;
/// A job may have one task in so many of the places that are free: alone it gets a ninth of them, and what one gets shrinks as others
/// come (dynamic thresholds, as switches share their memory).
const FREE_PER_SHARE: usize = 8;
/// Places that do not count as free for that: they are there for jobs with few tasks, whatever others have taken.
const RESERVE: usize = SESSIONS_MAX / 8;
/// Tasks a job may have as long as there is any place.
const SHARE_MIN: usize = 2;
/// Where a job may have fewer than these, it is the others that leave it no room: one that settles in its turn has a few open.
const FEW: usize = 16;

/// The tasks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    tasks: BTreeMap<Task, Session>,
    /// How many are each job's.
    of_job: BTreeMap<JobId, usize>,
    seen: room::Room,
    /// How many look outside.
    observing: usize,
}

impl Sessions {
    /// Takes up a task of the schedule; false if it is known, over, or one too many, be it of all or of its job. Told otherwise
    /// than before it is another job's: a reorganisation has given the number away, and what was known of it is void.
    pub(crate) fn learn(&mut self, due: DueTask, facts: &Facts, now: Time, outbox: &mut Outbox) -> bool {
        let over = now > facts.pace().moment(due.deadline);
        if over || self.is_told(&due) {
            return false;
        }
        self.forget(&due.task);
        if !self.has_room_for(due.task.job) {
            return false;
        }
        *self.of_job.entry(due.task.job).or_default() += 1;
        self.observing += usize::from(due.observes);
        self.tasks.insert(due.task, Session::new(due, now));
        let window = facts.pace().window_of(due.due);
        outbox.wake(facts.pace().moment(due.due), Wake::Session(due.task));
        outbox.tell(Notice::Opened { window, task: due.task, attempt: 0 });
        true
    }

    /// Whether a task is remembered as it is told here.
    pub(crate) fn is_told(&self, due: &DueTask) -> bool {
        self.get(&due.task).is_some_and(|session| session.due() == due)
    }

    /// Whether there is room for a few tasks of any job: whoever finds none all the same has many.
    pub(crate) fn has_room(&self) -> bool {
        self.share() >= FEW
    }

    fn has_room_for(&self, job: JobId) -> bool {
        self.tasks.len() < SESSIONS_MAX && self.of_job.get(&job).is_none_or(|held| *held < self.share())
    }

    /// How many tasks each job may have now.
    fn share(&self) -> usize {
        let free = SESSIONS_MAX.saturating_sub(self.tasks.len());
        (free.saturating_sub(RESERVE) / FREE_PER_SHARE).max(SHARE_MIN)
    }

    /// Hands an event to a task, if it is remembered.
    pub(crate) fn handle(&mut self, task: Task, event: Event, facts: &Facts, now: Time, outbox: &mut Outbox) {
        if let Some(session) = self.tasks.get_mut(&task) {
            session.handle(event, facts, now, outbox);
            self.seen.note(task, session.observed_bytes());
        }
    }

    /// The blocks above `number` are orphaned: so is what was seen in them, and all else starts over at the blocks in their place.
    pub(crate) fn rewound(&mut self, number: u64, facts: &Facts, now: Time, outbox: &mut Outbox) {
        let is_above = |session: &Session| session.due().anchor.rests_on().is_some_and(|block| block > number);
        let is_void = |session: &Session| facts.laws().voids() && is_above(session);
        for (&task, session) in &mut self.tasks {
            if is_void(session) {
                end(task, outbox);
            } else {
                session.handle(Event::Rewound(number), facts, now, outbox);
                self.seen.note(task, session.observed_bytes());
            }
        }
    }

    /// A task turns out to be none. What has settled was one.
    pub(crate) fn void(&self, task: &Task, outbox: &mut Outbox) {
        if self.get(task).is_some_and(|session| !session.is_settled()) {
            end(*task, outbox);
        }
    }

    /// One task.
    pub(crate) fn get(&self, task: &Task) -> Option<&Session> {
        self.tasks.get(task)
    }

    /// All tasks of a job.
    pub(crate) fn of(&self, job: JobId) -> impl Iterator<Item = &Session> {
        let first = Task { job, version: 0, instance: InstanceKey(B256::ZERO) };
        self.tasks.range(first..).take_while(move |(task, _)| task.job == job).map(|(_, session)| session)
    }

    /// One task, to take note of what was said of it.
    pub(crate) fn get_mut(&mut self, task: &Task) -> Option<&mut Session> {
        self.tasks.get_mut(task)
    }

    /// Whether nothing is left to be done for any of these tasks: each is settled, given up or forgotten.
    pub(crate) fn are_over(&self, tasks: &[Task]) -> bool {
        tasks.iter().all(|task| self.get(task).is_none_or(Session::has_ended))
    }

    /// Whether a certificate of one of these tasks would still be worth something.
    pub(crate) fn is_any_open(&self, tasks: &[Task], now: Time, pace: &Pace) -> bool {
        tasks.iter().filter_map(|task| self.get(task)).any(|session| session.is_open(now, pace))
    }

    /// The largest quorum that any of these tasks asks for.
    pub(crate) fn quorum_bps<'a>(&self, tasks: impl IntoIterator<Item = &'a Task>) -> Option<u16> {
        tasks.into_iter().filter_map(|task| self.get(task)).map(|session| session.due().quorum_bps).max()
    }

    /// Whether a certificate of these reports says nothing that is not known: every one is certified alike at its anchor.
    pub(crate) fn know_certified(&self, reports: &[Report]) -> bool {
        let known = |report: &Report| self.get(&report.task).is_some_and(|session| session.knows_certified(report));
        !reports.is_empty() && reports.iter().all(known)
    }

    /// The certificate of just these reports, if it was the first one of any of them.
    pub(crate) fn certificate_of(&self, reports: &[Report]) -> Option<&Arc<Certificate>> {
        let first = |report: &Report| self.get(&report.task)?.certificate_at((report.anchor.hash, report.input_set));
        reports.iter().filter_map(first).find(|certificate| certificate.reports == reports)
    }

    /// Lets go of a task.
    pub(crate) fn forget(&mut self, task: &Task) {
        let Some(session) = self.tasks.remove(task) else {
            return;
        };
        self.seen.note(*task, 0);
        self.observing -= usize::from(session.due().observes);
        if let Some(held) = self.of_job.get_mut(&task.job) {
            *held -= 1;
            if *held == 0 {
                self.of_job.remove(&task.job);
            }
        }
    }

    /// How many look outside.
    pub(crate) fn observing(&self) -> usize {
        self.observing
    }

    /// Whether what a keeper saw of a task has room here.
    pub(crate) fn has_room_to_see(&self, task: &Task, bytes: usize) -> bool {
        self.seen.has(task.job, bytes)
    }

    /// Takes what a keeper saw, its signature being good.
    pub(crate) fn take_observation(
        &mut self,
        (observation, digest, bytes): (&Observation, B256, Vec<u8>),
        committee: &Committee,
        facts: &Facts,
        now: Time,
        outbox: &mut Outbox,
    ) {
        let task = observation.task.into();
        if let Some(session) = self.tasks.get_mut(&task) {
            session.take_observation((observation, digest, bytes), committee, facts, now, outbox);
            self.seen.note(task, session.observed_bytes());
        }
    }

    /// The positions in a list of what is not at hand of a try at a task; `None` if that has not begun.
    pub(crate) fn missing(&mut self, task: &Task, attempt: u8, listed: &[Listed]) -> Option<Vec<usize>> {
        self.tasks.get_mut(task)?.missing(attempt, listed)
    }

    /// The set of a list that a try at a task is to decide on, if it has not begun to.
    pub(crate) fn undecided(
        &self,
        (task, attempt): (&Task, u8),
        input_set: B256,
        list: (&[Listed], &Committee),
    ) -> Option<Arc<InputSet>> {
        self.get(task)?.undecided(attempt, input_set, list)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }
}

/// Has a task be none any more.
fn end(task: Task, outbox: &mut Outbox) {
    outbox.effect(Effect::Report(task, Step::Void));
    outbox.tell(Notice::TaskEnded(task));
}

#[cfg(test)]
mod tests;
