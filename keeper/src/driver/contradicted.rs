//! Results of this keeper that were not what a quorum certified: either its chain node is wrong, or the quorum is.

use std::time::Duration;

use consensus::report::Report;
use consensus::time::Time;

use crate::chain::convert::run_number;

/// How long it is shown.
const SHOWN: Duration = Duration::from_secs(600);

/// How many there were, and the last one.
#[derive(Debug, Default)]
pub(super) struct Contradicted {
    count: u64,
    last: Option<(Report, Time)>,
}

impl Contradicted {
    /// One more.
    pub(super) fn note(&mut self, certified: Report, now: Time) {
        self.count += 1;
        self.last = Some((certified, now));
    }

    /// What is wrong and how to mend it, if there was one lately.
    pub(super) fn trouble(&self, now: Time) -> Option<String> {
        let (certified, at) = self.last?;
        // One that is to come is of a clock that was set back since.
        let is_fresh = at <= now && now < at.plus(SHOWN);
        let (task, outcome) = (certified.task, certified.outcome_hash);
        let run = run_number(task.instance.0).map_or_else(|| task.instance.0.to_string(), |run| run.to_string());
        is_fresh.then(|| {
            format!(
                "a quorum certified another result than this keeper got, {} times since the start, last for run {run} of job \
                 {job}: compare the nodes in rpc_urls; if this keeper is right, `keeper dispute open --job {job} --run {run} \
                 --job-version {} --outcome {outcome}`",
                self.count,
                task.version,
                job = task.job.0
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::B256;
    use consensus::report::Anchor;
    use consensus::task::{InstanceKey, JobId, Status, Task};

    #[test]
    fn what_a_quorum_saw_otherwise_is_shown_for_ten_minutes() {
        let mut contradicted = Contradicted::default();
        let task = Task { job: JobId(7), version: 3, instance: InstanceKey::from_run(12) };
        let anchor = Anchor { number: 1, hash: B256::ZERO };
        let (status, outcome_hash) = (Status::Call, B256::repeat_byte(0xab));
        let task = Report { task, anchor, input_set: B256::ZERO, status, outcome_hash };
        assert_eq!(contradicted.trouble(Time(0)), None);
        contradicted.note(task, Time(1_000));
        contradicted.note(task, Time(2_000));
        let why = contradicted.trouble(Time(601_999)).expect("red");
        assert!(
            why.contains("2 times")
                && why.contains("--job 7 --run 12 --job-version 3 --outcome 0xabab")
                && why.contains("rpc_urls"),
            "{why}"
        );
        assert_eq!(contradicted.trouble(Time(602_000)), None);
        assert_eq!(contradicted.trouble(Time(1_999)), None, "the clock was set back");
    }
}
