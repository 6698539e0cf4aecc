//! All tasks that are remembered, by task.

use std::collections::BTreeMap;

use crate::agenda::Wake;
use crate::facts::Facts;
use crate::outbox::{Notice, Outbox};
use crate::report::Report;
use crate::session::{Event, Session};
use crate::task::{DueTask, Task};
use crate::time::Time;

/// Most tasks remembered at a time; further ones are refused until some have ended.
pub const SESSIONS_MAX: usize = 8_192;

/// The tasks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions(BTreeMap<Task, Session>);

impl Sessions {
    /// Takes up a task of the schedule; false if it is known, over, or one too many.
    pub(crate) fn learn(&mut self, due: DueTask, facts: &Facts, now: Time, outbox: &mut Outbox) -> bool {
        let over = now > facts.pace().moment(due.deadline);
        if over || self.0.contains_key(&due.task) || self.0.len() >= SESSIONS_MAX {
            return false;
        }
        self.0.insert(due.task, Session::new(due));
        let window = facts.pace().window_of(due.due);
        outbox.wake(facts.pace().moment(due.due), Wake::Session(due.task));
        outbox.tell(Notice::Opened { window, task: due.task, attempt: 0 });
        true
    }

    /// Hands an event to a task, if it is remembered.
    pub(crate) fn handle(&mut self, task: Task, event: Event, facts: &Facts, now: Time, outbox: &mut Outbox) {
        if let Some(session) = self.0.get_mut(&task) {
            session.handle(event, facts, now, outbox);
        }
    }

    /// Hands an event to every task.
    pub(crate) fn handle_all(&mut self, event: &Event, facts: &Facts, now: Time, outbox: &mut Outbox) {
        for session in self.0.values_mut() {
            session.handle(event.clone(), facts, now, outbox);
        }
    }

    /// One task.
    pub(crate) fn get(&self, task: &Task) -> Option<&Session> {
        self.0.get(task)
    }

    /// One task, to take note of what was said of it.
    pub(crate) fn get_mut(&mut self, task: &Task) -> Option<&mut Session> {
        self.0.get_mut(task)
    }

    /// Whether nothing is left to be done for any of these tasks: each is settled, given up or forgotten.
    pub(crate) fn are_over(&self, tasks: &[Task]) -> bool {
        tasks.iter().all(|task| self.get(task).is_none_or(Session::has_ended))
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

    /// Lets go of a task.
    pub(crate) fn forget(&mut self, task: &Task) {
        self.0.remove(task);
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
