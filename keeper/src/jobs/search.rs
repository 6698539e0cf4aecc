//! The search for logs that make jobs due.
//!
//! A node that has lost a log says nothing of it. So a block's own filter (`logsBloom`) tells first whether there may be any,
//! and where there may be but none is shown another node is asked too. Of many blocks at once, after a stop, two nodes are
//! asked and what either shows counts: each log bears the hash of its block, which is held against the chain that is followed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bloom, BloomInput};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use executor::LogEntry;

use super::trigger::{LogFilter, SeenLog};
use crate::chain::{ChainError, ChainProvider, Rpc, block_at};

/// Contracts that are asked about in one question: providers cap lists of addresses.
const CONTRACTS_MAX: usize = 100;
/// Longest data of a log that makes a job due. More can neither be told to code nor handed to a target.
const DATA_MAX: usize = 32 << 10;

/// Blocks to be searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Names the search: an answer to an earlier one is no answer.
    pub number: u64,
    /// The first block.
    pub from: u64,
    /// The last block.
    pub to: u64,
    /// Its hash, where the chain that is followed still has it at hand: a node on another branch has nothing to say.
    pub hash: Option<B256>,
    /// Blocks on top of a log's block before it makes a job due, besides the network's.
    pub depth: u64,
    /// What is looked for.
    pub wanted: Arc<[Wanted]>,
}

impl Stretch {
    /// The hash of its block where it is one.
    #[must_use]
    pub fn one(&self) -> Option<B256> {
        self.hash.filter(|_| self.from == self.to)
    }
}

/// The logs that make a job due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The job.
    pub job: u64,
    /// Which logs.
    pub filter: LogFilter,
}

/// A log that was found for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The job.
    pub job: u64,
    /// The log.
    pub log: Arc<SeenLog>,
    /// Timestamp of the block that gives it the job's depth, in Unix seconds.
    pub ripe: u64,
}

/// What a search has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// By block and place, for each job no more of a block than it takes.
    pub hits: Vec<Hit>,
    /// Logs that make nobody due, by job: more of a block than the job takes, or longer than can be.
    pub dropped: BTreeMap<u64, u64>,
}

/// Searches blocks.
///
/// # Errors
/// The nodes do not answer, or show another chain than the one that is followed.
pub async fn search(rpc: &Rpc, stretch: &Stretch) -> Result<Found, ChainError> {
    let node = rpc.node().await?;
    let provider = node.provider();
    let end = block_at(&provider, stretch.to).await?;
    if stretch.hash.is_some_and(|hash| hash != end.head.hash) {
        return Err(ChainError::unbelievable("other_block", format!("block {} is another one", stretch.to)));
    }
    let may_be = |wanted: &&Wanted| match (stretch.one(), &end.bloom) {
        (Some(_), Some(bloom)) => may_be_in(bloom, &wanted.filter),
        _ => true,
    };
    let wanted: Vec<&Wanted> = stretch.wanted.iter().filter(may_be).collect();
    let mut logs = BTreeMap::new();
    let mut oversized = BTreeMap::new();
    for part in parts(&wanted) {
        let mut found = fetch(&provider, stretch, &part, &mut oversized).await?;
        // One node's silence, where its own filter promises something or many blocks have none.
        let is_whole =
            stretch.one().is_some() && part.iter().all(|wanted| found.values().any(|log| takes(wanted, log)));
        if !is_whole && !part.is_empty() {
            for other in rpc.others(&node).into_iter().take(1) {
                match fetch(&other.provider(), stretch, &part, &mut oversized).await {
                    Ok(more) => found.extend(more),
                    Err(error) => tracing::debug!(%error, node = other.origin(), "a second node was asked for logs"),
                }
            }
        }
        logs.extend(found);
    }
    // Another branch may have come in between.
    if block_at(&provider, stretch.to).await?.head.hash != end.head.hash {
        return Err(ChainError::unbelievable("reorganised_meanwhile", format!("block {} changed", stretch.to)));
    }
    sort(&provider, stretch, logs, oversized).await
}

fn takes(wanted: &Wanted, log: &LogEntry) -> bool {
    wanted.filter.takes(log.address, &log.topics)
}

/// Whether a block with this filter may hold a log that is looked for.
fn may_be_in(bloom: &Bloom, filter: &LogFilter) -> bool {
    let holds = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
    holds(filter.emitter().as_slice()) && filter.topics().flatten().all(|topic| holds(topic.as_slice()))
}

/// What is asked in one question each.
fn parts<'a>(wanted: &[&'a Wanted]) -> Vec<Vec<&'a Wanted>> {
    let mut by_contract: BTreeMap<Address, Vec<&Wanted>> = BTreeMap::new();
    for &one in wanted {
        by_contract.entry(one.filter.emitter()).or_default().push(one);
    }
    let contracts: Vec<Vec<&Wanted>> = by_contract.into_values().collect();
    contracts.chunks(CONTRACTS_MAX).map(<[_]>::concat).collect()
}

/// The logs by their place. Where they are more than is taken at once each job is asked for by itself, and one whose own are too
/// many has none.
async fn fetch(
    provider: &ChainProvider,
    stretch: &Stretch,
    wanted: &[&Wanted],
    oversized: &mut BTreeMap<u64, u64>,
) -> Result<BTreeMap<(u64, u32), LogEntry>, ChainError> {
    match ask(provider, stretch, wanted).await {
        Err(ChainError::TooMuch(_)) if wanted.len() > 1 => {}
        Err(ChainError::TooMuch(_)) => {
            oversized.extend(wanted.iter().map(|wanted| (wanted.job, 1)));
            return Ok(BTreeMap::new());
        }
        whole => return whole,
    }
    let mut all = BTreeMap::new();
    for one in wanted {
        match ask(provider, stretch, &[one]).await {
            Ok(logs) => all.extend(logs),
            Err(ChainError::TooMuch(_)) => drop(oversized.insert(one.job, 1)),
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

async fn ask(
    provider: &ChainProvider,
    stretch: &Stretch,
    wanted: &[&Wanted],
) -> Result<BTreeMap<(u64, u32), LogEntry>, ChainError> {
    let emitters: BTreeSet<Address> = wanted.iter().map(|wanted| wanted.filter.emitter()).collect();
    let mut filter = Filter::new().address(emitters.into_iter().collect::<Vec<_>>());
    for place in 0..filter.topics.len() {
        let asked: Option<BTreeSet<B256>> =
            wanted.iter().map(|wanted| wanted.filter.topics().nth(place).flatten()).collect();
        if let Some(asked) = asked {
            filter.topics[place] = asked.into_iter().collect::<Vec<_>>().into();
        }
    }
    let filter = match stretch.one() {
        Some(hash) => filter.at_block_hash(hash),
        None => filter.from_block(stretch.from).to_block(stretch.to),
    };
    let mut placed = BTreeMap::new();
    for log in provider.get_logs(&filter).await? {
        let entry = entry_of(log, stretch)?;
        placed.insert((entry.block_number, entry.log_index), entry);
    }
    Ok(placed)
}

/// A log with its place, if it is one of those blocks.
fn entry_of(log: Log, stretch: &Stretch) -> Result<LogEntry, ChainError> {
    let (Some(block_number), Some(block_hash), Some(transaction_hash), Some(index)) =
        (log.block_number, log.block_hash, log.transaction_hash, log.log_index)
    else {
        return Err(ChainError::unbelievable("log_without_block", "a log that is in no block"));
    };
    let of_stretch = (stretch.from..=stretch.to).contains(&block_number);
    if log.removed || !of_stretch || stretch.one().is_some_and(|hash| hash != block_hash) {
        return Err(ChainError::unbelievable(
            "log_of_other_block",
            format!("a log of block {block_number} {block_hash}"),
        ));
    }
    let log_index = u32::try_from(index).map_err(|_| ChainError::unbelievable("log_index", format!("log {index}")))?;
    let (topics, data) = (log.inner.data.topics().to_vec(), log.inner.data.data);
    Ok(LogEntry { address: log.inner.address, topics, data, block_number, block_hash, transaction_hash, log_index })
}

/// Which log is whose, with the moments of the blocks.
async fn sort(
    provider: &ChainProvider,
    stretch: &Stretch,
    logs: BTreeMap<(u64, u32), LogEntry>,
    dropped: BTreeMap<u64, u64>,
) -> Result<Found, ChainError> {
    let mut found = Found { hits: Vec::new(), dropped };
    let mut moments = BTreeMap::new();
    let mut taken: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for entry in logs.into_values() {
        let number = entry.block_number;
        let mut seen = None;
        for wanted in stretch.wanted.iter().filter(|wanted| takes(wanted, &entry)) {
            let count = taken.entry((wanted.job, number)).or_default();
            *count += 1;
            if *count > wanted.filter.most_per_block() || entry.data.len() > DATA_MAX {
                *found.dropped.entry(wanted.job).or_default() += 1;
                continue;
            }
            if seen.is_none() {
                let (timestamp, ripe) = moments_of(provider, &entry, stretch.depth, &mut moments).await?;
                seen = Some((Arc::new(SeenLog { entry: entry.clone(), timestamp }), ripe));
            }
            let hit = seen.as_ref().map(|(log, ripe)| Hit { job: wanted.job, log: Arc::clone(log), ripe: *ripe });
            found.hits.extend(hit);
        }
    }
    Ok(found)
}

/// Timestamps of a log's block and of the block that gives it its depth.
async fn moments_of(
    provider: &ChainProvider,
    entry: &LogEntry,
    depth: u64,
    known: &mut BTreeMap<u64, (B256, u64)>,
) -> Result<(u64, u64), ChainError> {
    let mut moments = [0; 2];
    for (moment, number) in moments.iter_mut().zip([entry.block_number, entry.block_number.saturating_add(depth)]) {
        let (hash, timestamp) = match known.get(&number) {
            Some(known) => *known,
            None => {
                let head = block_at(provider, number).await?.head;
                known.insert(number, (head.hash, head.timestamp));
                (head.hash, head.timestamp)
            }
        };
        if number == entry.block_number && hash != entry.block_hash {
            let detail = format!("a log of block {number} {}, which is {hash}", entry.block_hash);
            return Err(ChainError::unbelievable("log_of_other_block", detail));
        }
        *moment = timestamp;
    }
    let [timestamp, ripe] = moments;
    Ok((timestamp, ripe))
}

#[cfg(test)]
mod tests;
