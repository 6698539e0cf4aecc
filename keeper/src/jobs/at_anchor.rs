//! What every run begins with, whatever it does: is the job what the task says, at the task's anchor? Version, status and
//! money are looked up there, so that all keepers find the same: in the book, which has followed the chain up to that block, or
//! where its events do not tell, on chain.

use alloy::eips::BlockId;
use alloy::primitives::Address;
use consensus::anchor::BlockRef;
use consensus::task::Abstention;
use consensus::task::DueTask;
use contracts::IJobManager::Job;
use contracts::terms::JobStatus;

use super::job::{Activity, JobState, Plan};
use crate::chain::ChainProvider;

/// Whether a task runs at its anchor, as the book has it.
#[derive(Clone, Debug)]
pub enum Standing {
    /// It does, by this plan.
    Runs(Plan),
    /// It does not, for this reason.
    Not(String),
    /// The book does not know: the chain must be asked.
    Untold,
}

impl Standing {
    /// The word of a state that the job had at the anchor.
    pub(super) fn of(due: &DueTask, state: &JobState) -> Self {
        let runs = match state.activity {
            Activity::Active => true,
            Activity::PausedFrom(end) | Activity::CancelledFrom(end) => due.due <= end,
        };
        match &state.plan {
            _ if state.version != due.task.version => Self::Not(other_version(state.version, due)),
            _ if !runs => Self::Not(INACTIVE.to_owned()),
            _ if !state.can_pay => Self::Not(UNPAID.to_owned()),
            Ok(plan) => Self::Runs(plan.clone()),
            Err(_) => Self::Untold,
        }
    }
}

const INACTIVE: &str = "at the anchor the job is not active";
const UNPAID: &str = "at the anchor the job cannot pay for a run in full";

fn other_version(version: u32, due: &DueTask) -> String {
    format!("at the anchor the job has version {version}, not {}", due.task.version)
}

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
        return Err(other_version(job.version, due));
    }
    let runs = match JobStatus::of(job) {
        JobStatus::Active => true,
        JobStatus::Paused | JobStatus::Cancelled => due.due <= job.inactiveFrom,
        JobStatus::None => false,
    };
    if !runs {
        return Err(INACTIVE.to_owned());
    }
    if !job.covered {
        return Err(UNPAID.to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
