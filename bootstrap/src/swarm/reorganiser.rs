//! A chain that takes back its newest blocks now and then, and puts others in their place.
//!
//! ```text
//!   … ─ 7 ─ 8 ─ 9 ─ 10      every so often: 1 to N blocks go, as many come, with the same times and other hashes
//!        └─ 8'─ 9'─ 10'     what keepers sent and lost is dropped for good, or comes back into the pool, by the dice
//! ```
//!
//! Blocks up to the floor stay: below it is what the swarm itself needs to stand, such as the jobs it has listed. What others
//! than keepers' senders sent (creators, registrations, coins) always comes back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::Block;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result};
use contracts::KeeperRegistry::snapshotCall;
use contracts::network::{Contracts, Network};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::JoinHandle;

use super::Swarm;
use super::anvil::Anvil;
use super::dice::draw;
use super::ledger::unix_ms;
use super::miner::Miner;
use super::progress::Progress;

/// How often and how deep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habit {
    pub(super) every: Duration,
    pub(super) depth_max: u64,
    pub(super) seed: u64,
}

/// What it did. Part of the proof document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reorganisations {
    /// How many there were.
    pub count: u64,
    /// Blocks that the deepest one replaced.
    pub deepest: u64,
    /// Transactions of keepers' senders that were in a block or in the pool and lost their place.
    pub orphaned: u64,
    /// Of those, how many did not come back into the pool.
    pub dropped: u64,
}

/// Held, it keeps the chain as it is.
pub(super) type Calm = OwnedMutexGuard<State>;

/// Where [`Calm`] is to be had, for those who send in the background: what arrives while blocks are replaced may be lost,
/// and whatever the same account sends after it then waits for it for ever.
#[derive(Clone, Debug, Default)]
pub(super) struct Calming(Option<Arc<Mutex<State>>>);

impl Calming {
    /// No block is taken back while the answer is held; none where none ever is.
    pub(super) async fn calm(&self) -> Option<Calm> {
        match &self.0 {
            Some(state) => Some(Arc::clone(state).lock_owned().await),
            None => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct State {
    /// The newest block that is not taken back.
    floor: u64,
    done: Reorganisations,
}

/// Reorganises a chain in the background; dropping it stops that.
#[derive(Debug)]
pub(super) struct Reorganiser {
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Reorganiser {
    /// Starts; what is on the chain already stays.
    ///
    /// # Errors
    /// When the chain does not answer.
    pub(super) async fn start(anvil: &Anvil, network: &Network, habit: Habit, progress: Progress) -> Result<Self> {
        let chain = Chain { provider: anvil.provider().clone(), contracts: network.contracts };
        let floor = chain.provider.get_block_number().await?;
        let state = Arc::new(Mutex::new(State { floor, done: Reorganisations::default() }));
        let miner = Miner::start(anvil.provider().clone(), anvil.block_time()).await?;
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let mut dice = habit.seed;
            loop {
                tokio::time::sleep(habit.every).await;
                let mut state = shared.lock().await;
                let (depth, returned) = (draw(&mut dice) % habit.depth_max + 1, draw(&mut dice).is_multiple_of(2));
                match chain.reorganise(&miner, &mut state, depth, returned).await {
                    Ok(said) => progress.say(&said),
                    Err(error) => progress.say(&format!("warning: the chain was not reorganised: {error:#}")),
                }
            }
        });
        Ok(Self { state, task })
    }

    /// What it has done so far.
    pub(super) async fn done(&self) -> Reorganisations {
        self.state.lock().await.done
    }
}

impl Drop for Reorganiser {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Swarm {
    /// From now on the chain takes back blocks, where the options ask for it.
    pub(super) async fn start_reorganising(&mut self) -> Result<()> {
        if let Some(habit) = self.options.reorganising() {
            let network = &self.deployed.network;
            self.reorganiser = Some(Reorganiser::start(&self.anvil, network, habit, self.progress).await?);
        }
        Ok(())
    }

    /// No block is taken back while the answer is held.
    pub(super) async fn calm(&self) -> Option<Calm> {
        self.calming().calm().await
    }

    /// The same, for those who run beside the swarm.
    pub(super) fn calming(&self) -> Calming {
        Calming(self.reorganiser.as_ref().map(|reorganiser| Arc::clone(&reorganiser.state)))
    }

    /// What is on the chain by now stays there.
    pub(super) async fn spare(&self, calm: Option<Calm>) -> Result<()> {
        if let Some(mut state) = calm {
            state.floor = state.floor.max(self.anvil.provider().get_block_number().await?);
        }
        Ok(())
    }

    /// What is on the chain by now stays there.
    ///
    /// # Errors
    /// When the chain does not answer.
    pub async fn spare_all(&self) -> Result<()> {
        let calm = self.calm().await;
        self.spare(calm).await
    }

    /// No block is taken back any more.
    pub async fn stop_reorganising(&self) {
        if let Some(mut state) = self.calm().await {
            state.floor = u64::MAX;
        }
    }

    /// What the reorganiser has done so far; nothing where there is none.
    pub async fn reorganisations(&self) -> Reorganisations {
        match &self.reorganiser {
            Some(reorganiser) => reorganiser.done().await,
            None => Reorganisations::default(),
        }
    }
}

struct Chain {
    provider: DynProvider,
    contracts: Contracts,
}

/// A transaction that loses its place.
#[derive(Debug, Deserialize)]
struct Orphan {
    hash: B256,
    nonce: String,
    to: Option<Address>,
    input: Bytes,
}

impl Chain {
    /// Replaces the newest blocks; says what was done.
    async fn reorganise(&self, miner: &Miner, state: &mut State, depth: u64, returned: bool) -> Result<String> {
        let _still = miner.pause().await;
        let head = self.provider.get_block_number().await?;
        let depth = depth.min(head.saturating_sub(state.floor));
        if depth == 0 {
            return Ok("no reorganisation: the newest blocks are to stay".to_owned());
        }
        let (orphaned, dropped) = self.replace(depth, returned, state.done.count).await?;
        let done = &mut state.done;
        (done.count, done.deepest) = (done.count + 1, done.deepest.max(depth));
        (done.orphaned, done.dropped) = (done.orphaned + orphaned, done.dropped + dropped);
        Ok(format!(
            "block {}: {depth} blocks replaced, {orphaned} transactions of keepers orphaned, {dropped} dropped",
            head + 1
        ))
    }

    async fn replace(&self, depth: u64, returned: bool, number: u64) -> Result<(u64, u64)> {
        let head = self.provider.get_block_number().await?;
        let (mut times, mut orphans) = (Vec::new(), Vec::new());
        for number in head + 1 - depth..=head {
            let block: Block = self.provider.get_block_by_number(number.into()).await?.context("a block is gone")?;
            times.push(block.header.timestamp);
            let full = self.ask("eth_getBlockByNumber", json!([format!("0x{number:x}"), true])).await?;
            orphans.extend(serde_json::from_value::<Vec<Orphan>>(full["transactions"].clone())?);
        }
        orphans.extend(self.pool().await?);
        let (keepers, others): (Vec<&Orphan>, Vec<&Orphan>) = orphans.iter().partition(|each| self.is_senders(each));
        let (orphaned, dropped) = (keepers.len() as u64, if returned { 0 } else { keepers.len() as u64 });
        let back = if returned { orphans.iter().collect() } else { others };
        let mut raw = Vec::new();
        for orphan in back {
            raw.push(self.ask("eth_getRawTransactionByHash", json!([orphan.hash])).await?);
        }
        self.ask("anvil_dropAllTransactions", json!([])).await?;
        self.ask("anvil_rollback", json!([depth])).await?;
        // Another miner, another hash: the blocks' times stay as they were, as they do where two blocks compete.
        let miner = Address::left_padding_from(&(number + 1).to_be_bytes());
        self.ask("anvil_setCoinbase", json!([miner])).await?;
        let last = times.len() - 1;
        for (place, time) in times.iter().enumerate() {
            if place == last {
                for raw in &raw {
                    // What the new chain refuses was only good for the old one.
                    let _ = self.ask("eth_sendRawTransaction", json!([raw])).await;
                }
            }
            self.ask("evm_setNextBlockTimestamp", json!([time])).await?;
            self.ask("evm_mine", json!([])).await?;
        }
        // A chain whose time was put forward stays ahead; one that has fallen behind catches up, as real ones do.
        self.ask("evm_setTime", json!([times[last].max(unix_ms() / 1000)])).await?;
        Ok((orphaned, dropped))
    }

    /// What waits in the pool: without its predecessors it would be lost.
    async fn pool(&self) -> Result<Vec<Orphan>> {
        let content = self.ask("txpool_content", json!([])).await?;
        let mut waiting = Vec::new();
        for kind in ["pending", "queued"] {
            let accounts: BTreeMap<Address, BTreeMap<String, Orphan>> = serde_json::from_value(content[kind].clone())?;
            waiting.extend(accounts.into_values().flat_map(BTreeMap::into_values));
        }
        let nonce = |each: &Orphan| u64::from_str_radix(each.nonce.trim_start_matches("0x"), 16).unwrap_or(u64::MAX);
        waiting.sort_by_key(nonce);
        Ok(waiting)
    }

    /// Whether a keeper's sender minds it: a settlement, an accusation, the next epoch.
    fn is_senders(&self, orphan: &Orphan) -> bool {
        let contracts = &self.contracts;
        let snapshot =
            orphan.to == Some(contracts.keeper_registry) && orphan.input.starts_with(&snapshotCall::SELECTOR);
        snapshot || orphan.to == Some(contracts.task_manager) || orphan.to == Some(contracts.challenger)
    }

    async fn ask(&self, method: &'static str, params: Value) -> Result<Value> {
        self.provider.raw_request(method.into(), params).await.with_context(|| format!("anvil refuses {method}"))
    }
}

#[cfg(test)]
mod tests;
