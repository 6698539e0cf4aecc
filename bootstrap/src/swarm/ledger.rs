//! What the chain says: every block's receipts, turned into settlements, batches and transactions.

mod follower;

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::rpc::types::TransactionReceipt;
use alloy::sol_types::SolEvent;
use anyhow::Result;
use contracts::TaskManager::{BatchSettled, ReportIneligible, TaskSettled, TasksSkipped};

use super::stirred::Stirred;
pub use follower::Follower;

/// Whose transactions and logs are entered.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// It settles tasks.
    pub task_manager: Address,
    /// What makes jobs due otherwise than by the clock, if there is anything.
    pub stirred: Option<Stirred>,
}

/// One settled task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Task id.
    pub task_id: B256,
    /// Job.
    pub job_id: u64,
    /// Which run of the job.
    pub key: B256,
    /// Its number, where the key is one; of a hash the lowest bits.
    pub run: u64,
    /// How it ended, see [`contracts::terms::ended`].
    pub status: u8,
    /// Whether the target accepted the call.
    pub delivered: bool,
    /// Operator that sent the transaction.
    pub submitter: Address,
    /// Block it is in.
    pub block: u64,
    /// Place of its transaction there.
    pub place: u64,
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

/// A log of the ringer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rang {
    /// Who emitted it.
    pub emitter: Address,
    /// Its topics.
    pub topics: Vec<B256>,
    /// Block it is in.
    pub block: u64,
    /// The instance key of the run that it makes due: keccak256(block hash, transaction hash, log index).
    pub key: B256,
}

/// A transaction that drained the tank, low or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// The tank.
    pub tank: Address,
    /// Block it is in.
    pub block: u64,
    /// Its place there.
    pub place: u64,
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
    /// Logs of the ringer.
    pub rings: Vec<Rang>,
    /// When the tank was drained.
    pub drains: Vec<Drained>,
    /// Timestamps of the blocks read, unix seconds.
    pub moments: BTreeMap<u64, u64>,
    /// Last block read.
    pub block: u64,
    /// Its timestamp, unix seconds.
    pub timestamp: u64,
}

impl Ledger {
    /// Enters a transaction if it went to the TaskManager, or to what is stirred.
    ///
    /// # Errors
    /// When an event of the TaskManager does not decode.
    pub fn enter(&mut self, receipt: &TransactionReceipt, watched: &Watched, seen_ms: u64) -> Result<()> {
        let task_manager = watched.task_manager;
        if let Some(stirred) = &watched.stirred {
            self.enter_stirring(receipt, stirred);
        }
        let mut settled = 0;
        for log in receipt.logs().iter().filter(|log| log.address() == task_manager) {
            match log.topic0() {
                Some(&TaskSettled::SIGNATURE_HASH | &TasksSkipped::SIGNATURE_HASH) => {
                    for task in contracts::settled_tasks(&log.inner.data)? {
                        self.settlements.push(settlement(&task, receipt, seen_ms));
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

    fn enter_stirring(&mut self, receipt: &TransactionReceipt, stirred: &Stirred) {
        for log in receipt.logs().iter().filter(|log| log.address() == stirred.ringer) {
            let (Some(block), Some(hash), Some(tx), Some(index)) =
                (log.block_number, log.block_hash, log.transaction_hash, log.log_index)
            else {
                continue;
            };
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let key = keccak256([hash.as_slice(), tx.as_slice(), &index.to_be_bytes()].concat());
            self.rings.push(Rang { emitter: stirred.ringer, topics: log.topics().to_vec(), block, key });
        }
        if receipt.to == Some(stirred.tank) && receipt.status() {
            let (block, place) = place(receipt);
            self.drains.push(Drained { tank: stirred.tank, block, place });
        }
    }

    fn append(&mut self, mut news: Self) {
        self.settlements.append(&mut news.settlements);
        self.batches.append(&mut news.batches);
        self.transactions.append(&mut news.transactions);
        self.ineligible.append(&mut news.ineligible);
        self.rings.append(&mut news.rings);
        self.drains.append(&mut news.drains);
        self.moments.insert(news.block, news.timestamp);
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
            rings: self.rings.len(),
            drains: self.drains.len(),
        }
    }

    /// Forgets everything after a mark: its blocks are not on the chain any more.
    fn return_to(&mut self, mark: &Mark) {
        self.settlements.truncate(mark.settlements);
        self.batches.truncate(mark.batches);
        self.transactions.truncate(mark.transactions);
        self.ineligible.truncate(mark.ineligible);
        self.rings.truncate(mark.rings);
        self.drains.truncate(mark.drains);
        self.moments.split_off(&(mark.block + 1));
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
    rings: usize,
    drains: usize,
}

fn settlement(task: &contracts::SettledTask, receipt: &TransactionReceipt, seen_ms: u64) -> Settlement {
    let (block, place) = place(receipt);
    Settlement {
        task_id: task.task_id,
        job_id: task.job_id,
        key: task.instance_key,
        run: U256::from_be_bytes(task.instance_key.0).wrapping_to(),
        status: task.status,
        delivered: task.delivered,
        submitter: task.submitter,
        block,
        place,
        seen_ms,
    }
}

/// Where a transaction is: the block, and its place there.
fn place(receipt: &TransactionReceipt) -> (u64, u64) {
    (receipt.block_number.unwrap_or_default(), receipt.transaction_index.unwrap_or_default())
}

/// The wall clock, unix milliseconds.
#[must_use]
pub fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
