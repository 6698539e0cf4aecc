//! A run of a job that may not be listed at all, made by hand as keepers make theirs: same code paths, same cell, same limits.

use std::path::Path;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use consensus::anchor::BlockRef;
use consensus::task::{DueTask, JobId, Task};
use contracts::terms::Terms;
use executor::{ChainReader, Executor, ExecutorConfig, ExecutorError, WorkerProgram};

use super::action::{self, Hands, Made, NotMade, Work};
use super::job::{NotRun, Plan};
use super::trigger::{Run, Sighting};
use crate::chain::ChainProvider;

/// The number of no job: what is tried is not listed.
const UNLISTED: JobId = JobId(0);
/// The version that a job begins with.
const VERSION: u32 = 1;

/// Everything that a run is a pure function of, the chain aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// What the job asks for.
    pub terms: Arc<Terms>,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The run.
    pub run: Run,
    /// The block that all its reads are pinned to.
    pub anchor: BlockRef,
    /// What was seen that makes it due.
    pub sighting: Option<Sighting>,
}

impl Trial {
    /// The task that it would be.
    #[must_use]
    pub fn task(&self) -> Task {
        Task { job: UNLISTED, version: VERSION, instance: self.run.instance }
    }

    /// Makes the run.
    ///
    /// # Errors
    /// [`Unmade::Never`] when keepers would not run such a job at all, [`Unmade::NotNow`] when there is no such run.
    pub async fn make(&self, executor: &Executor) -> Result<Made, Unmade> {
        let plan = Plan::new(Arc::clone(&self.terms), Address::ZERO, 0).map_err(Unmade::Never)?;
        let hands = Hands { chain_id: self.chain_id, executor };
        // It is asked for again below, and says then why it is not ready; without the patience that runs have for it.
        let _ = hands.prepare(&plan).await;
        hands.make(&self.work(plan)).await.map_err(Unmade::NotNow)
    }

    /// Why keepers would not run it at its anchor for the price of gas there, in words.
    pub async fn too_dear(&self, provider: &ChainProvider) -> Option<String> {
        let plan = Plan::new(Arc::clone(&self.terms), Address::ZERO, 0).ok()?;
        action::check_gas_price(provider, &self.work(plan)).await.err().map(|(_, why)| why)
    }

    fn work(&self, plan: Plan) -> Work {
        let Terms { quorum_bps, callback_gas, .. } = *self.terms;
        let due = DueTask {
            task: self.task(),
            due: self.run.due,
            deadline: u64::MAX,
            anchor: self.run.anchor,
            rank: self.run.rank,
            code_hash: self.terms.action.code_hash(),
            quorum_bps,
            callback_gas,
        };
        Work { due, anchor: self.anchor, plan, sighting: self.sighting.clone(), ask: false }
    }

    /// The commitment to its code; zero where it has none.
    #[must_use]
    pub fn code_hash(&self) -> B256 {
        self.terms.action.code_hash()
    }
}

/// Why a run was not made.
#[derive(Clone, Debug)]
pub enum Unmade {
    /// Keepers would not run such a job.
    Never(NotRun),
    /// There is no such run.
    NotNow(NotMade),
}

/// An executor like a keeper's, for one run at a time of code that may come from this machine.
///
/// # Errors
/// The cache directory cannot be used.
pub fn executor(cache: &Path, reader: Arc<dyn ChainReader>) -> Result<Executor, ExecutorError> {
    let config = ExecutorConfig {
        cache_dir: cache.to_owned(),
        allow_private_targets: true,
        max_concurrent: 1,
        worker: WorkerProgram::this(),
    };
    Executor::new(config, reader)
}
