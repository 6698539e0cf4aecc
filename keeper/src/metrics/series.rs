//! Counters that carry labels, with the label names fixed once, where the series is registered.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// `N` labels as (name, value) pairs.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// A counter for every combination of `N` label values.
///
/// Values are `&'static str` on purpose: only words of the source code can become label values, so what peers or jobs
/// send can never grow the number of series.
#[derive(Debug, Clone)]
pub struct Counters<const N: usize> {
    names: [&'static str; N],
    family: Family<Labels<N>, Counter>,
}

impl<const N: usize> Counters<N> {
    /// Counters with these label names, none counted yet.
    #[must_use]
    pub fn new(names: [&'static str; N]) -> Self {
        Self { names, family: Family::default() }
    }

    /// Counts one; `values` stand in the order of the label names.
    pub fn inc(&self, values: [&'static str; N]) {
        self.add(values, 1);
    }

    /// Counts `by`; zero makes the series visible.
    pub fn add(&self, values: [&'static str; N], by: u64) {
        self.family.get_or_create(&self.labels(values)).inc_by(by);
    }

    /// What was counted so far.
    #[must_use]
    pub fn get(&self, values: [&'static str; N]) -> u64 {
        self.family.get_or_create(&self.labels(values)).get()
    }

    pub(super) fn family(&self) -> Family<Labels<N>, Counter> {
        self.family.clone()
    }

    fn labels(&self, values: [&'static str; N]) -> Labels<N> {
        std::array::from_fn(|position| (self.names[position], values[position]))
    }
}
