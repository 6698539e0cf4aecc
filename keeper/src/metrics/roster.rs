//! Whose keeper this is, for joins, and how many jobs of each sort it knows.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::view::{JobView, View};

/// How a job stands, by label.
const STATES: [&str; 4] = ["active", "unready", "paused", "cancelled"];

/// One series with this keeper's names, and the jobs by how they stand.
#[derive(Debug, Clone)]
pub struct RosterSeries {
    /// One series at a time: its labels are this process's own words, not anybody's.
    node: Family<[(&'static str, String); 3], Gauge>,
    jobs: Family<[(&'static str, &'static str); 1], Gauge>,
}

impl RosterSeries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let (node, jobs) = (Family::default(), Family::<[(&'static str, &'static str); 1], Gauge>::default());
        registry.register("node_info", "Whose keeper this is, always 1", node.clone());
        registry.register("jobs", "Jobs this keeper knows, by how they stand", jobs.clone());
        for state in STATES {
            jobs.get_or_create(&[("state", state)]).set(0);
        }
        Self { node, jobs }
    }

    /// Takes over what is shown.
    pub fn show(&self, view: &View) {
        let names = [
            ("peer_id", view.peer_id.clone()),
            ("operator", view.operator.clone()),
            ("network", view.network.domain.clone()),
        ];
        self.node.get_or_create(&names).set(1);
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
