//! `keeper job`: list jobs on chain, look at them, and end them.

use std::fmt::Write as _;

use alloy::primitives::{Address, U256};
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use anyhow::{Result, anyhow};
use contracts::{IJobManager, JobManager};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::chain::{Chain, money};
use super::output::{answer, rows};
use super::{Exit, Global, WithExit};
use crate::chain::{ChainError, Receipt, market};

mod create;
mod funds;
mod life;
mod spell;

pub(super) use create::{CreateArgs, create};
pub(super) use funds::{FundArgs, WithdrawArgs, fund, withdraw};
pub(super) use life::{LifeArgs, cancel, pause, resume};

/// Jobs that `job list` shows at most; the newest.
const MAX_LISTED: u64 = 1000;
/// Jobs asked for at the same time.
const PARALLEL: usize = 16;

pub(super) async fn list(global: &Global) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let manager = JobManager::new(chain.network.contracts.job_manager, chain.provider.clone());
    let count = manager.jobCount().call().await.map_err(ChainError::from)?;
    let first = count.saturating_sub(MAX_LISTED) + 1;
    let mut jobs = Vec::new();
    let mut text = String::new();
    if first > 1 {
        writeln!(text, "of {count} jobs, the newest {MAX_LISTED}:").unwrap_or_default();
    }
    // Asked for at the same time, told in their order.
    for part in (first..=count).collect::<Vec<_>>().chunks(PARALLEL) {
        let mut asked = JoinSet::new();
        for &id in part {
            let manager = manager.clone();
            asked.spawn(async move { (id, manager.job(id).call().await) });
        }
        let mut answers = asked.join_all().await;
        answers.sort_unstable_by_key(|(id, _)| *id);
        for (id, job) in answers {
            let job = job.map_err(ChainError::from)?;
            text.push_str(&spell::job_line(id, &job));
            jobs.push(spell::job_document(id, &job));
        }
    }
    if jobs.is_empty() {
        text.push_str("no jobs yet: create one with `keeper job create`\n");
    }
    answer(global, json!({"jobs": jobs, "count": count}), &text);
    Ok(Exit::Success)
}

pub(super) async fn show(global: &Global, id: u64) -> Result<Exit> {
    let chain = Chain::connect(global, &global.settings()?).await?;
    let job = existing(&chain, id).await?;
    let mut document = spell::job_document(id, &job);
    let params = terms(&chain, id).await?;
    if let (Some(params), Some(fields)) = (&params, document.as_object_mut()) {
        fields.insert("code_url".to_owned(), Value::from(params.codeUrl.clone()));
        fields.insert("params".to_owned(), json!(params.params));
    }
    let mut lines = spell::job_rows(id, &job);
    if let Some(params) = params {
        let shown = [("code URL", params.codeUrl), ("params", params.params.to_string())];
        lines.extend(shown.into_iter().filter(|(_, value)| !value.is_empty()));
    }
    let (left, cost) = runs_left(&chain, id, &job).await?;
    if let Some(fields) = document.as_object_mut() {
        fields.insert("runs_left".to_owned(), Value::from(left.to_string()));
    }
    lines.push(("escrow", money(job.token, U256::from(job.escrow))));
    if !job.token.is_zero() {
        lines.push(("for gas", money(Address::ZERO, U256::from(job.gas))));
    }
    lines.push(("deposit", money(Address::ZERO, U256::from(job.deposit))));
    lines.push(("can pay", if job.covered { "yes".to_owned() } else { format!("no: a run may cost {cost}") }));
    lines.push(("runs left", format!("{left}, each at up to {cost}")));
    answer(global, document, &rows(&lines));
    Ok(Exit::Success)
}

/// The job with this number.
async fn existing(chain: &Chain, id: u64) -> Result<IJobManager::Job> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let count = manager.jobCount().call().await.map_err(ChainError::from)?;
    if id == 0 || id > count {
        return Err(anyhow!("there is no job {id}: jobs have the numbers 1 to {count}, see `keeper job list`"))
            .exit(Exit::NotFound);
    }
    Ok(manager.job(id).call().await.map_err(ChainError::from)?)
}

/// What the job's owner asked for last, when it was created or updated; only the log holds it. `None` where the node keeps
/// no old logs.
async fn terms(chain: &Chain, id: u64) -> Result<Option<IJobManager::JobParams>> {
    let manager = chain.network.contracts.job_manager;
    let events = vec![JobManager::JobCreated::SIGNATURE_HASH, JobManager::JobUpdated::SIGNATURE_HASH];
    let filter = Filter::new().address(manager).event_signature(events).topic1(U256::from(id));
    chain.newest_log(&filter, 0, |log| terms_in(log, manager, id)).await
}

/// What a job's owner asked for in this log, if it is one of those.
fn terms_in(log: &Log, manager: Address, id: u64) -> Option<IJobManager::JobParams> {
    let created = log.log_decode::<JobManager::JobCreated>().map(|log| (log.inner.data.jobId, log.inner.data.params));
    let updated = |_| log.log_decode::<JobManager::JobUpdated>();
    let event = created.or_else(|error| updated(error).map(|log| (log.inner.data.jobId, log.inner.data.params)));
    event.ok().filter(|(job, _)| log.address() == manager && *job == id).map(|(_, params)| params)
}

/// How many runs are paid for at today's gas price, and what one may cost, in words.
async fn runs_left(chain: &Chain, id: u64, job: &IJobManager::Job) -> Result<(U256, String)> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let tip = manager.tip().call().await.map_err(ChainError::from)?;
    let price = U256::from(market(&chain.provider).await?.base_fee).saturating_add(tip);
    let most = manager.mostCost(id, price).call().await.map_err(ChainError::from)?;
    let cost = format!("{} and {} for gas", money(job.token, most.fee), money(Address::ZERO, most.gas));
    Ok((spell::runs_left(job, most.fee, most.gas), cost))
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
