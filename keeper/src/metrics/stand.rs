//! The series about how a keeper stands: its checks, and what fails or is turned away.

use std::collections::BTreeMap;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Counters, Metrics, counters, gauge};
use crate::health::rules::RULES;
use crate::view::Check;

pub(super) struct StandSeries {
    pub(super) ready: Gauge,
    pub(super) checks: Family<[(&'static str, &'static str); 1], Gauge>,
    pub(super) load_shed: Counters<1>,
    pub(super) callbacks_failed: Counters<1>,
}

impl StandSeries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let checks = Family::<[(&'static str, &'static str); 1], Gauge>::default();
        registry.register("check", "1 for every check behind readiness that holds", checks.clone());
        for name in RULES.iter().map(|rule| rule.check) {
            checks.get_or_create(&[("check", name)]).set(0);
        }
        Self {
            ready: gauge(registry, "ready", "1 while this keeper answers ready"),
            checks,
            load_shed: counters(
                registry,
                "load_shed",
                "Turned away because there is too much of it",
                ["kind"],
                &[["tasks"], ["messages"], ["questions"], ["commands"], ["publishes"], ["jobs"], ["logs"], ["records"]],
            ),
            callbacks_failed: counters(
                registry,
                "callbacks_failed",
                "Callbacks that failed and were looked into",
                ["reason"],
                &[["out_of_gas"], ["reverted"], ["no_code"], ["passing"], ["unknown"]],
            ),
        }
    }
}

impl Metrics {
    /// Shows how the checks stand; one that is not made now shows as holding.
    pub fn show_checks(&self, checks: &BTreeMap<String, Check>) {
        for name in RULES.iter().map(|rule| rule.check) {
            let ok = checks.get(name).is_none_or(|check| check.ok);
            self.checks.get_or_create(&[("check", name)]).set(i64::from(ok));
        }
    }
}
