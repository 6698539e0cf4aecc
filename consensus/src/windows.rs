//! What a leader assigns, and when each stage may (rules 4 and 9).
//!
//! Stage 0 assigns as soon as the leaders of the window are known, one window ahead. Each further stage waits
//! [`SILENCE`] longer from the moment the task is due, or from the moment its batch failed, and assigns whatever still
//! stands in no batch that could succeed: so a leader that is silent, or drops a task, is stepped over by the same rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::agenda::Wake;
use crate::batches::Batches;
use crate::codec;
use crate::committee::KeeperIndex;
use crate::effect::Effect;
use crate::facts::Facts;
use crate::leader::{Stage, Window};
use crate::message::{Assignment, BATCHES_MAX, BatchKey, Channel, PlannedBatch};
use crate::outbox::Outbox;
use crate::plans::Plans;
use crate::report::BATCH_MAX;
use crate::sessions::Sessions;
use crate::task::{JobId, Task};
use crate::time::{SILENCE, Time};

/// Callback gas of one batch at most, so that it fits a block's transaction cap (EIP-7825: 16.7 million) with room.
const BATCH_GAS_MAX: u64 = 12_000_000;
/// Batches a task may fail in before it waits for its next attempt: a batch of many, then one of its own.
const TRIES_MAX: usize = 2;

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

/// A task that stands in no batch that could succeed.
struct Open {
    task: Task,
    attempt: u8,
    /// When stage 0 could assign it.
    since: Time,
    tries: usize,
}

/// The attempts by the window they are due in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    attempts: BTreeMap<u64, BTreeSet<(Task, u8)>>,
    /// Jobs whose code is missing or failing here.
    troubled: BTreeSet<JobId>,
}

impl Windows {
    /// Lists an attempt under its window, so that the window's leader can assign it.
    pub(crate) fn list(&mut self, window: u64, task: Task, attempt: u8, now: Time, outbox: &mut Outbox) {
        if self.attempts.entry(window).or_default().insert((task, attempt)) {
            outbox.wake(now, Wake::Window(window));
        }
    }

    /// A job's code is missing or failing here, or no longer is.
    pub(crate) fn note_trouble(&mut self, job: JobId, troubled: bool) {
        if troubled {
            self.troubled.insert(job);
        } else {
            self.troubled.remove(&job);
        }
    }

    /// Lets go of a task.
    pub(crate) fn forget(&mut self, task: Task) {
        self.attempts.retain(|_, attempts| {
            attempts.retain(|(other, _)| *other != task);
            !attempts.is_empty()
        });
    }

    /// Assigns what is open in a window, if this keeper leads a stage whose time has come.
    pub(crate) fn look(&self, window: u64, may_lead: bool, board: Board<'_>, now: Time, outbox: &mut Outbox) {
        let pace = board.facts.pace();
        let current = pace.window_at(now);
        if window + 1 < current || !self.attempts.contains_key(&window) {
            return;
        }
        if window > current + 1 {
            return outbox.wake(pace.window_start(window - 1), Wake::Window(window));
        }
        let Some((order, committee)) = board.facts.leaders(window) else {
            return outbox.wake_with_next_block(Wake::Window(window));
        };
        let Some(mine) = board.facts.my_index(&committee).filter(|_| may_lead) else {
            return;
        };
        let Some(stage) = (0u8..).zip(&order).find_map(|(stage, &index)| (index == mine).then_some(stage)) else {
            return;
        };
        let open = self.open_tasks(window, &board, now);
        let opens = |open: &Open| match stage {
            0 => Some(Time(0)),
            _ if open.tries == 0 && !board.facts.laws().silence_opens_a_stage() => None,
            _ => Some(open.since.plus(SILENCE * u32::from(stage))),
        };
        if let Some(next) = open.iter().filter_map(opens).filter(|&at| at > now).min() {
            outbox.wake(next, Wake::Window(window));
        }
        let ready: Vec<Open> = open.into_iter().filter(|open| opens(open).is_some_and(|at| at <= now)).collect();
        if !ready.is_empty() {
            self.assign((window, stage, mine), &ready, board, outbox);
        }
    }

    fn open_tasks(&self, window: u64, board: &Board<'_>, now: Time) -> Vec<Open> {
        let pace = board.facts.pace();
        let listed = self.attempts.get(&window).into_iter().flatten();
        listed
            .filter_map(|&(task, attempt)| {
                let session = board.sessions.get(&task).filter(|session| session.is_open(now, &pace))?;
                let batches = session.batches().filter_map(|key| board.batches.get(&key));
                let tried: Vec<Option<Time>> =
                    batches.filter(|batch| batch.attempt() == attempt).map(|batch| batch.failed()).collect();
                if tried.iter().any(Option::is_none) || tried.len() >= TRIES_MAX {
                    return None;
                }
                let due = pace.moment(pace.attempt_due(session.due().due, attempt));
                let since = tried.iter().copied().flatten().max().unwrap_or(due);
                Some(Open { task, attempt, since, tries: tried.len() })
            })
            .collect()
    }

    fn assign(
        &self,
        (window, stage, mine): (u64, u8, KeeperIndex),
        ready: &[Open],
        board: Board<'_>,
        outbox: &mut Outbox,
    ) {
        let Some(number) = board.plans.free_number(window, stage, mine) else {
            return;
        };
        let mut batches = self.batches_of(ready, &board);
        batches.truncate(BATCHES_MAX);
        let place = (Window(window), Stage(stage), number);
        let assignment = Assignment::signed(board.facts.domain(), board.facts.peer_key(), place, mine, batches);
        let bytes = codec::encode(&assignment);
        outbox.effect(Effect::Assigned { window, stage });
        outbox.effect(Effect::Broadcast { channel: Channel::Assignments, bytes: bytes.clone() });
        let hash = assignment.hash(board.facts.domain());
        board.plans.adopt((hash, &assignment), bytes, outbox);
    }

    /// Groups open tasks: those due in one second under one quorum together, within the gas and size of a batch; those
    /// that a failed batch showed a quorum to agree on together again; all others alone.
    fn batches_of(&self, ready: &[Open], board: &Board<'_>) -> Vec<PlannedBatch> {
        if !board.facts.laws().splits() {
            return whole(ready);
        }
        let mut groups: BTreeMap<(u64, u16), Vec<(Task, u64)>> = BTreeMap::new();
        let mut singles = Vec::new();
        let agreed = agreed_of(ready, board);
        for open in ready {
            let Some(due) = board.sessions.get(&open.task).map(|session| session.due()) else {
                continue;
            };
            if open.tries == 0 && open.attempt == 0 && !self.troubled.contains(&open.task.job) {
                let group = groups.entry((due.due, due.quorum_bps)).or_default();
                group.push((open.task, u64::from(due.callback_gas)));
            } else if !agreed.iter().any(|batch| batch.tasks.contains(&open.task.into())) {
                singles.push(PlannedBatch { attempt: open.attempt, tasks: vec![open.task.into()] });
            }
        }
        let first = groups.into_values().flat_map(|group| split(&group));
        first.chain(agreed).chain(singles).collect()
    }
}

/// For tasks whose first batch failed: the part of that batch that a quorum would sign.
fn agreed_of(ready: &[Open], board: &Board<'_>) -> Vec<PlannedBatch> {
    let tried_once = ready.iter().filter(|open| open.tries == 1);
    let sessions = tried_once.filter_map(|open| board.sessions.get(&open.task));
    let mut seen: BTreeSet<BatchKey> = BTreeSet::new();
    let mut batches = Vec::new();
    for key in sessions.flat_map(|session| session.batches()).filter(|&key| seen.insert(key)) {
        let Some(failed) = board.batches.get(&key).filter(|batch| batch.failed().is_some()) else {
            continue;
        };
        let attempt = failed.attempt();
        let is_ready = |task: &Task| ready.iter().any(|open| open.task == *task && open.attempt == attempt);
        let tasks: Vec<_> = failed.agreed().into_iter().filter(is_ready).map(Into::into).collect();
        if !tasks.is_empty() {
            batches.push(PlannedBatch { attempt, tasks });
        }
    }
    batches
}

/// All that is open as it is, one batch per attempt: what would never get past a job that splits it.
fn whole(ready: &[Open]) -> Vec<PlannedBatch> {
    let attempts: BTreeSet<u8> = ready.iter().map(|open| open.attempt).collect();
    let batch = |attempt| {
        let tasks = ready.iter().filter(|open| open.attempt == attempt).map(|open| open.task.into());
        PlannedBatch { attempt, tasks: tasks.collect() }
    };
    attempts.into_iter().map(batch).collect()
}

/// Cuts a group into batches within the limits of size and gas.
fn split(group: &[(Task, u64)]) -> Vec<PlannedBatch> {
    let mut batches: Vec<PlannedBatch> = Vec::new();
    let mut gas = 0;
    for &(task, callback_gas) in group {
        let full = batches.last().is_none_or(|batch| batch.tasks.len() >= BATCH_MAX);
        if full || gas + callback_gas > BATCH_GAS_MAX {
            batches.push(PlannedBatch { attempt: 0, tasks: Vec::new() });
            gas = 0;
        }
        gas += callback_gas;
        if let Some(batch) = batches.last_mut() {
            batch.tasks.push(task.into());
        }
    }
    batches
}

#[cfg(test)]
mod tests;
