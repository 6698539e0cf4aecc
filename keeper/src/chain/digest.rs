//! What the history of our logs comes to: for each job and operator the newest log of each kind, and the newest epoch.
//! Told in their order they leave jobs, operators and epoch as the whole history does, so a start need not read it.
//!
//! ```text
//!  deploy block ......................... at ............................ newest confirmed block
//!    newest log of each (emitter, subject, kind)   │ the same of each block: a reorganisation
//!    = the digest, the part that is written down   │ may still take it back
//! ```
//!
//! The part above `at` is deep enough that a start from `at` reads every settlement that may still matter. The file is
//! a copy of what the chain says: it may be deleted at any time, and is believed only while the chain has its block.

mod file;
#[cfg(feature = "fuzz")]
pub(super) mod fuzz;

use super::{Contracts, Head};
use alloy::primitives::{Address, B256, Bytes, LogData};
use alloy::rpc::types::Log;
use std::collections::BTreeMap;

pub(crate) use file::DigestFile;

/// Most logs kept; a network with more is read from the deploy block at every start.
const MAX_KEPT: usize = if cfg!(test) { 1_000 } else { 400_000 };

/// A log as it was found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Kept {
    pub(crate) block: u64,
    index: u64,
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

/// Emitter, whom it is about, and what kind it is.
type Subject = (Address, B256, B256);

/// The digest and the logs above it.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    newest: BTreeMap<Subject, Kept>,
    /// By block, and of each block no more than the newest of each subject: anybody may fill blocks with logs of one kind.
    above: BTreeMap<u64, BTreeMap<Subject, Kept>>,
    /// How many are above.
    count_above: usize,
    /// The last block in `newest`.
    at: u64,
    /// Whether there were too many logs to keep.
    overflown: bool,
}

impl Kept {
    /// `None` for a log that is in no block or has no topic.
    pub(crate) fn of(log: &Log) -> Option<Self> {
        log.topic0()?;
        Some(Self {
            block: log.block_number?,
            index: log.log_index?,
            address: log.address(),
            topics: log.topics().to_vec(),
            data: log.inner.data.data.clone(),
        })
    }

    /// The log, for the same decoding as one that a node answered with.
    pub(crate) fn log(&self) -> Log {
        Log {
            inner: alloy::primitives::Log {
                address: self.address,
                data: LogData::new_unchecked(self.topics.clone(), self.data.clone()),
            },
            block_number: Some(self.block),
            log_index: Some(self.index),
            ..Log::default()
        }
    }

    /// The newest epoch takes the place of every older one; all else is about the job or operator of its first field.
    fn subject(&self, contracts: &Contracts) -> Subject {
        use alloy::sol_types::SolEvent;
        let kind = self.topics.first().copied().unwrap_or_default();
        let epoch = self.address == contracts.keeper_registry
            && kind == contracts::KeeperRegistry::EpochSnapshot::SIGNATURE_HASH;
        let subject = if epoch { B256::ZERO } else { self.topics.get(1).copied().unwrap_or_default() };
        (self.address, subject, kind)
    }
}

impl Digest {
    /// A log that was passed on; of one block they come in their order.
    pub(crate) fn push(&mut self, kept: Kept, contracts: &Contracts) {
        if self.count_above + self.newest.len() >= MAX_KEPT {
            self.overflown = true;
            return;
        }
        let before = self.above.entry(kept.block).or_default().insert(kept.subject(contracts), kept);
        self.count_above += usize::from(before.is_none());
    }

    /// Takes the logs up to a block, which no reorganisation takes back any more, into the digest.
    pub(crate) fn settle(&mut self, at: u64) {
        while let Some(block) = self.above.first_entry().filter(|block| *block.key() <= at) {
            let logs = block.remove();
            self.count_above -= logs.len();
            self.newest.extend(logs);
        }
        self.at = self.at.max(at);
    }

    /// The blocks above `number` are orphaned. `false`: some of the digest is too, and it is empty now.
    pub(crate) fn rewind(&mut self, number: u64) -> bool {
        if number < self.at {
            *self = Self::default();
            return false;
        }
        let orphaned = self.above.split_off(&number.saturating_add(1));
        self.count_above -= orphaned.values().map(BTreeMap::len).sum::<usize>();
        true
    }

    /// The logs of the digest in the order of the chain; `None` if it is not complete.
    pub(crate) fn logs(&self) -> Option<Vec<&Kept>> {
        let mut logs: Vec<&Kept> = self.newest.values().collect();
        logs.sort_unstable_by_key(|kept| (kept.block, kept.index));
        (!self.overflown).then_some(logs)
    }

    /// A digest as it was written down.
    pub(crate) fn restored(at: &Head, logs: Vec<Kept>, contracts: &Contracts) -> Self {
        let newest = logs.into_iter().map(|kept| (kept.subject(contracts), kept)).collect();
        Self { newest, at: at.number, ..Self::default() }
    }
}

#[cfg(test)]
mod tests;
