//! What settled of a run, and what a quorum certified of it.

use std::collections::BTreeMap;

use alloy::primitives::{B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow, bail, ensure};
use consensus::task::{InstanceKey, JobId, Task};
use contracts::ITaskManager::Certificate;
use contracts::SettledTask;
use contracts::TaskManager::{BatchSettled, TaskSettled, TasksSkipped};

use super::{RunArgs, challenger};
use crate::chain::{Certified, ChainError, certificates, certified, latest};
use crate::cli::chain::Chain;
use crate::cli::{Exit, WithExit};
use crate::jobs::flags::RunName;

/// Parts of a batch whose transactions are looked at.
const PARTS_MAX: usize = 64;

/// A result that can be disputed still.
pub(super) struct Found {
    pub(super) task: Task,
    /// The transaction that settled it.
    pub(super) tx: B256,
    pub(super) certified: Certified,
}

/// Which run's settlement is looked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Which {
    pub(in crate::cli) job: u64,
    pub(in crate::cli) run: RunName,
    /// Needed where the run settled under several.
    pub(in crate::cli) version: Option<u32>,
}

pub(super) async fn find(chain: &Chain, args: &RunArgs) -> Result<Found> {
    let provable = challenger(chain).provableBlocks().call().await.map_err(ChainError::from)?;
    let newest = latest(&chain.provider).await?.head.number;
    let first = newest.saturating_sub(provable.saturating_to());
    let which = Which { job: args.job, run: args.run, version: args.job_version };
    let found = settled(chain, which, first).await;
    let (settled, tx) = found.context("there is nothing that can be disputed")?;
    let last = U256::from(settled.anchor_number).saturating_add(provable / U256::from(2));
    let checked: Result<()> = (|| {
        if let Some(outcome) = args.outcome {
            let other = settled.outcome_hash;
            ensure!(
                outcome == other,
                "outcome {other} settled, not {outcome}: there is nothing to dispute about that one"
            );
        }
        // Sent now it is in the next block at best.
        ensure!(
            U256::from(newest) < last,
            "the result is pinned to block {} and could be disputed until block {last}; the chain is at {newest}",
            settled.anchor_number
        );
        Ok(())
    })();
    checked.exit(Exit::Usage)?;
    let shown = certified(&input_of(chain, tx).await?, &settled).map_err(|why| {
        anyhow!(
            "transaction {tx} does not show what was certified: {why}; whoever has the certificate can call openDispute of {}",
            chain.network.contracts.challenger
        )
    });
    let certified = signed(chain, shown.exit(Exit::Chain)?, first).await?;
    let checked: Result<()> = (|| {
        let observed = certified.statement.report.inputHash;
        ensure!(observed.is_zero(), "the result rests on observations, which nobody can repeat: it cannot be disputed");
        Ok(())
    })();
    checked.exit(Exit::Usage)?;
    let task =
        Task { job: JobId(settled.job_id), version: settled.job_version, instance: InstanceKey(settled.instance_key) };
    Ok(Found { task, tx, certified })
}

/// What settled of a run, and the transaction that settled it, no earlier than in block `first`: calls, which are logged by job, or
/// else skips and errors, which are not.
pub(in crate::cli) async fn settled(chain: &Chain, which: Which, first: u64) -> Result<(SettledTask, B256)> {
    let manager = Filter::new().address(chain.network.contracts.task_manager);
    let calls = manager.clone().event_signature(TaskSettled::SIGNATURE_HASH).topic1(U256::from(which.job));
    let mut found = search(chain, which, &calls, first).await?;
    if found.is_empty() {
        found = search(chain, which, &manager.event_signature(TasksSkipped::SIGNATURE_HASH), first).await?;
    }
    let Which { job, run, .. } = which;
    let nothing = |of: &str| format!("run {run} of {of}job {job} has not settled since block {first}");
    let checked: Result<(SettledTask, B256)> = (|| match which.version {
        Some(version) => found.remove(&version).with_context(|| nothing(&format!("version {version} of "))),
        None if found.len() > 1 => {
            let versions: Vec<String> = found.keys().map(u32::to_string).collect();
            bail!(
                "run {run} of job {job} settled under the versions {}: say which by --job-version",
                versions.join(", ")
            )
        }
        None => found.pop_first().map(|(_, found)| found).with_context(|| nothing("")),
    })();
    checked.exit(Exit::NotFound)
}

/// By version of the job, the newest log of the run: that of an orphaned block may be there too.
async fn search(
    chain: &Chain,
    which: Which,
    filter: &Filter,
    first: u64,
) -> Result<BTreeMap<u32, (SettledTask, B256)>> {
    let manager = chain.network.contracts.task_manager;
    let instance = which.run.0.0;
    let mut found = BTreeMap::new();
    chain
        .newest_log(filter, first, |log| {
            let tasks = contracts::settled_tasks(&log.inner.data).ok().filter(|_| log.address() == manager)?;
            let is_it = |task: &SettledTask| task.job_id == which.job && task.instance_key == instance;
            let task = tasks.into_iter().find(is_it)?;
            let version = task.job_version;
            found.entry(version).or_insert((task, log.transaction_hash?));
            (which.version == Some(version)).then_some(())
        })
        .await?;
    Ok(found)
}

/// The fields of a transaction that are needed here; chains have kinds of their own.
#[derive(Debug, serde::Deserialize)]
struct RawTransaction {
    hash: B256,
    input: Bytes,
}

/// The calldata of a transaction.
pub(in crate::cli) async fn input_of(chain: &Chain, tx: B256) -> Result<Bytes> {
    let raw: Option<RawTransaction> =
        chain.provider.raw_request("eth_getTransactionByHash".into(), (tx,)).await.map_err(ChainError::from)?;
    let checked: Result<Bytes> = (|| {
        let raw = raw.with_context(|| format!("no RPC node shows transaction {tx} any more"))?;
        ensure!(raw.hash == tx, "asked for transaction {tx}, the RPC node shows {}", raw.hash);
        Ok(raw.input)
    })();
    checked.exit(Exit::Chain)
}

/// The same with a certificate that the contract takes. Where a batch is settled in parts, it looks at the first one's alone.
async fn signed(chain: &Chain, certified: Certified, first: u64) -> Result<Certified> {
    if is_certified(chain, &certified).await {
        return Ok(certified);
    }
    for certificate in certificates_of(chain, certified.root, first).await? {
        let other = certified.with(certificate);
        if is_certified(chain, &other).await {
            return Ok(other);
        }
    }
    let root = certified.root;
    Err(anyhow!("no transaction that settled a part of batch {root} shows a certificate of it that verifies"))
        .exit(Exit::Chain)
}

/// What the transactions bring for certificates that settled parts of a batch since block `first`, the oldest first.
pub(in crate::cli) async fn certificates_of(chain: &Chain, root: B256, first: u64) -> Result<Vec<Certificate>> {
    let manager = chain.network.contracts.task_manager;
    let filter = Filter::new().address(manager).event_signature(BatchSettled::SIGNATURE_HASH).topic1(root);
    let mut transactions = Vec::new();
    chain
        .newest_log(&filter, first, |log| {
            transactions.extend(log.transaction_hash.filter(|_| log.address() == manager));
            None::<()>
        })
        .await?;
    let mut found = Vec::new();
    for tx in transactions.into_iter().rev().take(PARTS_MAX) {
        found.extend(certificates(&input_of(chain, tx).await?).take(PARTS_MAX));
    }
    Ok(found)
}

async fn is_certified(chain: &Chain, certified: &Certified) -> bool {
    let asked = challenger(chain).isCertified(certified.epoch, certified.statement.clone()).call().await;
    asked.inspect_err(|error| tracing::debug!(%error, "not the certificate")).unwrap_or(false)
}
