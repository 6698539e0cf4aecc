//! What a job was to do under an earlier version, as the chain's history tells: a change of the job must not hide what ran before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::primitives::{Address, B256, U64, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use consensus::anchor::BlockRef;
use consensus::task::InstanceKey;
use consensus::time::Pace;
use contracts::JobManager::{JobCreated, JobResumed, JobUpdated};
use contracts::terms::Terms;
use contracts::{IJobManager::JobParams, JobManager};

use super::job::Plan;
use super::search::{Hit, Stretch, Unread, Wanted, search};
use super::trigger::{LogFilter, Run, Sighting, Watch};
use crate::chain::{ChainError, Rpc, head_at, newest_log};

/// Plans that are remembered: a dispute is tried more than once, and the search is long.
const PLANS_MAX: usize = 64;
/// Blocks before a report's anchor in which its log is looked for: later attempts come up to an hour after it.
const LOOKED_BACK: u64 = 512;

/// The way to the chain's history, and what was found there.
#[derive(Clone, Debug)]
pub struct Past {
    rpc: Rpc,
    manager: Address,
    deploy_block: u64,
    pace: Pace,
    found: Arc<Mutex<BTreeMap<(u64, u32), Plan>>>,
}

impl Past {
    /// The history of the jobs of this manager, which is no older than that block.
    #[must_use]
    pub fn new(rpc: Rpc, manager: Address, deploy_block: u64, pace: Pace) -> Self {
        Self { rpc, manager, deploy_block, pace, found: Arc::default() }
    }

    /// A run of a plan as it was due, and what was seen that made it; `None` if there was none. `anchor` is a block that it was
    /// pinned to.
    ///
    /// # Errors
    /// The nodes do not answer.
    pub async fn run_of(
        &self,
        plan: &Plan,
        instance: &InstanceKey,
        anchor: &BlockRef,
    ) -> Result<Option<(Run, Option<Sighting>)>, ChainError> {
        let acted_on = |timestamp: u64| timestamp.saturating_add(self.pace.confirmed_seconds);
        Ok(match plan.trigger.watch() {
            Watch::Time => plan.trigger.due(instance).map(|due| (Run::by_time(*instance, due), None)),
            Watch::Blocks(blocks) => {
                let Some(number) = instance.run().and_then(|run| blocks.number(run)) else { return Ok(None) };
                let head = head_at(&self.rpc.provider(), number).await?;
                let block = BlockRef { number, hash: head.hash, timestamp: head.timestamp };
                blocks.at(number, acted_on(block.timestamp)).map(|run| (run, Some(Sighting::Block(block))))
            }
            Watch::Logs(filter) => self.log_run(filter, instance, anchor).await?,
            Watch::Condition(condition) => {
                let block = self.block_of(instance.0).await?;
                block.map(|block| (condition.run(&block, acted_on(block.timestamp)), None))
            }
        })
    }

    /// The run that a log made due. That there was none is said only of blocks that were all read.
    async fn log_run(
        &self,
        filter: &LogFilter,
        instance: &InstanceKey,
        anchor: &BlockRef,
    ) -> Result<Option<(Run, Option<Sighting>)>, ChainError> {
        let to = anchor.number;
        let mut stretch = Stretch {
            number: 0,
            from: to.saturating_sub(LOOKED_BACK),
            to,
            followed: Arc::new([(to, anchor.hash)].into()),
            depth: filter.confirmations().saturating_sub(self.pace.confirmations),
            wanted: [Wanted { job: 0, filter: filter.clone(), apart: false }].into(),
            is_stuck: false,
        };
        let mut unread = None;
        loop {
            let found = search(&self.rpc, &stretch).await?;
            for Hit { log, ripe, .. } in found.hits {
                let run = filter.run(&log, ripe.saturating_add(self.pace.confirmed_seconds));
                if run.instance == *instance {
                    return Ok(Some((run, Some(Sighting::Log(log)))));
                }
            }
            unread = unread.or_else(|| found.unread.into_iter().next());
            if found.left == 0 {
                break;
            }
            stretch.from = to + 1 - found.left;
        }
        match unread {
            Some(Unread { block, why, .. }) => Err(ChainError::TooMuch(format!("the logs of block {block}: {why}"))),
            None => Ok(None),
        }
    }

    /// The block with this hash, if the node has it.
    async fn block_of(&self, hash: B256) -> Result<Option<BlockRef>, ChainError> {
        #[derive(Debug, serde::Deserialize)]
        struct Header {
            number: U64,
            timestamp: U64,
        }
        let header: Option<Header> =
            self.rpc.provider().raw_request("eth_getBlockByHash".into(), (hash, false)).await?;
        Ok(header.map(|header| BlockRef { number: header.number.to(), hash, timestamp: header.timestamp.to() }))
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
        let plan = Terms::try_from(&params).ok().and_then(|terms| Plan::new(Arc::new(terms), owner, 0).ok());
        let plan = plan.and_then(|plan| begins.map_or_else(|| Some(plan.clone()), |start| plan.restarted(start).ok()));
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
