//! The promises of the sender, checked at every transaction that leaves and at the end.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::B256;
use keeper::chain::fees::Policy;
use keeper::chain::lane::{Answer, RAISES_MAX};
use keeper::chain::nonce::{Entry, Ledger};
use keeper::chain::refusal::{Kind, Remedy, classify};

use super::chain::Tx;
use super::plan::key;
use crate::sim::Violation;

/// Most violations told of one seed.
const TOLD_MAX: usize = 8;
/// Milliseconds, besides ten blocks, for which something must be known before nothing may be sent that ignores it.
const GRACE: u64 = 10_000;

/// How often one is sent that every node refuses for good: some answers come late, and it may be wanted again.
const HOPELESS_MAX: u32 = 6;
/// Nonces further than that from what is used only a lie about the count can have given: nothing waits for them...
const ADRIFT: u64 = 64;
/// ...until the account has come so near to one.
const NEAR: u64 = 4;

#[derive(Debug)]
pub(super) struct Checks {
    seed: u64,
    grace: u64,
    pub(super) violations: Vec<Violation>,
    pub(super) sent: u64,
    /// Nonces under which nodes took a content, the first one first.
    carried: BTreeMap<u64, Vec<u64>>,
    /// Nonces that were adrift when something left, and have not been sent again nearer than that.
    adrift: BTreeSet<u64>,
    /// Transactions that left, by nonce and content.
    attempts: BTreeMap<(u64, u64), BTreeSet<B256>>,
    /// What left last under a nonce.
    newest: BTreeMap<u64, Tx>,
    /// Transactions that some node has looked at: one that is sent again after a raise that came to nothing stays so.
    looked: BTreeSet<B256>,
    /// How often every node has refused a transaction for what no node ever takes.
    hopeless: BTreeMap<B256, u32>,
    /// Since when a content needs nobody any more, as every node sees it.
    over: BTreeMap<u64, u64>,
    pub(super) highest_base_fee: u128,
}

impl Checks {
    pub(super) fn new(seed: u64, block_ms: u64) -> Self {
        Self {
            seed,
            grace: GRACE + 10 * block_ms,
            violations: Vec::new(),
            sent: 0,
            carried: BTreeMap::new(),
            adrift: BTreeSet::new(),
            attempts: BTreeMap::new(),
            newest: BTreeMap::new(),
            looked: BTreeSet::new(),
            hopeless: BTreeMap::new(),
            over: BTreeMap::new(),
            highest_base_fee: 0,
        }
    }

    pub(super) fn fail(&mut self, at: u64, kind: &'static str, detail: String) {
        if self.violations.len() < TOLD_MAX {
            self.violations.push(Violation { seed: self.seed, at, kind, detail });
        }
    }

    /// Notes whether a content is settled or stale.
    pub(super) fn note_over(&mut self, content: u64, at: u64, over: bool) {
        if over {
            self.over.entry(content).or_insert(at);
        } else {
            self.over.remove(&content);
        }
    }

    /// The ledger is gone: what it knew nobody can know.
    pub(super) fn forget(&mut self) {
        self.carried.clear();
        self.adrift.clear();
        self.attempts.clear();
        self.newest.clear();
        self.looked.clear();
        self.hopeless.clear();
    }

    /// A start knows nothing of what nodes said before.
    pub(super) fn start(&mut self) {
        self.hopeless.clear();
    }

    /// A transaction leaves. `used` tells how many nonces any node has shown as used in the last moments, `mined` how many are.
    pub(super) fn on_send(&mut self, at: u64, tx: &Tx, disk: &Ledger, used: u64, mined: u64) {
        self.sent += 1;
        self.adrift.extend(self.carried.values().flatten().filter(|nonce| **nonce > mined.saturating_add(ADRIFT)));
        if tx.nonce <= mined.saturating_add(ADRIFT) {
            self.adrift.remove(&tx.nonce);
        }
        let known = disk.entries.get(&tx.nonce);
        if !known.is_some_and(|entry| entry.attempts.iter().any(|attempt| attempt.tx == tx.hash)) {
            self.fail(at, "sent_before_written", format!("nonce {}, content {}", tx.nonce, tx.content));
        }
        let attempts = self.attempts.entry((tx.nonce, tx.content)).or_default();
        attempts.insert(tx.hash);
        let count = attempts.len();
        self.check_price(at, tx, count);
        self.check_raise(at, tx, |old| known.is_some_and(|entry| raises(entry, old, tx)));
        if tx.content == 0 {
            return;
        }
        if self.hopeless.get(&tx.hash).is_some_and(|times| *times > HOPELESS_MAX) {
            self.fail(at, "sent_though_refused", format!("content {} under nonce {}", tx.content, tx.nonce));
        }
        if let Some(since) = self.over.get(&tx.content).copied().filter(|since| at > since + self.grace) {
            self.fail(at, "unwanted", format!("content {} under nonce {}, over since {since}", tx.content, tx.nonce));
        }
        let reach = |nonce: u64| mined.saturating_add(if self.adrift.contains(&nonce) { NEAR } else { ADRIFT });
        // A reorganisation may bring an earlier nonce back to life: then the later one stays the content's.
        let nonces = self.carried.entry(tx.content).or_default();
        let from = nonces.iter().position(|nonce| *nonce == tx.nonce).map_or(0, |place| place + 1);
        let open = |nonce: u64| (used..=reach(nonce)).contains(&nonce);
        let live = nonces.iter().skip(from).copied().find(|nonce| *nonce != tx.nonce && open(*nonce));
        if let Some(other) = live {
            self.fail(at, "two_nonces", format!("content {} under {} and {other}", tx.content, tx.nonce));
        }
    }

    /// A node took a transaction.
    pub(super) fn on_taken(&mut self, tx: &Tx) {
        let nonces = self.carried.entry(tx.content).or_default();
        if !nonces.contains(&tx.nonce) {
            nonces.push(tx.nonce);
        }
    }

    /// What nodes said to a transaction shows whether any of them has looked at its price.
    pub(super) fn on_answers(&mut self, tx: &Tx, answers: &[Answer]) {
        let looked = |answer: &Answer| match answer {
            Answer::Taken => true,
            Answer::NoAnswer => false,
            Answer::Refused(words) => {
                matches!(classify(words).remedy(), Remedy::Raise) || classify(words) == Kind::Known
            }
        };
        let for_good = |answer: &Answer| match answer {
            Answer::Refused(words) => matches!(classify(words), Kind::Oversized | Kind::GasLimitTooHigh),
            Answer::Taken | Answer::NoAnswer => false,
        };
        if answers.iter().all(for_good) {
            *self.hopeless.entry(tx.hash).or_default() += 1;
        }
        if answers.iter().any(looked) {
            self.looked.insert(tx.hash);
        }
    }

    /// More is offered only for what nodes have looked at, or for what the base fee may have left behind. `raises` tells
    /// whether one that left before is known as an earlier attempt.
    fn check_raise(&mut self, at: u64, tx: &Tx, raises: impl Fn(&Tx) -> bool) {
        let before = self.newest.insert(tx.nonce, tx.clone());
        let Some(old) = before.filter(|old| old.hash != tx.hash && old.content == tx.content && raises(old)) else {
            return;
        };
        let looked = self.looked.contains(&old.hash);
        if !looked && tx.fees.max_fee > old.fees.max_fee && old.fees.max_fee >= self.highest_base_fee {
            self.fail(at, "raised_unheld", format!("nonce {}: {:?} after {:?}", tx.nonce, tx.fees, old.fees));
        }
    }

    /// No more raises than there may be, but for those that follow a base fee; nothing above the policy.
    fn check_price(&mut self, at: u64, tx: &Tx, attempts: usize) {
        let policy = Policy::default();
        let tip = policy.refunded_tip + policy.loss;
        let (most, tip) = match tx.content {
            0 => (policy.max_fee, policy.freeing_tip),
            _ => ((self.highest_base_fee * 4 + tip).min(policy.max_fee), tip),
        };
        if tx.fees.max_fee > most || tx.fees.tip > tip {
            self.fail(at, "too_dear", format!("nonce {}: {:?}", tx.nonce, tx.fees));
        }
        if attempts > 3 * (RAISES_MAX as usize + 1) {
            self.fail(at, "endless_raises", format!("nonce {}: {attempts} attempts", tx.nonce));
        }
    }
}

/// Whether the ledger has one as an earlier attempt than the other, and nothing of another content between the two: that may
/// have left before a crash, for all the sender knows, so what comes after it has to offer more than it did.
fn raises(entry: &Entry, old: &Tx, new: &Tx) -> bool {
    let place = |tx: &Tx| entry.attempts.iter().position(|attempt| attempt.tx == tx.hash);
    let (Some(from), Some(to)) = (place(old), place(new)) else { return false };
    entry.attempts.iter().take(to).skip(from).all(|attempt| attempt.key == key(new.content))
}
