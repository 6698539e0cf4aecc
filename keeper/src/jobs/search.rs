//! The search for logs that make jobs due.
//!
//! ```text
//!   stretch ──► jobs, a hundred at a time ──► one node, and where it is silent another one ──► logs by their place ──► hits
//!                                                │ too much
//!                                                ├─► of many blocks: fewer of them, and the rest the next time
//!                                                └─► of one block: half of the jobs each, down to the job whose logs they are
//! ```
//!
//! A node that has lost a log says nothing of it. So a block's own filter (`logsBloom`) tells first whether there may be any,
//! and where there may be but none is shown another node is asked too. Of many blocks at once, after a stop, two nodes are
//! asked and what either shows counts. Each log bears the hash of its block, which is held against the chain that is followed, and
//! against the blocks of the node that shows it: neither node can have the other's logs thrown away. One that errs in that is asked no
//! further, and the next one answers in its place.

mod told;
mod witness;

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bloom, BloomInput};
use executor::LogEntry;

use super::trigger::{LogFilter, SeenLog};
use crate::chain::{ChainError, Node, Rpc};
use told::Told;
use witness::Witness;

/// Jobs that are asked about in one question: nodes cap lists of addresses and of topics.
const JOBS_MAX: usize = 100;
/// Longest data of a log that makes a job due. More can neither be told to code nor handed to a target.
const DATA_MAX: usize = 32 << 10;
/// Nodes that search, one after the other, where the one before could not.
const NODES_MAX: usize = 2;

/// Blocks to be searched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Names the search: an answer to an earlier one is no answer.
    pub number: u64,
    /// The first block.
    pub from: u64,
    /// The last block.
    pub to: u64,
    /// The hashes of its blocks, where the chain that is followed still has them at hand: a node on another branch has nothing to say.
    pub followed: Arc<BTreeMap<u64, B256>>,
    /// Blocks on top of a log's block before it makes a job due, besides the network's.
    pub depth: u64,
    /// What is looked for.
    pub wanted: Arc<[Wanted]>,
    /// Whether this was tried for a while: what fails then for one job, while the node answers for others, is that job's own. Before, it
    /// may be that the node is not done with a block.
    pub is_stuck: bool,
}

impl Stretch {
    /// The hash of its last block, where that is followed.
    #[must_use]
    pub fn end(&self) -> Option<B256> {
        self.followed.get(&self.to).copied()
    }

    /// The hash of its block where it is one.
    #[must_use]
    pub fn one(&self) -> Option<B256> {
        self.end().filter(|_| self.from == self.to)
    }
}

/// The logs that make a job due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The job.
    pub job: u64,
    /// Which logs.
    pub filter: LogFilter,
    /// Whether it is asked about by itself: its logs were too many lately, and to find that out again takes many questions.
    pub apart: bool,
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

/// A job's logs of one block that no node gives: they are too many, or it fails for them and for no other job's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The job.
    pub job: u64,
    /// The block.
    pub block: u64,
    /// Why not, in the node's words.
    pub why: String,
}

/// What a search has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// By block and place, for each job no more of a block than it takes.
    pub hits: Vec<Hit>,
    /// Logs that make nobody due, by job: more of a block than the job takes, or longer than can be.
    pub dropped: BTreeMap<u64, u64>,
    /// Blocks of which nothing can be said for a job.
    pub unread: Vec<Unread>,
    /// Blocks at the end of the stretch that are still to be searched: all of them hold more than is taken at once.
    pub left: u64,
}

/// Searches blocks.
///
/// # Errors
/// The nodes do not answer, or show another chain than the one that is followed.
pub async fn search(rpc: &Rpc, stretch: &Stretch) -> Result<Found, ChainError> {
    let first = rpc.node().await?;
    let others = rpc.others(&first);
    let mut failure = None;
    for node in std::iter::once(first).chain(others).take(NODES_MAX) {
        match search_with(rpc, &node, stretch).await {
            Ok(found) => return Ok(found),
            Err(error) => {
                doubt(&node, &error);
                failure.get_or_insert(error);
            }
        }
    }
    Err(failure.unwrap_or_else(|| ChainError::Unreachable("no node may be asked".to_owned())))
}

/// Holds against a node that it shows logs which contradict their blocks. That it has another block is no lie: the survey tells.
fn doubt(node: &Node, error: &ChainError) {
    if let ChainError::Unbelievable { reason, detail } = error
        && witness::LIES.contains(reason)
    {
        node.distrust(reason, detail);
    }
}

async fn search_with(rpc: &Rpc, node: &Node, stretch: &Stretch) -> Result<Found, ChainError> {
    let mut first = Witness::new(node.provider(), stretch);
    let end = first.end().await?;
    let may_be = |wanted: &&Wanted| match (stretch.one(), &end.bloom) {
        (Some(_), Some(bloom)) => may_be_in(bloom, &wanted.filter),
        _ => true,
    };
    let wanted = parts(stretch.wanted.iter().filter(may_be));
    let mut others = rpc.others(node).into_iter().map(|other| (Witness::new(other.provider(), stretch), other));
    let mut second = others.next();
    let mut all = Told::new(stretch.to);
    for part in &wanted {
        let mut told = first.tell(part, &all).await?;
        // One node's silence, where its own filter promises something or many blocks have none.
        let mut is_whole = stretch.one().is_some() && told.has_all(part);
        while !is_whole && let Some((witness, other)) = &mut second {
            match witness.tell_too(part, &told, &all, end.head.hash).await {
                Ok(more) => {
                    told.join(more);
                    is_whole = true;
                }
                Err(error) => {
                    tracing::debug!(%error, node = other.origin(), "another node was asked for logs");
                    doubt(other, &error);
                    second = others.next();
                }
            }
        }
        all.add(told);
    }
    // Another branch may have come in between.
    if first.end().await?.head.hash != end.head.hash {
        return Err(ChainError::unbelievable("reorganised_meanwhile", format!("block {} changed", stretch.to)));
    }
    Ok(sort(stretch, all))
}

/// What is asked in one question each.
fn parts<'a>(wanted: impl Iterator<Item = &'a Wanted>) -> Vec<Vec<&'a Wanted>> {
    let (apart, mut together): (Vec<_>, Vec<_>) = wanted.partition(|wanted| wanted.apart);
    together.sort_by_key(|wanted| wanted.filter.emitter());
    let together = together.chunks(JOBS_MAX).map(<[_]>::to_vec);
    together.chain(apart.into_iter().map(|one| vec![one])).collect()
}

/// Whether a block with this filter may hold a log that is looked for.
fn may_be_in(bloom: &Bloom, filter: &LogFilter) -> bool {
    let holds = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
    holds(filter.emitter().as_slice()) && filter.topics().flatten().all(|topic| holds(topic.as_slice()))
}

/// What is looked for by the contract that emits it: of many jobs few are about any one log.
struct ByEmitter<'a>(BTreeMap<Address, Vec<&'a Wanted>>);

impl<'a> ByEmitter<'a> {
    fn new(wanted: impl Iterator<Item = &'a Wanted>) -> Self {
        let mut by_emitter: BTreeMap<Address, Vec<&Wanted>> = BTreeMap::new();
        for one in wanted {
            by_emitter.entry(one.filter.emitter()).or_default().push(one);
        }
        Self(by_emitter)
    }

    /// Those who take a log.
    fn takers<'b>(&'b self, log: &'b LogEntry) -> impl Iterator<Item = &'a Wanted> + 'b {
        let wanted = self.0.get(&log.address).into_iter().flatten().copied();
        wanted.filter(move |wanted| wanted.filter.takes(log.address, &log.topics))
    }
}

/// Which log is whose.
fn sort(stretch: &Stretch, told: Told) -> Found {
    let by_emitter = ByEmitter::new(stretch.wanted.iter());
    let mut found = Found { left: stretch.to - told.to, ..Found::default() };
    let mut taken: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for dated in told.logs.into_values() {
        let entry = &dated.log.entry;
        for wanted in by_emitter.takers(entry) {
            let count = taken.entry((wanted.job, entry.block_number)).or_default();
            *count += 1;
            if *count > wanted.filter.most_per_block() || entry.data.len() > DATA_MAX {
                *found.dropped.entry(wanted.job).or_default() += 1;
                continue;
            }
            found.hits.push(Hit { job: wanted.job, log: Arc::clone(&dated.log), ripe: dated.ripe });
        }
    }
    for ((_, job), count) in told.dropped {
        *found.dropped.entry(job).or_default() += count;
    }
    found.unread = told.unread.into_iter().map(|((block, job), why)| Unread { job, block, why }).collect();
    found
}

#[cfg(test)]
mod tests;
