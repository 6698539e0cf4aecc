//! Disputes in the network: who opens and ends them, and what a run of a disputed task gives.

use alloy_primitives::B256;
use consensus::Input;
use consensus::anchor::BlockRef;
use consensus::dispute::{Answer, DisputeEvent, Disputed};
use consensus::report::{Anchor, Report};
use consensus::task::{InstanceKey, JobId, Status, Task};

use super::{CODE, Network, outcome};

impl Network {
    pub(super) fn rerun(&mut self, k: usize, id: u64, report: &Report) {
        let said = (self.faults.run)(k, report.task.job).unwrap_or(Ok("done"));
        let result = said.map(|said| right_answer(report, said));
        self.send(k, Input::Dispute { id, event: DisputeEvent::Reran { leaf: report.leaf(), result } }, 300);
    }

    /// Somebody disputes a report that says something else than any run gives, or, if `right`, what all do.
    pub(crate) fn dispute(&mut self, id: u64, right: bool) {
        let block = self.blocks.last().copied().unwrap();
        let anchor = Anchor { number: block.number - 3, hash: self.blocks[block.number as usize - 4].hash };
        let task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(0) };
        let wrong = Report { task, anchor, input_set: B256::ZERO, status: Status::Call, outcome_hash: B256::ZERO };
        let Answer { status, outcome_hash } = right_answer(&wrong, "done");
        self.disputed = if right { Report { status, outcome_hash, ..wrong } } else { wrong };
        let event = DisputeEvent::Opened(Disputed { block: block.number, report: self.disputed, deadline: 10_000 });
        (0..self.engines.len()).for_each(|k| self.send(k, Input::Dispute { id, event }, 700));
    }

    /// The chain has taken a ruling.
    pub(crate) fn end_dispute(&mut self, id: u64, upheld: bool) {
        let event = DisputeEvent::Ended { upheld, block: self.blocks.len() as u64 };
        (0..self.engines.len()).for_each(|k| self.send(k, Input::Dispute { id, event }, 700));
    }
}

/// What a run of a disputed task gives.
pub(crate) fn right_answer(report: &Report, said: &str) -> Answer {
    let anchor = BlockRef { number: report.anchor.number, hash: report.anchor.hash, timestamp: 0 };
    let outcome = outcome(report.task, anchor, said);
    Answer { status: outcome.status, outcome_hash: outcome.hash(CODE) }
}
