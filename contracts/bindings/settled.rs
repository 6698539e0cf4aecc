//! What the TaskManager's events say about settled tasks. They are packed into words to cost little gas; this is the one
//! place that takes them apart.

use alloy::primitives::{Address, B256, LogData, keccak256};
use alloy::sol_types::{Error, SolEvent, SolValue};

use crate::TaskManager::{TaskSettled, TasksSkipped};

#[cfg(test)]
mod tests;

/// One task that was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettledTask {
    /// keccak256(abi.encode(job id, job version, instance key)).
    pub task_id: B256,
    /// Its job.
    pub job_id: u64,
    /// Version of the job.
    pub job_version: u32,
    /// Which run of the job.
    pub instance_key: B256,
    /// Block the report was pinned to.
    pub anchor_number: u64,
    /// Seconds between the moment it was due and its settlement.
    pub seconds_late: u64,
    /// How it ended, see [`crate::terms::ended`].
    pub status: u8,
    /// Whether the target accepted the call.
    pub delivered: bool,
    /// Hash of the certified outcome.
    pub outcome_hash: B256,
    /// Who sent the transaction.
    pub submitter: Address,
}

/// The tasks that a log of the TaskManager says were settled; none for its other events.
///
/// # Errors
/// When the log does not decode.
pub fn settled_tasks(log: &LogData) -> Result<Vec<SettledTask>, Error> {
    match log.topics().first() {
        Some(&TaskSettled::SIGNATURE_HASH) => {
            let event = TaskSettled::decode_log_data_validate(log)?;
            Ok(vec![task([event.fact.into(), event.instanceKey, event.outcomeHash], event.submitter)])
        }
        Some(&TasksSkipped::SIGNATURE_HASH) => {
            let event = TasksSkipped::decode_log_data_validate(log)?;
            let (tasks, rest) = event.words.as_chunks::<3>();
            if !rest.is_empty() {
                return Err(Error::custom("skipped tasks come in three words each"));
            }
            Ok(tasks.iter().map(|words| task(*words, event.submitter)).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// `fact`, from its first byte: job id (8), version (4), anchor's block number (8), unused (5), seconds late (5),
/// delivered (1), status (1).
fn task([fact, instance_key, outcome_hash]: [B256; 3], submitter: Address) -> SettledTask {
    let number = |from: usize, to: usize| fact[from..to].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let job_id = number(0, 8);
    let job_version = (number(8, 12) & u64::from(u32::MAX)) as u32;
    SettledTask {
        task_id: keccak256((job_id, job_version, instance_key).abi_encode()),
        job_id,
        job_version,
        instance_key,
        anchor_number: number(12, 20),
        seconds_late: number(25, 30),
        status: fact[31],
        delivered: fact[30] == 1,
        outcome_hash,
        submitter,
    }
}
