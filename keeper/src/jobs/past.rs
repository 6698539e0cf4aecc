//! What a job was to do under an earlier version, as the chain's history tells: a change of the job must not hide what ran before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::primitives::{Address, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use contracts::JobManager::{JobCreated, JobResumed, JobUpdated};
use contracts::terms::Terms;
use contracts::{IJobManager::JobParams, JobManager};

use super::job::Plan;
use crate::chain::{ChainError, Rpc, newest_log};

/// Plans that are remembered: a dispute is tried more than once, and the search is long.
const PLANS_MAX: usize = 64;

/// The way to the chain's history, and what was found there.
#[derive(Clone, Debug)]
pub struct Past {
    rpc: Rpc,
    manager: Address,
    deploy_block: u64,
    found: Arc<Mutex<BTreeMap<(u64, u32), Plan>>>,
}

impl Past {
    /// The history of the jobs of this manager, which is no older than that block.
    #[must_use]
    pub fn new(rpc: Rpc, manager: Address, deploy_block: u64) -> Self {
        Self { rpc, manager, deploy_block, found: Arc::default() }
    }

    /// The plan of a job's version; `None` if there was none, or this program does not know its kind. Versions come of updates, which
    /// bring terms of their own, and of resumptions, which have an earlier version's begin anew.
    ///
    /// # Errors
    /// The nodes do not answer, or keep no logs that old.
    pub async fn plan_of(&self, (job, version): (u64, u32)) -> Result<Option<Plan>, ChainError> {
        if let Some(plan) = self.plans().get(&(job, version)) {
            return Ok(Some(plan.clone()));
        }
        let manager = self.manager;
        let kinds = vec![JobCreated::SIGNATURE_HASH, JobUpdated::SIGNATURE_HASH, JobResumed::SIGNATURE_HASH];
        let filter = Filter::new().address(manager).event_signature(kinds).topic1(U256::from(job));
        let mut search = Search { manager, job, version, begins: None };
        let found = newest_log(&self.rpc, self.deploy_block, &filter, |log| search.look(log)).await?;
        let Some((params, begins)) = found else { return Ok(None) };
        let owner = JobManager::new(manager, self.rpc.provider()).job(job).call().await?.owner;
        let plan = Terms::try_from(&params).ok().and_then(|terms| Plan::new(Arc::new(terms), owner));
        let plan = plan.and_then(|plan| begins.map_or_else(|| Some(plan.clone()), |start| plan.restarted(start)));
        if let Some(plan) = &plan {
            let mut plans = self.plans();
            if plans.len() >= PLANS_MAX {
                plans.pop_first();
            }
            plans.insert((job, version), plan.clone());
        }
        Ok(plan)
    }

    fn plans(&self) -> MutexGuard<'_, BTreeMap<(u64, u32), Plan>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        (job == self.job && version <= self.version).then_some((params, self.begins))
    }
}

#[cfg(test)]
mod tests;
