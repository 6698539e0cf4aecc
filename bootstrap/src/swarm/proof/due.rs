//! Which tasks were due, and when: by the clock from a job's terms alone, otherwise from what the chain shows at the end.
//!
//! Worked out here without the keepers' code, as everything in the proof.

use std::collections::BTreeMap;

use alloy::primitives::U256;
use contracts::terms::{LogTerms, TriggerTerms, ended};

use super::JobSpec;
use crate::swarm::ledger::{Ledger, Rang, Settlement};

/// How many runs of a job are due up to and including a moment, unix seconds, as far as the ledger was read.
pub(in crate::swarm) fn due_until(job: &JobSpec, ledger: &Ledger, moment: u64) -> u64 {
    let last = job.last(moment);
    let is_due = |due: Option<u64>| due.is_some_and(|due| due <= last);
    let count = match &job.trigger {
        TriggerTerms::Blocks { first, every } => {
            let runs =
                ledger.moments.range(first..).filter(|(number, _)| (*number - first).is_multiple_of(every_of(*every)));
            runs.filter(|(_, due)| **due <= last).count()
        }
        TriggerTerms::Log(terms) => ringing(terms, ledger).filter(|ring| is_due(ripe(terms, ledger, ring))).count(),
        // What was seen to hold, and held no more when it was looked at again, was due too: it is skipped.
        TriggerTerms::Condition(_) => {
            let skips = skips_of(job, ledger).filter(|skip| is_due(due_of(job, ledger, skip)));
            lows(job, ledger).into_iter().filter(|low| low.due <= last).count() + skips.count()
        }
        TriggerTerms::Interval { .. } | TriggerTerms::Cron { .. } | TriggerTerms::Once { .. } => {
            return job.runs_until(moment);
        }
    };
    count as u64
}

/// When a settled run of a job was due, unix seconds; nothing where it never was.
pub(super) fn due_of(job: &JobSpec, ledger: &Ledger, settlement: &Settlement) -> Option<u64> {
    match &job.trigger {
        TriggerTerms::Blocks { first, every } => {
            let number = first.checked_add(settlement.run.checked_mul(u64::from(*every))?)?;
            ledger.moments.get(&number).copied()
        }
        TriggerTerms::Log(terms) => {
            let ring = ringing(terms, ledger).find(|ring| ring.key == settlement.key)?;
            ripe(terms, ledger, ring)
        }
        TriggerTerms::Condition(_) => {
            let before = |low: &Low| (low.block, low.place) <= (settlement.block, settlement.place);
            lows(job, ledger).into_iter().rfind(before).map(|low| low.due)
        }
        TriggerTerms::Interval { .. } | TriggerTerms::Cron { .. } | TriggerTerms::Once { .. } => {
            job.due(settlement.run)
        }
    }
}

/// How a run must end, where what made it due says so: `Upkept` is called for rings with even numbers.
pub(super) fn asked_of(job: &JobSpec, ledger: &Ledger, settlement: &Settlement) -> Option<u8> {
    let TriggerTerms::Log(terms) = &job.trigger else { return None };
    let ring = ringing(terms, ledger).find(|ring| ring.key == settlement.key)?;
    let number = U256::from_be_bytes(ring.topics.get(1)?.0);
    Some(if number.bit(0) { ended::SKIP } else { ended::CALL })
}

fn every_of(every: u32) -> u64 {
    u64::from(every).max(1)
}

/// The rings that make a job due: of a block the first ones.
fn ringing<'a>(terms: &'a LogTerms, ledger: &'a Ledger) -> impl Iterator<Item = &'a Rang> {
    let mut taken: BTreeMap<u64, u16> = BTreeMap::new();
    ledger.rings.iter().filter(|ring| fits(terms, ring)).filter(move |ring| {
        let count = taken.entry(ring.block).or_default();
        *count = count.saturating_add(1);
        *count <= terms.most_per_block
    })
}

fn fits(terms: &LogTerms, ring: &Rang) -> bool {
    let as_asked =
        |place: usize| terms.filter & (1 << place) == 0 || ring.topics.get(place) == Some(&terms.topics[place]);
    ring.emitter == terms.emitter && (0..terms.topics.len()).all(as_asked)
}

/// When a ring makes a job due: with the block that gives it the job's confirmations.
fn ripe(terms: &LogTerms, ledger: &Ledger, ring: &Rang) -> Option<u64> {
    ledger.moments.get(&(ring.block + u64::from(terms.confirmations))).copied()
}

/// A time in which the tank was low: where it began, and when.
struct Low {
    block: u64,
    place: u64,
    due: u64,
}

/// The times in which the tank was low: from a drain to the call that fills it. Drained meanwhile it stays low.
fn lows(job: &JobSpec, ledger: &Ledger) -> Vec<Low> {
    let TriggerTerms::Condition(terms) = &job.trigger else { return Vec::new() };
    let drains = ledger.drains.iter().filter(|drain| drain.tank == terms.target);
    let drains = drains.map(|drain| (drain.block, drain.place, true));
    let fills = ledger.settlements.iter().filter(|each| is_fill(job, each)).map(|each| (each.block, each.place, false));
    let mut turns: Vec<_> = drains.chain(fills).collect();
    turns.sort_unstable();
    let (mut lows, mut is_low) = (Vec::new(), false);
    for (block, place, drains) in turns {
        if drains && !is_low {
            let due = ledger.moments.get(&block).copied().unwrap_or(u64::MAX);
            lows.push(Low { block, place, due });
        }
        is_low = drains;
    }
    lows
}

fn is_fill(job: &JobSpec, each: &Settlement) -> bool {
    each.job_id == job.id && each.status == ended::CALL && each.delivered
}

fn skips_of<'a>(job: &'a JobSpec, ledger: &'a Ledger) -> impl Iterator<Item = &'a Settlement> {
    ledger.settlements.iter().filter(|each| each.job_id == job.id && each.status != ended::CALL)
}

#[cfg(test)]
mod tests;
