//! A run of a job that may not be listed at all, made by hand as keepers make theirs: same code paths, same cell, same limits.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use consensus::anchor::BlockRef;
use consensus::inputs::InputSet;
use consensus::task::{DueTask, JobId, Task};
use contracts::terms::Terms;
use executor::{ChainReader, Executor, ExecutorConfig, ExecutorError, Look, WorkerProgram};

use super::action::{self, Hands, Made, NotMade, Part, Work};
use super::job::{NotRun, Plan};
use super::trigger::{Run, Sighting};
use crate::chain::ChainProvider;

/// Number and version of no job: what is tried is not listed, as a rule, and a job begins with version 1.
pub const UNLISTED: (JobId, u32) = (JobId(0), 1);

/// Everything that a run is a pure function of, the chain aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Number and version of the job, or [`UNLISTED`].
    pub job: (JobId, u32),
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
    /// What it decides on, where its job looks outside and keepers have.
    pub inputs: Option<Arc<InputSet>>,
}

impl Trial {
    /// The task that it is, or would be.
    #[must_use]
    pub fn task(&self) -> Task {
        let (job, version) = self.job;
        Task { job, version, instance: self.run.instance }
    }

    /// Makes the run; of a job that looks outside the part of it that decides.
    ///
    /// # Errors
    /// [`Unmade::Never`] when keepers would not run such a job at all, [`Unmade::NotNow`] when there is no such run.
    pub async fn make(&self, executor: &Executor) -> Result<Made, Unmade> {
        let part = self.inputs.clone().map_or(Part::Run, Part::Decide);
        let (hands, work) = self.ready(executor, part).await?;
        hands.make(&work).await.map_err(Unmade::NotNow)
    }

    /// Looks outside, as one keeper does.
    ///
    /// # Errors
    /// As for [`Self::make`].
    pub async fn observe(&self, executor: &Executor) -> Result<Look, Unmade> {
        let (hands, work) = self.ready(executor, Part::Observe).await?;
        hands.observe(&work).await.map_err(Unmade::NotNow)
    }

    async fn ready<'a>(&self, executor: &'a Executor, part: Part) -> Result<(Hands<'a>, Work), Unmade> {
        let plan = Plan::new(Arc::clone(&self.terms), Address::ZERO, 0).map_err(Unmade::Never)?;
        let hands = Hands { chain_id: self.chain_id, executor };
        // It is asked for again by the run, and says then why it is not ready; without the patience that runs have for it.
        let _ = hands.prepare(&plan).await;
        Ok((hands, self.work(plan, part)))
    }

    /// Why keepers would not run it at its anchor for the price of gas there.
    pub async fn too_dear(&self, provider: &ChainProvider) -> Option<NotMade> {
        let plan = Plan::new(Arc::clone(&self.terms), Address::ZERO, 0).ok()?;
        action::check_gas_price(provider, &self.work(plan, Part::Run)).await.err()
    }

    fn work(&self, plan: Plan, part: Part) -> Work {
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
            observes: self.terms.action.observes(),
        };
        Work { due, anchor: self.anchor, plan, sighting: self.sighting.clone(), ask: false, is_late: false, part }
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

impl fmt::Display for Unmade {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never(why) => write!(to, "{why}"),
            Self::NotNow((_, why)) => to.write_str(why),
        }
    }
}

/// Where the code of a trial may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This machine too: it is its author's.
    Anywhere,
    /// The public internet alone: the URL may be a stranger's.
    Public,
}

/// Chain id of local networks, where code may come from anywhere on this machine.
pub const LOCAL_CHAIN_ID: u64 = 31_337;

impl Origin {
    /// Where keepers of a chain have code from.
    #[must_use]
    pub const fn on(chain_id: u64) -> Self {
        if chain_id == LOCAL_CHAIN_ID { Self::Anywhere } else { Self::Public }
    }
}

/// An executor like a keeper's, for one run at a time.
///
/// # Errors
/// The cache directory cannot be used.
pub fn executor(cache: &Path, reader: Arc<dyn ChainReader>, origin: Origin) -> Result<Executor, ExecutorError> {
    let config = ExecutorConfig {
        cache_dir: cache.to_owned(),
        allow_private_targets: origin == Origin::Anywhere,
        max_concurrent: 1,
        worker: WorkerProgram::this(),
    };
    Executor::new(config, reader)
}
