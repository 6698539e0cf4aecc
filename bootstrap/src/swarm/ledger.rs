//! What the chain says: every block's receipts, turned into settlements, batches and transactions.

mod follower;

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256};
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::SolEvent;
use anyhow::{Result, anyhow};
use contracts::TaskManager::{BatchSettled, ReportIneligible, TaskSettled, TasksSkipped};

pub use follower::Follower;

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

/// What the chain holds as far as it was read, in chain order.
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

    fn mark(&self, hash: Option<B256>) -> Mark {
        Mark {
            hash,
            block: self.block,
            timestamp: self.timestamp,
            settlements: self.settlements.len(),
            batches: self.batches.len(),
            transactions: self.transactions.len(),
            ineligible: self.ineligible.len(),
        }
    }

    /// Forgets everything after a mark: its blocks are not on the chain any more.
    fn return_to(&mut self, mark: &Mark) {
        self.settlements.truncate(mark.settlements);
        self.batches.truncate(mark.batches);
        self.transactions.truncate(mark.transactions);
        self.ineligible.truncate(mark.ineligible);
        (self.block, self.timestamp) = (mark.block, mark.timestamp);
    }
}

/// How long everything was when a block had been read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    /// Of the block; `None` for the one before the first that is read, which stays.
    hash: Option<B256>,
    block: u64,
    timestamp: u64,
    settlements: usize,
    batches: usize,
    transactions: usize,
    ineligible: usize,
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

/// The wall clock, unix milliseconds.
#[must_use]
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
