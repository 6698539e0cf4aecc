//! What a leader assigns, and when each stage may.
//!
//! Stage 0 assigns as soon as the leaders of the window are known, one window ahead. Each further stage waits
//! [`SILENCE`] longer from the moment the task is due, or from the moment its batch failed, and assigns whatever still
//! stands in no batch that could succeed: so a leader that is silent, or drops a task, is stepped over by the same rule.

use std::collections::BTreeMap;

use super::{Engine, Wake};
use crate::codec;
use crate::effect::Effect;
use crate::leader::{Stage, Window};
use crate::message::{ASSIGNMENTS_MAX, Assignment, BATCH_MAX, BATCHES_MAX, Channel, PlannedBatch};
use crate::task::Task;
use crate::time::{SILENCE, Time};

/// Callback gas of one batch at most, so that it fits a block's transaction cap (EIP-7825: 16.7 million) with room.
const BATCH_GAS_MAX: u64 = 12_000_000;
/// Batches a task may fail in before it waits for its next attempt: a batch of many, then one of its own.
const TRIES_MAX: usize = 2;

/// A task that stands in no batch that could succeed.
struct Open {
    task: Task,
    attempt: u8,
    /// When stage 0 could assign it.
    since: Time,
    tries: usize,
}

impl Engine {
    /// Assigns what is open in a window, if this keeper leads a stage whose time has come.
    pub(super) fn look_at_window(&mut self, window: u64, now: Time) {
        let length = self.config.pace.window_seconds();
        let current = now.0 / 1000 / length;
        if window + 1 < current || !self.windows.contains_key(&window) {
            return;
        }
        if window > current + 1 {
            self.schedule(Time::from_seconds((window - 1) * length), Wake::Window(window));
            return;
        }
        let Some((order, committee)) = self.leaders(window) else {
            self.waiting_for_head.insert(Wake::Window(window));
            return;
        };
        let mine = self.my_index(&committee).filter(|_| self.may_lead(window));
        let Some(stage) = order.iter().position(|&index| mine == Some(index)) else {
            return;
        };
        let open = self.open_tasks(window, now);
        let opens = |open: &Open| if stage == 0 { Time(0) } else { open.since.plus(stage as u64 * SILENCE) };
        #[cfg(feature = "simulation")]
        let opens = |open: &Open| {
            let stalls = stage > 0 && open.tries == 0 && crate::plant::is(crate::plant::Plant::SilentLeaderStalls);
            if stalls { Time(u64::MAX) } else { opens(open) }
        };
        if let Some(next) = open.iter().map(opens).filter(|&at| at > now).min() {
            self.schedule(next, Wake::Window(window));
        }
        let ready: Vec<Open> = open.into_iter().filter(|open| opens(open) <= now).collect();
        if !ready.is_empty() {
            self.assign(window, stage, mine, &ready, now);
        }
    }

    fn open_tasks(&self, window: u64, now: Time) -> Vec<Open> {
        let pace = &self.config.pace;
        let listed = self.windows.get(&window).into_iter().flatten();
        listed
            .filter_map(|&(task, attempt)| {
                let session = self.sessions.get(&task).filter(|session| !session.ended)?;
                if session.certified.is_some() && !session.is_open(now, pace) {
                    return None;
                }
                let batches = session.batches.iter().filter_map(|key| self.collections.get(key));
                let tried: Vec<Option<Time>> =
                    batches.filter(|batch| batch.attempt == attempt).map(|batch| batch.failed).collect();
                if tried.iter().any(Option::is_none) || tried.len() >= TRIES_MAX {
                    return None;
                }
                let due = Time::from_seconds(pace.attempt_due(session.due.due, attempt));
                let since = tried.iter().copied().flatten().max().unwrap_or(due);
                Some(Open { task, attempt, since, tries: tried.len() })
            })
            .collect()
    }

    fn assign(
        &mut self,
        window: u64,
        stage: usize,
        mine: Option<crate::committee::KeeperIndex>,
        ready: &[Open],
        now: Time,
    ) {
        let (Ok(stage), Some(mine)) = (u8::try_from(stage), mine) else {
            return;
        };
        let used = |number: &u8| self.numbered.contains_key(&(window, stage, mine.0, *number));
        let Some(number) = (0..ASSIGNMENTS_MAX).find(|number| !used(number)) else {
            return;
        };
        let mut batches = self.batches_of(ready);
        batches.truncate(BATCHES_MAX);
        let place = (Window(window), Stage(stage), number);
        let assignment = Assignment::signed(&self.config.domain, &self.config.peer_key, place, mine, batches);
        let bytes = codec::encode(&assignment);
        self.effects.push(Effect::Assigned { window, stage });
        self.effects.push(Effect::Broadcast { channel: Channel::Assignments, bytes: bytes.clone() });
        self.adopt(&assignment, bytes, now);
    }

    /// Groups open tasks: those due in one second under one quorum together, within the gas and size of a batch; those
    /// that a failed batch showed a quorum to agree on together again; all others alone.
    fn batches_of(&self, ready: &[Open]) -> Vec<PlannedBatch> {
        let mut groups: BTreeMap<(u64, u16), Vec<(Task, u64)>> = BTreeMap::new();
        let mut batches = Vec::new();
        let agreed = self.agreed_of(ready);
        #[cfg(feature = "simulation")]
        if crate::plant::is(crate::plant::Plant::NoSingles) {
            let attempts: std::collections::BTreeSet<u8> = ready.iter().map(|open| open.attempt).collect();
            let whole = |attempt| {
                let tasks = ready.iter().filter(|open| open.attempt == attempt).map(|open| open.task.into());
                PlannedBatch { attempt, tasks: tasks.collect() }
            };
            return attempts.into_iter().map(whole).collect();
        }
        for open in ready {
            let Some(session) = self.sessions.get(&open.task) else {
                continue;
            };
            if open.tries == 0 && open.attempt == 0 && !self.troubled.contains(&open.task.job) {
                let group = groups.entry((session.due.due, session.due.quorum_bps)).or_default();
                group.push((open.task, u64::from(session.due.callback_gas)));
            } else if !agreed.iter().any(|batch| batch.tasks.contains(&open.task.into())) {
                batches.push(PlannedBatch { attempt: open.attempt, tasks: vec![open.task.into()] });
            }
        }
        let first = groups.into_values().flat_map(|group| split(&group));
        first.chain(agreed).chain(batches).collect()
    }

    /// For tasks whose first batch failed: the part of that batch that a quorum would sign.
    fn agreed_of(&self, ready: &[Open]) -> Vec<PlannedBatch> {
        let mut seen = std::collections::BTreeSet::new();
        let mut batches = Vec::new();
        for open in ready.iter().filter(|open| open.tries == 1) {
            let Some(session) = self.sessions.get(&open.task) else {
                continue;
            };
            for key in session.batches.iter().filter(|&&key| seen.insert(key)) {
                let Some(failed) = self.collections.get(key).filter(|batch| batch.failed.is_some()) else {
                    continue;
                };
                let is_ready =
                    |task: &Task| ready.iter().any(|open| open.task == *task && open.attempt == failed.attempt);
                let tasks: Vec<_> = failed.agreed().into_iter().filter(is_ready).map(Into::into).collect();
                if !tasks.is_empty() {
                    batches.push(PlannedBatch { attempt: failed.attempt, tasks });
                }
            }
        }
        batches
    }
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
