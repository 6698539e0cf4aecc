//! Whose keeper this is, for joins, how many jobs of each sort it knows, and what it asked its nodes.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Counters, counters};
use crate::view::{JobView, RpcNodeView, View};

/// How a job stands, by label.
const STATES: [&str; 4] = ["active", "unready", "paused", "cancelled"];

/// One series with this keeper's names, and the jobs by how they stand.
#[derive(Debug, Clone)]
pub struct RosterSeries {
    /// One series at a time: its labels are this process's own words, not anybody's.
    node: Family<[(&'static str, String); 3], Gauge>,
    jobs: Family<[(&'static str, &'static str); 1], Gauge>,
    requests: Counters<1>,
}

impl RosterSeries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let (node, jobs) = (Family::default(), Family::<[(&'static str, &'static str); 1], Gauge>::default());
        registry.register("node_info", "Whose keeper this is, always 1", node.clone());
        registry.register("jobs", "Jobs this keeper knows, by how they stand", jobs.clone());
        for state in STATES {
            jobs.get_or_create(&[("state", state)]).set(0);
        }
        let requests = counters(
            registry,
            "chain_rpc_requests",
            "Questions to RPC nodes by whether they were answered",
            ["outcome"],
            &[["answered"], ["failed"]],
        );
        Self { node, jobs, requests }
    }

    /// Takes over what is shown.
    pub fn show(&self, view: &View) {
        let names = [
            ("peer_id", view.peer_id.clone()),
            ("operator", view.operator.clone()),
            ("network", view.network.domain.clone()),
        ];
        self.node.get_or_create(&names).set(1);
        let sum = |count: fn(&RpcNodeView) -> u64| view.nodes.iter().map(count).sum::<u64>();
        for (outcome, count) in [("answered", sum(|node| node.answers)), ("failed", sum(|node| node.failures))] {
            self.requests.add([outcome], count.saturating_sub(self.requests.get([outcome])));
        }
        for state in STATES {
            let count = view.jobs.iter().filter(|job| state_of(job) == state).count();
            self.jobs.get_or_create(&[("state", state)]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}

/// An active job that cannot be run here is another thing than one that can.
fn state_of(job: &JobView) -> &'static str {
    match job.status.as_str() {
        "paused" => "paused",
        "cancelled" => "cancelled",
        _ if job.ready => "active",
        _ => "unready",
    }
}
