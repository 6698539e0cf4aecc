//! Blocks: how they are asked for, which ones are held to notice a reorganisation, and when to ask again.

use super::rpc::ChainProvider;
use super::{ChainError, Head};
use alloy::primitives::{B256, Bloom, Bytes, U64, U256};
use alloy::providers::Provider;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many blocks are held: enough to derive anchors and leader seeds, and to find the common ancestor of any
/// reorganisation worth following. A certificate's anchor is at most 256 blocks old.
pub const HELD_BLOCKS: u64 = 300;

/// How often a block is asked for that a node says it does not have, and the pause between.
const NULL_TRIES: u32 = 4;
const NULL_PAUSE: Duration = Duration::from_millis(75);

/// The fields of a header that keepers use. Chains add fields of their own to headers, so nothing else is decoded.
#[derive(serde::Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
struct RawHeader {
    number: U64,
    /// None in the pending block.
    hash: Option<B256>,
    parent_hash: B256,
    timestamp: U64,
    base_fee_per_gas: Option<U256>,
    gas_limit: Option<U256>,
    gas_used: Option<U256>,
    logs_bloom: Option<Bytes>,
}

/// A block with the filter of its logs, where the node shows one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) head: Head,
    pub(crate) bloom: Option<Bloom>,
}

/// The newest block, with what a transaction in the next one has to pay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latest {
    pub(crate) head: Head,
    /// Wei per gas; zero on a chain without EIP-1559.
    pub(crate) base_fee: u128,
    pub(crate) gas_limit: u64,
    pub(crate) gas_used: u64,
    pub(crate) bloom: Option<Bloom>,
}

/// The newest block. Some nodes answer with the one they are still building, which has no hash: then it is the one below.
pub(crate) async fn latest(provider: &ChainProvider) -> Result<Latest, ChainError> {
    let mut raw = ask(provider, "latest".to_owned())
        .await?
        .ok_or_else(|| ChainError::unbelievable("no_latest_block", "the node has no newest block"))?;
    if raw.hash.is_none() {
        let number = raw.number.to::<u64>().checked_sub(1);
        let number = number.ok_or_else(|| ChainError::unbelievable("invalid_header", "block 0 has no hash"))?;
        raw = by_number(provider, number).await?;
    }
    Ok(Latest {
        head: head_of(&raw)?,
        base_fee: raw.base_fee_per_gas.map(|fee| fee.saturating_to()).unwrap_or_default(),
        gas_limit: raw.gas_limit.map_or(u64::MAX, |limit| limit.saturating_to()),
        gas_used: raw.gas_used.map_or(0, |used| used.saturating_to()),
        bloom: bloom_of(&raw),
    })
}

/// The block with this number, as the node sees it now.
pub(crate) async fn at(provider: &ChainProvider, number: u64) -> Result<Head, ChainError> {
    Ok(block_at(provider, number).await?.head)
}

/// The same with the filter of its logs.
pub(crate) async fn block_at(provider: &ChainProvider, number: u64) -> Result<Block, ChainError> {
    let raw = by_number(provider, number).await?;
    Ok(Block { head: head_of(&raw)?, bloom: bloom_of(&raw) })
}

async fn by_number(provider: &ChainProvider, number: u64) -> Result<RawHeader, ChainError> {
    let raw = ask(provider, format!("{number:#x}"))
        .await?
        .ok_or_else(|| ChainError::unbelievable("missing_block", format!("it has no block {number}")))?;
    let found: u64 = raw.number.to();
    if found != number {
        let detail = format!("asked for block {number}, got block {found}");
        return Err(ChainError::unbelievable("other_block", detail));
    }
    Ok(raw)
}

/// The block of this name. "None" is asked again: behind a load balancer one node may be a few blocks back.
async fn ask(provider: &ChainProvider, block: String) -> Result<Option<RawHeader>, ChainError> {
    for tries in 1.. {
        let raw: Option<RawHeader> =
            provider.raw_request("eth_getBlockByNumber".into(), (block.as_str(), false)).await?;
        if raw.is_some() || tries >= NULL_TRIES {
            return Ok(raw);
        }
        tokio::time::sleep(NULL_PAUSE).await;
    }
    Ok(None)
}

/// A filter of another size than Ethereum's is another chain's, and says nothing.
fn bloom_of(raw: &RawHeader) -> Option<Bloom> {
    raw.logs_bloom.as_ref().and_then(|bloom| Bloom::try_from(bloom.as_ref()).ok())
}

fn head_of(raw: &RawHeader) -> Result<Head, ChainError> {
    let (number, timestamp) = (raw.number.to(), raw.timestamp.to());
    let head = Head { number, hash: raw.hash.unwrap_or_default(), parent: raw.parent_hash, timestamp };
    if head.hash.is_zero() || head.hash == head.parent {
        return Err(ChainError::unbelievable(
            "invalid_header",
            format!("block {} has hash {}", head.number, head.hash),
        ));
    }
    Ok(head)
}

/// The newest blocks that were passed on, each the parent of the next.
#[derive(Debug, Default)]
pub(crate) struct HeldHeads {
    heads: VecDeque<Head>,
    /// The block below the oldest one held, where it is known: while none is held, the one that history was read up to.
    before: Option<Head>,
}

/// Whether a block continues what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is the next one.
    Next,
    /// Its parent is not the block held before it.
    Reorganised,
}

impl HeldHeads {
    pub(crate) fn last(&self) -> Option<Head> {
        self.heads.back().copied()
    }

    pub(crate) fn first(&self) -> Option<Head> {
        self.heads.front().copied()
    }

    /// The block that history was read up to, as long as no block above it is held.
    pub(crate) fn end_of_history(&self) -> Option<Head> {
        self.before.filter(|_| self.heads.is_empty())
    }

    /// History was read up to this block: the first one held has to be its child.
    pub(crate) fn begin_after(&mut self, head: Head) {
        self.before = Some(head);
    }

    pub(crate) fn get(&self, number: u64) -> Option<Head> {
        let first = self.first()?.number;
        self.heads.get(usize::try_from(number.checked_sub(first)?).ok()?).copied()
    }

    /// Whether `head` continues the held blocks.
    ///
    /// # Errors
    /// It is another number than the next one, or older than its parent.
    pub(crate) fn fit(&self, head: &Head) -> Result<Fit, ChainError> {
        let Some(last) = self.last().or(self.before) else { return Ok(Fit::Next) };
        if Some(head.number) != last.number.checked_add(1) {
            let detail = format!("block {} after block {}", head.number, last.number);
            return Err(ChainError::unbelievable("not_consecutive", detail));
        }
        if head.parent != last.hash {
            return Ok(Fit::Reorganised);
        }
        if head.timestamp < last.timestamp {
            let detail = format!("block {} is older than its parent", head.number);
            return Err(ChainError::unbelievable("time_runs_back", detail));
        }
        Ok(Fit::Next)
    }

    /// Holds a block that fits, letting go of the oldest.
    pub(crate) fn push(&mut self, head: Head) {
        self.heads.push_back(head);
        while self.heads.len() as u64 > HELD_BLOCKS {
            self.before = self.heads.pop_front();
        }
    }

    /// Lets go of every block above `number`.
    pub(crate) fn truncate(&mut self, number: u64) {
        while self.heads.back().is_some_and(|head| head.number > number) {
            self.heads.pop_back();
        }
        self.before.take_if(|before| before.number > number);
    }

    pub(crate) fn clear(&mut self) {
        self.heads.clear();
        self.before = None;
    }
}

/// The newest held block that still stands, going back from `from`; `None` when no held block does.
pub(crate) async fn common_ancestor(
    provider: &ChainProvider,
    held: &HeldHeads,
    from: u64,
) -> Result<Option<u64>, ChainError> {
    let Some(first) = held.first() else { return Ok(None) };
    let mut number = from;
    while let Some(head) = held.get(number) {
        if at(provider, number).await?.hash == head.hash {
            return Ok(Some(number));
        }
        if number == first.number {
            break;
        }
        number -= 1;
    }
    Ok(None)
}

/// When to ask for the newest block again: seldom right after a block, often when the next one is due.
#[derive(Debug)]
pub(crate) struct Pace {
    block_time: Duration,
    /// Moment the newest block was first seen.
    seen: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(block_time: Duration) -> Self {
        // Capped so that a nonsensical block time neither overflows nor stops the polling, nor makes it one without end.
        Self { block_time: block_time.clamp(Duration::from_millis(100), Duration::from_secs(3600)), seen: None }
    }

    pub(crate) fn block_seen(&mut self, now: Instant) {
        self.seen = Some(now);
    }

    /// Time until the next question: a fifth of the block time, but a tenth (25 to 500 ms) around the moment the next
    /// block is expected.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        let usual = (self.block_time / 5).clamp(Duration::from_millis(100), Duration::from_secs(2));
        let often = (usual / 4).clamp(Duration::from_millis(25), Duration::from_millis(500));
        let Some(seen) = self.seen else { return usual };
        let age = now.saturating_duration_since(seen);
        let expected = self.block_time.saturating_sub(often * 2);
        if age >= self.block_time * 2 {
            usual
        } else if age >= expected {
            often
        } else {
            (expected - age).clamp(often, usual)
        }
    }
}

#[cfg(test)]
mod tests;
