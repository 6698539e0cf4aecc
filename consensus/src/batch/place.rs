//! Where a batch stands: who assigned it, and whether it counts (rule 4).
//!
//! What a leader may assign follows from what every keeper knows of the tasks, so each keeper judges it alone: a batch that
//! breaks the rule is spoken in by nobody, stands in no other leader's way, and uses up nobody's tries.

use super::{Batch, Phase};
use crate::agenda::Wake;
use crate::committee::KeeperIndex;
use crate::facts::Facts;
use crate::outbox::Outbox;
use crate::session::{Event, Session};
use crate::sessions::Sessions;
use crate::task::{Task, is_catch_up};
use crate::time::{Pace, SILENCE, Time};

/// Batches in which a leader may have one attempt at a task stand: one of many, then another one if that fails. Keepers
/// speak in no more of them, so what one leader can make them sign is bounded by what is due.
pub(crate) const TRIES_MAX: usize = 2;

/// Who assigned a batch, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The window it was assigned for.
    pub(crate) window: u64,
    /// The stage its leader led at.
    pub(crate) stage: u8,
    /// The leader.
    pub(crate) leader: KeeperIndex,
    /// When its assignment was taken up here.
    pub(crate) came: Time,
}

/// What this keeper makes of a batch by the tasks it lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They are due together in its window, under one quorum; or late, and it is one in which that is caught up with.
    Sound,
    /// Some of them are not known here, so that nobody can tell yet.
    Unclear,
    /// They are not, or one of them stands in enough batches of its leader.
    Unsound,
}

impl Batch {
    /// What it is, given in how many other batches of its leader a task stands at its attempt.
    pub(crate) fn standing(&self, pace: &Pace, sessions: &Sessions, others: impl Fn(&Session) -> usize) -> Standing {
        let known: Vec<&Session> = self.tasks.iter().filter_map(|task| sessions.get(task)).collect();
        let is_catch_up = is_catch_up(self.attempt);
        // What is caught up with was due at many moments, and comes in their order.
        let moment = |session: &Session| if is_catch_up { 0 } else { session.due().due };
        let terms = |session: &Session| (moment(session), session.due().quorum_bps);
        let looks = !self.inputs.listed.is_empty();
        let fits = |session: &&Session| {
            session.due().observes == looks
                && pace.window_of(pace.attempt_due(session.due().due, self.attempt)) == self.place.window
                && terms(session) == terms(known[0])
                && others(session) < TRIES_MAX
        };
        let is_in_order = !is_catch_up || known.is_sorted_by_key(|session| session.due().due);
        match is_in_order && known.iter().all(fits) {
            false => Standing::Unsound,
            true if known.len() < self.tasks.len() => Standing::Unclear,
            true => Standing::Sound,
        }
    }

    /// Takes its place among the batches of its tasks, or none; once more whenever one of them has become known.
    pub(crate) fn stand(
        &mut self,
        standing: Standing,
        facts: &Facts,
        sessions: &mut Sessions,
        now: Time,
        outbox: &mut Outbox,
    ) {
        let stands = standing != Standing::Unsound;
        self.is_sound = standing == Standing::Sound;
        for &task in &self.tasks {
            let event = if stands { Event::Planned(self.key, self.attempt) } else { Event::Dropped(self.key) };
            sessions.handle(task, event, facts, now, outbox);
        }
        if !stands {
            (self.phase, self.tasks) = (Phase::Refused, Vec::new());
        }
        outbox.wake(now, Wake::Batch(self.key));
    }

    /// Whether nobody speaks in it.
    pub(crate) fn is_refused(&self) -> bool {
        self.phase == Phase::Refused
    }

    /// Whether it is one that keepers sign.
    pub(crate) fn is_sound(&self) -> bool {
        self.is_sound
    }

    /// When the stage of its leader may assign a task, by what this keeper knows; who does so earlier is not heeded earlier.
    fn turn(&self, session: &Session, pace: &Pace) -> Time {
        // Who has not heard enough itself goes by when it heard of the batch.
        if session.due().observes && session.opens(self.attempt, pace) == Time(u64::MAX) {
            return self.place.came.plus(SILENCE * u32::from(self.place.stage));
        }
        session.opens(self.attempt, pace).plus(SILENCE * u32::from(self.place.stage))
    }

    /// Rule 6: whether its word is worth anything: the time of its leader has come, and not all of its tasks have a
    /// certificate from another batch.
    pub(super) fn is_called_for(&self, facts: &Facts, sessions: &Sessions, now: Time, outbox: &mut Outbox) -> bool {
        let (pace, first) = (facts.pace(), self.tasks.first().and_then(|task| sessions.get(task)));
        if let Some(turn) = first.map(|session| self.turn(session, &pace)).filter(|&turn| now < turn) {
            outbox.wake(turn, Wake::Batch(self.key));
            return false;
        }
        match self.phase {
            Phase::Certified { .. } => !sessions.are_over(&self.tasks),
            _ => sessions.is_any_open(&self.tasks, now, &pace),
        }
    }

    /// Whether the leader of `stage` leaves a task to this batch: one that can still succeed, of a stage that comes first or whose
    /// time had come, or that somebody assigned who knew of the task before this keeper did. A batch with a task that nobody
    /// knows, or that is not run at this attempt while the others are, cannot.
    pub(crate) fn holds(&self, stage: u8, session: &Session, pace: &Pace, sessions: &Sessions) -> bool {
        let came = self.place.came;
        if self.place.stage > stage && session.was_known(came) && came < self.turn(session, pace) {
            return false;
        }
        let is_run = |task: &Task| sessions.get(task).map(|session| session.attempt(self.attempt).is_some());
        match self.phase {
            Phase::Collecting => {
                let first = self.tasks.first().and_then(is_run);
                !self.inputs.is_overdue && first.is_some() && self.tasks.iter().all(|task| is_run(task) == first)
            }
            Phase::Certified { failed, .. } => failed.is_none(),
            Phase::Failed { .. } | Phase::Refused => false,
        }
    }
}
