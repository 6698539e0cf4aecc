//! A batch as several transactions: each within what nodes carry and blocks hold, planned by what it can cost at worst.
//!
//! The contract takes any subset of a batch in full and the hashes of the rest, and remembers a root it has verified.

use super::{Anchor, Batch, Settlement};
use alloy::primitives::{Address, B256, keccak256};
use alloy::sol_types::SolCall;
use consensus::task::HEAVY_BYTES;
use contracts::ITaskManager::{Delivery, Entry};
use contracts::terms::ended;
use contracts::{Run, TaskManager};
use std::collections::BTreeSet;

/// Largest transaction that common nodes pass on is 128 KiB; what is not calldata of it takes less than this.
const ENVELOPE_BYTES: usize = 1_024;
/// Most calldata of one transaction.
pub(crate) const CALLDATA_MAX: usize = 128 * 1_024 - ENVELOPE_BYTES;
/// Most gas planned for one transaction: three quarters of the largest there may be (EIP-7825, 2^24), so that it finds room
/// in blocks that are not empty.
pub(crate) const GAS_PLANNED_MAX: u64 = (1 << 24) / 4 * 3;
/// An outcome with more callback gas than this is heavy as well.
const HEAVY_GAS: u64 = 1_000_000;
/// Gas of a settlement besides its calldata, entries and callbacks: base cost, verification, bookkeeping.
const SETTLE_GAS: u64 = 400_000;
/// Gas of one settled entry besides its callback: storage for a job that settles for the first time, its events, the way
/// of the outcome through memory.
const ENTRY_GAS: u64 = 120_000;
/// Gas of a token of calldata, a zero byte being one and any other four, beside the execution; and the least for a token
/// where there is little execution (EIP-7623).
const TOKEN_GAS: u64 = 4;
const TOKEN_FLOOR_GAS: u64 = 10;
/// How many blocks an anchor may lie back where blocks last a second or more; `TaskManager.maxAnchorAge` says it.
pub(crate) const ANCHOR_AGE_USUAL: u64 = 100;

/// One transaction's part of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) call: TaskManager::settleCall,
    /// Gas it can use at worst.
    pub(crate) gas: u64,
    /// Last block in which any of its anchors stands.
    pub(crate) last_block: Option<u64>,
    /// Whether it is of what takes much of a block.
    pub(crate) is_heavy: bool,
}

/// Splits a batch where it has to be: what is light first and by itself, so that it does not wait for a place in a block
/// with what is heavy, each in the order of the entries. Those whose jobs cannot pay stand nowhere. An entry that is too large by
/// itself is a part of its own: nodes say what they do not like about it. An anchor stands for `anchor_age` blocks.
pub(crate) fn split(settlement: &Settlement, anchor_age: u64) -> Vec<Part> {
    let entries = settlement.batch.entries.len();
    let deliveries = deliveries(&settlement.batch.entries);
    let can_split = settlement.leaves.len() == entries && settlement.batch.leaves.is_empty();
    let all: Vec<usize> = (0..entries).filter(|place| !can_split || !settlement.unpaid.contains(place)).collect();
    let bytes = |place: usize| delivered(settlement, &deliveries, place).map_or(0, |delivery| delivery.outcome.len());
    // Outcomes that are more than a transaction carries need not be encoded to know it, which takes a while.
    let fitting = |places: &[usize]| {
        let is_too_long = places.iter().map(|place| bytes(*place)).sum::<usize>() > CALLDATA_MAX;
        let part = (!is_too_long).then(|| part(settlement, &deliveries, places, anchor_age));
        part.filter(Part::fits)
    };
    let alone = |places: &[usize]| part(settlement, &deliveries, places, anchor_age);
    if !can_split {
        return vec![alone(&all)];
    }
    if let Some(whole) = fitting(&all).filter(|_| !all.is_empty() || entries == 0) {
        return vec![whole];
    }
    let is_light = |place: &usize| !is_heavy(settlement, deliveries.get(*place).copied().flatten());
    let (light, heavy): (Vec<usize>, Vec<usize>) = all.into_iter().partition(is_light);
    let mut parts = Vec::new();
    for (places, is_heavy) in [(light, false), (heavy, true)] {
        let mut from = 0;
        while from < places.len() {
            let mut best = alone(&places[from..=from]);
            let mut to = from + 1;
            while let Some(longer) = places.get(from..=to).and_then(fitting) {
                (best, to) = (longer, to + 1);
            }
            parts.push(Part { is_heavy, ..best });
            from = to;
        }
    }
    parts
}

/// Puts what is heavy into an order of this account's own, of which a job's parts keep theirs: whoever was at it before goes the
/// usual way still, as likely as not, and two that go the same way bring the same parts, of which one is refused in a full block.
pub(crate) fn scatter(parts: &mut [Part], account: Address) {
    let job = |part: &Part| part.call.batch.entries.first().map_or(0, |entry| Run::from_word(entry.run).job_id);
    let place = |part: &Part| keccak256([&account[..], &job(part).to_be_bytes()].concat());
    parts.sort_by_cached_key(|part| part.is_heavy.then(|| place(part)));
}

/// Of each entry the position of its outcome, if it has one.
fn deliveries(entries: &[Entry]) -> Vec<Option<usize>> {
    let mut next = 0..;
    entries.iter().map(|entry| if is_call(entry) { next.next() } else { None }).collect()
}

fn delivered<'a>(settlement: &'a Settlement, deliveries: &[Option<usize>], place: usize) -> Option<&'a Delivery> {
    settlement.batch.deliveries.get((*deliveries.get(place)?)?)
}

/// Whether this outcome takes much of a block.
fn is_heavy(settlement: &Settlement, delivery: Option<usize>) -> bool {
    let Some(delivery) = delivery else { return false };
    let bytes = settlement.batch.deliveries.get(delivery).map_or(0, |delivery| delivery.outcome.len());
    let gas = settlement.callback_gas.get(delivery).copied().unwrap_or(0);
    bytes > HEAVY_BYTES || gas > HEAVY_GAS
}

impl Part {
    /// Whose runs it settles.
    pub(crate) fn jobs(&self) -> BTreeSet<u64> {
        self.call.batch.entries.iter().map(|entry| Run::from_word(entry.run).job_id).collect()
    }

    fn fits(&self) -> bool {
        self.gas <= GAS_PLANNED_MAX && self.call.abi_encoded_size() + 4 <= CALLDATA_MAX
    }
}

/// The entries at these places in full, the others by their hashes.
fn part(settlement: &Settlement, deliveries: &[Option<usize>], places: &[usize], anchor_age: u64) -> Part {
    let Settlement { certificate, batch, callback_gas, leaves, .. } = settlement;
    let (batch, callbacks) = if places.len() == batch.entries.len() {
        (batch.clone(), callback_gas.clone())
    } else {
        let entries: Vec<Entry> = places.iter().filter_map(|place| batch.entries.get(*place)).cloned().collect();
        let (anchors, entries) = renumbered(&batch.anchors, &entries);
        let theirs = || places.iter().filter_map(|place| deliveries.get(*place).copied().flatten());
        let given = theirs().filter_map(|delivery| batch.deliveries.get(delivery)).cloned().collect();
        let callbacks = theirs().filter_map(|delivery| callback_gas.get(delivery)).copied().collect();
        (Batch { anchors, entries, deliveries: given, leaves: without(leaves, places) }, callbacks)
    };
    let last_block = batch.anchors.iter().map(|anchor| anchor.number.saturating_add(anchor_age)).max();
    let count = batch.entries.len() as u64;
    let call = TaskManager::settleCall { certificate: certificate.clone(), batch };
    let gas = worst_gas(&call, count, callbacks.into_iter().fold(0, u64::saturating_add));
    Part { call, gas, last_block, is_heavy: false }
}

/// All hashes but those of the entries at these places, which are in order.
fn without(leaves: &[B256], places: &[usize]) -> Vec<B256> {
    let hash = |(place, leaf): (usize, &B256)| if places.binary_search(&place).is_ok() { B256::ZERO } else { *leaf };
    leaves.iter().enumerate().map(hash).collect()
}

/// The anchors these entries name, and the entries with their new positions.
fn renumbered(anchors: &[Anchor], entries: &[Entry]) -> (Vec<Anchor>, Vec<Entry>) {
    let mut kept: Vec<Anchor> = Vec::new();
    let mut moved = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut run = Run::from_word(entry.run);
        let anchor = usize::try_from(run.anchor).ok().and_then(|position| anchors.get(position));
        let Some(anchor) = anchor else {
            moved.push(entry.clone());
            continue;
        };
        let position = kept.iter().position(|known| known == anchor).unwrap_or_else(|| {
            kept.push(anchor.clone());
            kept.len() - 1
        });
        run.anchor = position as u64;
        moved.push(Entry { run: run.word(), ..entry.clone() });
    }
    (kept, moved)
}

fn is_call(entry: &Entry) -> bool {
    Run::from_word(entry.run).status == ended::CALL
}

/// Gas at worst: every task new to the chain, every callback with all it may use. A call passes on at most 63/64 of the gas
/// at hand (EIP-150), twice on the way to a target.
fn worst_gas(call: &TaskManager::settleCall, entries: u64, callbacks: u64) -> u64 {
    let data = call.abi_encode();
    let zeros = data.iter().filter(|byte| **byte == 0).count() as u64;
    let tokens = zeros.saturating_add((data.len() as u64).saturating_sub(zeros).saturating_mul(4));
    let execution = SETTLE_GAS
        .saturating_add(ENTRY_GAS.saturating_mul(entries))
        .saturating_add(callbacks.saturating_add(callbacks / 31));
    let least = tokens.saturating_mul(TOKEN_FLOOR_GAS).saturating_add(21_000);
    execution.saturating_add(tokens.saturating_mul(TOKEN_GAS)).max(least)
}

#[cfg(test)]
pub(crate) mod tests;
