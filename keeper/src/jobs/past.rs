//! What a job was to do under an earlier version, as the chain's history tells: a change of the job must not hide what ran before. And
//! whether a run of it was due.

mod lookback;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::primitives::{Address, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use consensus::anchor::BlockRef;
use consensus::task::InstanceKey;
use consensus::time::Pace;
use contracts::JobManager::{JobCreated, JobResumed, JobUpdated};
use contracts::terms::Terms;
use contracts::{IJobManager::JobParams, JobManager};

use super::job::Plan;
use super::trigger::{Run, Sighting, Watch};
use crate::chain::{ChainError, Rpc, head_at, newest_log};

/// Plans that are remembered: a dispute is tried more than once, and the search is long.
const PLANS_MAX: usize = 64;

/// The way to the chain's history, and what was found there.
#[derive(Clone, Debug)]
pub struct Past {
    rpc: Rpc,
    manager: Address,
    deploy_block: u64,
    pace: Pace,
    found: Arc<Mutex<BTreeMap<(u64, u32), Plan>>>,
}

/// Whether a run was due at a block that it was pinned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WasDue {
    /// It was so, for what was seen.
    Yes(Run, Option<Sighting>),
    /// It certainly was not, for this reason.
    Never(&'static str),
    /// The nodes do not tell, for this reason: another try may bring more.
    Unknown(&'static str),
}

impl Past {
    /// The history of the jobs of this manager, which is no older than that block.
    #[must_use]
    pub fn new(rpc: Rpc, manager: Address, deploy_block: u64, pace: Pace) -> Self {
        Self { rpc, manager, deploy_block, pace, found: Arc::default() }
    }

    /// Whether a run of a plan was due at a block that it was pinned to.
    ///
    /// # Errors
    /// The nodes do not answer.
    pub async fn run_of(&self, plan: &Plan, instance: &InstanceKey, anchor: &BlockRef) -> Result<WasDue, ChainError> {
        match plan.trigger.watch() {
            Watch::Time => Ok(match plan.trigger.due(instance) {
                Some(due) => WasDue::Yes(Run::by_time(*instance, due), None),
                None => WasDue::Never("its trigger names no such moment"),
            }),
            Watch::Blocks(blocks) => {
                let Some(number) = instance.run().and_then(|run| blocks.number(run)) else {
                    return Ok(WasDue::Never("its trigger names no such block"));
                };
                if number > anchor.number {
                    return Ok(WasDue::Never("its block comes after its anchor"));
                }
                let head = head_at(&self.rpc.provider(), number).await?;
                let block = BlockRef { number, hash: head.hash, timestamp: head.timestamp };
                let run = blocks.at(number, self.acted_on(block.timestamp));
                let never = WasDue::Never("its trigger names no such block");
                Ok(run.map_or(never, |run| WasDue::Yes(run, Some(Sighting::Block(block)))))
            }
            Watch::Logs(filter) => self.of_log(filter, instance, anchor).await,
            Watch::Condition(condition) => Ok(match self.block_before(instance.0, anchor).await? {
                Ok(block) => WasDue::Yes(condition.run(&block, self.acted_on(block.timestamp)), None),
                Err(Some(why)) => WasDue::Never(why),
                Err(None) => {
                    WasDue::Unknown("the block that it names is not found, and no two nodes say that there is none")
                }
            }),
        }
    }

    /// When what a block of this moment shows is acted on.
    const fn acted_on(&self, timestamp: u64) -> u64 {
        timestamp.saturating_add(self.pace.confirmed_seconds)
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
        let mut search = Search { manager, job, version, resumed_from: None };
        let found = newest_log(&self.rpc, self.deploy_block, &filter, |log| search.look(log)).await?;
        let Some((params, begins)) = found else { return Ok(None) };
        let owner = JobManager::new(manager, self.rpc.provider()).job(job).call().await?.owner;
        let plan = Terms::try_from(&params).ok().and_then(|terms| Plan::new(Arc::new(terms), owner, begins).ok());
        let plan = plan.and_then(|plan| plan.restarted(begins).ok());
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
    /// When the version began, if it came of a resumption.
    resumed_from: Option<u64>,
}

impl Search {
    /// The terms of the version, and when it began, once a log has both.
    fn look(&mut self, log: &Log) -> Option<(JobParams, u64)> {
        if log.address() != self.manager {
            return None;
        }
        let (job, version, params, active_from) = if let Ok(log) = log.log_decode::<JobCreated>() {
            let JobCreated { jobId, params, activeFrom, .. } = log.inner.data;
            (jobId, 1, params, activeFrom)
        } else if let Ok(log) = log.log_decode::<JobUpdated>() {
            let JobUpdated { jobId, version, params, activeFrom } = log.inner.data;
            (jobId, version, params, activeFrom)
        } else {
            let event = log.log_decode::<JobResumed>().ok()?.inner.data;
            if event.jobId == self.job && event.version == self.version {
                self.resumed_from = Some(event.activeFrom);
            }
            return None;
        };
        (job == self.job && version <= self.version).then_some((params, self.resumed_from.unwrap_or(active_from)))
    }
}

#[cfg(test)]
mod tests;
