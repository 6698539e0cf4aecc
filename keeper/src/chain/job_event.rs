//! What happens to a job, as the chain's logs tell it.

use alloy::primitives::Address;
use contracts::IJobManager::JobParams;

/// A job's life on the chain.
#[derive(Clone, Debug, PartialEq)]
pub enum JobEvent {
    /// Listed, version 1.
    Created {
        /// The job.
        job_id: u64,
        /// Who may change it.
        owner: Address,
        /// What the target sees as `msg.sender`.
        forwarder: Address,
        /// What the creator asks for.
        params: Box<JobParams>,
        /// Unix seconds, or by blocks the first of them: what came before makes no run due.
        active_from: u64,
    },
    /// Whether it can pay for its next run in full, from now on. A job begins without that.
    Covered {
        /// The job.
        job_id: u64,
        /// Whether it can.
        covered: bool,
    },
    /// Paused: tasks due up to `inactive_from` still run.
    Paused {
        /// The job.
        job_id: u64,
        /// Unix seconds.
        inactive_from: u64,
    },
    /// Running again, under a new version.
    Resumed {
        /// The job.
        job_id: u64,
        /// The new version.
        version: u32,
        /// Unix seconds, or by blocks the first of them; the new version's start.
        active_from: u64,
    },
    /// Running again, under a new version with other terms.
    Updated {
        /// The job.
        job_id: u64,
        /// The new version.
        version: u32,
        /// What the creator asks for now.
        params: Box<JobParams>,
        /// Unix seconds, or by blocks the first of them: what came before makes no run due.
        active_from: u64,
    },
    /// Cancelled for good: tasks due up to `inactive_from` still run.
    Cancelled {
        /// The job.
        job_id: u64,
        /// Unix seconds.
        inactive_from: u64,
    },
}

impl JobEvent {
    /// The job it is about.
    #[must_use]
    pub fn job_id(&self) -> u64 {
        match *self {
            Self::Created { job_id, .. }
            | Self::Covered { job_id, .. }
            | Self::Paused { job_id, .. }
            | Self::Resumed { job_id, .. }
            | Self::Updated { job_id, .. }
            | Self::Cancelled { job_id, .. } => job_id,
        }
    }
}
