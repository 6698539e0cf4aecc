//! How long the wallet lasts at what it spent lately.

use std::collections::VecDeque;

use consensus::time::Time;

/// What is spent is counted by the hour, for a day.
const SLOT_SECONDS: u64 = 3_600;
const SLOTS: u64 = 24;
/// Before it has been watched for so long, what it spends says nothing.
const LEAST_SECONDS: u64 = 600;

/// What left the wallet, hour by hour. What came in is no part of it: a wallet that is filled up does not spend less.
#[derive(Clone, Debug, Default)]
pub(super) struct Runway {
    balance: Option<u128>,
    began: Option<u64>,
    /// Number of the hour, and what was spent in it; the oldest first.
    slots: VecDeque<(u64, u128)>,
}

impl Runway {
    /// The wallet held so much at this moment.
    pub(super) fn note(&mut self, balance: u128, now: Time) {
        let second = now.seconds();
        let slot = second / SLOT_SECONDS;
        // A clock that was set back: what was counted in what is now the future does not count.
        if self.began.is_some_and(|began| began > second) || self.slots.back().is_some_and(|last| last.0 > slot) {
            *self = Self::default();
        }
        self.began.get_or_insert(second);
        let spent = self.balance.replace(balance).map_or(0, |before| before.saturating_sub(balance));
        match self.slots.back_mut() {
            Some((number, sum)) if *number == slot => *sum = sum.saturating_add(spent),
            _ => self.slots.push_back((slot, spent)),
        }
        while self.slots.front().is_some_and(|first| first.0.saturating_add(SLOTS) <= slot) {
            self.slots.pop_front();
        }
    }

    /// What was spent in the last day, or since it is watched.
    pub(super) fn spent(&self) -> u128 {
        self.slots.iter().fold(0, |sum, (_, spent)| sum.saturating_add(*spent))
    }

    /// Seconds that the wallet lasts; `None` while it spends nothing, or was not watched for long enough.
    pub(super) fn seconds(&self, now: Time) -> Option<u64> {
        let watched = now.seconds().saturating_sub(self.began?);
        let first = self.slots.front()?.0.saturating_mul(SLOT_SECONDS);
        let span = watched.min(now.seconds().saturating_sub(first)).max(1);
        let spent = self.spent();
        if watched < LEAST_SECONDS || spent == 0 {
            return None;
        }
        // Coin has 27 digits at most and seconds of a day five: their product has room.
        let seconds = self.balance?.saturating_mul(u128::from(span)) / spent;
        Some(u64::try_from(seconds).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests;
