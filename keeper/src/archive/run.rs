//! What is known of one task, and what each thing that happens to it makes of that. What comes twice changes nothing, for
//! after a start much is told again.

use alloy::primitives::{Address, B256};
use consensus::task::{Abstention, Status};
use consensus::time::{EXPIRY_SECONDS, Time};
use contracts::terms::ended;

use super::{Change, Entry, WORDS_MAX};
use crate::jobs::action::is_too_dear;

/// What a run is called that gave nothing to sign.
pub(super) const ABSTAIN: &str = "abstain";
/// Seconds after which a task whose end was not seen is not waited for any more: the keeper did not run, or left entries out.
const FORGOTTEN_SECONDS: u64 = EXPIRY_SECONDS + 60;

/// One task, as this keeper saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// When it was due, in Unix seconds; `None` if that was left out.
    pub due: Option<u64>,
    /// How many tries began here.
    pub attempts: u32,
    /// When the first of them began, and the last.
    pub first_started: Option<Time>,
    /// See there.
    pub last_started: Option<Time>,
    /// Block that the last one is pinned to.
    pub anchor: Option<u64>,
    /// Operator whose turn it was first to lead.
    pub leader: Option<Address>,
    /// How the last run here ended: call, skip, job_error or abstain; empty before.
    pub result: String,
    /// Why, where there is more to say. Anybody's words.
    pub reason: String,
    /// When this keeper first signed it.
    pub signed: Option<Time>,
    /// When a quorum's certificate was first at hand.
    pub certified: Option<Time>,
    /// When this keeper last brought it on chain.
    pub sent: Option<Time>,
    /// What it took of the gas of this keeper's transaction.
    pub gas: Option<u64>,
    /// How it settled.
    pub settled: Option<Settlement>,
    /// Why the target did not take the outcome; empty if it did, or nobody looked.
    pub undelivered: String,
    /// How many reorganisations undid its settlement.
    pub reopened: u32,
    /// When its deadline passed without a settlement. It may have settled since.
    pub expired: Option<Time>,
    /// Why this keeper's last try to bring it on chain failed; empty if none did. Some of it may be a node's words.
    pub refused: String,
    /// What the keepers said of its last batch: who signed, who abstained and why. Empty before any was heard.
    pub voices: String,
}

/// Where a task settled, and by whose hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The block.
    pub block: u64,
    /// Its time, in Unix seconds.
    pub timestamp: u64,
    /// Seconds from the due moment to it, by the contract's count.
    pub seconds_late: u64,
    /// Block the settled report is pinned to.
    pub anchor: u64,
    /// The transaction.
    pub tx: B256,
    /// Who sent it.
    pub submitter: Address,
    /// How the task ended, see [`contracts::terms::ended`].
    pub status: u8,
    /// Whether the target took the outcome.
    pub delivered: bool,
}

impl Run {
    /// Takes in what happened.
    pub fn apply(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.change {
            Change::Due { due } => self.due = Some(*due),
            Change::Started { attempt, anchor, leader } => {
                self.attempts = self.attempts.max(u32::from(*attempt) + 1);
                self.first_started.get_or_insert(at);
                self.last_started = Some(at);
                self.anchor = Some(*anchor);
                self.leader = self.leader.or(*leader);
            }
            Change::Ran { result, reason } => self.ran(result, reason),
            Change::Signed => drop(self.signed.get_or_insert(at)),
            Change::Certified => drop(self.certified.get_or_insert(at)),
            Change::Sent => self.sent = Some(at),
            Change::Paid { gas } => self.gas = Some(*gas),
            Change::Settled(settled) => {
                // What the contract counts from; the schedule may never have told of it.
                self.due.get_or_insert(settled.timestamp.saturating_sub(settled.seconds_late));
                self.settled = Some(*settled);
            }
            Change::Undelivered { why } => self.undelivered = cut(why),
            Change::Ineligible { reason } => self.reason = cut(&format!("the contract skipped it: {reason}")),
            Change::Refused { why } => self.refused = cut(why),
            Change::Voices { words } => self.voices = cut(words),
            Change::Reopened => self.reopen(),
            Change::Expired => {
                // A reorganisation undid it while nobody looked.
                self.reopen();
                self.expired.get_or_insert(at);
            }
        }
    }

    fn reopen(&mut self) {
        if self.settled.take().is_some() {
            self.undelivered.clear();
            self.reopened += 1;
        }
    }

    fn ran(&mut self, result: &Result<Status, Abstention>, reason: &str) {
        word_of(result.as_ref().ok().copied()).clone_into(&mut self.result);
        let why = result.as_ref().err().map_or("", |why| why.name());
        let reason = if reason.is_empty() { why } else { reason };
        self.reason = cut(reason);
    }

    /// Where it is; `now` in Unix seconds.
    #[must_use]
    pub fn state(&self, now: u64) -> &'static str {
        let is_forgotten = self.due.is_none_or(|due| due.saturating_add(FORGOTTEN_SECONDS) < now);
        match &self.settled {
            Some(settled) => result_of(settled.status),
            None if self.expired.is_some() && self.is_too_dear() => result_of(ended::SKIP),
            None if self.expired.is_some() => "expired",
            None if is_forgotten => "unknown",
            None if self.reopened > 0 => "reopened",
            None if self.certified.is_some() => "certified",
            None if self.signed.is_some() => "signed",
            None if self.result == ABSTAIN => "abstained",
            None if !self.result.is_empty() => "executed",
            None if self.attempts > 0 => "running",
            None => "waiting",
        }
    }

    /// Whether its deadline passed and it has not settled since, though its job would have paid for it.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        self.expired.is_some() && self.settled.is_none() && !self.is_too_dear()
    }

    /// Whether it was not made for the price of gas, when it was last tried here.
    #[must_use]
    pub fn is_too_dear(&self) -> bool {
        self.result == ABSTAIN && is_too_dear(&self.reason)
    }

    /// Its part of the gas of the transaction that settled it, if that was sent by `operator`, which is whose file this is.
    #[must_use]
    pub fn gas_of(&self, operator: Address) -> Option<u64> {
        self.gas.filter(|_| self.settled.is_some_and(|settled| settled.submitter == operator))
    }
}

/// The word for how a task settled, by the number its status has on chain.
#[must_use]
pub fn result_of(status: u8) -> &'static str {
    match status {
        ended::SKIP => "skipped",
        ended::JOB_ERROR => "job_error",
        _ => "settled",
    }
}

/// The word for how a run ended here; none is one that gave nothing to sign.
#[must_use]
pub fn word_of(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::Call) => "call",
        Some(Status::Skip) => "skip",
        Some(Status::JobError) => "job_error",
        None => ABSTAIN,
    }
}

fn cut(words: &str) -> String {
    words.chars().take(WORDS_MAX).collect()
}
