//! What is asked at the start, and what no single node may answer: is this the chain of the network, and was this
//! operator ever registered?

use super::heads;
use super::rpc::{ChainProvider, Node, Rpc};
use super::snapshot::{Constants, constants, registration};
use super::{ChainConfig, ChainError};
use alloy::primitives::{Address, B256};
use alloy::providers::Provider;

/// Chain id of local networks, whose chain may stand still for hours.
const LOCAL_CHAIN_ID: u64 = 31_337;
/// Blocks a node may be behind the newest one and still know who is registered.
const USUAL_LAG: u64 = 8;
/// Age of the newest block, in block times and at least in seconds, beyond which a lone node may lag.
const OLD_BLOCKS: u64 = 20;
const OLD_SECONDS: u64 = 60;

/// Asks the nodes, best first, until one shows the network's contracts and constants.
///
/// # Errors
/// [`ChainError::MissingContract`], [`ChainError::WrongDomain`] or [`ChainError::WrongChainId`] only if all nodes show
/// that: trying again does not help then. Else what keeps one from answering.
pub async fn reach(rpc: &Rpc, config: &ChainConfig) -> Result<Constants, ChainError> {
    rpc.survey().await;
    let (mut first, mut passing) = (None, None);
    for node in rpc.ranked().await? {
        match constants(&node.provider(), config).await {
            Ok(constants) => return Ok(constants),
            Err(error @ (ChainError::MissingContract { .. } | ChainError::WrongDomain { .. })) => {
                node.distrust(error.reason(), &error.to_string());
                first.get_or_insert(error);
            }
            Err(error) => drop(passing.get_or_insert(error)),
        }
    }
    match (passing, first) {
        (Some(error), _) if rpc.is_other_chain() => Err(ChainError::WrongChainId(error.to_string())),
        (Some(error), _) | (None, Some(error)) => Err(error),
        (None, None) => Err(ChainError::Unreachable("there is no node to ask".to_owned())),
    }
}

/// Whether the operator was ever registered, by the word of most nodes: one that lags would take a key that has signed
/// for a new one. `now` in Unix seconds.
///
/// # Errors
/// [`ChainError::Undecided`] as long as too few nodes show that they are up to date.
pub async fn was_registered(rpc: &Rpc, config: &ChainConfig, operator: Address, now: u64) -> Result<bool, ChainError> {
    let registry = config.network.contracts.keeper_registry;
    let (mut votes, mut failure) = (Vec::new(), None);
    for node in rpc.nodes_to_ask() {
        match ask(&node, registry, operator).await {
            Ok(vote) => votes.push(vote),
            Err(error) => failure = Some(error),
        }
    }
    let clock = (config.network.chain_id != LOCAL_CHAIN_ID).then_some(now);
    let verdict = verdict(&votes, rpc.nodes().len(), clock, config.network.block_seconds);
    verdict.map_err(|why| match failure {
        Some(error) => ChainError::Undecided(format!("{why} ({error})")),
        None => ChainError::Undecided(why),
    })
}

/// The highest block any good node shows.
///
/// # Errors
/// None shows one.
pub async fn highest(rpc: &Rpc) -> Result<u64, ChainError> {
    rpc.survey().await;
    let mut best: Result<u64, ChainError> = Err(ChainError::Unreachable("there is no node to ask".to_owned()));
    for node in rpc.ranked().await? {
        match heads::latest(&node.provider()).await {
            Ok(latest) => best = Ok(best.unwrap_or_default().max(latest.head.number)),
            Err(error) => best = best.or(Err(error)),
        }
    }
    best
}

/// One node's word.
#[derive(Clone, Copy, Debug)]
struct Vote {
    known: bool,
    number: u64,
    hash: B256,
    timestamp: u64,
    syncing: bool,
}

async fn ask(node: &Node, registry: Address, operator: Address) -> Result<Vote, ChainError> {
    let provider: ChainProvider = node.provider();
    let known = registration(&provider, registry, operator).await?.known;
    let head = heads::latest(&provider).await?.head;
    // Nodes that do not have the method are no worse for it.
    let syncing = provider.raw_request::<_, serde_json::Value>("eth_syncing".into(), Vec::<u8>::new()).await;
    let syncing = syncing.is_ok_and(|answer| answer.is_object());
    Ok(Vote { known, number: head.number, hash: head.hash, timestamp: head.timestamp, syncing })
}

/// What the votes come to. One node that knows the operator is enough; that nobody knows it takes most of all `nodes`.
/// `now` is none where the age of a block says nothing.
fn verdict(votes: &[Vote], nodes: usize, now: Option<u64>, block_seconds: u64) -> Result<bool, String> {
    if votes.iter().any(|vote| vote.known) {
        return Ok(true);
    }
    let newest = votes.iter().map(|vote| vote.number).max().unwrap_or_default();
    let level = votes.iter().filter(|vote| !vote.syncing && newest - vote.number <= USUAL_LAG);
    let level: Vec<&Vote> = level.collect();
    if level.len() * 2 <= nodes {
        return Err(format!("{} of {nodes} RPC nodes are up to date, more than half are needed", level.len()));
    }
    let Some(now) = now else { return Ok(false) };
    let age = level.iter().map(|vote| now.saturating_sub(vote.timestamp)).min().unwrap_or(u64::MAX);
    if age <= OLD_SECONDS.max(block_seconds.saturating_mul(OLD_BLOCKS)) {
        return Ok(false);
    }
    // A chain that makes blocks on demand: two nodes show the same old block.
    if level.iter().enumerate().any(|(place, vote)| level[..place].iter().any(|other| other.hash == vote.hash)) {
        return Ok(false);
    }
    Err(format!("the newest block of the RPC nodes is {age} s old: they may lag"))
}

#[cfg(test)]
mod tests;
