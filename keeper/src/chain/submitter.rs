//! Sends settlements, epoch snapshots and accusations, a few transactions at a time, in the order of their nonces.
//!
//! The queue is bounded. A batch that is queued or on its way already is not queued again: whoever submits it a second
//! time waits for the same result.

mod carrier;
mod opinion;
mod wallet;

use super::lane::{Account, Call, Lane, Sound, Terms};
use super::nonce::LedgerFile;
use super::parts::{self, ANCHOR_AGE_USUAL, Part};
use super::receipt::{self, is_error};
use super::{Certificate, ChainConfig, ChainError, Contracts, Rpc, Settlement, SettlementResult};
use crate::keystore;
use alloy::primitives::{Address, B256, Bytes, keccak256};
use alloy::sol_types::{SolCall, SolError};
use contracts::{JobManager, KeeperRegistry, TaskManager};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use carrier::{Carrier, Request};
use wallet::Wallet;

/// Calls on their way at a time: more than the lane holds, so that it is the lane that chooses which of them wait.
const QUEUE: usize = 32;
/// Parts of one batch that are wanted at a time.
const PARTS_AT_ONCE: usize = 4;
/// Longest time spent on one call before whoever wants it is told that it failed.
const PATIENCE: Duration = Duration::from_secs(300);
/// The pace of the chain within which this looks and waits; shorter blocks are not waited for one by one.
const BLOCK_TIMES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(3_600));
/// Gas that a look at a job takes at most: 70,000, and room for a data fee (contracts/test/LookAgain.t.sol).
const LOOK_GAS: u64 = 150_000;
/// Name of the ledger in the data directory.
const LEDGER_FILE: &str = "transactions.json";

/// A cheap handle on the queue; clones share it.
#[derive(Clone, Debug)]
pub struct Submitter {
    queue: mpsc::Sender<Request>,
    pending: Arc<Pending>,
    contracts: Contracts,
    account: Address,
    standing: watch::Receiver<Account>,
    /// How many blocks an anchor may lie back.
    anchor_age: u64,
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

/// How a call ended, before it is put in the words of its purpose.
#[derive(Debug)]
pub(super) enum Done {
    Mined { tx: B256, gas_used: u64, settled: u64 },
    Reverted(Bytes),
    Useless,
    Failed(String),
}

impl Submitter {
    /// Opens the ledger in `datadir` and starts the task that sends, at the network's `tip` (wei). It first looks what became of
    /// what the ledger holds open. The task ends with `stop`, at once: whatever it was doing is taken up at the next start.
    ///
    /// # Errors
    /// The ledger cannot be used.
    pub fn new(
        rpc: &Rpc,
        signer: impl Into<keystore::Account>,
        config: &ChainConfig,
        datadir: &Path,
        tip: u128,
        stop: CancellationToken,
    ) -> Result<Self, ChainError> {
        let block_time = config.network.block_time().clamp(BLOCK_TIMES.0, BLOCK_TIMES.1);
        let (policy, nodes) = (super::fees::Policy::of(tip), config.network.rpc_urls.len());
        let terms = Terms { block_time, patience: PATIENCE, policy, nodes };
        Self::start(rpc, signer.into(), config, datadir, terms, stop)
    }

    fn start(
        rpc: &Rpc,
        signer: keystore::Account,
        config: &ChainConfig,
        datadir: &Path,
        terms: Terms,
        stop: CancellationToken,
    ) -> Result<Self, ChainError> {
        let (account, chain_id) = (signer.address(), config.network.chain_id);
        let (file, ledger) = LedgerFile::open(&datadir.join(LEDGER_FILE), chain_id, account)?;
        let lane = Lane::new(ledger, terms, Arc::new(Wallet { chain_id, signer }), Box::new(Sound));
        let (queue, requests) = mpsc::channel(QUEUE);
        let (shown, standing) = watch::channel(Account::default());
        let contracts = config.network.contracts;
        let submitter =
            Self { queue, pending: Arc::default(), contracts, account, standing, anchor_age: ANCHOR_AGE_USUAL };
        let pending = submitter.pending.clone();
        let carrier = Carrier::new(rpc.clone(), account, contracts, file, pending.clone(), terms.policy.refunded_tip);
        let poll = (terms.block_time / 10).clamp(Duration::from_millis(20), Duration::from_secs(1));
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = carrier.run(lane, requests, poll, shown) => {}
            }
            // Whoever still waits sees its sender gone.
            lock(&pending).clear();
        });
        Ok(submitter)
    }

    /// The same where the contract lets anchors lie back so many blocks.
    #[must_use]
    pub fn with_anchors_of(self, anchor_age: u64) -> Self {
        Self { anchor_age, ..self }
    }

    /// The account that sends and pays.
    #[must_use]
    pub fn account(&self) -> Address {
        self.account
    }

    /// Whether the task that sends is gone: nothing will ever be sent any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// How the account stands.
    #[must_use]
    pub fn standing(&self) -> Account {
        self.standing.borrow().clone()
    }

    /// Settles a certified batch, in several transactions where one cannot carry it.
    pub async fn submit(&self, settlement: Settlement) -> SettlementResult {
        let (anchor_age, account) = (self.anchor_age, self.account);
        // What is to be encoded may be megabytes.
        let split = tokio::task::spawn_blocking(move || {
            let mut parts = parts::split(&settlement, anchor_age);
            if settlement.takeover {
                parts::scatter(&mut parts, account);
            }
            parts
        });
        let mut parts = match split.await {
            Ok(parts) => parts.into_iter(),
            Err(error) => return SettlementResult::Failed { why: error.to_string() },
        };
        let (mut under_way, mut sum, mut before) = (JoinSet::new(), Sum::default(), None);
        loop {
            while under_way.len() < PARTS_AT_ONCE {
                let Some(part) = parts.next() else { break };
                let jobs = part.jobs();
                let (key, call) = settle_call(&self.contracts, part);
                // In their order: what is due first is to be on chain first.
                let asked = self.ask(key, call, before.replace(key));
                under_way.spawn(async move { (jobs, answer(asked).await) });
            }
            match under_way.join_next().await {
                Some(Ok((jobs, done))) => sum.add(jobs, &done),
                Some(Err(error)) => sum.add(BTreeSet::new(), &Done::Failed(error.to_string())),
                None => return sum.result(),
            }
        }
    }

    /// Writes the next epoch's table, if it is due and differs.
    pub async fn submit_snapshot(&self) -> SnapshotResult {
        let call = plain_call(self.contracts.keeper_registry, &KeeperRegistry::snapshotCall {});
        match &*self.enqueue(keccak256(&call.input), call).await {
            Done::Mined { tx, gas_used, .. } => SnapshotResult::Mined { tx: *tx, gas_used: *gas_used },
            Done::Reverted(data)
                if is_error(data, KeeperRegistry::EpochNotDue::SELECTOR)
                    || is_error(data, KeeperRegistry::EpochUnchanged::SELECTOR) =>
            {
                SnapshotResult::NotNeeded
            }
            Done::Useless => SnapshotResult::NotNeeded,
            Done::Reverted(data) => SnapshotResult::Reverted { reason: receipt::reason(data) },
            Done::Failed(why) => SnapshotResult::Failed { why: why.clone() },
        }
    }

    /// Has a job looked at again that could not pay, if it can by now, or that could, if it cannot any more.
    pub async fn look_again(&self, job: u64) {
        let call = plain_call(self.contracts.job_manager, &JobManager::lookAgainCall { jobId: job });
        // Each look is a content of its own, which contents are by their bytes: what was found last time has nothing to do with what is
        // found now. The contract reads as many bytes as it needs.
        let looked = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let input = Bytes::from([&call.input[..], &looked.to_be_bytes()].concat());
        let call = Call { gas_floor: LOOK_GAS, input, ..call };
        match &*self.enqueue(keccak256(&call.input), call).await {
            Done::Mined { tx, .. } => tracing::info!(job, %tx, "whether a job can pay has changed"),
            ended => tracing::debug!(job, ?ended, "whether a job can pay is as it was"),
        }
    }

    pub(crate) fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    pub(super) async fn enqueue(&self, key: B256, call: Call) -> Arc<Done> {
        answer(self.ask(key, call, None)).await
    }

    /// Puts a call into the queue, unless it is there, to go after another: where its result will be.
    fn ask(&self, key: B256, call: Call, after: Option<B256>) -> Result<Awaited, &'static str> {
        let mut pending = lock(&self.pending);
        if let Some(result) = pending.get(&key) {
            return Ok(result.clone());
        }
        if pending.len() >= QUEUE {
            return Err("32 transactions wait already; another keeper will take this one");
        }
        let (done, result) = watch::channel(None);
        self.queue.try_send(Request { key, call, after, done }).map_err(|_| STOPPING)?;
        pending.insert(key, result.clone());
        Ok(result)
    }
}

const STOPPING: &str = "the keeper is stopping";

/// What came of a call that was asked for.
async fn answer(asked: Result<Awaited, &'static str>) -> Arc<Done> {
    let failed = |why: &str| Arc::new(Done::Failed(why.to_owned()));
    match asked {
        Ok(mut result) => {
            let done = result.wait_for(Option::is_some).await;
            done.ok().and_then(|done| done.clone()).unwrap_or_else(|| failed(STOPPING))
        }
        Err(why) => failed(why),
    }
}

/// What came of the parts of a batch.
#[derive(Debug, Default)]
struct Sum {
    mined: Option<(B256, u64, u64)>,
    trouble: Option<SettlementResult>,
    /// The jobs of parts of which nothing would settle.
    useless: BTreeSet<u64>,
}

impl Sum {
    fn add(&mut self, jobs: BTreeSet<u64>, done: &Done) {
        let trouble = match done {
            Done::Mined { tx, gas_used, settled } => {
                let (_, gas, tasks) = self.mined.unwrap_or_default();
                self.mined = Some((*tx, gas.saturating_add(*gas_used), tasks.saturating_add(*settled)));
                return;
            }
            Done::Reverted(data) if is_error(data, TaskManager::NothingToSettle::SELECTOR) => return,
            Done::Useless => return self.useless.extend(jobs),
            Done::Reverted(data) => SettlementResult::Reverted { reason: receipt::reason(data) },
            Done::Failed(why) => SettlementResult::Failed { why: why.clone() },
        };
        self.trouble.get_or_insert(trouble);
    }

    /// A part in trouble is the result, so that the rest is tried again.
    fn result(self) -> SettlementResult {
        let useless = Some(self.useless).filter(|jobs| !jobs.is_empty());
        let useless = useless.map(|jobs| SettlementResult::Useless { jobs: jobs.into_iter().collect() });
        match (self.trouble.or(useless), self.mined) {
            (Some(trouble), _) => trouble,
            (None, Some((tx, gas_used, settled))) => SettlementResult::Mined { tx, gas_used, settled },
            (None, None) => SettlementResult::AlreadySettled,
        }
    }
}

/// The result of a call, once there is one.
type Awaited = watch::Receiver<Option<Arc<Done>>>;
/// Calls in the queue or on their way, by batch.
type Pending = Mutex<BTreeMap<B256, Awaited>>;

fn lock(pending: &Pending) -> MutexGuard<'_, BTreeMap<B256, Awaited>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call that is worth its gas whenever it does not revert.
pub(super) fn plain_call(to: Address, call: &impl SolCall) -> Call {
    Call { to, input: call.abi_encode().into(), gas_floor: 0, last_block: None, counts: false }
}

/// The call, and the key of its batch: the same for every certificate over it.
fn settle_call(contracts: &Contracts, part: Part) -> (B256, Call) {
    let Part { mut call, gas, last_block, .. } = part;
    let bare = Certificate { epoch: call.certificate.epoch, signature: Bytes::new(), signers: Vec::new() };
    let certificate = std::mem::replace(&mut call.certificate, bare);
    let key = keccak256(call.abi_encode());
    call.certificate = certificate;
    (
        key,
        Call { to: contracts.task_manager, input: call.abi_encode().into(), gas_floor: gas, last_block, counts: true },
    )
}

#[cfg(test)]
mod tests;
