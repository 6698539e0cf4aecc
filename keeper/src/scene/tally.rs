//! What one operator did, as this keeper saw it since it started.

use serde::Serialize;

/// Counts; only what was seen here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How often it was looked whether it is connected, once a second or so.
    pub looks: u64,
    /// How often it was.
    pub connected: u64,
    /// Certificates of committees that it is in.
    pub certificates: u64,
    /// Those that it signed.
    pub signed: u64,
    /// Batches in which it was heard.
    pub spoke: u64,
    /// Those in which it signed nothing.
    pub abstained: u64,
    /// Milliseconds from due moments until it was heard, in all.
    pub late_ms: u64,
    /// Batches that these are of.
    pub timed: u64,
    /// Tasks that it brought on chain.
    pub settled: u64,
    /// Those whose window another keeper was first to lead.
    pub took_over: u64,
    /// Tasks of its own windows that another keeper brought on chain.
    pub left_to_others: u64,
    /// The most stake it was seen with, in wei.
    #[serde(skip)]
    pub stake_most: u128,
}

impl Tally {
    pub(super) fn seen(&mut self, connected: bool, stake: u128) {
        self.looks += 1;
        self.connected += u64::from(connected);
        self.stake_most = self.stake_most.max(stake);
    }

    /// What of its stake is gone since it was first seen, slashed or withdrawn, in wei.
    #[must_use]
    pub fn stake_lost(&self, stake: u128) -> u128 {
        self.stake_most.saturating_sub(stake)
    }

    pub(super) fn certified(&mut self, signed: bool) {
        self.certificates += 1;
        self.signed += u64::from(signed);
    }

    pub(super) fn spoke(&mut self, late_ms: Option<u64>, abstains: bool) {
        self.spoke += 1;
        self.abstained += u64::from(abstains);
        if let Some(late_ms) = late_ms {
            self.late_ms = self.late_ms.saturating_add(late_ms);
            self.timed += 1;
        }
    }

    pub(super) fn settled(&mut self, was_first: bool) {
        self.settled += 1;
        self.took_over += u64::from(!was_first);
    }

    pub(super) fn left_to_others(&mut self) {
        self.left_to_others += 1;
    }

    /// A task that it brought is on chain no more.
    pub(super) fn undone(&mut self, was_first: bool) {
        self.settled = self.settled.saturating_sub(1);
        self.took_over = self.took_over.saturating_sub(u64::from(!was_first));
    }

    /// Nor is one that it left to another.
    pub(super) fn left_to_nobody(&mut self) {
        self.left_to_others = self.left_to_others.saturating_sub(1);
    }
}
