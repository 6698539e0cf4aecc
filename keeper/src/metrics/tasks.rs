//! The series about tasks and epochs: what became of them, as far as this keeper saw it.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::{Counters, counter, counters};

pub(super) struct TaskSeries {
    pub(super) tasks: Counters<1>,
    pub(super) certified: Counter,
    pub(super) abstentions: Counters<1>,
    pub(super) snapshots: Counters<1>,
    pub(super) disputes: Counters<1>,
}

impl TaskSeries {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            tasks: counters(
                registry,
                "tasks",
                "Tasks by how they ended at this keeper",
                ["result"],
                &[["settled"], ["skipped"], ["job_error"], ["expired"]],
            ),
            certified: counter(
                registry,
                "tasks_certified",
                "Tasks that a quorum has signed, by this keeper's count or by a certificate from the mesh",
            ),
            abstentions: counters(
                registry,
                "abstentions",
                "Attempts at tasks that this keeper abstained from",
                ["reason"],
                &[
                    ["unknown_task"],
                    ["code_unavailable"],
                    ["chain_read_failed"],
                    ["timeout"],
                    ["host_failure"],
                    ["busy"],
                    ["job_inactive"],
                ],
            ),
            snapshots: counters(
                registry,
                "snapshots",
                "Offers of this keeper to write the next epoch, where one was due",
                ["outcome"],
                &[["mined"], ["reverted"], ["failed"]],
            ),
            disputes: counters(
                registry,
                "disputes",
                "What happened in disputes, and what this keeper did for them",
                ["event"],
                &[
                    ["contradicted"],
                    ["opened"],
                    ["reran"],
                    ["rerun_failed"],
                    ["mined"],
                    ["all_punished"],
                    ["refused"],
                    ["failed"],
                    ["upheld"],
                    ["rejected"],
                    ["expired"],
                    ["punished"],
                ],
            ),
        }
    }
}
