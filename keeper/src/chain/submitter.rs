//! Sends settlements, epoch snapshots and accusations, one transaction at a time.
//!
//! The queue is bounded. A batch that is queued or on its way already is not queued again: whoever submits it a second
//! time waits for the same result.

use super::lane::{Call, Lane, Outcome};
use super::nonce::Ledger;
use super::receipt::{self, is_error};
use super::{Certificate, ChainConfig, ChainError, Contracts, Rpc, Settlement, SettlementResult};
use alloy::primitives::{Address, B256, Bytes, keccak256};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::{SolCall, SolError};
use contracts::{KeeperRegistry, TaskManager};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Calls that may wait for their turn.
const QUEUE: usize = 16;
/// Longest time spent on one call before the next one gets its turn.
const PATIENCE: Duration = Duration::from_secs(300);
/// Name of the ledger in the data directory.
const LEDGER_FILE: &str = "transactions.json";
/// Gas of a settlement besides its calldata, entries and callbacks: base cost, verification, bookkeeping.
const SETTLE_GAS: u64 = 400_000;
/// Gas of one settled entry besides its callback.
const ENTRY_GAS: u64 = 120_000;
/// Dearest byte of calldata (EIP-7623).
const CALLDATA_BYTE_GAS: u64 = 40;

/// A cheap handle on the queue; clones share it.
#[derive(Clone, Debug)]
pub struct Submitter {
    queue: mpsc::Sender<Order>,
    pending: Arc<Pending>,
    contracts: Contracts,
    account: Address,
}

/// What became of an epoch snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotResult {
    /// Our transaction wrote the next epoch.
    Mined {
        /// The transaction.
        tx: B256,
        /// Gas it used.
        gas_used: u64,
    },
    /// The epoch is not due, or nothing changed.
    NotNeeded,
    /// The contract refuses it.
    Reverted {
        /// Name and arguments of the custom error, or the node's words.
        reason: String,
    },
    /// It could not be sent or was not included in time.
    Failed {
        /// What, why and how to mend.
        why: String,
    },
}

#[derive(Debug)]
struct Order {
    key: B256,
    call: Call,
    done: watch::Sender<Option<Arc<Done>>>,
}

/// How a call ended, before it is put in the words of its purpose.
#[derive(Debug)]
pub(super) enum Done {
    Mined { tx: B256, gas_used: u64, settled: u64 },
    Reverted(Bytes),
    Failed(String),
}

impl Submitter {
    /// Opens the ledger in `datadir` and starts the task that sends. It first takes up what the ledger holds open.
    /// The task ends with `stop`, at once: whatever it was doing is taken up at the next start.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn new(
        rpc: &Rpc,
        signer: PrivateKeySigner,
        config: &ChainConfig,
        datadir: &Path,
        stop: CancellationToken,
    ) -> Result<Self, ChainError> {
        let account = signer.address();
        let lane = Lane {
            rpc: rpc.clone(),
            provider: rpc.provider(),
            ledger: Ledger::open(&datadir.join(LEDGER_FILE), config.network.chain_id, account)?,
            signer,
            chain_id: config.network.chain_id,
            poll: Duration::from_millis(config.network.block_seconds.saturating_mul(100).clamp(100, 1000)),
            patience: PATIENCE,
        };
        let (queue, orders) = mpsc::channel(QUEUE);
        let submitter = Self { queue, pending: Arc::default(), contracts: config.network.contracts, account };
        let (pending, contracts) = (submitter.pending.clone(), config.network.contracts);
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = work(lane, orders, contracts, &pending) => {}
            }
            // Whoever still waits sees its sender gone.
            lock(&pending).clear();
        });
        Ok(submitter)
    }

    /// The account that sends and pays.
    #[must_use]
    pub fn account(&self) -> Address {
        self.account
    }

    /// Settles a certified batch. One round trip looks whether it is settled already and what it costs, one sends.
    pub async fn submit(&self, settlement: Settlement) -> SettlementResult {
        let (key, call) = settle_call(&self.contracts, settlement);
        match &*self.enqueue(key, call).await {
            Done::Mined { tx, gas_used, settled } => {
                SettlementResult::Mined { tx: *tx, gas_used: *gas_used, settled: *settled }
            }
            Done::Reverted(data) if is_error(data, TaskManager::NothingToSettle::SELECTOR) => {
                SettlementResult::AlreadySettled
            }
            Done::Reverted(data) => SettlementResult::Reverted { reason: receipt::reason(data) },
            Done::Failed(why) => SettlementResult::Failed { why: why.clone() },
        }
    }

    /// Writes the next epoch's table, if it is due and differs.
    pub async fn submit_snapshot(&self) -> SnapshotResult {
        let input = KeeperRegistry::snapshotCall {}.abi_encode();
        let call = Call { to: self.contracts.keeper_registry, gas_floor: 0, input: input.into() };
        match &*self.enqueue(keccak256(&call.input), call).await {
            Done::Mined { tx, gas_used, .. } => SnapshotResult::Mined { tx: *tx, gas_used: *gas_used },
            Done::Reverted(data)
                if is_error(data, KeeperRegistry::EpochNotDue::SELECTOR)
                    || is_error(data, KeeperRegistry::EpochUnchanged::SELECTOR) =>
            {
                SnapshotResult::NotNeeded
            }
            Done::Reverted(data) => SnapshotResult::Reverted { reason: receipt::reason(data) },
            Done::Failed(why) => SnapshotResult::Failed { why: why.clone() },
        }
    }

    pub(super) fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    pub(super) async fn enqueue(&self, key: B256, call: Call) -> Arc<Done> {
        let failed = |why: &str| Arc::new(Done::Failed(why.to_owned()));
        let mut result = {
            let mut pending = lock(&self.pending);
            if let Some(result) = pending.get(&key) {
                result.clone()
            } else {
                let (done, result) = watch::channel(None);
                if let Err(error) = self.queue.try_send(Order { key, call, done }) {
                    return match error {
                        mpsc::error::TrySendError::Full(_) => {
                            failed("16 transactions wait already; another keeper will take this one")
                        }
                        mpsc::error::TrySendError::Closed(_) => failed("the keeper is stopping"),
                    };
                }
                pending.insert(key, result.clone());
                result
            }
        };
        let done = result.wait_for(Option::is_some).await;
        done.ok().and_then(|done| done.clone()).unwrap_or_else(|| failed("the keeper is stopping"))
    }
}

/// The result of a call, once there is one.
type Awaited = watch::Receiver<Option<Arc<Done>>>;
/// Calls in the queue or on their way, by batch.
type Pending = Mutex<BTreeMap<B256, Awaited>>;

fn lock(pending: &Pending) -> MutexGuard<'_, BTreeMap<B256, Awaited>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn work(mut lane: Lane, mut orders: mpsc::Receiver<Order>, contracts: Contracts, pending: &Pending) {
    match lane.clear(None, Instant::now() + lane.patience).await {
        Ok(None) => {}
        Ok(Some(Outcome::Failed(why))) => tracing::warn!(why, "an earlier transaction is still open"),
        Ok(Some(_)) => {}
        Err(error) => tracing::warn!(%error, "could not take up earlier transactions; trying again with the next one"),
    }
    while let Some(Order { key, call, done }) = orders.recv().await {
        let outcome = lane.execute(&call).await;
        let ended = end(&lane, &call, &contracts, outcome).await;
        lock(pending).remove(&key);
        done.send_replace(Some(Arc::new(ended)));
    }
}

async fn end(lane: &Lane, call: &Call, contracts: &Contracts, outcome: Outcome) -> Done {
    match outcome {
        Outcome::Included(receipt) if receipt.success => {
            Done::Mined { tx: receipt.tx, gas_used: receipt.gas_used, settled: receipt.settled(contracts) }
        }
        Outcome::Included(receipt) => {
            let data = receipt::failure(&lane.provider, &receipt, lane.signer.address(), call.to, &call.input).await;
            tracing::info!(tx = %receipt.tx, gas_used = receipt.gas_used, "our transaction reverted");
            Done::Reverted(data.unwrap_or_default())
        }
        Outcome::Refused(data) => Done::Reverted(data),
        Outcome::Failed(why) => Done::Failed(why),
    }
}

/// The call, and the key of its batch: the same for every certificate over it.
fn settle_call(contracts: &Contracts, settlement: Settlement) -> (B256, Call) {
    let Settlement { certificate, batch, callback_gas } = settlement;
    let count = batch.entries.len() as u64;
    let bare = Certificate { epoch: certificate.epoch, signature: Bytes::new(), signers: Vec::new() };
    let mut call = TaskManager::settleCall { certificate: bare, batch };
    let key = keccak256(call.abi_encode());
    call.certificate = certificate;
    let input = Bytes::from(call.abi_encode());
    let gas_floor = SETTLE_GAS
        .saturating_add(CALLDATA_BYTE_GAS.saturating_mul(input.len() as u64))
        .saturating_add(ENTRY_GAS.saturating_mul(count))
        .saturating_add(callback_gas.saturating_add(callback_gas / 63));
    (key, Call { to: contracts.task_manager, input, gas_floor })
}

#[cfg(test)]
mod tests;
