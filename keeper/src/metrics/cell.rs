//! The series about job code and the worker processes it is compiled and run in.

use executor::Counts;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// What the executor counts, brought up to date now and then.
#[derive(Debug, Clone)]
pub struct CellSeries {
    compilations: Counter,
    workers_lost: Counter,
    runs_given_up: Counter,
    codes_refused: Counter,
}

impl CellSeries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let mut counter = |name, help| super::counter(registry, name, help);
        Self {
            compilations: counter("compilations", "Compilations of job code begun"),
            workers_lost: counter("workers_lost", "Workers that died or had to be ended in a run, and were replaced"),
            runs_given_up: counter("runs_given_up", "Runs abstained from because worker after worker was lost"),
            codes_refused: counter("codes_refused", "Codes found to be refused for good"),
        }
    }

    /// Brings the series up to what the executor has counted since its start.
    pub fn follow(&self, counts: &Counts) {
        // What is unserved is shown with all other load that was turned away.
        let Counts { compilations, workers_lost, runs_given_up, codes_refused, runs_unserved: _ } = *counts;
        for (series, count) in [
            (&self.compilations, compilations),
            (&self.workers_lost, workers_lost),
            (&self.runs_given_up, runs_given_up),
            (&self.codes_refused, codes_refused),
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
        let counts = Counts { compilations: 7, workers_lost: 3, runs_given_up: 1, codes_refused: 2, runs_unserved: 0 };
        metrics.cell.follow(&Counts { compilations: 5, ..counts });
        metrics.cell.follow(&counts);
        metrics.cell.follow(&counts);
        let text = plain(&registry).unwrap();
        for line in [
            "keeper_compilations_total 7",
            "keeper_workers_lost_total 3",
            "keeper_runs_given_up_total 1",
            "keeper_codes_refused_total 2",
        ] {
            assert!(text.lines().any(|found| found == line), "no line {line:?} in:\n{text}");
        }
    }
}
