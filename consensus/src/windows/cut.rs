//! How what is open is cut into batches, and batches into assignments (rules 4 and 9).

use std::collections::{BTreeMap, BTreeSet};

use super::{Board, Open};
use crate::codec;
use crate::message::{ASSIGNMENT_LIMIT, BATCHES_MAX, BatchKey, PlannedBatch};
use crate::report::BATCH_MAX;
use crate::task::{JobId, Task, is_catch_up};
use crate::time::Time;

/// Callback gas of one batch at most, so that it fits a block's transaction cap (EIP-7825: 16.7 million) with room.
const BATCH_GAS_MAX: u64 = 12_000_000;
/// Halvings of a batch of what is not quick from one attempt to the next, and the fewest that are together: 256, 64, 16 tasks.
/// Fewer would be more batches than there are quick ones, and what does not end would be alone and still not end.
const SLOWER: u32 = 2;
const SLOW_TOGETHER: usize = 16;
/// Bytes of an assignment that its batches may take; the rest of the limit is for its place and its signature.
const BATCHES_ROOM: usize = ASSIGNMENT_LIMIT - 256;

/// What tasks have in common that are batched: attempt, due second, quorum, and whether their jobs are not quick here, and heavy.
type Kind = (u8, u64, u16, bool, bool);

/// When a task is due, and its place among those of its job that are due together.
type Rank = (u64, u32);

/// What one assignment is to hold.
pub(super) struct Cut {
    pub(super) batches: Vec<PlannedBatch>,
    /// Whether all of it is late and of jobs that are not quick here.
    pub(super) is_slow: bool,
}

/// Batches, each with whether it is late and slow, in as many lists as it takes for each to fit an assignment.
pub(super) fn assignments(batches: Vec<(PlannedBatch, bool)>) -> Vec<Cut> {
    let mut lists: Vec<Cut> = Vec::new();
    let mut room = 0;
    for (batch, is_slow) in batches {
        let size = codec::encode(&batch).len();
        if lists.last().is_none_or(|list| list.batches.len() >= BATCHES_MAX) || size > room {
            lists.push(Cut { batches: Vec::new(), is_slow: true });
            room = BATCHES_ROOM;
        }
        room = room.saturating_sub(size);
        if let Some(list) = lists.last_mut() {
            list.batches.push(batch);
            list.is_slow &= is_slow;
        }
    }
    lists
}

/// Groups open tasks: those due in one second under one quorum together, within the gas and size of a batch, at every
/// attempt, so that what is late for no fault of its own costs no more than what is on time. A batch waits for the slowest
/// of its tasks, so those of jobs that are quick here are apart from the others, and the others fewer together at each
/// attempt, and after all else. It goes on chain in parts where outcomes are heavy, so those whose jobs' are light are apart too. Those that a failed batch showed a quorum to agree on are together again; all others alone.
/// Gives with each whether it is late and slow.
pub(super) fn batches(
    ready: &[Open],
    troubled: &BTreeSet<JobId>,
    board: &Board<'_>,
    now: Time,
) -> Vec<(PlannedBatch, bool)> {
    if !board.facts.laws().splits() {
        return whole(ready, board)
            .into_iter()
            .map(|batch| (batch, false))
            .chain(observing(ready, board, now))
            .collect();
    }
    let mut groups: BTreeMap<Kind, Vec<(Rank, Task, u64)>> = BTreeMap::new();
    let mut singles = Vec::new();
    let agreed = agreed(ready, board);
    for open in ready.iter().filter(|open| !open.observes) {
        let Some(due) = board.sessions.get(&open.task).map(|session| session.due()) else {
            continue;
        };
        if open.failures == 0 && !open.is_split && !troubled.contains(&open.task.job) {
            // What is caught up with is together, whenever it was due.
            let moment = if is_catch_up(open.attempt) { 0 } else { due.due };
            let group = groups.entry((open.attempt, moment, due.quorum_bps, open.is_slow, open.is_heavy)).or_default();
            group.push(((due.due, due.rank), open.task, u64::from(due.callback_gas)));
        } else if !agreed.iter().any(|batch| batch.attempt == open.attempt && batch.tasks.contains(&open.task.into())) {
            singles.push(PlannedBatch::of(open.attempt, vec![open.task.into()]));
        }
    }
    groups.values_mut().for_each(|group| group.sort_unstable());
    let (slow, quick): (Vec<_>, Vec<_>) = groups.into_iter().partition(|((.., is_slow, _), _)| *is_slow);
    let quick = quick.into_iter().flat_map(|((attempt, ..), group)| split(attempt, &group, BATCH_MAX));
    let slow = slow.into_iter().flat_map(|((attempt, ..), group)| split(attempt, &group, slow_together(attempt)));
    let first = quick.chain(agreed).chain(singles).map(|batch| (batch, false));
    let last = slow.map(|batch| {
        let is_late = batch.attempt > 0;
        (batch, is_late)
    });
    first.chain(observing(ready, board, now)).chain(last).collect()
}

/// What looks outside, each alone, with what keepers saw (rule 20).
fn observing(ready: &[Open], board: &Board<'_>, now: Time) -> Vec<(PlannedBatch, bool)> {
    let planned = |open: &Open| {
        let inputs = board.sessions.get(&open.task)?.listed(open.attempt, now);
        let tasks = vec![open.task.into()];
        (!inputs.is_empty()).then_some((PlannedBatch { attempt: open.attempt, tasks, inputs }, false))
    };
    ready.iter().filter(|open| open.observes).filter_map(planned).collect()
}

/// How many tasks of jobs that are not quick are in one batch at most.
fn slow_together(attempt: u8) -> usize {
    let halvings = SLOWER.saturating_mul(attempt.into());
    BATCH_MAX.checked_shr(halvings).unwrap_or(0).max(SLOW_TOGETHER)
}

/// For tasks that have failed in one batch: the part of that batch that a quorum would sign.
fn agreed(ready: &[Open], board: &Board<'_>) -> Vec<PlannedBatch> {
    let failed_once: BTreeSet<(Task, u8)> =
        ready.iter().filter(|open| open.failures == 1).map(|open| (open.task, open.attempt)).collect();
    let sessions = failed_once.iter().filter_map(|(task, _)| board.sessions.get(task));
    let mut seen: BTreeSet<BatchKey> = BTreeSet::new();
    let mut batches = Vec::new();
    for key in sessions.flat_map(|session| session.batches()).filter(|&key| seen.insert(key)) {
        let Some(failed) = board.batches.get(&key).filter(|batch| batch.failed().is_some()) else {
            continue;
        };
        let attempt = failed.attempt();
        let tasks = failed.agreed().into_iter().filter(|&task| failed_once.contains(&(task, attempt)));
        let tasks: Vec<_> = tasks.map(Into::into).collect();
        if !tasks.is_empty() {
            batches.push(PlannedBatch::of(attempt, tasks));
        }
    }
    batches
}

/// All that is due together as it is: what would never get past a job that splits it.
fn whole(ready: &[Open], board: &Board<'_>) -> Vec<PlannedBatch> {
    let mut groups: BTreeMap<(u8, u64, u16), Vec<_>> = BTreeMap::new();
    for open in ready.iter().filter(|open| !open.observes) {
        if let Some(due) = board.sessions.get(&open.task).map(|session| session.due()) {
            groups.entry((open.attempt, due.due, due.quorum_bps)).or_default().push(open.task.into());
        }
    }
    groups.into_iter().map(|((attempt, ..), tasks)| PlannedBatch::of(attempt, tasks)).collect()
}

/// Cuts a group into batches within the limits of size and gas. Of what is caught up with the first alone is assigned, so that no
/// other one comes on chain before it.
fn split(attempt: u8, group: &[(Rank, Task, u64)], most: usize) -> Vec<PlannedBatch> {
    let mut batches: Vec<PlannedBatch> = Vec::new();
    let mut gas = 0;
    for &(_, task, callback_gas) in group {
        let full = batches.last().is_none_or(|batch| batch.tasks.len() >= most);
        if full || gas + callback_gas > BATCH_GAS_MAX {
            if is_catch_up(attempt) && !batches.is_empty() {
                break;
            }
            batches.push(PlannedBatch::of(attempt, Vec::new()));
            gas = 0;
        }
        gas += callback_gas;
        if let Some(batch) = batches.last_mut() {
            batch.tasks.push(task.into());
        }
    }
    batches
}
