//! Logs that should be there: a header's filter promises some, the node answers with none.
//!
//! ```text
//!  none, and none promised ──► believed
//!  none, though promised ──► another node, then this one again ──► found: the first node is left
//!                                        │
//!                                        └ still none: believed for now, asked again a few blocks later ──► found: the
//!                                          blocks from there on are told anew
//! ```
//!
//! The other way round, logs that no filter promised are believed unless another node denies them.
//! Filters promise now and then what is not there (one block in a few, where blocks are full), so that none is an
//! answer after all, and a chain that leaves its filters empty is never doubted.

use super::{Interrupt, Watcher, send};
use crate::chain::heads::Block;
use crate::chain::logs::{self, Blocks, OurLog};
use crate::chain::{ChainError, ChainEvent};
use alloy::primitives::{B256, Bloom};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;

/// Blocks after which a doubtful one is asked about again.
const AGAIN_AFTER: u64 = 4;
/// Most blocks remembered for that.
const MOST_DOUBTS: usize = 64;
/// Bits of a filter's 2,048 from which on it says nothing: by then a third of what it is asked for seems to be there.
const FULL_BITS: u32 = 1_400;
/// A node may show a block a moment before its logs.
const MOMENT: Duration = Duration::from_millis(100);

/// Blocks that were believed to be without logs of ours, against their filters.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    blocks: VecDeque<(u64, B256)>,
    /// Whether the chain fills its filters: some leave them empty.
    has_filters: bool,
}

impl Doubts {
    fn add(&mut self, number: u64, hash: B256) {
        if self.blocks.len() == MOST_DOUBTS {
            self.blocks.pop_front();
        }
        self.blocks.push_back((number, hash));
    }

    /// Looks at a block's filter.
    pub(super) fn note(&mut self, block: &Block) {
        self.has_filters |= block.bloom.is_some_and(|bloom| !bloom.is_zero());
    }

    /// The next one to ask about again, once the chain is at `number`.
    pub(super) fn due(&mut self, number: u64) -> Option<(u64, B256)> {
        self.blocks.pop_front_if(|(block, _)| block.saturating_add(AGAIN_AFTER) <= number)
    }

    pub(super) fn rewind(&mut self, number: u64) {
        self.blocks.retain(|(block, _)| *block <= number);
    }
}

/// A filter with most of its bits set promises everything, as those of full blocks do: it is no reason to ask again.
fn says_anything(bloom: &Bloom) -> bool {
    bloom.0.iter().map(|byte| byte.count_ones()).sum::<u32>() <= FULL_BITS
}

impl Watcher {
    /// Whether a block's filter promises logs of ours.
    pub(super) fn are_promised(&self, block: &Block) -> bool {
        let contracts = &self.config.network.contracts;
        let promises = |bloom: &Bloom| says_anything(bloom) && logs::may_be_in(bloom, contracts);
        block.bloom.as_ref().is_some_and(promises)
    }

    /// The logs of a block, as far as its filter is content with them. `found`: what was answered already.
    pub(super) async fn believe(&mut self, block: &Block, found: Vec<OurLog>) -> Result<Vec<OurLog>, ChainError> {
        let contracts = &self.config.network.contracts;
        let promised = self.are_promised(block);
        let (number, hash) = (block.head.number, block.head.hash);
        self.doubts.note(block);
        if !found.is_empty() {
            if self.doubts.has_filters && !promised && self.is_denied(number, hash).await {
                let detail = format!("{} logs of block {number} that are not in its filter", found.len());
                return Err(ChainError::unbelievable("invented_logs", detail));
            }
            return Ok(found);
        }
        if !promised {
            return Ok(found);
        }
        self.rpc.count("promised_logs");
        if let Some(found) = self.second_opinion(number, hash).await {
            self.rpc.count("missing_logs");
            self.node.distrust("missing_logs", &format!("no logs of block {number}, which has {}", found.len()));
            return Ok(found);
        }
        tokio::time::sleep(MOMENT).await;
        let found = logs::fetch(&self.provider, contracts, Blocks::One(number, hash)).await?;
        if found.is_empty() {
            self.doubts.add(number, hash);
        }
        Ok(found)
    }

    /// Whether another good node has no logs of a block.
    async fn is_denied(&self, number: u64, hash: B256) -> bool {
        let Some(other) = self.rpc.others(&self.node).into_iter().next() else { return false };
        let contracts = &self.config.network.contracts;
        let found = logs::fetch(&other.provider(), contracts, Blocks::One(number, hash)).await;
        found.is_ok_and(|found| found.is_empty())
    }

    /// What another good node has of a block's logs, if it has any.
    async fn second_opinion(&self, number: u64, hash: B256) -> Option<Vec<OurLog>> {
        let others = self.rpc.others(&self.node);
        for other in others.into_iter().take(2) {
            let contracts = &self.config.network.contracts;
            match logs::fetch(&other.provider(), contracts, Blocks::One(number, hash)).await {
                Ok(found) if !found.is_empty() => return Some(found),
                Ok(_) => {}
                Err(error) => tracing::debug!(node = other.origin(), %error, "no second opinion on a block's logs"),
            }
        }
        None
    }

    /// Asks about doubtful blocks again; where there are logs after all, the blocks from there on are told anew.
    pub(super) async fn ask_again(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        confirmed: u64,
    ) -> Result<(), Interrupt> {
        while let Some((number, hash)) = self.doubts.due(confirmed) {
            if self.held.get(number).is_none_or(|held| held.hash != hash) {
                continue;
            }
            let contracts = &self.config.network.contracts;
            let found = match self.second_opinion(number, hash).await {
                Some(found) => found,
                None => logs::fetch(&self.provider, contracts, Blocks::One(number, hash)).await?,
            };
            if !found.is_empty() {
                self.rpc.count("late_logs");
                tracing::warn!(number, "a node showed a block's logs late: the blocks from there on are told anew");
                return self.back_to(events, number - 1).await;
            }
        }
        Ok(())
    }

    /// Tells that the blocks above `number` are void, and goes on from there.
    pub(super) async fn back_to(&mut self, events: &mpsc::Sender<ChainEvent>, number: u64) -> Result<(), Interrupt> {
        self.held.truncate(number);
        self.doubts.rewind(number);
        if !self.digest.rewind(number) {
            self.drop_digest();
        }
        self.next = number + 1;
        send(events, ChainEvent::Rewound { number }).await
    }
}
