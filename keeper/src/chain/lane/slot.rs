//! One nonce of the account: what it is for and what became of it. The picture is in `lane.rs`.

use super::order::{Answer, Draft, Look, Sign, Terms};
use super::rules::Rules;
use crate::chain::fees::Fees;
use crate::chain::nonce::{Attempt, Call, Entry};
use crate::chain::receipt::Receipt;
use crate::chain::refusal::{Kind, Refusal, Remedy};
use alloy::primitives::{B256, Bytes};
use std::time::Duration;

/// Blocks upon a transaction after which it is forgotten: no reorganisation worth following is deeper.
pub(super) const DEEP: u64 = 12;
/// Looks in a row after which a block is believed to be gone though the chain has not grown past it again.
const SHORTER_LOOKS: u32 = 10;
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
}

/// What a look at the chain shows about a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing new.
    Same,
    /// It is in a block now.
    Included,
    /// It is so deep that it can be forgotten.
    Deep,
    /// Somebody else used it.
    Displaced,
    /// It is free again: the block it was in is gone, or it was never looked at since the start.
    Free,
    /// It has waited long enough to be raised or sent once more.
    Due,
}

/// What the nodes' answers to an attempt ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Waiting.
    Fine,
    /// One transaction at a time.
    OneAtATime,
    /// This content can never be sent, and why.
    Impossible(Kind, String),
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
    /// Whether a node may hold one of its transactions.
    out: bool,
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
            out: false,
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

    /// A nonce from the ledger: what it was for may be on its way.
    pub(super) fn restored(entry: Entry, until: Duration) -> Self {
        Self { phase: Phase::Restored, out: true, ..Self::new(entry, until, Duration::ZERO) }
    }

    /// Whether the chain has not used it yet.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Included(_) | Phase::Displaced { .. })
    }

    /// Whether a transaction with this content may still be on its way under this nonce.
    pub(super) fn may_carry(&self, key: B256) -> bool {
        self.is_open() && (self.entry.key == key || self.entry.attempts.iter().any(|attempt| attempt.key == key))
    }

    /// Whether its content has no need of another nonce.
    pub(super) fn stands(&self) -> bool {
        match &self.phase {
            Phase::Included(receipt) => receipt.success && self.carries(receipt),
            Phase::Displaced { .. } => false,
            _ => true,
        }
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

    /// Whether a node may hold one of its transactions.
    pub(super) fn is_out(&self) -> bool {
        self.out || self.in_flight > 0
    }

    pub(super) fn newest(&self) -> Option<&Attempt> {
        self.entry.attempts.last()
    }

    /// Gives the nonce to another content; nothing is offered for it yet.
    pub(super) fn take_up(&mut self, next: Entry, until: Duration) {
        let Entry { key, call, gas_limit, .. } = next;
        (self.entry.key, self.entry.call, self.entry.gas_limit) = (key, call, gas_limit);
        (self.until, self.told, self.raises, self.cheap, self.refused) = (until, false, 0, false, 0);
    }

    /// Signs another attempt with the present content, to leave once the ledger of this number is on disk.
    ///
    /// # Errors
    /// The key cannot sign.
    pub(super) fn offer(
        &mut self,
        fees: Fees,
        revision: u64,
        now: Duration,
        signer: &dyn Sign,
    ) -> Result<(), String> {
        let (tx, raw) = self.sign(fees, signer)?;
        if self.newest().is_none_or(|newest| newest.tx != tx) {
            self.entry.attempts.push(Attempt { tx, key: self.entry.key, fees });
        }
        (self.raw, self.phase, self.revision, self.offered) = (Some(raw), Phase::Written, revision, now);
        Ok(())
    }

    /// The same with higher fees.
    ///
    /// # Errors
    /// The key cannot sign.
    pub(super) fn raise(
        &mut self,
        fees: Fees,
        revision: u64,
        now: Duration,
        signer: &dyn Sign,
    ) -> Result<(), String> {
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
        Some((newest.tx, raw))
    }

    /// Whether it may be offered more for the content.
    pub(super) fn may_raise(&self, rules: &dyn Rules) -> bool {
        rules.may_raise(self.raises)
    }

    /// Whether no node has taken it for what was offered, so that sending the same again is of no use.
    pub(super) fn is_too_cheap(&self) -> bool {
        self.cheap && !self.is_out()
    }

    /// Leaves the nonce without a content: something else has used it.
    pub(super) fn empty(&mut self, idle: Entry) {
        self.take_up(idle, Duration::MAX);
        self.raw = None;
    }

    /// Takes back the newest attempt, which no node took, if an earlier one with the same content is on its way; says
    /// whether.
    pub(super) fn withdraw(&mut self) -> bool {
        let same = |attempt: &Attempt| attempt.key == self.entry.key;
        if !self.is_out() || self.entry.attempts.iter().filter(|attempt| same(attempt)).count() < 2 {
            return false;
        }
        self.entry.attempts.pop();
        (self.raw, self.raises) = (None, u32::MAX);
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

    pub(super) fn see(&mut self, look: &Look, thorough: bool, now: Duration, terms: &Terms, rules: &dyn Rules) -> Seen {
        let receipt = self.entry.attempts.iter().rev().find_map(|attempt| look.receipts.get(&attempt.tx));
        if let Some(receipt) = receipt {
            self.missed = 0;
            let known = matches!(&self.phase, Phase::Included(known) if known.tx == receipt.tx);
            let deep = look.head >= receipt.block.saturating_add(DEEP);
            self.phase = Phase::Included(receipt.clone());
            return match known {
                false => Seen::Included,
                true if deep => Seen::Deep,
                true => Seen::Same,
            };
        }
        if look.mined > self.entry.nonce { self.see_used(look, thorough, rules) } else { self.see_unused(look, now, terms, rules) }
    }

    /// The nonce is used, and by none of ours that this node knows.
    fn see_used(&mut self, look: &Look, thorough: bool, rules: &dyn Rules) -> Seen {
        match self.phase {
            Phase::Displaced { head } if look.head >= head.saturating_add(DEEP) => Seen::Deep,
            Phase::Displaced { .. } => Seen::Same,
            Phase::Included(_) if !thorough => Seen::Same,
            _ => {
                // Nodes may be behind with receipts; where none ever took it there is none to wait for.
                self.missed += 1;
                if self.is_out() && self.missed < rules.displaced_looks() {
                    return Seen::Same;
                }
                (self.missed, self.phase) = (0, Phase::Displaced { head: look.head });
                Seen::Displaced
            }
        }
    }

    fn see_unused(&mut self, look: &Look, now: Duration, terms: &Terms, rules: &dyn Rules) -> Seen {
        let block = match &self.phase {
            Phase::Restored => return Seen::Free,
            Phase::Sent if now >= self.acted.saturating_add(raise_after(terms)) => return Seen::Due,
            Phase::Included(receipt) => receipt.block,
            Phase::Displaced { head } => *head,
            Phase::Checking { .. } | Phase::Written | Phase::Sent => {
                self.missed = 0;
                return Seen::Same;
            }
        };
        // A node that has not reached the block says nothing about it, unless the chain stays that short.
        self.missed += 1;
        if !rules.reopens() || (look.head < block && self.missed < SHORTER_LOOKS) {
            return Seen::Same;
        }
        self.missed = 0;
        Seen::Free
    }

    /// What the nodes said to an attempt. Refusals are put into `refusals`.
    pub(super) fn hear(
        &mut self,
        tx: B256,
        answers: &[Answer],
        now: Duration,
        terms: &Terms,
        rules: &dyn Rules,
        refusals: &mut Vec<Refusal>,
    ) -> Said {
        self.in_flight = self.in_flight.saturating_sub(1);
        let mut kinds: Vec<(Kind, &str)> = Vec::new();
        let (mut taken, mut silent) = (false, false);
        for answer in answers {
            match answer {
                Answer::Taken => taken = true,
                Answer::NoAnswer => silent = true,
                Answer::Refused(words) => {
                    let kind = rules.kind(words);
                    taken |= kind == Kind::Known;
                    kinds.push((kind, words));
                }
            }
        }
        let telling = |kind: &Kind| !matches!(kind, Kind::Known | Kind::NonceTooLow);
        refusals.extend(kinds.iter().filter(|(kind, _)| telling(kind)).map(|(kind, words)| Refusal::new(*kind, words)));
        // One that is silent may have it; what the others refuse is refused all the same.
        self.out |= taken || silent;
        if taken {
            (self.refused, self.cheap) = (0, false);
            return Said::Fine;
        }
        if self.newest().is_none_or(|newest| newest.tx != tx) {
            return Said::Fine;
        }
        let soon = now.saturating_sub(raise_after(terms)).saturating_add(terms.block_time);
        let Some(&(kind, words)) = kinds.iter().min_by_key(|(kind, _)| kind.remedy() as u8) else {
            self.acted = soon;
            return Said::Fine;
        };
        match kind.remedy() {
            Remedy::Wait | Remedy::Look => Said::Fine,
            Remedy::Raise => {
                (self.cheap, self.acted) = (true, soon);
                Said::Fine
            }
            Remedy::Again if kind == Kind::Unknown && self.refused >= REFUSALS_MAX => {
                Said::Impossible(kind, words.to_owned())
            }
            Remedy::Again => {
                self.refused += u32::from(kind == Kind::Unknown);
                self.acted = soon;
                if kind == Kind::InFlightLimit { Said::OneAtATime } else { Said::Fine }
            }
            Remedy::GiveUp => Said::Impossible(kind, words.to_owned()),
        }
    }
}

/// Time without inclusion after which a content is looked at again and raised: three blocks, 2 to 60 s.
pub(super) fn raise_after(terms: &Terms) -> Duration {
    (terms.block_time * 3).clamp(Duration::from_secs(2), Duration::from_secs(60))
}
