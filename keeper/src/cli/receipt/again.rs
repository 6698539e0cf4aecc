//! Runs made again: by the terms that the job had, at the block they were pinned to, in the same cell and under the same limits.

use std::sync::Arc;

use alloy::providers::Provider;
use consensus::anchor::BlockRef;
use consensus::report::Report;
use consensus::time::Pace;
use executor::{Abstain, Ended, Executor, RpcReader};

use super::cache_of;
use crate::chain::{ChainError, head_at};
use crate::cli::chain::Chain;
use crate::cli::{Exit, Global};
use crate::jobs::action::{Made, denies};
use crate::jobs::tape::{Ending, Recorder, Tape};
use crate::jobs::trial::{Origin, Trial, Unmade, executor};
use crate::jobs::{Past, Plan, WasDue};

/// Why a run cannot be made again here, and what the command ends with for it. It says nothing against the result, but where the chain
/// itself denies the run.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Unable {
    pub(in crate::cli) why: String,
    pub(in crate::cli) exit: Exit,
    /// Whether it is certain that it never was to be made: whatever was certified of it is wrong.
    pub(in crate::cli) denies: bool,
}

impl Unable {
    pub(in crate::cli) fn new(exit: Exit, why: impl Into<String>) -> Self {
        Self { why: why.into(), exit, denies: false }
    }

    fn never(why: &str) -> Self {
        Self { why: format!("it was not to be run: {why}"), exit: Exit::Failure, denies: true }
    }

    fn unread(error: &ChainError) -> Self {
        Self::new(Exit::Chain, error.to_string())
    }
}

/// A run with a result.
///
/// # Errors
/// Why it ended without one, or was not begun.
pub(in crate::cli) fn had(made: Result<Made, Unmade>) -> Result<Made, Unable> {
    let made = made.map_err(|unmade| match unmade {
        Unmade::Never(why) => Unable::new(Exit::Failure, why.to_string()),
        Unmade::NotNow((abstention, why)) if denies(abstention) => Unable::never(&why),
        Unmade::NotNow((_, why)) => Unable::new(Exit::Failure, why),
    })?;
    let Ended::Abstain(why) = &made.ended else { return Ok(made) };
    let exit = match why {
        Abstain::RpcFailure(_) => Exit::Chain,
        Abstain::CodeUnavailable(_) => Exit::NotFound,
        Abstain::Timeout => Exit::Timeout,
        _ => Exit::Failure,
    };
    Err(Unable::new(exit, format!("{}: {why}", why.name())))
}

/// What the chain remembers of jobs and their runs.
pub(in crate::cli) struct History<'a> {
    pub(super) chain: &'a Chain,
    past: Past,
}

impl<'a> History<'a> {
    pub(in crate::cli) fn of(chain: &'a Chain) -> Self {
        let network = &chain.network;
        let pace = Pace::of(network.block_time(), network.confirmations);
        let past = Past::new(chain.rpc.clone(), network.contracts.job_manager, network.deploy_block, pace);
        Self { chain, past }
    }

    /// What the job was to do in the report's version.
    pub(in crate::cli) async fn plan(&self, report: &Report) -> Result<Plan, Unable> {
        let task = report.task;
        let plan = self.past.plan_of((task.job.0, task.version)).await.map_err(|error| Unable::unread(&error))?;
        plan.ok_or_else(|| Unable::new(Exit::NotFound, "the chain's history has no such version of the job"))
    }

    /// The run that a report is about.
    pub(in crate::cli) async fn trial(&self, report: &Report) -> Result<Trial, Unable> {
        if !report.input_set.is_zero() {
            return Err(Unable::new(Exit::Usage, "it rests on observations, which nobody can repeat"));
        }
        let plan = self.plan(report).await?;
        let head = head_at(&self.chain.provider, report.anchor.number).await;
        let head = head.map_err(|error| Unable::unread(&error))?;
        if head.hash != report.anchor.hash {
            return Err(Unable::new(Exit::Chain, "the chain has another block in place of the report's anchor"));
        }
        let anchor = BlockRef { number: head.number, hash: head.hash, timestamp: head.timestamp };
        let run = self.past.run_of(&plan, &report.task.instance, &anchor).await;
        let (run, sighting) = match run.map_err(|error| Unable::unread(&error))? {
            WasDue::Yes(run, sighting) => (run, sighting),
            WasDue::Never(why) => return Err(Unable::never(why)),
            WasDue::Unknown(why) => return Err(Unable::new(Exit::NotFound, why)),
        };
        let (job, terms) = ((report.task.job, report.task.version), Arc::clone(&plan.terms));
        Ok(Trial { job, terms, chain_id: self.chain.network.chain_id, run, anchor, sighting, inputs: None })
    }
}

/// Makes runs again on the chain as it was.
pub(in crate::cli) struct Again<'a> {
    pub(in crate::cli) history: History<'a>,
    recorder: Arc<Recorder>,
    executor: Executor,
}

impl<'a> Again<'a> {
    pub(in crate::cli) fn new(global: &Global, chain: &'a Chain) -> anyhow::Result<Self> {
        let reader = RpcReader::over(chain.provider.clone().erased(), Arc::new(chain.rpc.clone()));
        let recorder = Recorder::over(Arc::new(reader));
        let reads = Arc::clone(&recorder) as Arc<_>;
        let executor = executor(&cache_of(global)?, reads, Origin::on(chain.network.chain_id))?;
        Ok(Self { history: History::of(chain), recorder, executor })
    }

    /// Makes a run, with what it read.
    pub(in crate::cli) async fn record(&self, trial: Trial) -> Result<(Made, Tape), Unable> {
        self.recorder.take();
        let made = had(trial.make(&self.executor).await)?;
        let (reads, ended) = (self.recorder.take(), Ending::of(&made));
        Ok((made, Tape { trial, reads, ended }))
    }
}
