//! The series about the mesh as heartbeats show it, and about health: what is red, and whether anybody could be told.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::{Counters, counters, gauge};
use crate::health::rules::{RULES, Rule};
use crate::heartbeat::{Heartbeat, MeshView, Reach, State};
use crate::view::{Check, View};

/// A gauge by one label of few values.
type Labelled = Family<[(&'static str, &'static str); 1], Gauge>;
/// How a keeper is heard, and its label.
const STATES: [(State, &str); 4] =
    [(State::Fine, "fine"), (State::Failing, "failing"), (State::Late, "late"), (State::Silent, "silent")];

/// What heartbeats show.
#[derive(Debug, Clone)]
pub struct MeshSeries {
    /// Heartbeats by direction and result.
    pub heartbeats: Counters<2>,
    operators: Labelled,
    reach: Labelled,
    other_versions: Gauge,
    clock_offset: Gauge<f64, AtomicU64>,
    median_head: Gauge,
    rtt: Histogram,
}

impl MeshSeries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let operators = Labelled::default();
        registry.register("operators", "Registered operators by how their keepers are heard", operators.clone());
        for (_, label) in STATES {
            operators.get_or_create(&[("state", label)]).set(0);
        }
        let reach = Labelled::default();
        registry.register(
            "reachability",
            "1 for what is known of whether others can open connections to it",
            reach.clone(),
        );
        for (_, label) in Reach::ALL {
            reach.get_or_create(&[("status", label)]).set(0);
        }
        let clock_offset = Gauge::<f64, AtomicU64>::default();
        let help = "How far this machine's clock is ahead of the median of the other keepers'";
        registry.register_with_unit("clock_offset", help, Unit::Seconds, clock_offset.clone());
        let rtt = Histogram::new(exponential_buckets(0.001, 2.0, 13));
        let help = "Round trips to connected keepers, one of each link every ten seconds";
        registry.register_with_unit("peer_rtt", help, Unit::Seconds, rtt.clone());
        Self {
            heartbeats: counters(
                registry,
                "heartbeats",
                "Signs of life of keepers",
                ["direction", "result"],
                &[["sent", "sent"], ["received", "accepted"], ["received", "ignored"], ["received", "rejected"]],
            ),
            operators,
            reach,
            other_versions: gauge(registry, "operators_on_other_version", "Keepers heard that run another version"),
            clock_offset,
            median_head: gauge(registry, "mesh_head_block", "Median of the other keepers' newest blocks"),
            rtt,
        }
    }

    /// Takes over what the newest picture shows.
    pub fn show(&self, picture: &MeshView) {
        for (state, label) in STATES {
            self.operators.get_or_create(&[("state", label)]).set(signed(picture.count(state)));
        }
        for (reach, label) in Reach::ALL {
            self.reach.get_or_create(&[("status", label)]).set(i64::from(picture.reach == reach));
        }
        let other = |version: &str| !version.is_empty() && version != env!("CARGO_PKG_VERSION");
        let others = picture.keepers.iter().filter(|keeper| other(&keeper.version)).count();
        self.other_versions.set(signed(others));
        self.clock_offset.set(picture.clock_ahead_ms.unwrap_or_default() as f64 / 1_000.0);
        self.median_head.set(i64::try_from(picture.median_head.unwrap_or_default()).unwrap_or(i64::MAX));
    }

    /// Counts the round trips that a keeper's own heartbeat tells.
    pub fn note_links(&self, heartbeat: &Heartbeat) {
        for rtt in heartbeat.links.iter().filter_map(|link| link.rtt_ms) {
            self.rtt.observe(f64::from(rtt) / 1_000.0);
        }
    }
}

/// How the checks stand, and who could be told.
#[derive(Debug, Clone)]
pub struct HealthSeries {
    failing: Family<[(&'static str, &'static str); 2], Gauge>,
    failures: Counters<2>,
    alerts: Counters<1>,
    runway: Gauge<f64, AtomicU64>,
    spent: Gauge<f64, AtomicU64>,
    queue: Gauge,
}

impl HealthSeries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let failing = Family::<[(&'static str, &'static str); 2], Gauge>::default();
        registry.register("health_check_failing", "1 for every check that is red", failing.clone());
        for rule in &RULES {
            failing.get_or_create(&labels(rule)).set(0);
        }
        let runway = Gauge::<f64, AtomicU64>::default();
        let help = "How long the wallet lasts at what it spent in the last day; infinite while it spends nothing";
        registry.register_with_unit("wallet_runway", help, Unit::Seconds, runway.clone());
        runway.set(f64::INFINITY);
        let spent = Gauge::<f64, AtomicU64>::default();
        registry.register(
            "wallet_spent_wei",
            "Coin that left the wallet in the last day, or since the start",
            spent.clone(),
        );
        let known: Vec<_> = RULES.iter().map(|rule| [rule.check, rule.severity.name()]).collect();
        Self {
            failing,
            failures: counters(
                registry,
                "health_check_failures",
                "How often a check turned red",
                ["check", "severity"],
                &known,
            ),
            alerts: counters(
                registry,
                "alerts",
                "Changes of checks that the webhook was to be told",
                ["result"],
                &[["sent"], ["failed"]],
            ),
            runway,
            spent,
            queue: gauge(registry, "tasks_open", "Tasks that are due and have come to no end here"),
        }
    }

    /// Takes over how the checks stand; one that is not made now shows as holding.
    pub fn show(&self, view: &View, (sent, failed): (u64, u64)) {
        self.show_checks(&view.checks);
        for (result, count) in [("sent", sent), ("failed", failed)] {
            self.alerts.add([result], count.saturating_sub(self.alerts.get([result])));
        }
        let runway = view.wallet.as_ref().and_then(|wallet| wallet.runway_seconds);
        self.runway.set(runway.map_or(f64::INFINITY, |seconds| seconds as f64));
        let spent = view.wallet.as_ref().and_then(|wallet| wallet.spent_wei.parse::<f64>().ok());
        self.spent.set(spent.unwrap_or_default());
        self.queue.set(signed(view.queue));
    }

    fn show_checks(&self, checks: &BTreeMap<String, Check>) {
        for rule in &RULES {
            let is_red = checks.get(rule.check).is_some_and(|check| !check.ok);
            let gauge = self.failing.get_or_create(&labels(rule));
            if is_red && gauge.get() == 0 {
                self.failures.inc([rule.check, rule.severity.name()]);
            }
            gauge.set(i64::from(is_red));
        }
    }
}

fn labels(rule: &Rule) -> [(&'static str, &'static str); 2] {
    [("check", rule.check), ("severity", rule.severity.name())]
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
