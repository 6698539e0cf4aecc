//! What every run begins with, whatever it does: is the job what the task says, at the task's anchor? Version, status and
//! money are read there, so that all keepers find the same.

use alloy::eips::BlockId;
use alloy::primitives::{Address, U256};
use consensus::anchor::BlockRef;
use consensus::task::Abstention;
use consensus::task::DueTask;
use contracts::IJobManager::Job;
use contracts::terms::JobStatus;

use crate::chain::ChainProvider;

/// Reads the job at the anchor.
///
/// # Errors
/// Why the task is not run, for the mesh and for people.
pub(super) async fn check(
    provider: &ChainProvider,
    job_manager: Address,
    due: &DueTask,
    anchor: &BlockRef,
) -> Result<(), (Abstention, String)> {
    let manager = contracts::JobManager::new(job_manager, provider);
    let call = manager.job(due.task.job.0).block(BlockId::hash_canonical(anchor.hash));
    let job = call
        .call()
        .await
        .map_err(|error| (Abstention::ChainReadFailed, format!("reading the job at its anchor: {error}")))?;
    judge(due, &job).map_err(|why| (Abstention::JobInactive, why))
}

/// What is due before a pause takes hold still runs.
fn judge(due: &DueTask, job: &Job) -> Result<(), String> {
    if job.version != due.task.version {
        return Err(format!("at the anchor the job has version {}, not {}", job.version, due.task.version));
    }
    let runs = match JobStatus::of(job) {
        JobStatus::Active => true,
        JobStatus::Paused | JobStatus::Cancelled => due.due <= job.inactiveFrom,
        JobStatus::None => false,
    };
    if !runs {
        return Err("at the anchor the job is not active".to_owned());
    }
    if U256::from(job.escrow) < U256::from(job.fee) {
        return Err(format!("at the anchor the job's escrow of {} is below its fee of {}", job.escrow, job.fee));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
