//! Which block a task or a window is pinned to, as a pure function of the blocks seen so far.

use std::collections::VecDeque;

use alloy_primitives::B256;

use crate::report::Anchor;

/// How many blocks are kept: the contract accepts anchors of the last 256 at most, leader seeds lie a few windows back.
const BLOCKS_MAX: usize = 512;

/// A block at the confirmation depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRef {
    /// Block number.
    pub number: u64,
    /// Block hash.
    pub hash: B256,
    /// Seconds since the Unix epoch, from the header.
    pub timestamp: u64,
}

impl From<BlockRef> for Anchor {
    fn from(block: BlockRef) -> Self {
        Self { number: block.number, hash: block.hash }
    }
}

/// The newest blocks of the chain, consecutive.
#[derive(Clone, Debug, Default)]
pub struct ChainView {
    blocks: VecDeque<BlockRef>,
}

impl ChainView {
    /// Adds the next block. A gap or a step back starts the view over from this block.
    pub fn push(&mut self, block: BlockRef) {
        if self.blocks.back().is_some_and(|last| last.number + 1 != block.number || last.timestamp > block.timestamp) {
            self.blocks.clear();
        }
        self.blocks.push_back(block);
        if self.blocks.len() > BLOCKS_MAX {
            self.blocks.pop_front();
        }
    }

    /// Forgets the blocks above `number`.
    pub fn rewind(&mut self, number: u64) {
        self.blocks.retain(|block| block.number <= number);
    }

    /// The newest block.
    pub fn head(&self) -> Option<BlockRef> {
        self.blocks.back().copied()
    }

    /// The block of this number, if it is held.
    pub fn at(&self, number: u64) -> Option<BlockRef> {
        let first = self.blocks.front()?.number;
        self.blocks.get(usize::try_from(number.checked_sub(first)?).ok()?).copied()
    }

    /// The block with this hash, if it is held: mostly one of the last.
    pub fn with_hash(&self, hash: B256) -> Option<BlockRef> {
        self.blocks.iter().rev().find(|block| block.hash == hash).copied()
    }

    /// Whether it holds this very block.
    pub fn holds(&self, anchor: &Anchor) -> bool {
        self.at(anchor.number).is_some_and(|block| Anchor::from(block) == *anchor)
    }

    /// The last block with a timestamp up to `limit`, once that is certain: a block with a later timestamp is held.
    pub fn last_up_to(&self, limit: u64) -> Option<BlockRef> {
        let later = self.blocks.partition_point(|block| block.timestamp <= limit);
        if later == self.blocks.len() {
            return None;
        }
        self.blocks.get(later.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64, timestamp: u64) -> BlockRef {
        BlockRef { number, hash: B256::with_last_byte(number as u8), timestamp }
    }

    fn view(blocks: &[(u64, u64)]) -> ChainView {
        let mut view = ChainView::default();
        blocks.iter().for_each(|&(number, timestamp)| view.push(block(number, timestamp)));
        view
    }

    #[test]
    fn a_block_is_certain_only_when_a_later_one_is_held() {
        let view = view(&[(1, 10), (2, 11), (3, 13)]);
        assert_eq!(view.last_up_to(12), Some(block(2, 11)));
        assert_eq!(view.last_up_to(11), Some(block(2, 11)));
        assert_eq!(view.last_up_to(13), None, "the next block may still have this timestamp");
        assert_eq!(view.last_up_to(9), None, "older than what is held");
    }

    #[test]
    fn of_equal_timestamps_the_last_block_counts() {
        let view = view(&[(1, 10), (2, 10), (3, 12)]);
        assert_eq!(view.last_up_to(10), Some(block(2, 10)));
    }

    #[test]
    fn a_rewind_takes_certainty_back() {
        let mut view = view(&[(1, 10), (2, 11), (3, 12)]);
        view.rewind(2);
        assert_eq!(view.last_up_to(11), None);
        assert_eq!(view.head(), Some(block(2, 11)));
        assert!(view.holds(&block(2, 11).into()) && !view.holds(&block(3, 12).into()));
        assert!(!view.holds(&Anchor { number: 2, hash: B256::ZERO }) && !view.holds(&block(0, 9).into()));
        view.push(block(3, 14));
        assert_eq!(view.last_up_to(13), Some(block(2, 11)));
    }

    /// Blocks shorter than a second: the last one of the second, once the next second has begun.
    #[test]
    fn a_second_may_have_several_blocks() {
        let view = view(&[(1, 10), (2, 10), (3, 10), (4, 11), (5, 11)]);
        assert_eq!(view.last_up_to(10), Some(block(3, 10)));
        assert_eq!(view.last_up_to(11), None, "the next block may still have this timestamp");
    }

    #[test]
    fn a_gap_starts_over_and_the_view_is_bounded() {
        let mut view = view(&[(1, 10), (2, 11)]);
        view.push(block(9, 20));
        assert_eq!(view.last_up_to(10), None);
        for number in 10..2_000 {
            view.push(block(number, number + 20));
        }
        assert_eq!(view.blocks.len(), BLOCKS_MAX);
    }
}
