//! What the chain shows by itself, and the jobs that wait for it: block numbers, logs, and a condition.

use alloy::primitives::{Address, B256, Bytes, Uint};
use contracts::terms::{ActionTerms, ConditionTerms, Limits, LogTerms, ObservingTerms, Terms, TriggerTerms, WasmTerms};
use keeper::chain::JobParams;

use super::{CODE, Conduct, FIRST_DUE, HEAL, Job, LAST_DUE, PRELUDE, Plan, START};
use crate::sim::random::Random;

/// Which contract emits the logs that count, and what their first and their third topic are.
pub(in crate::sim) const EMITTER: Address = Address::repeat_byte(0xe0);
pub(in crate::sim) const EVENT: B256 = B256::repeat_byte(0xe1);
pub(in crate::sim) const ASKED: B256 = B256::repeat_byte(0xe3);

/// What makes a job due.
#[derive(Clone, Debug)]
pub(in crate::sim) enum Rhythm {
    /// Every so many seconds, from so many after the start on.
    Interval { first: u64, interval: u64 },
    /// Every so many blocks.
    Blocks { first: u64, every: u64 },
    /// Every log that fits.
    Logs(LogTerms),
    /// A condition, so many blocks after its last run at the earliest.
    Condition { cooldown: u64 },
}

/// What the chain brings forth.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sim) struct Nature {
    /// In thousandths: how many blocks hold logs.
    pub(in crate::sim) logs: u64,
    /// When the condition comes to hold first, in Unix seconds.
    pub(in crate::sim) wakes: u64,
    /// For how many seconds it holds then, and does not, again and again until the faults end; later it holds until it is met.
    pub(in crate::sim) holds: u64,
    pub(in crate::sim) lapses: u64,
    /// Seconds after a call that meets it until it holds again.
    pub(in crate::sim) sleeps: u64,
}

impl Plan {
    /// A job for each thing that may be waited for, and what comes of it.
    pub(super) fn draw_nature(&mut self, random: &mut Random) {
        let (first, every) = (PRELUDE + FIRST_DUE + random.below(4), random.between(3, 7));
        let logs = LogTerms {
            emitter: EMITTER,
            filter: 0b101,
            topics: [EVENT, B256::ZERO, ASKED, B256::ZERO],
            confirmations: if random.chance(500) { 0 } else { random.between(1, 3) as u16 },
            most_per_block: random.between(1, 3) as u16,
        };
        let cooldown = random.between(2, 6);
        let (target, call) = (Address::repeat_byte(0xc0), Bytes::from_static(b"is it time?"));
        let condition = ConditionTerms { target, call, cooldown: cooldown as u32 };
        let kinds = [
            (Rhythm::Blocks { first, every }, TriggerTerms::Blocks { first, every: every as u32 }),
            (Rhythm::Logs(logs.clone()), TriggerTerms::Log(logs)),
            (Rhythm::Condition { cooldown }, TriggerTerms::Condition(condition)),
        ];
        let ids = self.jobs.len() as u64 + 1..;
        self.jobs.extend(ids.zip(kinds).map(|(id, (rhythm, trigger))| job(id, rhythm, trigger)));
        let (id, first, interval) = (self.jobs.len() as u64 + 1, FIRST_DUE + random.below(3), random.between(4, 7));
        let trigger = TriggerTerms::Interval { start: START + first, interval: interval as u32 };
        let (params, rhythm) = (observing(id, trigger).params(), Rhythm::Interval { first, interval });
        self.jobs.push(Job { id, params, conduct: Conduct::Calls, rhythm });
        let is_steady = random.chance(500);
        self.nature = Nature {
            logs: random.between(100, 400),
            wakes: START + random.between(0, 2 * FIRST_DUE),
            holds: random.between(2, 8),
            lapses: if is_steady { 0 } else { random.between(1, 4) },
            sleeps: if random.chance(400) { 1 } else { cooldown + random.between(0, 6) },
        };
    }
}

fn job(id: u64, rhythm: Rhythm, trigger: TriggerTerms) -> Job {
    Job { id, params: terms(id, trigger, 0).params(), conduct: Conduct::Calls, rhythm }
}

impl Job {
    /// Whether it looks outside.
    pub(in crate::sim) fn observes(&self) -> bool {
        Terms::try_from(&self.params).is_ok_and(|terms| terms.action.observes())
    }

    /// The job as a keeper has it that gives nothing for confirmations.
    pub(in crate::sim) fn without_confirmations(&self) -> JobParams {
        match &self.rhythm {
            Rhythm::Logs(asked) => {
                let shallow = LogTerms { confirmations: 0, ..asked.clone() };
                terms(self.id, TriggerTerms::Log(shallow), self.params.quorumBps).params()
            }
            _ => self.params.clone(),
        }
    }
}

/// A job that looks outside.
pub(super) fn observing(id: u64, trigger: TriggerTerms) -> Terms {
    let terms = terms(id, trigger, 0);
    let code = WasmTerms { code_url: String::new(), code_hash: CODE, params: Bytes::new() };
    Terms { action: ActionTerms::Observing(ObservingTerms { code, hosts: vec!["prices.example".to_owned()] }), ..terms }
}

/// What a job asks for; but for its trigger and its quorum they are all alike.
pub(super) fn terms(id: u64, trigger: TriggerTerms, quorum_bps: u16) -> Terms {
    Terms {
        trigger,
        action: ActionTerms::Wasm(WasmTerms { code_url: String::new(), code_hash: CODE, params: Bytes::new() }),
        target: Address::repeat_byte(id as u8),
        callback_gas: 100_000,
        token: Address::ZERO,
        fee: Uint::from(1),
        quorum_bps,
        punctual_seconds: 0,
        limits: Limits::default(),
    }
}

impl Nature {
    /// Whether the condition holds at a moment, in Unix seconds, having come to hold at `wakes`.
    pub(in crate::sim) fn is_met(&self, timestamp: u64, wakes: u64) -> bool {
        let Some(since) = timestamp.checked_sub(wakes) else { return false };
        timestamp >= START + HEAL || since % (self.holds + self.lapses) < self.holds
    }

    /// When it holds again that a call has met at a moment; never, where that would be after the last task.
    pub(in crate::sim) fn wakes_after(&self, met: u64) -> u64 {
        let next = met + self.sleeps;
        if next <= START + LAST_DUE { next } else { u64::MAX }
    }
}
