//! What settled of a run, and what a quorum certified of it.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow, bail, ensure};
use consensus::task::{InstanceKey, JobId, Task};
use contracts::TaskManager::{TaskSettled, TasksSkipped};

use super::{RunArgs, challenger};
use crate::chain::{Certified, ChainError, certified, latest};
use crate::cli::chain::Chain;
use crate::cli::{Exit, WithExit};

/// A result that can be disputed still.
pub(super) struct Found {
    pub(super) task: Task,
    /// The transaction that settled it.
    pub(super) tx: B256,
    pub(super) certified: Certified,
}

pub(super) async fn find(chain: &Chain, args: &RunArgs) -> Result<Found> {
    let provable = challenger(chain).provableBlocks().call().await.map_err(ChainError::from)?;
    let newest = latest(&chain.provider).await?.head.number;
    let (task, tx) = settled(chain, args, newest.saturating_sub(provable.saturating_to())).await?;
    let certified = certificate(chain, &task, tx).await?;
    let report = &certified.statement.report;
    let last = U256::from(report.anchorNumber).saturating_add(provable / U256::from(2));
    let checked: Result<()> = (|| {
        if let Some(outcome) = args.outcome {
            let settled = report.outcomeHash;
            ensure!(
                outcome == settled,
                "outcome {settled} settled, not {outcome}: there is nothing to dispute about that one"
            );
        }
        ensure!(
            report.inputHash.is_zero(),
            "the result rests on observations, which nobody can repeat: it cannot be disputed"
        );
        // Sent now it is in the next block at best.
        ensure!(
            U256::from(newest) < last,
            "the result is pinned to block {} and could be disputed until block {last}; the chain is at {newest}",
            report.anchorNumber
        );
        Ok(())
    })();
    checked.exit(Exit::Usage)?;
    Ok(Found { task, tx, certified })
}

/// The task that a run settled as, and the transaction that settled it, no earlier than in block `first`.
async fn settled(chain: &Chain, args: &RunArgs, first: u64) -> Result<(Task, B256)> {
    let manager = chain.network.contracts.task_manager;
    let kinds = vec![TaskSettled::SIGNATURE_HASH, TasksSkipped::SIGNATURE_HASH];
    let filter = Filter::new().address(manager).event_signature(kinds);
    let instance = InstanceKey::from_run(args.run);
    // Of each version the newest log: an orphaned block's may be there twice.
    let mut found: BTreeMap<u32, (Task, B256)> = BTreeMap::new();
    chain
        .newest_log(&filter, first, |log| {
            let (task, tx) = settled_in(log, manager, (args.job, instance))?;
            found.entry(task.version).or_insert((task, tx));
            None::<()>
        })
        .await?;
    let RunArgs { job, run, .. } = args;
    let checked: Result<(Task, B256)> = (|| {
        match args.job_version {
        Some(version) => found.remove(&version).with_context(|| {
            format!("run {run} of version {version} of job {job} has not settled since block {first}: nothing older can be disputed")
        }),
        None if found.len() > 1 => {
            let versions: Vec<String> = found.keys().map(u32::to_string).collect();
            bail!("run {run} of job {job} settled under the versions {}: say which by --job-version", versions.join(", "))
        }
        None => found.pop_first().map(|(_, found)| found).with_context(|| {
            format!("run {run} of job {job} has not settled since block {first}: nothing older can be disputed")
        }),
    }
    })();
    checked.exit(Exit::NotFound)
}

fn settled_in(log: &Log, manager: Address, (job, instance): (u64, InstanceKey)) -> Option<(Task, B256)> {
    let tasks = contracts::settled_tasks(&log.inner.data).ok().filter(|_| log.address() == manager)?;
    let task = tasks.into_iter().find(|task| task.job_id == job && task.instance_key == instance.0)?;
    Some((Task { job: JobId(job), version: task.job_version, instance }, log.transaction_hash?))
}

/// The fields of a transaction that are needed here; chains have kinds of their own.
#[derive(Debug, serde::Deserialize)]
struct RawTransaction {
    hash: B256,
    input: Bytes,
}

/// What a quorum certified of the task, as the settling transaction shows it.
async fn certificate(chain: &Chain, task: &Task, tx: B256) -> Result<Certified> {
    let raw: Option<RawTransaction> =
        chain.provider.raw_request("eth_getTransactionByHash".into(), (tx,)).await.map_err(ChainError::from)?;
    let checked: Result<Certified> = (|| {
        let raw = raw.with_context(|| format!("no RPC node shows transaction {tx} any more"))?;
        ensure!(raw.hash == tx, "asked for transaction {tx}, the RPC node shows {}", raw.hash);
        certified(&raw.input, task).map_err(|why| {
            anyhow!(
                "transaction {tx} does not show what was certified: {why}; whoever has the certificate can call openDispute of {}",
                chain.network.contracts.challenger
            )
        })
    })();
    checked.exit(Exit::Chain)
}
