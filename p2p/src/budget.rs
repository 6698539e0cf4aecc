//! Token buckets: how much of something one side may have now, and how fast that grows again.

use std::collections::BTreeMap;
use std::time::Instant;

/// The shape of a bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// What a full bucket holds.
    pub(crate) burst: f64,
    /// What is earned in a second.
    pub(crate) per_second: f64,
}

/// One bucket. Time is passed in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    left: f64,
    at: Instant,
}

impl Budget {
    /// A full bucket.
    pub(crate) const fn full(rate: Rate, now: Instant) -> Self {
        Self { left: rate.burst, at: now }
    }

    /// What is in it now; below nothing after [`Self::owe`].
    pub(crate) fn left(&self, rate: Rate, now: Instant) -> f64 {
        (self.left + now.saturating_duration_since(self.at).as_secs_f64() * rate.per_second).min(rate.burst)
    }

    /// Pays `cost`; false, and nothing is paid, when there is too little in it.
    pub(crate) fn pay(&mut self, cost: f64, rate: Rate, now: Instant) -> bool {
        let left = self.left(rate, now);
        let paid = left >= cost;
        *self = Self { left: if paid { left - cost } else { left }, at: now };
        paid
    }

    /// Takes `cost` out, though it may be more than is there: what could not be known in advance is owed.
    pub(crate) fn owe(&mut self, cost: f64, rate: Rate, now: Instant) {
        *self = Self { left: self.left(rate, now) - cost, at: now };
    }

    /// Puts something back.
    pub(crate) fn refund(&mut self, amount: f64, rate: Rate) {
        self.left = (self.left + amount).min(rate.burst);
    }
}

/// Makes room for one more: forgets those to whom `fullness` gives 1 (a full bucket is no different from a new one), and
/// when there are none, the one nearest to it. Nobody gets a new bucket by making others forget.
pub(crate) fn make_room<K: Ord + Clone, V>(buckets: &mut BTreeMap<K, V>, most: usize, fullness: impl Fn(&V) -> f64) {
    if buckets.len() < most {
        return;
    }
    buckets.retain(|_, bucket| fullness(bucket) < 1.0);
    if buckets.len() >= most {
        let fullest = buckets.iter().max_by(|(_, one), (_, other)| fullness(one).total_cmp(&fullness(other)));
        if let Some(key) = fullest.map(|(key, _)| key.clone()) {
            buckets.remove(&key);
        }
    }
}
