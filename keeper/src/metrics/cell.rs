//! The series about job code and the worker processes it is compiled and run in.

use executor::Counts;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::Counters;

/// What the executor counts, brought up to date now and then.
#[derive(Debug, Clone)]
pub struct CellSeries {
    compilations: Counter,
    workers_lost: Counter,
    runs_given_up: Counter,
    codes_refused: Counter,
    codes_obtained: Counters<1>,
    code_bytes_lent: Counter,
}

impl CellSeries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let from = [["url"], ["keepers"], ["nowhere"]];
        let obtained =
            super::counters(registry, "codes_obtained", "Searches for a job's code by where it was", ["from"], &from);
        let mut counter = |name, help| super::counter(registry, name, help);
        Self {
            codes_obtained: obtained,
            code_bytes_lent: counter("code_lent_bytes", "Bytes of job code given to other keepers"),
            compilations: counter("compilations", "Compilations of job code begun"),
            workers_lost: counter("workers_lost", "Workers that died or had to be ended in a run, and were replaced"),
            runs_given_up: counter("runs_given_up", "Runs abstained from because worker after worker was lost"),
            codes_refused: counter("codes_refused", "Codes found to be refused for good"),
        }
    }

    /// Brings the series up to what the executor has counted since its start.
    pub fn follow(&self, counts: &Counts) {
        // What is unserved is shown with all other load that was turned away.
        for (from, count) in
            [("url", counts.codes_from_urls), ("keepers", counts.codes_from_keepers), ("nowhere", counts.codes_nowhere)]
        {
            let counted = self.codes_obtained.get([from]);
            self.codes_obtained.add([from], count.saturating_sub(counted));
        }
        for (series, count) in [
            (&self.compilations, counts.compilations),
            (&self.workers_lost, counts.workers_lost),
            (&self.runs_given_up, counts.runs_given_up),
            (&self.codes_refused, counts.codes_refused),
            (&self.code_bytes_lent, counts.code_bytes_lent),
        ] {
            series.inc_by(count.saturating_sub(series.get()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Metrics, plain};

    #[test]
    fn what_the_executor_counts_shows_once() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let counts = Counts {
            compilations: 7,
            workers_lost: 3,
            runs_given_up: 1,
            codes_refused: 2,
            runs_unserved: 0,
            codes_from_urls: 4,
            codes_from_keepers: 6,
            codes_nowhere: 5,
            code_bytes_lent: 1_000,
        };
        metrics.cell.follow(&Counts { compilations: 5, ..counts });
        metrics.cell.follow(&counts);
        metrics.cell.follow(&counts);
        let text = plain(&registry).unwrap();
        for line in [
            "keeper_compilations_total 7",
            "keeper_workers_lost_total 3",
            "keeper_runs_given_up_total 1",
            "keeper_codes_refused_total 2",
            "keeper_codes_obtained_total{from=\"url\"} 4",
            "keeper_codes_obtained_total{from=\"keepers\"} 6",
            "keeper_codes_obtained_total{from=\"nowhere\"} 5",
            "keeper_code_lent_bytes_total 1000",
        ] {
            assert!(text.lines().any(|found| found == line), "no line {line:?} in:\n{text}");
        }
    }
}
