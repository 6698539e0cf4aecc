//! Reads of the chain on behalf of jobs.

mod failed;

use std::fmt::{Debug, Display};
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, Bytes, TxKind, keccak256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, Log, TransactionInput, TransactionRequest};
use alloy::transports::TransportError;
use thiserror::Error;

use crate::BlockReference;
use crate::chain_read::{ChainAnswer, ChainRequest, LogEntry};
pub use failed::is_failed_call;

/// Gas of a job's `eth_call`. Fixed, and below every client's own cap, so that a call that runs out does so everywhere.
pub const CALL_GAS: u64 = 10_000_000;

/// The chain node did not give an answer that every keeper would get; the run ends as an abstention.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RpcFailure {
    /// It gave none, or one that makes no sense: the node's own trouble.
    #[error("{0}")]
    NoAnswer(String),
    /// It made the call, and the call failed; but how, it tells in words of its own, without the data that others would give. To whoever
    /// wants to know no more than that it failed, that is an answer.
    #[error("{0}")]
    Untold(String),
}

/// A pending chain read.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<ChainAnswer, RpcFailure>> + Send + 'a>>;

/// Answers a job's chain reads at one block.
pub trait ChainReader: Send + Sync + Debug {
    /// Answers `request` as of the block with hash `reference.hash`, which must be canonical.
    ///
    /// # Errors
    /// [`RpcFailure`] when the node cannot tell. A revert is an answer, not a failure.
    fn read<'a>(&'a self, reference: &'a BlockReference, request: &'a ChainRequest) -> Reading<'a>;
}

/// A way to several nodes, one of which can be asked alone.
pub trait OneNode: Send + Sync + Debug {
    /// A provider that asks one node, the best one now, and no other.
    ///
    /// # Errors
    /// None may be asked now; words for people.
    fn one_node(&self) -> Pin<Box<dyn Future<Output = Result<DynProvider, String>> + Send + '_>>;
}

/// Reads through a node's JSON-RPC.
///
/// State is read at the block's hash with `requireCanonical` (EIP-1898), so a node that is on another branch or behind fails
/// instead of answering for another block. An `eth_call` has a sender, the zero address, a target, input and [`CALL_GAS`], and
/// nothing else: its value and gas price are zero. The sender is named, for Nethermind has made up one of its own where none was.
/// What takes several questions is asked of one node alone.
#[derive(Debug, Clone)]
pub struct RpcReader {
    provider: DynProvider,
    nodes: Option<Arc<dyn OneNode>>,
}

impl RpcReader {
    /// A reader over a node.
    #[must_use]
    pub const fn new(provider: DynProvider) -> Self {
        Self { provider, nodes: None }
    }

    /// A reader over several nodes behind one provider.
    #[must_use]
    pub fn over(provider: DynProvider, nodes: Arc<dyn OneNode>) -> Self {
        Self { provider, nodes: Some(nodes) }
    }

    async fn answer(&self, reference: &BlockReference, request: &ChainRequest) -> Result<ChainAnswer, RpcFailure> {
        let block = BlockId::hash_canonical(B256::from(reference.hash));
        let node = &self.provider;
        match request {
            ChainRequest::Call { to, data } => {
                let call = TransactionRequest {
                    from: Some(Address::ZERO),
                    to: Some(TxKind::Call(*to)),
                    input: TransactionInput::both(data.clone()),
                    gas: Some(CALL_GAS),
                    ..TransactionRequest::default()
                };
                match node.call(call).block(block).await {
                    Ok(returned) => Ok(ChainAnswer::Data(returned)),
                    Err(error) => revert_data(&error).map(ChainAnswer::Reverted).ok_or_else(|| {
                        let words = words("eth_call", reference, &error);
                        let has_failed = error.as_error_resp().is_some_and(is_failed_call);
                        if has_failed { RpcFailure::Untold(words) } else { RpcFailure::NoAnswer(words) }
                    }),
                }
            }
            ChainRequest::Balance(account) => {
                let balance = node.get_balance(*account).block_id(block).await;
                balance.map(ChainAnswer::word).map_err(|error| failure("eth_getBalance", reference, &error))
            }
            ChainRequest::StorageAt { account, slot } => {
                let word = node.get_storage_at(*account, (*slot).into()).block_id(block).await;
                word.map(ChainAnswer::word).map_err(|error| failure("eth_getStorageAt", reference, &error))
            }
            ChainRequest::CodeHash(account) => {
                let code = node.get_code_at(*account).block_id(block).await;
                code.map(|code| ChainAnswer::Data(keccak256(code).into()))
                    .map_err(|error| failure("eth_getCode", reference, &error))
            }
            ChainRequest::Logs { address, topics, from_block, to_block } => {
                let mut filter = Filter::new().address(*address).from_block(*from_block).to_block(*to_block);
                for (place, topic) in filter.topics.iter_mut().zip(topics) {
                    *place = topic.map(Into::into).unwrap_or_default();
                }
                let logs = self.logs(reference, &filter).await?;
                let wanted = Wanted { address, topics, blocks: *from_block..=*to_block, anchor: reference };
                match wanted.broken(&logs) {
                    Some(why) => Err(failure("eth_getLogs", reference, &why)),
                    None => Ok(ChainAnswer::Logs(logs)),
                }
            }
        }
    }

    /// Logs have no read by block hash for a range: the range ends at or below the anchor, so it is the right one exactly when
    /// the anchor is canonical both before and after the read. All three questions go to one node: another one may be on
    /// another branch, or not have the blocks yet and answer with nothing.
    async fn logs(&self, reference: &BlockReference, filter: &Filter) -> Result<Vec<LogEntry>, RpcFailure> {
        let node = match &self.nodes {
            Some(nodes) => nodes.one_node().await.map_err(|why| failure("eth_getLogs", reference, &why))?,
            None => self.provider.clone(),
        };
        must_be_canonical(&node, reference).await?;
        let logs = node.get_logs(filter).await.map_err(|error| failure("eth_getLogs", reference, &error))?;
        must_be_canonical(&node, reference).await?;
        let entries = logs.into_iter().map(entry).collect::<Option<Vec<_>>>();
        let mut entries = entries
            .ok_or_else(|| failure("eth_getLogs", reference, &"a log without its block, transaction or index"))?;
        entries.sort_by_key(|entry| (entry.block_number, entry.log_index));
        Ok(entries)
    }
}

/// What logs were asked for. A node that ignores a topic, repeats a log or mixes branches would have this keeper sign another
/// outcome than the others; so it gives no answer.
struct Wanted<'a> {
    address: &'a Address,
    topics: &'a [Option<B256>],
    blocks: RangeInclusive<u64>,
    anchor: &'a BlockReference,
}

impl Wanted<'_> {
    /// What is wrong with an answer that is in order.
    fn broken(&self, logs: &[LogEntry]) -> Option<&'static str> {
        let asked = |log: &LogEntry| {
            let fits = |(place, topic): (usize, &Option<B256>)| {
                topic.is_none_or(|topic| log.topics.get(place) == Some(&topic))
            };
            log.address == *self.address
                && log.topics.len() >= self.topics.len()
                && log.topics.len() <= 4
                && self.topics.iter().enumerate().all(fits)
        };
        if !logs.iter().all(asked) {
            return Some("a log that was not asked for");
        }
        if !logs.iter().all(|log| self.blocks.contains(&log.block_number)) {
            return Some("a log of a block that was not asked for");
        }
        if logs.iter().any(|log| log.block_number == self.anchor.number && log.block_hash.0 != self.anchor.hash) {
            return Some("a log of another block than the anchor at its number");
        }
        logs.windows(2).find_map(|pair| match pair {
            [one, next] if one.block_number != next.block_number => None,
            [one, next] if one.log_index == next.log_index => Some("a log twice"),
            [one, next] if one.block_hash != next.block_hash => Some("logs of two blocks with one number"),
            _ => None,
        })
    }
}

async fn must_be_canonical(node: &DynProvider, reference: &BlockReference) -> Result<(), RpcFailure> {
    let question = (format!("{:#x}", reference.number), false);
    // No more than the hash is read: nodes leave fields out and add their own.
    let block: Result<serde_json::Value, _> = node.raw_request("eth_getBlockByNumber".into(), question).await;
    let block = block.map_err(|error| failure("eth_getBlockByNumber", reference, &error))?;
    let hash = block["hash"].as_str().and_then(|hash| hash.parse::<B256>().ok());
    if hash.is_none_or(|hash| hash.0 != reference.hash) {
        return Err(failure("eth_getLogs", reference, &"the anchor is not on the node's branch"));
    }
    Ok(())
}

impl ChainReader for RpcReader {
    fn read<'a>(&'a self, reference: &'a BlockReference, request: &'a ChainRequest) -> Reading<'a> {
        Box::pin(self.answer(reference, request))
    }
}

/// The data of a revert. An error without returned data is none: nodes word and number their failures differently, and only
/// the data is the same everywhere.
fn revert_data(error: &TransportError) -> Option<Bytes> {
    error.as_error_resp()?.as_revert_data()
}

/// A log as jobs see it. `None` for one that is in no block, or in none any more.
#[must_use]
pub fn entry(log: Log) -> Option<LogEntry> {
    if log.removed {
        return None;
    }
    Some(LogEntry {
        address: log.inner.address,
        topics: log.inner.data.topics().to_vec(),
        block_number: log.block_number?,
        block_hash: log.block_hash?,
        transaction_hash: log.transaction_hash?,
        log_index: log.log_index?.try_into().ok()?,
        data: log.inner.data.data,
    })
}

fn failure(method: &str, reference: &BlockReference, error: &dyn Display) -> RpcFailure {
    RpcFailure::NoAnswer(words(method, reference, error))
}

/// What a node says, kept short: it ends in logs and in the API.
fn words(method: &str, reference: &BlockReference, error: &dyn Display) -> String {
    let text: String = error.to_string().chars().take(300).collect();
    format!("{method} at block {}: {text}", reference.number)
}

#[cfg(test)]
mod tests;
