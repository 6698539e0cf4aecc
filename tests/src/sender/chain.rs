//! The chain: blocks with the account's transactions in them, what they settled, and forks that replace them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use alloy::primitives::B256;
use keeper::chain::fees::Fees;

/// Base fees do not fall below this.
pub(super) const LEAST_BASE_FEE: u128 = 1_000_000;

/// A transaction of the account, of ours or of the other program on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tx {
    pub(super) hash: B256,
    pub(super) nonce: u64,
    /// Content; 0 is a transfer to oneself.
    pub(super) content: u64,
    pub(super) gas_limit: u64,
    pub(super) fees: Fees,
    /// Whether another program sent it.
    pub(super) foreign: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    /// The account's transactions, and whether they succeeded.
    pub(super) txs: Vec<(Tx, bool)>,
    /// Contents settled in it, and by whom: true for the account.
    pub(super) settled: Vec<(u64, bool)>,
    /// Nonces used up to and with this block.
    pub(super) mined: u64,
}

/// A chain of blocks; number 0 is empty. A clone shares nothing with it that changes.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    blocks: Vec<Rc<Block>>,
    pub(super) base_fee: u128,
    /// Block and outcome of every transaction in it.
    places: BTreeMap<B256, (u64, bool)>,
    /// Block in which a content was settled.
    settled: BTreeMap<u64, u64>,
}

impl Chain {
    pub(super) fn new(base_fee: u128) -> Self {
        let blocks = vec![Rc::new(Block::default())];
        Self { blocks, base_fee, places: BTreeMap::new(), settled: BTreeMap::new() }
    }

    pub(super) fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    /// Nonces used up to and with a block.
    pub(super) fn mined(&self, head: u64) -> u64 {
        self.blocks.get(head as usize).map_or(0, |block| block.mined)
    }

    pub(super) fn place(&self, hash: B256) -> Option<(u64, bool)> {
        self.places.get(&hash).copied()
    }

    pub(super) fn settled_at(&self, content: u64) -> Option<u64> {
        self.settled.get(&content).copied()
    }

    /// Adds a block with these transactions, which are in the order of their nonces, and what others settle in it.
    /// `worth` tells of a content whether it could settle in a block of this number.
    pub(super) fn add(&mut self, txs: Vec<Tx>, others: &[u64], worth: impl Fn(u64, u64) -> bool) {
        let number = self.head() + 1;
        let mut block = Block { mined: self.mined(self.head()), ..Block::default() };
        for &content in others {
            if let Entry::Vacant(place) = self.settled.entry(content) {
                place.insert(number);
                block.settled.push((content, false));
            }
        }
        for tx in txs {
            let fresh = tx.content != 0 && !tx.foreign && !self.settled.contains_key(&tx.content);
            let success = tx.content == 0 || tx.foreign || (fresh && worth(tx.content, number));
            if fresh && success {
                self.settled.insert(tx.content, number);
                block.settled.push((tx.content, true));
            }
            self.places.insert(tx.hash, (number, success));
            block.mined = tx.nonce + 1;
            block.txs.push((tx, success));
        }
        self.blocks.push(Rc::new(block));
    }

    /// Takes off the newest blocks, but never block 0. Gives back what was in them, oldest first.
    pub(super) fn take_off(&mut self, depth: u64) -> Vec<Rc<Block>> {
        let keep = (self.head() - depth.min(self.head())) as usize + 1;
        let gone = self.blocks.split_off(keep);
        self.places.retain(|_, (number, _)| *number < keep as u64);
        for block in &gone {
            block.settled.iter().for_each(|(content, _)| {
                self.settled.remove(content);
            });
        }
        gone
    }

    /// Transactions of ours that did nothing.
    pub(super) fn wasted(&self) -> u64 {
        let all = self.blocks.iter().flat_map(|block| &block.txs);
        all.filter(|(tx, success)| !success && !tx.foreign).count() as u64
    }

    /// Contents with more than one transaction of ours in the chain.
    pub(super) fn doubled(&self) -> BTreeSet<u64> {
        let mut seen = BTreeSet::new();
        let ours = self.blocks.iter().flat_map(|block| &block.txs).filter(|(tx, _)| tx.content != 0 && !tx.foreign);
        ours.filter(|(tx, _)| !seen.insert(tx.content)).map(|(tx, _)| tx.content).collect()
    }
}
