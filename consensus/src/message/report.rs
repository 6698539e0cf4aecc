//! A report as it travels: a part of certificates and evidence.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use super::assignment::PlannedTask;
use crate::report::{Anchor, Report};
use crate::task::Status;

/// A report as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportMessage {
    /// The task.
    pub task: PlannedTask,
    /// Anchor block number.
    pub anchor_number: u64,
    /// Anchor block hash.
    pub anchor_hash: ByteArray<32>,
    /// Input set, zero for none.
    pub input_set: ByteArray<32>,
    /// Status number.
    pub status: u8,
    /// Outcome hash.
    pub outcome_hash: ByteArray<32>,
}

impl From<&Report> for ReportMessage {
    fn from(report: &Report) -> Self {
        Self {
            task: report.task.into(),
            anchor_number: report.anchor.number,
            anchor_hash: ByteArray::new(report.anchor.hash.0),
            input_set: ByteArray::new(report.input_set.0),
            status: report.status as u8,
            outcome_hash: ByteArray::new(report.outcome_hash.0),
        }
    }
}

impl ReportMessage {
    /// The report it stands for; `None` for a status that does not exist.
    pub fn report(&self) -> Option<Report> {
        Some(Report {
            task: self.task.into(),
            anchor: Anchor { number: self.anchor_number, hash: B256::from(self.anchor_hash.into_array()) },
            input_set: B256::from(self.input_set.into_array()),
            status: Status::from_number(self.status)?,
            outcome_hash: B256::from(self.outcome_hash.into_array()),
        })
    }
}
