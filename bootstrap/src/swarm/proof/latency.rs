//! How long certificates and settlements took.

use serde::Serialize;

use super::{Counted, Facts};

/// Milliseconds after the due moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct Latency {
    pub due_to_certificate: Percentiles,
    pub due_to_settled: Percentiles,
}

/// Nearest-rank percentiles; `null` when nothing was measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the keys are the documentation")]
pub struct Percentiles {
    pub p50: Option<u64>,
    pub p99: Option<u64>,
}

pub(super) fn latency(facts: &Facts, first: &[Counted<'_>]) -> Latency {
    let certified = first.iter().filter_map(|each| facts.certified_ms.get(&each.settlement.task_id).copied());
    let settled = first.iter().filter_map(|each| Some(each.settlement.seen_ms.saturating_sub(each.due? * 1000)));
    Latency {
        due_to_certificate: Percentiles::of(certified.collect()),
        due_to_settled: Percentiles::of(settled.collect()),
    }
}

impl Percentiles {
    /// Nearest rank: the smallest value that at least p percent do not exceed.
    #[must_use]
    pub fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let rank = |percent: usize| (values.len() * percent).div_ceil(100).saturating_sub(1);
        Self { p50: values.get(rank(50)).copied(), p99: values.get(rank(99)).copied() }
    }
}
