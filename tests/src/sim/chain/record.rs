//! Every block there ever was, those included that a reorganisation has orphaned, and what was true at each: runs are
//! pinned to blocks, and nodes show one branch or the other.

use std::collections::BTreeMap;

use alloy::primitives::{B256, keccak256};
use consensus::anchor::BlockRef;
use contracts::terms::LogTerms;
use executor::LogEntry;

/// A block, and what was true there.
#[derive(Clone, Debug)]
pub(in crate::sim) struct Known {
    reference: BlockRef,
    parent: B256,
    /// Whether the condition held.
    pub(in crate::sim) is_met: bool,
    /// What it holds, in order.
    pub(in crate::sim) logs: Vec<LogEntry>,
    /// The keys of the runs that its logs make.
    pub(in crate::sim) keys: Vec<B256>,
}

/// The blocks, by hash.
#[derive(Debug)]
pub(in crate::sim) struct Record {
    terms: LogTerms,
    /// The block in which the job is listed: no log before it counts.
    listed: u64,
    blocks: BTreeMap<B256, Known>,
    /// Where the logs are that make the job due, by what keys of runs are made of.
    logs: BTreeMap<B256, (B256, usize)>,
}

impl Record {
    pub(super) fn new(terms: LogTerms, listed: u64) -> Self {
        Self { terms, listed, blocks: BTreeMap::new(), logs: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, reference: BlockRef, parent: B256, is_met: bool, logs: Vec<LogEntry>) {
        let mut known = Known { reference, parent, is_met, logs, keys: Vec::new() };
        for (key, place) in self.fitting(&known) {
            self.logs.insert(key, (reference.hash, place));
            known.keys.push(key);
        }
        self.blocks.insert(reference.hash, known);
    }

    /// The logs of a block that make the job due, as the contract's documentation has it: key and place of each.
    fn fitting(&self, block: &Known) -> Vec<(B256, usize)> {
        let LogTerms { emitter, filter, topics, most_per_block, .. } = &self.terms;
        let asked = (0..4).filter(|place| filter >> place & 1 == 1);
        let fits = |log: &LogEntry| {
            log.address == *emitter && asked.clone().all(|place| log.topics.get(place) == Some(&topics[place]))
        };
        let logs = block.logs.iter().enumerate().filter(|(_, log)| fits(log)).take((*most_per_block).into());
        let key = |log: &LogEntry| {
            let (hash, transaction) = (block.reference.hash.as_slice(), log.transaction_hash.as_slice());
            keccak256([hash, transaction, &log.log_index.to_be_bytes()].concat())
        };
        let is_early = block.reference.number < self.listed;
        logs.filter(|_| !is_early).map(|(place, log)| (key(log), place)).collect()
    }

    /// The log that makes the run of this key.
    pub(in crate::sim) fn log(&self, key: B256) -> Option<&LogEntry> {
        let (hash, place) = self.logs.get(&key)?;
        self.blocks.get(hash)?.logs.get(*place)
    }

    /// A block.
    pub(in crate::sim) fn block(&self, hash: B256) -> Option<&Known> {
        self.blocks.get(&hash)
    }

    /// The block of this number on the way from a block to the first one, itself included.
    pub(in crate::sim) fn before(&self, hash: B256, number: u64) -> Option<BlockRef> {
        let mut block = self.blocks.get(&hash)?;
        while block.reference.number > number {
            block = self.blocks.get(&block.parent)?;
        }
        (block.reference.number == number).then_some(block.reference)
    }

    /// Whether a block is on the way from another one to the first, or is that one.
    pub(in crate::sim) fn leads_to(&self, from: B256, to: B256) -> bool {
        let number = self.blocks.get(&from).map(|block| block.reference.number);
        number.and_then(|number| self.before(to, number)).is_some_and(|block| block.hash == from)
    }
}
