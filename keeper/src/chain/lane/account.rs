//! How the account stands, for people and for checks.

use super::order::Look;
use super::slot::Slot;
use crate::chain::cost::DataPrice;
use crate::chain::refusal::Refusal;
use alloy::primitives::{B256, U256};
use std::time::Duration;

/// Age of an open transaction from which the account counts as stuck.
const STUCK_SECONDS: u64 = 120;
/// Open nonces that are shown one by one.
const SHOWN_MAX: usize = 16;
/// How long a refusal is shown.
const SHOWN: Duration = Duration::from_secs(300);

/// The account at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Nonces that belong to something and are not used.
    pub open: usize,
    /// The oldest of them, a few.
    pub under_way: Vec<UnderWay>,
    /// Contents that have no nonce yet.
    pub waiting: usize,
    /// How long the oldest open nonce has been open, in seconds.
    pub oldest_seconds: u64,
    /// A nonce below an open one that belongs to nothing.
    pub gap: Option<u64>,
    /// What the account has, in wei, when it was looked at last.
    pub balance: Option<U256>,
    /// What data costs besides gas, as it was told then.
    pub data: DataPrice,
    /// Calldata of the settlement included last, in bytes; zero before the first one.
    pub settlement_bytes: usize,
    /// How many of its transactions the chain has included.
    pub mined: u64,
    /// Fees raised since the start.
    pub raises: u64,
    /// Nonces given to another content since the start.
    pub handed_over: u64,
    /// Nonces another program used since the start.
    pub displaced: u64,
    /// The newest refusal of the last five minutes, unless a transaction was included since.
    pub last_refusal: Option<Refusal>,
    /// Why the ledger cannot be written.
    pub disk: Option<String>,
}

/// A nonce that is open, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// The nonce.
    pub nonce: u64,
    /// The newest transaction offered for it and the most it pays for a gas, in wei; none before there is one.
    pub offered: Option<(B256, u128)>,
    /// How long it has been open, in seconds.
    pub seconds: u64,
}

impl UnderWay {
    /// Open nonces by number, which are given in order: the lowest ones are the oldest.
    pub(super) fn of<'a>(open: impl Iterator<Item = &'a Slot>, now: Duration) -> Vec<Self> {
        let shown = |slot: &Slot| Self {
            nonce: slot.entry.nonce,
            offered: slot.newest().map(|newest| (newest.tx, newest.fees.max_fee)),
            seconds: now.saturating_sub(slot.since).as_secs(),
        };
        open.take(SHOWN_MAX).map(shown).collect()
    }
}

impl Account {
    /// What is wrong with it and how to mend it; nothing where it can send.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let newest = || self.last_refusal.as_ref().map(|refusal| format!("; newest refusal: {refusal}"));
        if let Some(why) = &self.disk {
            return Some(format!("nothing is sent: {why}"));
        }
        if self.open > 0 && self.oldest_seconds >= STUCK_SECONDS {
            let refusal = newest().unwrap_or_default();
            return Some(format!(
                "{} transactions are not included, the oldest for {} s{refusal}",
                self.open, self.oldest_seconds
            ));
        }
        let refusal = self.last_refusal.as_ref().filter(|refusal| !refusal.kind.mend().is_empty())?;
        Some(format!("a transaction was refused: {refusal}"))
    }
}

/// What is remembered from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) account: Account,
    refused_at: Duration,
    /// Transactions included when it was.
    mined_before: u64,
    /// The newest look, and when it was.
    pub(super) look: Option<(Look, Duration)>,
}

impl Book {
    pub(super) fn note_refusals(&mut self, refusals: Vec<Refusal>, now: Duration) {
        if let Some(refusal) = refusals.into_iter().last() {
            (self.account.last_refusal, self.refused_at) = (Some(refusal), now);
            self.mined_before = self.account.mined;
        }
    }

    pub(super) fn note_look(&mut self, look: &Look, now: Duration) {
        (self.account.balance, self.account.mined) = (Some(look.balance), look.mined);
        self.account.data = look.data;
        // Got over, or forgotten.
        if look.mined > self.mined_before || now >= self.refused_at.saturating_add(SHOWN) {
            self.account.last_refusal = None;
        }
        self.look = Some((Look { receipts: std::collections::BTreeMap::new(), ..look.clone() }, now));
    }

    /// The newest look, if it was lately enough to go by it.
    pub(super) fn fresh(&self, now: Duration, age: Duration) -> Option<Look> {
        self.look.as_ref().filter(|(_, at)| now <= at.saturating_add(age)).map(|(look, _)| look.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::fees::Market;
    use crate::chain::refusal::Kind;

    fn look(mined: u64) -> Look {
        let market = Market { base_fee: 1, tip: Some(1) };
        let receipts = std::collections::BTreeMap::new();
        Look { head: 1, market, gas_limit: 30_000_000, mined, balance: U256::from(1), receipts, ..Look::default() }
    }

    #[test]
    fn a_refusal_is_shown_until_it_is_got_over_or_old() {
        let mut book = Book::default();
        let refuse = |book: &mut Book| {
            book.note_refusals(vec![Refusal::new(Kind::PoolFull, "txpool is full")], Duration::from_secs(10));
        };
        book.note_look(&look(3), Duration::ZERO);
        refuse(&mut book);
        book.note_look(&look(3), Duration::from_secs(20));
        assert!(book.account.trouble().is_some_and(|why| why.contains("txpool is full")));
        book.note_look(&look(4), Duration::from_secs(30));
        assert_eq!(book.account.trouble(), None, "another transaction was included");
        refuse(&mut book);
        book.note_look(&look(4), Duration::from_secs(309));
        assert!(book.account.trouble().is_some());
        book.note_look(&look(4), Duration::from_secs(310));
        assert_eq!(book.account.trouble(), None);
    }
}
