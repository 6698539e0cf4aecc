//! `keeper job`: list jobs on chain, look at them, change and end them. What changes one is tried, and sent with `--broadcast`.
//!
//! What a job asks for is said in flags (`job/flags.rs`), which a `job.toml` may give too (`cli/filed.rs`).

use alloy::primitives::{Address, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow};
use contracts::IJobManager::{Job, JobParams};
use contracts::JobManager;
use contracts::terms::Terms;
use serde_json::{Value, json};

use super::chain::Chain;
use super::output::answer;
use super::{Exit, Global, WithExit};
use crate::chain::Receipt;

mod build;
mod cost;
mod create;
mod dev;
mod flags;
mod funds;
#[cfg(feature = "fuzz")]
pub(super) mod fuzz;
mod import;
mod life;
mod list;
mod new;
mod pay;
mod price;
mod project;
mod runs;
mod spell;
mod trial;
mod update;
mod why;

pub(super) use build::{BuildArgs, build};
pub(super) use cost::{CostArgs, cost};
pub(super) use create::{CreateArgs, NEEDED, create};
pub(super) use dev::{DevArgs, dev};
pub(super) use funds::{FundArgs, WithdrawArgs, fund, withdraw};
pub(super) use import::{ImportCommand, run as import};
pub(super) use life::{LifeArgs, cancel, pause, resume};
pub(super) use list::{ListArgs, list, show};
pub(super) use new::{NewArgs, new};
pub(super) use runs::{RunsArgs, WatchArgs, runs, watch};
pub(super) use trial::{TestArgs, test};
pub(super) use update::{UpdateArgs, update};
pub(super) use why::{WhyArgs, why};

/// The job with this number, and the chain's time in unix seconds.
async fn existing(chain: &Chain, id: u64) -> Result<(Job, u64)> {
    let found = crate::chain::jobs(&chain.provider, chain.network.contracts.job_manager, Some(id), 1).await;
    let found = chain.doubted(found).await?;
    let (count, now) = (found.count, found.now);
    let job = found.jobs.into_iter().find(|(number, _)| *number == id);
    let none = || format!("there is no job {id}: jobs have the numbers 1 to {count}, see `keeper job list`");
    Ok((job.with_context(none).exit(Exit::NotFound)?.1, now))
}

/// What the job's owner asked for last, when it was created or updated; only the log holds it. `None` where the node keeps
/// no old logs.
async fn newest_params(chain: &Chain, id: u64) -> Result<Option<JobParams>> {
    let manager = chain.network.contracts.job_manager;
    let events = vec![JobManager::JobCreated::SIGNATURE_HASH, JobManager::JobUpdated::SIGNATURE_HASH];
    let filter = Filter::new().address(manager).event_signature(events).topic1(U256::from(id));
    chain.newest_log(&filter, 0, |log| params_in(log, manager, id)).await
}

/// The same as terms.
///
/// # Errors
/// They are of a kind that this program does not know.
async fn newest_terms(chain: &Chain, id: u64) -> Result<Option<Terms>> {
    let params = newest_params(chain, id).await?;
    let terms = params.map(|params| Terms::try_from(&params)).transpose();
    terms.map_err(|error| anyhow!("cannot read what job {id} asks for: {error}")).exit(Exit::Failure)
}

/// What a job's owner asked for in this log, if it is one of those.
fn params_in(log: &Log, manager: Address, id: u64) -> Option<JobParams> {
    let created = log.log_decode::<JobManager::JobCreated>().map(|log| (log.inner.data.jobId, log.inner.data.params));
    let updated = |_| log.log_decode::<JobManager::JobUpdated>();
    let event = created.or_else(|error| updated(error).map(|log| (log.inner.data.jobId, log.inner.data.params)));
    event.ok().filter(|(job, _)| log.address() == manager && *job == id).map(|(_, params)| params)
}

/// Tells what a verb did.
fn tell(global: &Global, mut document: Value, text: &str, receipt: &Receipt) -> Exit {
    if let Some(fields) = document.as_object_mut() {
        fields.extend([("sent".to_owned(), json!(true)), ("transaction".to_owned(), json!(receipt.tx))]);
    }
    answer(global, document, text);
    Exit::Success
}

/// Tells what a verb would do, and that it did nothing; `gas` is what it would take.
fn tell_tried(global: &Global, mut document: Value, text: &str, gas: u64) -> Exit {
    if let Some(fields) = document.as_object_mut() {
        fields.extend([("sent".to_owned(), json!(false)), ("gas_estimate".to_owned(), json!(gas))]);
    }
    answer(global, document, &format!("{text}nothing was sent, a node only tried it: add --broadcast to send it\n"));
    Exit::Success
}
