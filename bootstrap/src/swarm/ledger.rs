//! What the chain says: every block's receipts, read once each, turned into settlements, batches and transactions.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::SolEvent;
use anyhow::{Context, Result, anyhow};
use contracts::TaskManager::{BatchSettled, ReportIneligible, TaskSettled, TasksSkipped};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the chain is asked for a new block: also the resolution of the times to settlement.
const EVERY: Duration = Duration::from_millis(50);

/// One settled task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Task id.
    pub task_id: B256,
    /// Job.
    pub job_id: u64,
    /// Run number (the instance key of time triggers).
    pub run: u64,
    /// How it ended, see [`contracts::terms::ended`].
    pub status: u8,
    /// Whether the target accepted the call.
    pub delivered: bool,
    /// Operator that sent the transaction.
    pub submitter: Address,
    /// Block it is in.
    pub block: u64,
    /// Wall clock when the block was first seen here, unix milliseconds.
    pub seen_ms: u64,
}

/// One transaction to the TaskManager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Transaction hash.
    pub hash: B256,
    /// Gas it used.
    pub gas_used: u64,
    /// Wei it paid for a gas.
    pub price: u128,
    /// Tasks it settled; zero: it was wasted.
    pub settled: u64,
}

/// Everything seen so far, in chain order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Settled tasks.
    pub settlements: Vec<Settlement>,
    /// Tasks settled by each `BatchSettled` event.
    pub batches: Vec<u64>,
    /// Transactions to the TaskManager.
    pub transactions: Vec<Transaction>,
    /// `ReportIneligible` events in words.
    pub ineligible: Vec<String>,
    /// Last block read.
    pub block: u64,
    /// Its timestamp, unix seconds.
    pub timestamp: u64,
}

impl Ledger {
    /// Enters a transaction if it went to the TaskManager.
    ///
    /// # Errors
    /// When an event of the TaskManager does not decode, or a run number is not one.
    pub fn enter(&mut self, receipt: &TransactionReceipt, task_manager: Address, seen_ms: u64) -> Result<()> {
        let mut settled = 0;
        for log in receipt.logs().iter().filter(|log| log.address() == task_manager) {
            match log.topic0() {
                Some(&TaskSettled::SIGNATURE_HASH | &TasksSkipped::SIGNATURE_HASH) => {
                    for task in contracts::settled_tasks(&log.inner.data)? {
                        self.settlements.push(settlement(&task, receipt, seen_ms)?);
                        settled += 1;
                    }
                }
                Some(&BatchSettled::SIGNATURE_HASH) => {
                    let event = log.log_decode::<BatchSettled>()?.inner.data;
                    self.batches.push(event.settled.saturating_to());
                }
                Some(&ReportIneligible::SIGNATURE_HASH) => {
                    let event = log.log_decode::<ReportIneligible>()?.inner.data;
                    self.ineligible.push(format!("job {}: task {}: {:?}", event.jobId, event.taskId, event.reason));
                }
                _ => {}
            }
        }
        if receipt.to == Some(task_manager) {
            let (hash, gas_used, price) = (receipt.transaction_hash, receipt.gas_used, receipt.effective_gas_price);
            self.transactions.push(Transaction { hash, gas_used, price, settled });
        }
        Ok(())
    }

    fn append(&mut self, mut news: Self) {
        self.settlements.append(&mut news.settlements);
        self.batches.append(&mut news.batches);
        self.transactions.append(&mut news.transactions);
        self.ineligible.append(&mut news.ineligible);
        (self.block, self.timestamp) = (news.block, news.timestamp);
    }
}

fn settlement(task: &contracts::SettledTask, receipt: &TransactionReceipt, seen_ms: u64) -> Result<Settlement> {
    let run = u64::try_from(alloy::primitives::U256::from_be_bytes(task.instance_key.0))
        .map_err(|_| anyhow!("job {}: instance key {} is no run", task.job_id, task.instance_key))?;
    Ok(Settlement {
        task_id: task.task_id,
        job_id: task.job_id,
        run,
        status: task.status,
        delivered: task.delivered,
        submitter: task.submitter,
        block: receipt.block_number.unwrap_or_default(),
        seen_ms,
    })
}

/// Follows the chain in the background; dropping it stops that.
#[derive(Debug)]
pub struct Follower {
    ledger: Arc<RwLock<Ledger>>,
    news: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Follows the settlements of a TaskManager from a block on.
    #[must_use]
    pub fn start(provider: DynProvider, task_manager: Address, from: u64) -> Self {
        let ledger = Arc::new(RwLock::new(Ledger { block: from.saturating_sub(1), ..Ledger::default() }));
        let (tell, news) = watch::channel(0);
        let shared = Arc::clone(&ledger);
        let task = tokio::spawn(async move {
            loop {
                match catch_up(&provider, task_manager, &shared).await {
                    Ok(true) => {
                        let block = read(&shared).block;
                        if tell.send(block).is_err() {
                            return;
                        }
                    }
                    Ok(false) => {}
                    // The chain may be stopped on purpose; nothing is skipped, so trying again is enough.
                    Err(error) => tracing::debug!(%error, "could not read the chain"),
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { ledger, news, task }
    }

    /// Everything so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        read(&self.ledger).clone()
    }

    /// Looks at everything so far without copying it.
    pub fn look<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&read(&self.ledger))
    }

    /// Waits until a block has been read since the last call returned; at once if one was read meanwhile.
    pub async fn next_block(&mut self) {
        if self.news.changed().await.is_err() {
            // Whoever told the news is gone (the task has panicked): there will be none.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn read(ledger: &RwLock<Ledger>) -> std::sync::RwLockReadGuard<'_, Ledger> {
    ledger.read().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the next block if there is one.
async fn catch_up(provider: &DynProvider, task_manager: Address, shared: &RwLock<Ledger>) -> Result<bool> {
    let head = provider.get_block_number().await?;
    let next = read(shared).block + 1;
    if next > head {
        return Ok(false);
    }
    let seen_ms = unix_ms();
    let receipts = provider.get_block_receipts(BlockId::number(next)).await?;
    let block = provider.get_block_by_number(next.into()).await?;
    let block = block.with_context(|| format!("block {next} is not there yet"))?;
    let mut news = Ledger { block: next, timestamp: block.header.timestamp, ..Ledger::default() };
    for receipt in receipts.unwrap_or_default() {
        news.enter(&receipt, task_manager, seen_ms)?;
    }
    shared.write().unwrap_or_else(PoisonError::into_inner).append(news);
    Ok(true)
}

/// The wall clock, unix milliseconds.
#[must_use]
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
