//! One nonce of the account: what it is for and what became of it. The picture is in `lane.rs`.

mod seen;

use super::order::{Draft, Sign, Terms};
use super::rules::Rules;
use crate::chain::cost::{self, DataPrice};
use crate::chain::fees::Fees;
use crate::chain::nonce::{Attempt, Call, Entry};
use crate::chain::receipt::Receipt;
use alloy::primitives::{B256, Bytes, U256};
use std::time::Duration;

pub(super) use seen::{Said, Seen};

/// Refusals in a row that nobody understands, after which a content is given up.
const REFUSALS_MAX: u32 = 5;

#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// From the ledger of an earlier start: nothing is sent before the chain was looked at.
    Restored,
    /// It was asked whether the content is still wanted. `raise`: because it waits for long.
    Checking { raise: bool },
    /// The newest attempt waits for the ledger to be on disk.
    Written,
    /// Nodes have it, or had it.
    Sent,
    /// In a block, not deep.
    Included(Receipt),
    /// Another program's transaction, or one of ours that nobody knows any more, used the nonce; seen at this block.
    Displaced { head: u64 },
    /// Only a lie about the count can have given it: its content is free for another nonce. Pools may hold what was sent, so it
    /// is remembered until the account comes near it.
    Adrift,
}

/// Whether a transaction with the present content has left under the nonce, for all that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    No,
    /// Every node has refused it.
    Refused,
    /// An earlier start or an earlier turn of the nonce may have sent it, or a node has given no answer, or none yet.
    Maybe,
    Yes,
}

#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) entry: Entry,
    pub(super) phase: Phase,
    /// When the nonce became open.
    pub(super) since: Duration,
    /// When whoever wants the content is told that it failed.
    pub(super) until: Duration,
    /// Whether whoever wants the content was told how it ended.
    pub(super) told: bool,
    left: Left,
    /// Whether a node may hold one of its transactions.
    out: bool,
    /// Whether a node said that it has the newest attempt, and whether one may have it.
    held: bool,
    doubtful: bool,
    /// How often one was sent without an answer yet.
    in_flight: u32,
    /// The ledger that knows the newest attempt, and when it was ordered.
    pub(super) revision: u64,
    pub(super) offered: Duration,
    /// Raises of the present content.
    raises: u32,
    /// Whether the newest refusals ask for more than was offered.
    cheap: bool,
    refused: u32,
    /// Looks in a row that missed something.
    missed: u32,
    /// When it was last sent, put forward after a refusal.
    acted: Duration,
    /// Newest block when it was last sent.
    pub(super) sent_at: u64,
    /// The newest attempt's bytes.
    raw: Option<Bytes>,
}

impl Slot {
    /// A nonce that was given a content just now.
    pub(super) fn new(entry: Entry, until: Duration, now: Duration) -> Self {
        Self {
            entry,
            phase: Phase::Sent,
            since: now,
            until,
            told: false,
            left: Left::No,
            out: false,
            held: false,
            doubtful: false,
            in_flight: 0,
            revision: 0,
            offered: now,
            raises: 0,
            cheap: false,
            refused: 0,
            missed: 0,
            acted: Duration::ZERO,
            sent_at: 0,
            raw: None,
        }
    }

    /// A nonce from the ledger: what it was for may be on its way. The time for it begins with the first look.
    pub(super) fn restored(entry: Entry) -> Self {
        let fresh = Self::new(entry, Duration::MAX, Duration::ZERO);
        Self { phase: Phase::Restored, left: Left::Maybe, out: true, doubtful: true, ..fresh }
    }

    /// Whether the chain has not used it yet, and may soon.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Included(_) | Phase::Displaced { .. } | Phase::Adrift)
    }

    /// Whether it is remembered only because the account may come near it.
    pub(super) fn is_adrift(&self) -> bool {
        matches!(self.phase, Phase::Adrift)
    }

    /// Nothing is known of it any more: whether its content is still wanted is asked before anything is sent.
    pub(super) fn reopen(&mut self, now: Duration) {
        (self.missed, self.phase, self.since) = (0, Phase::Restored, now);
        if self.left == Left::Yes {
            self.left = Left::Maybe; // its content may have left under another nonce since
        }
    }

    /// Somebody wants its content until then. Who waits already waits no longer for it.
    pub(super) fn wanted_again(&mut self, until: Duration) {
        self.until = if self.told { until } else { self.until.min(until) };
        self.told = false;
    }

    /// Whether this is the receipt of its present content.
    pub(super) fn carries(&self, receipt: &Receipt) -> bool {
        self.key_of(receipt.tx) == self.entry.key
    }

    /// Whether its content is of no use any more in the block after `head`.
    pub(super) fn is_stale(&self, head: u64) -> bool {
        !self.entry.is_idle() && self.entry.call.last_block.is_some_and(|last| head >= last)
    }

    /// The content a transaction of this nonce carries.
    pub(super) fn key_of(&self, tx: B256) -> B256 {
        let attempt = self.entry.attempts.iter().find(|attempt| attempt.tx == tx);
        attempt.map_or(B256::ZERO, |attempt| attempt.key)
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = B256> + '_ {
        self.entry.attempts.iter().map(|attempt| attempt.tx)
    }

    /// Takes on the name by which others want the content.
    pub(super) fn rename(&mut self, key: B256) {
        let old = std::mem::replace(&mut self.entry.key, key);
        self.entry.attempts.iter_mut().filter(|attempt| attempt.key == old).for_each(|attempt| attempt.key = key);
    }

    pub(super) fn left(&self) -> Left {
        if self.left == Left::Refused && self.in_flight > 0 { Left::Maybe } else { self.left }
    }

    /// The most that was offered for the present content.
    pub(super) fn dearest(&self) -> u128 {
        let of_it = self.entry.attempts.iter().filter(|attempt| attempt.key == self.entry.key);
        of_it.map(|attempt| attempt.fees.max_fee).max().unwrap_or_default()
    }

    /// Whether a node may hold one of its transactions.
    pub(super) fn is_out(&self) -> bool {
        self.out || self.in_flight > 0
    }

    pub(super) fn newest(&self) -> Option<&Attempt> {
        self.entry.attempts.last()
    }

    /// The newest attempt, those of a present content that never left aside.
    pub(super) fn newest_that_left(&self) -> Option<&Attempt> {
        let unsent = (self.left == Left::No).then_some(self.entry.key);
        self.entry.attempts.iter().rev().find(|attempt| Some(attempt.key) != unsent)
    }

    /// What its content costs at worst with these fees, in wei.
    pub(super) fn worst(&self, fees: Fees, data: DataPrice) -> U256 {
        cost::worst(self.entry.gas_limit, fees, data, self.entry.call.input.len())
    }

    /// Gives the nonce to another content; nothing is offered for it yet. What never left is forgotten.
    pub(super) fn take_up(&mut self, next: Entry, until: Duration) {
        if self.left == Left::No {
            let unsent = self.entry.key;
            self.entry.attempts.retain(|attempt| attempt.key != unsent);
        }
        let Entry { key, call, gas_limit, .. } = next;
        (self.entry.key, self.entry.call, self.entry.gas_limit) = (key, call, gas_limit);
        (self.until, self.told, self.raises, self.cheap, self.refused) = (until, false, 0, false, 0);
        let before = self.entry.attempts.iter().any(|attempt| attempt.key == key);
        (self.left, self.raw) = (if before { Left::Maybe } else { Left::No }, None);
    }

    /// Signs another attempt with the present content, to leave once the ledger of this number is on disk.
    ///
    /// # Errors
    /// The key cannot sign.
    pub(super) fn offer(&mut self, fees: Fees, revision: u64, now: Duration, signer: &dyn Sign) -> Result<(), String> {
        let (tx, raw) = self.sign(fees, signer)?;
        if self.newest().is_none_or(|newest| newest.tx != tx) {
            self.entry.attempts.push(Attempt { tx, key: self.entry.key, fees });
        }
        (self.raw, self.phase, self.revision, self.offered) = (Some(raw), Phase::Written, revision, now);
        (self.held, self.doubtful, self.cheap) = (false, false, false);
        Ok(())
    }

    /// The same with higher fees.
    ///
    /// # Errors
    /// The key cannot sign.
    pub(super) fn raise(&mut self, fees: Fees, revision: u64, now: Duration, signer: &dyn Sign) -> Result<(), String> {
        self.raises = self.raises.saturating_add(1);
        self.offer(fees, revision, now, signer)
    }

    fn sign(&self, fees: Fees, signer: &dyn Sign) -> Result<(B256, Bytes), String> {
        let Call { to, input, .. } = &self.entry.call;
        signer.sign(&Draft { nonce: self.entry.nonce, to: *to, input, gas_limit: self.entry.gas_limit, fees })
    }

    /// Leaves it on its way as it is.
    pub(super) fn wait(&mut self, now: Duration) {
        (self.phase, self.acted) = (Phase::Sent, now);
    }

    /// The newest attempt, on its way. `None` if it carries a content that is over, or cannot be signed again.
    pub(super) fn send(&mut self, head: u64, now: Duration, signer: &dyn Sign) -> Option<(B256, Bytes)> {
        (self.phase, self.acted, self.sent_at) = (Phase::Sent, now, head);
        let newest = self.newest().filter(|newest| newest.key == self.entry.key)?.clone();
        if self.raw.is_none() {
            let (tx, raw) = self.sign(newest.fees, signer).ok()?;
            self.raw = (tx == newest.tx).then_some(raw);
        }
        let raw = self.raw.clone()?;
        self.in_flight += 1;
        if self.left == Left::No {
            self.left = Left::Refused; // until a node says otherwise
        }
        Some((newest.tx, raw))
    }

    /// Whether its newest attempt does nothing but use the nonce up, as is wanted of it.
    pub(super) fn uses_up(&self) -> bool {
        self.entry.is_idle() && self.newest().is_some_and(|newest| newest.key.is_zero())
    }

    /// Whether it may be offered more for the content: only for one that nodes hold, and that is not included all the same,
    /// or refuse for its price. Who asks for a pause or gives no answer has not looked at what is offered. One that cannot be
    /// sent as it is may too.
    pub(super) fn may_raise(&self, rules: &dyn Rules) -> bool {
        let may = self.is_considered() || self.raw.is_none();
        rules.may_raise(self.raises) && (may || !rules.raises_only_what_is_held())
    }

    /// Whether any node has looked at what is offered for it at present.
    pub(super) fn is_considered(&self) -> bool {
        self.held || self.is_too_cheap()
    }

    /// Whether no node has taken it for what was offered, so that sending the same again is of no use.
    pub(super) fn is_too_cheap(&self) -> bool {
        self.cheap && !self.is_out()
    }

    /// Goes back from the newest attempt, which nodes refuse by now, to a cheaper one with the same content, if one is on
    /// its way; says whether. The refused one stays known if a node may have taken it before.
    pub(super) fn withdraw(&mut self) -> bool {
        let Some(refused) = self.newest().filter(|_| self.is_out()).map(|newest| newest.fees.max_fee) else {
            return false;
        };
        let attempts = self.entry.attempts.iter().enumerate();
        let cheaper = attempts.filter(|(_, old)| old.key == self.entry.key && old.fees.max_fee < refused);
        let Some((place, _)) = cheaper.max_by_key(|(_, old)| old.fees.max_fee) else { return false };
        let attempt = self.entry.attempts.remove(place);
        if !self.doubtful && self.in_flight == 0 {
            self.entry.attempts.pop();
        }
        self.entry.attempts.push(attempt);
        (self.raw, self.raises, self.doubtful) = (None, u32::MAX, true);
        true
    }

    /// Four times the gas for a transfer, up to a million; says whether there was room.
    pub(super) fn more_gas(&mut self) -> bool {
        self.entry.gas_limit = self.entry.gas_limit.saturating_mul(4);
        self.entry.gas_limit <= 1_000_000
    }

    /// Counts an answer that told nothing; says whether it was one too many.
    pub(super) fn doubt(&mut self) -> bool {
        self.refused += 1;
        self.refused >= REFUSALS_MAX
    }
}

/// Time without inclusion after which a content is looked at again and raised: three blocks, 2 to 60 s.
pub(super) fn raise_after(terms: &Terms) -> Duration {
    (terms.block_time * 3).clamp(Duration::from_secs(2), Duration::from_secs(60))
}
