//! What a look at the chain, or an answer of the nodes, shows about a nonce.

use super::{Left, Phase, Slot, raise_after};
use crate::chain::lane::order::{Answer, Look, Terms};
use crate::chain::lane::rules::Rules;
use crate::chain::refusal::{Kind, Refusal, Remedy};
use alloy::primitives::B256;
use std::time::Duration;

/// Blocks upon a transaction after which it is forgotten: no reorganisation worth following is deeper.
const DEEP: u64 = 12;
/// Looks in a row after which a block is believed to be gone though the chain has not grown past it again.
const SHORTER_LOOKS: u32 = 10;
/// Looks in a row that show a nonce used by a transaction that is not ours. Of several nodes a second one has to count it as used
/// then, for the first may have made that up.
const DISPLACED_LOOKS: u32 = 5;
/// Looks in a row after which one node is believed all the same: no other answers, or they have stood still for sixty blocks, in which
/// an honest node would have included what it holds.
const LONE_LOOKS: u32 = 600;

/// What a look at the chain shows about a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chain::lane) enum Seen {
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
pub(in crate::chain::lane) enum Said {
    /// Waiting.
    Fine,
    /// One transaction at a time.
    OneAtATime,
    /// This content can never be sent, and why.
    Impossible(Kind, String),
}

impl Slot {
    pub(in crate::chain::lane) fn see(
        &mut self,
        look: &Look,
        thorough: bool,
        now: Duration,
        terms: &Terms,
        rules: &dyn Rules,
    ) -> Seen {
        self.until = self.until.min(now.saturating_add(terms.patience));
        let receipt = self.entry.attempts.iter().rev().find_map(|attempt| look.receipts.get(&attempt.tx));
        if let Some(receipt) = receipt {
            // A receipt that the count of nonces denies is a lie, or of a node that is ahead of the one that counted. An only
            // node contradicts itself: its count comes from a cache.
            if look.mined <= self.entry.nonce && terms.nodes > 1 {
                return Seen::Same;
            }
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
        if look.mined > self.entry.nonce {
            self.see_used(look, thorough, terms)
        } else if terms.nodes < 2 && !thorough && matches!(self.phase, Phase::Included(_)) {
            Seen::Same // its receipt was not asked for, and the count may come from a cache
        } else {
            self.see_unused(look, now, terms, rules)
        }
    }

    /// The nonce is used, and by none of ours that this node knows.
    fn see_used(&mut self, look: &Look, thorough: bool, terms: &Terms) -> Seen {
        match self.phase {
            Phase::Displaced { head } if look.head >= head.saturating_add(DEEP) => Seen::Deep,
            Phase::Displaced { .. } | Phase::Adrift => Seen::Same,
            Phase::Included(_) if !thorough => Seen::Same,
            _ => {
                // Nodes may be behind with receipts; where none ever took it there is none to wait for.
                self.missed += 1;
                if self.is_out() && !self.is_used_for_sure(look, terms) {
                    return Seen::Same;
                }
                (self.missed, self.phase) = (0, Phase::Displaced { head: look.head });
                Seen::Displaced
            }
        }
    }

    /// Whether what nodes may hold is to be given up under this nonce, for another one.
    fn is_used_for_sure(&self, look: &Look, terms: &Terms) -> bool {
        let agreed = terms.nodes < 2 || look.second.is_some_and(|used| used > self.entry.nonce);
        self.missed >= if agreed { DISPLACED_LOOKS } else { LONE_LOOKS }
    }

    /// Whether so much speaks against it that a second node is asked.
    pub(in crate::chain::lane) fn is_doubted(&self) -> bool {
        self.missed >= DISPLACED_LOOKS
    }

    fn see_unused(&mut self, look: &Look, now: Duration, terms: &Terms, rules: &dyn Rules) -> Seen {
        let block = match &self.phase {
            Phase::Restored => return Seen::Free,
            Phase::Sent if now >= self.acted.saturating_add(raise_after(terms)) => return Seen::Due,
            Phase::Included(receipt) => receipt.block,
            Phase::Displaced { head } => *head,
            Phase::Checking { .. } | Phase::Written | Phase::Sent | Phase::Adrift => {
                self.missed = 0;
                return Seen::Same;
            }
        };
        // A node that has not reached the block says nothing about it, unless the chain stays that short.
        self.missed += 1;
        if !rules.reopens() || (look.head < block && self.missed < SHORTER_LOOKS) {
            return Seen::Same;
        }
        self.reopen(now);
        Seen::Free
    }

    /// What the nodes said to an attempt. Refusals are put into `refusals`.
    pub(in crate::chain::lane) fn hear(
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
        // A node that wants a pause is no trouble where another one has taken it.
        let telling = |kind: &Kind| match kind {
            Kind::Known | Kind::NonceTooLow => false,
            Kind::RateLimited => !taken,
            _ => true,
        };
        refusals.extend(kinds.iter().filter(|(kind, _)| telling(kind)).map(|(kind, words)| Refusal::new(*kind, words)));
        // One that is silent may have it; what the others refuse is refused all the same.
        self.out |= taken || silent;
        let newest = self.newest().is_some_and(|newest| newest.tx == tx);
        if self.key_of(tx) == self.entry.key {
            if taken {
                self.left = Left::Yes;
            } else if silent && self.left != Left::Yes {
                self.left = Left::Maybe;
            }
            self.doubtful |= newest && (taken || silent);
        }
        if taken {
            (self.refused, self.cheap) = (0, false);
            self.held |= newest;
            return Said::Fine;
        }
        if !newest {
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
            Remedy::Again if kind == Kind::Unknown && self.doubt() => Said::Impossible(kind, words.to_owned()),
            Remedy::Again => {
                self.acted = soon;
                if kind == Kind::InFlightLimit { Said::OneAtATime } else { Said::Fine }
            }
            Remedy::GiveUp => Said::Impossible(kind, words.to_owned()),
        }
    }
}
