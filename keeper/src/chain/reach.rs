//! What is asked at the start, and what no single node may answer: is this the chain of the network, and was this
//! operator ever registered?

use super::heads;
use super::most::Most;
use super::rpc::{ChainProvider, Node, Rpc};
use super::snapshot::{Constants, constants, registration};
use super::{ChainConfig, ChainError, Head};
use alloy::primitives::{Address, B256};
use alloy::providers::Provider;

/// Chain id of local networks, whose chain may stand still for hours.
const LOCAL_CHAIN_ID: u64 = 31_337;
/// Age of the newest block, in block times and at least in seconds, beyond which a lone node may lag.
const OLD_BLOCKS: u64 = 20;
const OLD_SECONDS: u64 = 60;

/// Asks the nodes, best first, until one shows the network's contracts and constants, and the other good ones whether they are
/// these.
///
/// # Errors
/// [`ChainError::Disagreeing`] if they are not. [`ChainError::MissingContract`], [`ChainError::WrongDomain`] or [`ChainError::WrongChainId`] only if all nodes show
/// that: trying again does not help then. Else what keeps one from answering.
pub async fn reach(rpc: &Rpc, config: &ChainConfig) -> Result<Constants, ChainError> {
    rpc.survey().await;
    let (mut first, mut passing) = (None, None);
    for node in rpc.ranked().await? {
        match constants(&node.provider(), config).await {
            Ok(constants) => return agreed(rpc, (node, constants), config).await,
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

/// What more than half of the good nodes say the contracts were deployed with; it never changes, so whoever says something else
/// is not believed in anything.
async fn agreed(rpc: &Rpc, found: (Node, Constants), config: &ChainConfig) -> Result<Constants, ChainError> {
    let others = rpc.others(&found.0);
    let mut said = vec![found];
    for node in others {
        if let Ok(constants) = constants(&node.provider(), config).await {
            said.push((node, constants));
        }
    }
    let like = |wanted: &Constants| said.iter().filter(|(_, constants)| constants == wanted).count();
    let Some((_, most)) = said.iter().find(|(_, constants)| like(constants) * 2 > said.len()) else {
        let each = said.iter().map(|(node, constants)| format!("{}: {constants:?}", node.origin()));
        return Err(ChainError::Disagreeing(each.collect::<Vec<_>>().join("; ")));
    };
    for (node, _) in said.iter().filter(|(_, constants)| constants != most) {
        node.distrust("other_constants", "it shows other constants of the contracts than most nodes");
    }
    Ok(*most)
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
    let verdict = verdict(&votes, rpc.nodes().len(), clock(config, now), config.network.block_seconds);
    verdict.map_err(|why| ChainError::Undecided(beside(why, failure)))
}

/// The highest block that an empty journal must begin above, by the word of most nodes: the number goes to disk, and
/// nothing at or below it is ever signed. `now` in Unix seconds.
///
/// # Errors
/// [`ChainError::Unconfirmed`] as long as too few nodes show a block that they also have.
pub async fn highest(rpc: &Rpc, config: &ChainConfig, now: u64) -> Result<u64, ChainError> {
    rpc.survey().await;
    let (mut heads, mut failure) = (Vec::new(), None);
    for node in rpc.nodes_to_ask() {
        match confirmed(&node.provider()).await {
            Ok(head) => heads.push(head),
            Err(error) => failure = Some(error),
        }
    }
    let floor = floor(&heads, rpc.nodes().len(), clock(config, now), config.network.block_seconds);
    floor.map_err(|why| ChainError::Unconfirmed(beside(why, failure)))
}

/// The newest block where most good nodes are: a search that goes back from one that was made up has no end.
///
/// # Errors
/// No node shows a block that it also has.
pub(crate) async fn newest(rpc: &Rpc) -> Result<u64, ChainError> {
    let (mut heads, mut failure) = (Vec::new(), None);
    for provider in rpc.witnesses().await? {
        match confirmed(&provider).await {
            Ok(head) => heads.push(head),
            Err(error) => failure = Some(error),
        }
    }
    let newest = Most::of(&heads, heads.len(), |head| head.number).level.iter().map(|head| head.number).max();
    newest.ok_or_else(|| failure.unwrap_or_else(|| ChainError::Unreachable("there is no node to ask".to_owned())))
}

/// A node's newest block, if it also has it by its number.
async fn confirmed(provider: &ChainProvider) -> Result<Head, ChainError> {
    let newest = heads::latest(provider).await?.head;
    heads::at(provider, newest.number).await
}

/// The block to begin above: the highest one where most nodes are. One far ahead of them is left out only where their
/// own blocks are fresh: else it may be the one that is right.
fn floor(heads: &[Head], nodes: usize, now: Option<u64>, block_seconds: u64) -> Result<u64, String> {
    let most = Most::of(heads, nodes, |head| head.number);
    most.are_enough()?;
    let are_fresh =
        || now.is_some_and(|now| is_most(&most.level, nodes, |head| is_fresh(head.timestamp, now, block_seconds)));
    match most.ahead.iter().map(|head| head.number).max() {
        Some(ahead) if !are_fresh() => Err(format!(
            "one RPC node is at block {ahead}, and the blocks of the others do not show that they are up to date"
        )),
        _ => Ok(most.level.iter().map(|head| head.number).max().unwrap_or_default()),
    }
}

/// The time, where the age of a block says anything.
fn clock(config: &ChainConfig, now: u64) -> Option<u64> {
    (config.network.chain_id != LOCAL_CHAIN_ID).then_some(now)
}

fn is_fresh(timestamp: u64, now: u64, block_seconds: u64) -> bool {
    now.saturating_sub(timestamp) <= OLD_SECONDS.max(block_seconds.saturating_mul(OLD_BLOCKS))
}

/// Whether this holds for more than half of all nodes.
fn is_most<T>(words: &[&T], nodes: usize, holds: impl Fn(&T) -> bool) -> bool {
    words.iter().filter(|word| holds(word)).count() * 2 > nodes
}

fn beside(why: String, failure: Option<ChainError>) -> String {
    failure.map_or(why.clone(), |error| format!("{why} ({error})"))
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
    let most = Most::of(votes.iter().filter(|vote| !vote.syncing), nodes, |vote| vote.number);
    most.are_enough()?;
    let Some(now) = now else {
        // One that is ahead may be right.
        let ahead = "one RPC node is far ahead of the others, and blocks of this chain do not show who is right";
        return if most.ahead.is_empty() { Ok(false) } else { Err(ahead.to_owned()) };
    };
    let level = &most.level;
    if is_most(level, nodes, |vote| is_fresh(vote.timestamp, now, block_seconds)) {
        return Ok(false);
    }
    // A chain that makes blocks on demand: two nodes show the same old block, and none a newer one.
    let same = |(place, vote): (usize, &&Vote)| level[..place].iter().any(|other| other.hash == vote.hash);
    if most.ahead.is_empty() && level.iter().enumerate().any(same) {
        return Ok(false);
    }
    let age = level.iter().map(|vote| now.saturating_sub(vote.timestamp)).max().unwrap_or(u64::MAX);
    Err(format!("the newest block of the RPC nodes is {age} s old: they may lag"))
}

#[cfg(test)]
mod tests;
