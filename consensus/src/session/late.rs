//! What is late, and is caught up with (rule 19).
//!
//! Tries come ever later ([`Pace::attempt_due`]), so that a task on which keepers do not agree costs little. After a stop of all
//! keepers nothing is wrong with what came due meanwhile, and with such tries alone it would settle late, the newest first. So
//! what is late and has split no batch is also tried at moments that all tasks have in common, where a leader assigns it: in the
//! order in which it was due. So a job's run that is stuck does not fall behind the 64 that the contract keeps account of either.

use std::collections::BTreeSet;

use super::{Attempt, Phase, Session};
use crate::agenda::Wake;
use crate::facts::Facts;
use crate::outbox::{Notice, Outbox};
use crate::task::is_catch_up;
use crate::time::{CATCH_UP_WINDOWS, Pace, Time};

/// Most tries at catching up with a task: a leader may assign it as often as it leads, and each costs a run.
const TRIES_MAX: usize = 8;
/// For so many catch-ups later runs of a job wait for one that is late.
const WAITED_FOR: u64 = 4;

/// How it is caught up with.
#[derive(Clone, Debug, Default)]
pub(super) struct Late {
    /// Whether keepers did not agree on it in a batch.
    pub(super) is_split: bool,
    /// The tries that leaders have assigned.
    planned: BTreeSet<u8>,
}

impl Session {
    /// It stands in a batch of this try. One that catches up is made only if somebody asks for it.
    pub(super) fn plan(&mut self, attempt: u8, now: Time, outbox: &mut Outbox) {
        if is_catch_up(attempt) && self.late.planned.len() < TRIES_MAX && self.late.planned.insert(attempt) {
            outbox.wake(now, Wake::Session(self.due.task));
        }
    }

    /// Starts the tries that were assigned, and is listed for the next one while it is late.
    pub(super) fn catch_up(&mut self, facts: &Facts, now: Time, outbox: &mut Outbox) {
        let (task, pace) = (self.due.task, facts.pace());
        for attempt in self.late.planned.clone() {
            if self.attempts.contains_key(&attempt) {
                continue;
            }
            match facts.anchor(&self.due, attempt) {
                Some(anchor) => self.start(attempt, anchor, facts, outbox),
                None => outbox.wake_with_next_block(Wake::Session(task)),
            }
        }
        let window = pace.catch_up_after(pace.window_at(now));
        let is_late = now >= self.late_at(&pace) && !self.late.is_split;
        if let Some(attempt) = pace.catch_up_attempt(window).filter(|_| is_late) {
            outbox.tell(Notice::Opened { window, task, attempt });
            outbox.wake(pace.window_start(window), Wake::Session(task));
        }
    }

    /// Whether it may be caught up with: keepers have not shown that they do not agree on it.
    pub(crate) fn may_catch_up(&self) -> bool {
        !self.late.is_split
    }

    /// Whether later runs of its job wait for it where that has something to catch up with: somebody could have it settled, and it
    /// has not been waited for in vain.
    pub(crate) fn goes_first(&self, now: Time, pace: &Pace) -> bool {
        let patience = std::time::Duration::from_secs(WAITED_FOR * CATCH_UP_WINDOWS * pace.window_seconds());
        let is_waited_for = now < self.late_at(pace).max(self.known).plus(patience);
        // Whoever is to bring it on chain may be silent: it is waited for until it is there.
        let is_under_way = matches!(self.phase, Phase::Open | Phase::Certified { .. });
        let cannot = self.attempts.values().any(|attempt| matches!(attempt, Attempt::Abstained(..)));
        is_waited_for && is_under_way && self.may_catch_up() && !cannot
    }

    /// Where it stands among the runs of its job.
    pub(crate) fn rank(&self) -> (u64, u32) {
        (self.due.due, self.due.rank)
    }

    /// When it counts as late.
    pub(super) fn late_at(&self, pace: &Pace) -> Time {
        pace.moment(pace.late_from(self.due.due))
    }
}
