//! What a job was to do under an earlier version, as the chain's history tells: a change of the job must not hide what ran before.

use std::sync::Arc;

use alloy::primitives::{Address, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use contracts::JobManager::{JobCreated, JobResumed, JobUpdated};
use contracts::terms::Terms;
use contracts::{IJobManager::JobParams, JobManager};

use super::job::Plan;
use crate::chain::{ChainError, Contracts, Rpc, newest_log};

/// The plan of a version; `None` if there was none, or this program does not know its kind. Versions come of updates, which bring
/// terms of their own, and of resumptions, which have an earlier version's begin anew.
pub(crate) async fn plan_of(
    rpc: &Rpc,
    contracts: &Contracts,
    deploy_block: u64,
    (job, version): (u64, u32),
) -> Result<Option<Plan>, ChainError> {
    let manager = contracts.job_manager;
    let kinds = vec![JobCreated::SIGNATURE_HASH, JobUpdated::SIGNATURE_HASH, JobResumed::SIGNATURE_HASH];
    let filter = Filter::new().address(manager).event_signature(kinds).topic1(U256::from(job));
    let mut search = Search { manager, job, version, begins: None };
    let Some((params, begins)) = newest_log(rpc, deploy_block, &filter, |log| search.look(log)).await? else {
        return Ok(None);
    };
    let owner = JobManager::new(manager, rpc.provider()).job(job).call().await?.owner;
    let plan = Terms::try_from(&params).ok().and_then(|terms| Plan::new(Arc::new(terms), owner));
    Ok(plan.and_then(|plan| begins.map_or_else(|| Some(plan.clone()), |start| plan.restarted(start))))
}

/// A walk back through a job's logs.
struct Search {
    manager: Address,
    job: u64,
    version: u32,
    /// When the version began anew, if it came of a resumption.
    begins: Option<u64>,
}

impl Search {
    /// The terms of the version, and when they began anew, once a log has both.
    fn look(&mut self, log: &Log) -> Option<(JobParams, Option<u64>)> {
        if log.address() != self.manager {
            return None;
        }
        let (job, version, params) = if let Ok(log) = log.log_decode::<JobCreated>() {
            (log.inner.data.jobId, 1, log.inner.data.params)
        } else if let Ok(log) = log.log_decode::<JobUpdated>() {
            (log.inner.data.jobId, log.inner.data.version, log.inner.data.params)
        } else {
            let event = log.log_decode::<JobResumed>().ok()?.inner.data;
            if event.jobId == self.job && event.version == self.version {
                self.begins = Some(event.activeFrom);
            }
            return None;
        };
        (job == self.job && version <= self.version).then(|| (params, self.begins))
    }
}

#[cfg(test)]
mod tests;
