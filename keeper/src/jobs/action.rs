//! The list of actions: each kind has its room, `action/<kind>.rs`, and one line here wherever kinds are told apart. What is
//! common to all is here too: the check at the anchor before a run, and what its end means to the protocol.

mod before;
mod call;
mod checked;
mod finding;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod observing;
mod resolver;
mod upkeep;
mod wasm;

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use anyhow::Result;
use clap::{Args, ValueEnum};
use consensus::anchor::BlockRef;
use consensus::inputs::InputSet;
use consensus::task::Abstention;
use consensus::task::{DueTask, Outcome};
use contracts::terms::{ActionTerms, Terms};

use super::at_anchor;
use super::flags::only;
use super::job::Plan;
use super::rehearsal::{Rehearsal, Stage};
use super::trigger::{SeenLog, Sighting};
use crate::chain::ChainProvider;
use crate::executor::{Ended, Executor, Look};
pub(super) use before::check_gas_price;
pub use before::{TOO_DEAR, is_too_dear};
pub use finding::{Finding, denies};

/// Carries actions out.
#[derive(Clone, Debug)]
pub struct Actions {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Where jobs are listed.
    pub job_manager: Address,
    /// Reads the chain.
    pub provider: ChainProvider,
    /// Runs code.
    pub executor: Arc<Executor>,
}

/// A run to be made.
#[derive(Clone, Debug)]
pub struct Work {
    /// Of which task.
    pub due: DueTask,
    /// The block all that it reads is pinned to.
    pub anchor: BlockRef,
    /// What is to be done, and why.
    pub plan: Plan,
    /// What was seen that makes it due.
    pub sighting: Option<Sighting>,
    /// Whether the chain must be asked first if the job runs at that block.
    pub ask: bool,
    /// Whether it was tried before, or nobody waits for it: what is on time runs before it.
    pub is_late: bool,
    /// Which part of it.
    pub part: Part,
}

/// A part of a task's way: one run is all of it, but for jobs that look outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The run.
    Run,
    /// A look outside, whose end is this keeper's own.
    Observe,
    /// The decision on what keepers saw.
    Decide(Arc<InputSet>),
}

impl Part {
    /// What tells it apart from other parts of the same try: its anchor, or the set.
    #[must_use]
    pub fn place(&self, anchor: &BlockRef) -> B256 {
        match self {
            Self::Run | Self::Observe => anchor.hash,
            Self::Decide(inputs) => inputs.hash,
        }
    }
}

/// What makes runs, and asks the chain nothing that is not part of a run's transcript.
#[derive(Clone, Copy, Debug)]
pub struct Hands<'a> {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Runs code, and asks contracts.
    pub executor: &'a Executor,
}

/// A run that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// How it ended.
    pub ended: Ended,
    /// The commitment to all that it read; zero where that was nothing.
    pub transcript: B256,
    /// What it took by itself: not how long it waited for its turn.
    pub took: Duration,
    /// What code used; nothing where none was run.
    pub used: Used,
}

/// What a job's code used in a run, and what it said to its author.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Fuel.
    pub fuel: u64,
    /// Linear memory, in bytes.
    pub memory_bytes: u64,
    /// One `level: message` per entry.
    pub logs: Vec<String>,
}

/// Why a run is not made: there is nothing to sign then.
pub type NotMade = (Abstention, String);

impl Actions {
    /// Whether a run of a job can start at once.
    #[must_use]
    pub fn is_ready(&self, terms: &Terms) -> bool {
        match &terms.action {
            ActionTerms::Wasm(wasm) => wasm::is_ready(&self.executor, wasm),
            ActionTerms::Observing(job) => wasm::is_ready(&self.executor, &job.code),
            ActionTerms::Upkeep(_) | ActionTerms::Resolver(_) | ActionTerms::Call(_) => true,
        }
    }

    /// Gets ready what runs of a job need, unless that is done already. Call it when a job is listed, and again after an
    /// error: that is what paces itself.
    ///
    /// # Errors
    /// What is missing, for people; it begins with a fixed name in snake case.
    pub async fn prepare(&self, plan: &Plan) -> Result<(), String> {
        self.hands().prepare(plan).await
    }

    /// Looks outside for a task; gives what was seen, encoded, and more about it for people.
    pub async fn observe(&self, work: &Work) -> (Result<Bytes, Abstention>, String) {
        if let Err((abstention, reason)) = self.check(work).await {
            return (Err(abstention), reason);
        }
        match self.hands().observe(work).await {
            Ok(look) => observing::told(look),
            Err((abstention, reason)) => (Err(abstention), reason),
        }
    }

    /// Whether it is to be run at its anchor at all.
    async fn check(&self, work: &Work) -> Result<(), NotMade> {
        if work.ask {
            at_anchor::check(&self.provider, self.job_manager, &work.due, &work.anchor).await?;
        }
        check_gas_price(&self.provider, work).await
    }

    /// Makes one run.
    pub async fn run(&self, work: &Work) -> Finding {
        if let Err((abstention, reason)) = self.check(work).await {
            return Finding::none(abstention, reason);
        }
        match self.hands().make(work).await {
            Ok(Made { ended, transcript, took, .. }) => Finding::new(ended, transcript, took),
            Err((abstention, reason)) => Finding::none(abstention, reason),
        }
    }

    fn hands(&self) -> Hands<'_> {
        Hands { chain_id: self.chain_id, executor: &self.executor }
    }
}

impl Hands<'_> {
    /// As [`Actions::prepare`].
    ///
    /// # Errors
    /// What is missing.
    pub async fn prepare(self, plan: &Plan) -> Result<(), String> {
        match &plan.terms.action {
            ActionTerms::Wasm(wasm) => wasm::prepare(self.executor, wasm, plan.owner).await,
            ActionTerms::Observing(job) => observing::prepare(self.executor, job, plan.owner).await,
            ActionTerms::Upkeep(_) | ActionTerms::Resolver(_) | ActionTerms::Call(_) => Ok(()),
        }
    }

    /// Looks outside for a task of a job that does.
    ///
    /// # Errors
    /// There is nothing to look for: its condition did not hold.
    pub async fn observe(self, work: &Work) -> Result<Look, NotMade> {
        let before = match before::look(self, work).await {
            Ok(before) => before,
            Err(Ok(made)) => return Ok(observing::nothing(made)),
            Err(Err(not_made)) => return Err(not_made),
        };
        let told = before.sighting.clone().map(|sighting| Work { sighting: Some(sighting), ..work.clone() });
        Ok(observing::observe(self, told.as_ref().unwrap_or(work)).await)
    }

    /// Makes one run at its anchor, whatever the job and its price of gas are there. What of it the protocol takes is told by
    /// [`Actions::run`].
    ///
    /// # Errors
    /// There is no such run: its condition did not hold.
    pub async fn make(self, work: &Work) -> Result<Made, NotMade> {
        let before = match before::look(self, work).await {
            Ok(before) => before,
            Err(early) => return early,
        };
        let told = before.sighting.clone().map(|sighting| Work { sighting: Some(sighting), ..work.clone() });
        let work = told.as_ref().unwrap_or(work);
        let made = match &work.plan.terms.action {
            ActionTerms::Wasm(wasm) => wasm::run(self, wasm, work).await,
            ActionTerms::Observing(job) => observing::decide(self, job, work).await,
            ActionTerms::Upkeep(upkeep) => upkeep::run(self, upkeep, work).await,
            ActionTerms::Resolver(resolver) => resolver::run(self, resolver, work).await,
            ActionTerms::Call(call) => Made::without_code(call::run(call), B256::ZERO, Duration::ZERO),
        };
        Ok(Made { transcript: before.with(made.transcript), ..made })
    }
}

impl Made {
    /// One that no code was run for.
    const fn without_code(ended: Ended, transcript: B256, took: Duration) -> Self {
        Self { ended, transcript, took, used: Used { fuel: 0, memory_bytes: 0, logs: Vec::new() } }
    }

    /// What is reported of it; `None` where nothing is.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        Finding::new(self.ended.clone(), self.transcript, self.took).result.ok()
    }
}

impl Work {
    /// The log that it is due for, where it is due for one.
    fn log(&self) -> Option<&SeenLog> {
        match &self.sighting {
            Some(Sighting::Log(log)) => Some(log),
            _ => None,
        }
    }
}

/// Tries what the first run of a job would do, on the chain as it is.
pub async fn rehearse(stage: &Stage<'_>) -> Rehearsal {
    match &stage.terms.action {
        ActionTerms::Wasm(_) | ActionTerms::Observing(_) => {
            Rehearsal::Untried("its code decides what the target is called with".to_owned())
        }
        ActionTerms::Upkeep(upkeep) => upkeep::rehearse(upkeep, stage).await,
        ActionTerms::Resolver(resolver) => resolver::rehearse(resolver, stage).await,
        ActionTerms::Call(call) => call::rehearse(call, stage).await,
    }
}

/// The flags that ask for an action, without their dashes, its kind first: what [`ActionFlags`] reads.
#[must_use]
pub fn flags(terms: &ActionTerms) -> Vec<(&'static str, String)> {
    match terms {
        ActionTerms::Wasm(wasm) => wasm::flags(wasm),
        ActionTerms::Observing(job) => observing::flags(job),
        ActionTerms::Upkeep(upkeep) => upkeep::flags(upkeep),
        ActionTerms::Resolver(resolver) => resolver::flags(resolver),
        ActionTerms::Call(call) => call::flags(call),
    }
}

/// What an action brings, as rows for people.
#[must_use]
pub fn rows(terms: &ActionTerms) -> Vec<(&'static str, String)> {
    match terms {
        ActionTerms::Wasm(wasm) => wasm::rows(wasm),
        ActionTerms::Observing(job) => observing::rows(job),
        ActionTerms::Upkeep(upkeep) => upkeep::rows(upkeep),
        ActionTerms::Resolver(resolver) => resolver::rows(resolver),
        ActionTerms::Call(call) => call::rows(call),
    }
}

/// The action of a job as its creator writes it on the command line.
#[derive(Debug, Clone, Args)]
pub struct ActionFlags {
    /// What a run does
    #[arg(long, default_value = "wasm")]
    action: Name,
    #[command(flatten)]
    wasm: wasm::WasmFlags,
    #[command(flatten)]
    upkeep: upkeep::UpkeepFlags,
    #[command(flatten)]
    resolver: resolver::ResolverFlags,
    #[command(flatten)]
    call: call::CallFlags,
}

/// `--action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Runs code: --code-url, --code or --code-hash, --params, and --allow-host where it looks outside
    Wasm,
    /// Asks the target's checkUpkeep, and calls its performUpkeep when it says so: --check-data
    Upkeep,
    /// Asks a resolver whether the target is to be called, and with what: --resolver, --checker-data
    Resolver,
    /// Calls the target with the same bytes every time, without code: --calldata
    Call,
}

impl ActionFlags {
    /// The terms asked for.
    ///
    /// # Errors
    /// What is missing, does not fit together or cannot be read, and how to mend it.
    pub fn terms(&self) -> Result<ActionTerms> {
        let chosen = self.action.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let given = [
            ("wasm", self.wasm.given()),
            ("upkeep", self.upkeep.given()),
            ("resolver", self.resolver.given()),
            ("call", self.call.given()),
        ];
        only("--action", &chosen, &given)?;
        match self.action {
            Name::Wasm => self.wasm.terms(),
            Name::Upkeep => self.upkeep.terms(),
            Name::Resolver => self.resolver.terms(),
            Name::Call => self.call.terms(),
        }
    }
}

#[cfg(test)]
mod tests;
