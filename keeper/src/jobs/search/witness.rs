//! One node, asked for the logs of a stretch of blocks: in questions that it can answer, and held to its own blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::{Address, B256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use executor::LogEntry;

use super::told::{Dated, Told, size_of};
use super::{ByEmitter, Stretch, Wanted};
use crate::chain::{Block, ChainError, ChainProvider, block_at};
use crate::jobs::trigger::SeenLog;

/// Reasons for which a node's logs contradict themselves or their blocks.
pub(super) const LIES: [&str; 4] = ["log_without_block", "log_of_other_block", "log_index", "undecodable_answer"];
/// Most bytes of logs that a search takes.
const BYTES_MAX: usize = 64 << 20;
/// How often a job's logs of one block are asked for where the node answers for all others.
const TRIES: u32 = 3;
/// Nobody emits from here.
const NOBODY: Address = Address::repeat_byte(0xff);

/// The answer to one question.
#[derive(Default)]
struct Shown {
    logs: Vec<LogEntry>,
    dropped: BTreeMap<(u64, u64), u64>,
}

/// The node.
pub(super) struct Witness<'a> {
    provider: ChainProvider,
    stretch: &'a Stretch,
    /// Its blocks: hash and timestamp.
    blocks: BTreeMap<u64, (B256, u64)>,
}

impl<'a> Witness<'a> {
    pub(super) const fn new(provider: ChainProvider, stretch: &'a Stretch) -> Self {
        Self { provider, stretch, blocks: BTreeMap::new() }
    }

    /// The last block of the stretch, as the node has it now.
    pub(super) async fn end(&mut self) -> Result<Block, ChainError> {
        let number = self.stretch.to;
        let end = block_at(&self.provider, number).await?;
        if self.stretch.end().is_some_and(|hash| hash != end.head.hash) {
            return Err(ChainError::unbelievable("other_block", format!("block {number} is another one")));
        }
        self.blocks.insert(number, (end.head.hash, end.head.timestamp));
        Ok(end)
    }

    /// What is wanted, of as many of the blocks as it can be had of at once; `held` is what other questions brought.
    pub(super) async fn tell(&mut self, wanted: &[&Wanted], held: &Told) -> Result<Told, ChainError> {
        self.tell_up_to(held.to, wanted, held).await
    }

    /// The same of what another node has told, if this one is on its branch before and after.
    pub(super) async fn tell_too(
        &mut self,
        wanted: &[&Wanted],
        told: &Told,
        held: &Told,
        end: B256,
    ) -> Result<Told, ChainError> {
        self.ends_with(end).await?;
        let more = self.tell_up_to(told.to, wanted, held).await?;
        self.ends_with(end).await?;
        Ok(more)
    }

    async fn ends_with(&mut self, end: B256) -> Result<(), ChainError> {
        let found = self.end().await?.head.hash;
        let other = || ChainError::unbelievable("other_block", format!("block {} is {found}", self.stretch.to));
        (found == end).then_some(()).ok_or_else(other)
    }

    async fn tell_up_to(&mut self, mut to: u64, wanted: &[&Wanted], held: &Told) -> Result<Told, ChainError> {
        let from = self.stretch.from;
        while from < to {
            match self.take((from, to), wanted, BYTES_MAX.saturating_sub(held.bytes(to))).await {
                Ok(Shown { logs, dropped }) => {
                    return Ok(Told { logs: self.dated(logs).await?, dropped, ..Told::new(to) });
                }
                Err(ChainError::TooMuch(_)) => to = from + (to - from) / 2,
                Err(error) => return Err(error),
            }
        }
        let mut told = Told::new(to);
        let mut parts = vec![wanted];
        while let Some(part) = parts.pop() {
            let room = BYTES_MAX.saturating_sub(held.bytes(to)).saturating_sub(told.bytes(to));
            match (self.take((from, to), part, room).await, part) {
                (Ok(Shown { logs, dropped }), _) => {
                    told.logs.extend(self.dated(logs).await?);
                    told.dropped.extend(dropped);
                }
                (Err(ChainError::TooMuch(why)), [one]) => drop(told.unread.insert((to, one.job), why)),
                (Err(ChainError::TooMuch(_)), _) => parts.extend(<[_; 2]>::from(part.split_at(part.len() / 2))),
                (Err(error), _) => return Err(error),
            }
        }
        Ok(told)
    }

    /// The logs of these blocks. A node that answers for others of the same blocks, and for a while does not answer for these, cannot
    /// give them: that is the same as if they were too much, for else one job could have all the others wait.
    async fn take(&self, blocks: (u64, u64), wanted: &[&Wanted], room: usize) -> Result<Shown, ChainError> {
        let mut tries = if wanted.len() > 1 || blocks.0 < blocks.1 { 1 } else { TRIES };
        loop {
            let error = match self.ask(blocks, wanted, room).await {
                Err(error @ (ChainError::Unreachable(_) | ChainError::Refused(_))) => error,
                answer => return answer,
            };
            let is_known = matches!(wanted, [one] if one.apart);
            if !(self.stretch.is_stuck || is_known) {
                return Err(error);
            }
            let nobody = self.filter(blocks).address(NOBODY);
            if self.provider.get_logs(&nobody).await.is_err() {
                return Err(error);
            }
            tries -= 1;
            if tries == 0 {
                return Err(ChainError::TooMuch(error.to_string()));
            }
        }
    }

    async fn ask(&self, blocks: (u64, u64), wanted: &[&Wanted], room: usize) -> Result<Shown, ChainError> {
        let emitters: BTreeSet<Address> = wanted.iter().map(|wanted| wanted.filter.emitter()).collect();
        let mut filter = self.filter(blocks).address(emitters.into_iter().collect::<Vec<_>>());
        for place in 0..filter.topics.len() {
            let asked: Option<BTreeSet<B256>> =
                wanted.iter().map(|wanted| wanted.filter.topics().nth(place).flatten()).collect();
            if let Some(asked) = asked {
                filter.topics[place] = asked.into_iter().collect::<Vec<_>>().into();
            }
        }
        let logs = self.provider.get_logs(&filter).await?.into_iter().map(|log| entry_of(log, blocks));
        let shown = taken(logs.collect::<Result<_, _>>()?, wanted);
        let bytes: usize = shown.logs.iter().map(size_of).sum();
        if bytes > room {
            return Err(ChainError::TooMuch(format!("they take {bytes} bytes, and there is room for {room}")));
        }
        Ok(shown)
    }

    fn filter(&self, (from, to): (u64, u64)) -> Filter {
        match self.stretch.followed.get(&from).filter(|_| from == to) {
            Some(hash) => Filter::new().at_block_hash(*hash),
            None => Filter::new().from_block(from).to_block(to),
        }
    }

    /// The logs by their place, with the moments of their blocks.
    async fn dated(&mut self, logs: Vec<LogEntry>) -> Result<BTreeMap<(u64, u32), Dated>, ChainError> {
        let mut placed = BTreeMap::new();
        for entry in logs {
            let number = entry.block_number;
            let (hash, timestamp) = self.block(number).await?;
            let followed = self.stretch.followed.get(&number).copied();
            if entry.block_hash != hash || followed.is_some_and(|followed| followed != hash) {
                let other = followed.unwrap_or(hash);
                let detail = format!("a log of block {number} {}, which is {other}", entry.block_hash);
                return Err(ChainError::unbelievable("log_of_other_block", detail));
            }
            let (_, ripe) = self.block(number.saturating_add(self.stretch.depth)).await?;
            let place = (number, entry.log_index);
            placed.insert(place, Dated { log: Arc::new(SeenLog { entry, timestamp }), ripe });
        }
        Ok(placed)
    }

    async fn block(&mut self, number: u64) -> Result<(B256, u64), ChainError> {
        if let Some(known) = self.blocks.get(&number) {
            return Ok(*known);
        }
        let head = block_at(&self.provider, number).await?.head;
        self.blocks.insert(number, (head.hash, head.timestamp));
        Ok((head.hash, head.timestamp))
    }
}

/// Of logs those that somebody takes, and of each block no more than that: else one job's would fill the room there is for all.
fn taken(mut logs: Vec<LogEntry>, wanted: &[&Wanted]) -> Shown {
    let by_emitter = ByEmitter::new(wanted.iter().copied());
    let (mut shown, mut counts) = (Shown::default(), BTreeMap::new());
    logs.sort_unstable_by_key(|log| (log.block_number, log.log_index));
    for log in logs {
        let mut too_many = Vec::new();
        let mut is_taken = false;
        for wanted in by_emitter.takers(&log) {
            let place = (log.block_number, wanted.job);
            let count: &mut usize = counts.entry(place).or_default();
            *count += 1;
            match *count <= wanted.filter.most_per_block() {
                true => is_taken = true,
                false => too_many.push(place),
            }
        }
        if is_taken {
            shown.logs.push(log);
            continue;
        }
        for place in too_many {
            *shown.dropped.entry(place).or_default() += 1;
        }
    }
    shown
}

/// A log with its place, if it is one of those blocks.
fn entry_of(log: Log, (from, to): (u64, u64)) -> Result<LogEntry, ChainError> {
    let (Some(block_number), Some(block_hash), Some(transaction_hash), Some(index)) =
        (log.block_number, log.block_hash, log.transaction_hash, log.log_index)
    else {
        return Err(ChainError::unbelievable("log_without_block", "a log that is in no block"));
    };
    if log.removed || !(from..=to).contains(&block_number) {
        return Err(ChainError::unbelievable(
            "log_of_other_block",
            format!("a log of block {block_number} {block_hash}"),
        ));
    }
    let log_index = u32::try_from(index).map_err(|_| ChainError::unbelievable("log_index", format!("log {index}")))?;
    let (topics, data) = (log.inner.data.topics().to_vec(), log.inner.data.data);
    Ok(LogEntry { address: log.inner.address, topics, data, block_number, block_hash, transaction_hash, log_index })
}
