//! What a leader assigns, and when each stage may (rules 4 and 9).
//!
//! Stage 0 assigns as soon as the leaders of the window are known, one window ahead. Each further stage waits
//! [`SILENCE`] longer from the moment the task is due, or known where that comes later, or from the moment its batch failed, and
//! assigns whatever still stands in no batch that could succeed: so a leader that is silent, or drops a task, or puts it where it cannot succeed,
//! is stepped over by the same rule. A leader leaves out what it cannot run itself: if nobody can, it costs no message, and
//! if somebody can, that one leads it. Each leader has tries of its own: nobody can use up another's.

mod backlog;
mod cut;
mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backlog::Backlog;
use cut::Cut;
use runs::Runs;

use crate::agenda::Wake;
use crate::batch::{Batch, Place, TRIES_MAX};
use crate::batches::Batches;
use crate::codec;
use crate::effect::Effect;
use crate::facts::Facts;
use crate::leader::{Stage, Window};
use crate::message::{ASSIGNMENTS_MAX, Assignment, BatchKey, Channel, PlannedBatch};
use crate::outbox::Outbox;
use crate::plans::Plans;
use crate::session::{Attempt, Session};
use crate::sessions::Sessions;
use crate::task::{ATTEMPTS_MAX, JobId, Task, is_catch_up};
use crate::time::{OBSERVED_WINDOWS, Pace, SILENCE, Time};

/// What a leader has before its eyes when it assigns.
#[derive(Debug)]
pub(crate) struct Board<'a> {
    /// What the chain has shown.
    pub(crate) facts: &'a mut Facts,
    /// The tasks.
    pub(crate) sessions: &'a Sessions,
    /// The batches they stand in.
    pub(crate) batches: &'a Batches,
    /// The assignments so far.
    pub(crate) plans: &'a mut Plans,
}

/// A task that a leader may assign.
struct Open {
    task: Task,
    attempt: u8,
    /// When stage 0 could assign it.
    since: Time,
    /// How many batches of this attempt it has failed in.
    failures: usize,
    /// Whether a batch of an earlier attempt has failed for it: keepers do not agree on it, and it would hold up what is
    /// batched with it.
    is_split: bool,
    /// Whether its job's last runs here were not all quick, or there was none: it may hold up what it is batched with.
    is_slow: bool,
    /// Whether its job's last outcome was heavy: the batch it is in goes on chain in parts, over some blocks.
    is_heavy: bool,
    /// Whether its job looks outside: it is assigned alone, with what keepers saw.
    observes: bool,
    /// Whether it stands in a batch that could succeed.
    is_held: bool,
    /// Whether it is left to leaders who can run it, for this keeper would abstain; or waits for an earlier run of its job.
    is_left: bool,
}

/// Most jobs remembered for their trouble; those beyond are assigned like all others.
const JOBS_MAX: usize = 65_536;
/// Numbers of assignments kept from what is late and not quick: it is many batches, which could take them all.
const NUMBERS_KEPT: u8 = 2;

/// The attempts by the window they are due in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    attempts: BTreeMap<u64, BTreeSet<(Task, u8)>>,
    /// What is late.
    backlog: Backlog,
    /// Jobs whose code is missing or failing here.
    troubled: BTreeSet<JobId>,
    /// Which jobs are quick here.
    runs: Runs,
    /// When this keeper has last assigned something in a window.
    assigned: BTreeMap<u64, Time>,
}

impl Windows {
    /// Lists an attempt under its window, so that the window's leader can assign it.
    pub(crate) fn list(
        &mut self,
        window: u64,
        (task, attempt): (Task, u8),
        (pace, sessions): (&Pace, &Sessions),
        now: Time,
        outbox: &mut Outbox,
    ) {
        if self.attempts.entry(window).or_default().insert((task, attempt)) {
            if is_catch_up(attempt) {
                self.backlog.note(task, window, sessions);
            }
            outbox.wake(now.plus(pace.gathering(0, ASSIGNMENTS_MAX)), Wake::Window(window));
        }
    }

    /// A job's code is missing or failing here, or no longer is.
    pub(crate) fn note_trouble(&mut self, job: JobId, troubled: bool) {
        if troubled && self.troubled.len() < JOBS_MAX {
            self.troubled.insert(job);
        } else if !troubled {
            self.troubled.remove(&job);
        }
    }

    /// A run of a task has ended here, after so long; if it has something to say, whether that is heavy.
    pub(crate) fn note_run(&mut self, task: Task, said_heavy: Option<bool>, took: Duration) {
        self.runs.note(task, said_heavy, took);
    }

    /// A run of a task has not ended here, and its next try is due.
    pub(crate) fn note_endless(&mut self, task: Task) {
        self.runs.note_endless(task);
    }

    /// Lets go of a task that was due at `due`, in seconds: it stands under the windows of its attempts.
    pub(crate) fn forget(&mut self, task: Task, due: u64, pace: &Pace) {
        for attempt in 0..ATTEMPTS_MAX {
            self.strike(pace.window_of(pace.attempt_due(due, attempt)), task);
        }
        for window in self.backlog.forget(&task) {
            self.strike(window, task);
        }
    }

    fn strike(&mut self, window: u64, task: Task) {
        if let Some(attempts) = self.attempts.get_mut(&window) {
            attempts.retain(|(of, _)| *of != task);
            if attempts.is_empty() {
                self.attempts.remove(&window);
            }
        }
    }

    /// Assigns what is open in a window, if this keeper leads a stage whose time has come.
    pub(crate) fn look(&mut self, window: u64, may_lead: bool, board: Board<'_>, now: Time, outbox: &mut Outbox) {
        let pace = board.facts.pace();
        let current = pace.window_at(now);
        // Of what looks outside enough may have been seen only by then.
        let is_late = window + 1 < current;
        if (is_late && window + OBSERVED_WINDOWS < current) || !self.attempts.contains_key(&window) {
            return;
        }
        if window > current + 1 {
            return outbox.wake(pace.window_start(window - 1), Wake::Window(window));
        }
        let Some((order, committee)) = board.facts.leaders(window) else {
            return outbox.wake_with_next_block(Wake::Window(window));
        };
        let Some(leader) = board.facts.my_index(&committee).filter(|_| may_lead) else {
            return;
        };
        let Some(stage) = (0u8..).zip(&order).find_map(|(stage, &index)| (index == leader).then_some(stage)) else {
            return;
        };
        let place = Place { window, stage, leader, came: now };
        let opens = |open: &Open| match stage {
            _ if open.since == Time(u64::MAX) || (is_late && !open.observes) => None,
            0 if open.observes => Some(open.since),
            0 => Some(Time(0)),
            _ if open.failures == 0 && !board.facts.laws().silence_opens_a_stage() => None,
            _ => Some(open.since.plus(SILENCE * u32::from(stage))),
        };
        let all: Vec<(Time, Open)> =
            self.open_tasks(place, &board, now).into_iter().filter_map(|open| Some((opens(&open)?, open))).collect();
        if let Some(next) = all.iter().map(|(at, _)| *at).filter(|&at| at > now).min() {
            outbox.wake(next, Wake::Window(window));
        }
        let ready = all.into_iter().filter(|(at, _)| *at <= now).map(|(_, open)| open);
        let (ready, left): (Vec<Open>, Vec<Open>) = ready.partition(|open| !open.is_held && !open.is_left);
        // What a batch rests on may turn out with a block, what is in trouble here may get out of it, and what waits may go on.
        if !left.is_empty() || pace.catch_up_attempt(window).is_some() {
            outbox.wake_with_next_block(Wake::Window(window));
        }
        if !ready.is_empty() {
            self.assign(place, &ready, board, now, outbox);
        }
    }

    /// The tasks of a window that a leader has a try left at. What failed alone waits for its next attempt, whoever assigned
    /// it: keepers do not agree on it.
    fn open_tasks(&self, place: Place, board: &Board<'_>, now: Time) -> Vec<Open> {
        let pace = board.facts.pace();
        let sessions = board.sessions;
        let firsts = self.backlog.firsts(sessions, now, &pace);
        let mut listed = self.attempts.get(&place.window).cloned().unwrap_or_default();
        listed.extend(firsts.with_them(place.window, sessions, &pace));
        let holds = |batch: &&Batch, session: &Session| batch.holds(place.stage, session, &pace, sessions);
        let is_recent = |batch: &&Batch| batch.place().window + 2 >= place.window;
        let caught_up = |session: &Session| {
            let batches = session.batches().filter_map(|key| board.batches.get(&key));
            let mut batches = batches.filter(|batch| is_catch_up(batch.attempt())).filter(is_recent);
            batches.any(|batch| holds(&batch, session))
        };
        let mut agreed: BTreeMap<BatchKey, Vec<Task>> = BTreeMap::new();
        listed
            .into_iter()
            .filter_map(|(task, attempt)| {
                let session = sessions.get(&task).filter(|session| session.is_open(now, &pace))?;
                if is_catch_up(attempt) && !session.may_catch_up() {
                    return None;
                }
                let batches = session.batches().filter_map(|key| board.batches.get(&key));
                let (batches, before): (Vec<&Batch>, Vec<&Batch>) =
                    batches.partition(|batch| batch.attempt() == attempt);
                let failed: Vec<Time> = batches.iter().filter_map(|batch| batch.failed()).collect();
                let failed_alone = batches.iter().any(|batch| batch.tasks().len() == 1 && batch.failed().is_some());
                let is_split = before
                    .iter()
                    .filter(|batch| batch.failed().is_some())
                    .any(|batch| !agreed.entry(batch.key()).or_insert_with(|| batch.agreed()).contains(&task));
                let mine = batches.iter().filter(|batch| batch.place().leader == place.leader).count();
                if failed_alone || mine >= TRIES_MAX {
                    return None;
                }
                let opens = session.opens(attempt, &pace);
                let since = failed.iter().copied().max().unwrap_or(opens);
                let elsewhere = before.iter().filter(|_| is_catch_up(attempt)).filter(|batch| is_recent(batch));
                let is_held = batches.iter().chain(elsewhere).any(|batch| holds(batch, session)) || caught_up(session);
                let is_left = match session.attempt(attempt) {
                    Some(Attempt::Reported { .. } | Attempt::Refused { .. }) => false,
                    Some(Attempt::Abstained(..)) => true,
                    Some(Attempt::Running { .. }) | None => self.troubled.contains(&task.job),
                };
                let is_caught_up = |task: &Task| sessions.get(task).is_some_and(caught_up);
                let is_left = is_left || firsts.hold_back(session, attempt, is_caught_up);
                let (is_slow, is_heavy) = (!self.runs.are_quick(task), self.runs.are_heavy(task.job));
                let (observes, failures) = (session.due().observes, failed.len());
                // Nothing is listed yet, or no more.
                let is_left = is_left || (observes && since <= now && session.listed(attempt, now).is_empty());
                Some(Open { task, attempt, since, failures, is_split, is_slow, is_heavy, observes, is_held, is_left })
            })
            .collect()
    }

    /// Assigns what is ready, in as many assignments as it takes. A leader has few of them, so it gathers before each what
    /// comes one by one, longer and longer: they last for a window. What is left is the next stage's.
    fn assign(&mut self, place: Place, ready: &[Open], board: Board<'_>, now: Time, outbox: &mut Outbox) {
        let pace = board.facts.pace();
        let free = |plans: &Plans| plans.free_number(place.window, place.stage, place.leader);
        let Some(next) = free(board.plans) else {
            return;
        };
        let gathered = |last: &Time| last.plus(pace.gathering(next, ASSIGNMENTS_MAX));
        if let Some(at) = self.assigned.get(&place.window).map(gathered).filter(|&at| at > now) {
            return outbox.wake(at, Wake::Window(place.window));
        }
        for Cut { batches, is_slow } in cut::assignments(cut::batches(ready, &self.troubled, &board, now)) {
            let last = if is_slow { ASSIGNMENTS_MAX - NUMBERS_KEPT } else { ASSIGNMENTS_MAX };
            let Some(number) = free(board.plans).filter(|number| *number < last) else {
                break;
            };
            publish(place, number, batches, (board.facts, board.plans), outbox);
        }
        self.assigned.insert(place.window, now);
        self.assigned = self.assigned.split_off(&pace.window_at(now).saturating_sub(1));
    }
}

fn publish(
    place: Place,
    number: u8,
    batches: Vec<PlannedBatch>,
    (facts, plans): (&Facts, &mut Plans),
    outbox: &mut Outbox,
) {
    let Place { window, stage, leader, .. } = place;
    let named = (Window(window), Stage(stage), number);
    let assignment = Assignment::signed(facts.domain(), facts.peer_key(), named, leader, batches);
    let bytes = codec::encode(&assignment);
    outbox.effect(Effect::Assigned { window, stage });
    outbox.effect(Effect::Broadcast { channel: Channel::Assignments, bytes: bytes.clone() });
    plans.adopt((assignment.hash(facts.domain()), &assignment), bytes, outbox);
}

#[cfg(test)]
mod tests;
