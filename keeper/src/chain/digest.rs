//! What the history of our logs comes to: for each job and operator the newest log of each kind, and the newest epoch.
//! Told in their order they leave jobs, operators and epoch as the whole history does, so a start need not read it.
//!
//! ```text
//!  deploy block .................. at .................. held .................. newest confirmed block
//!    newest log of each (emitter,  │ the same of each of a  │ the same of each block: a
//!    subject, kind) = the digest,  │ few stretches, which   │ reorganisation may still
//!    the part that is written down │ `at` passes one by one │ take it back
//! ```
//!
//! The part above `at` is deep enough that a start from `at` reads every settlement that may still matter. The file is
//! a copy of what the chain says: it may be deleted at any time, and is believed only while the chain has its block.
//! Whatever is changed at every block of an hour, little of it is kept: a log is in the way of the older ones of its kind.

mod file;
#[cfg(feature = "fuzz")]
pub(super) mod fuzz;

use super::{Contracts, Head};
use alloy::primitives::{Address, B256, Bytes, LogData};
use alloy::rpc::types::Log;
use std::collections::BTreeMap;

pub(crate) use file::DigestFile;

/// Most bytes of logs kept; a network with more is read from the deploy block at every start.
const BYTES_MAX: usize = 64 << 20;
/// About what a log takes besides its topics and data, with its place in the tables.
const LOG_BYTES: usize = 256;

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

/// The newest log of each subject.
type Newest = BTreeMap<Subject, Kept>;

/// The logs of a few blocks, or of one, no more than the newest of each subject: anybody may fill blocks with logs of one kind.
#[derive(Debug, Default)]
struct Stretch {
    /// The first block whose logs it has, or had. The last one is its key.
    from: u64,
    newest: Newest,
}

/// The digest and the logs above it.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    newest: Newest,
    /// By their last blocks.
    above: BTreeMap<u64, Stretch>,
    /// What all of it takes.
    bytes: usize,
    /// The last block in `newest`.
    at: u64,
    /// Whether there was too much to keep. Then nothing is.
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

    /// About what it takes.
    fn bytes(&self) -> usize {
        LOG_BYTES + size_of_val(&self.topics[..]) + self.data.len()
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
        if self.overflown {
            return;
        }
        self.bytes += kept.bytes();
        let stretch =
            self.above.entry(kept.block).or_insert_with(|| Stretch { from: kept.block, ..Stretch::default() });
        let before = stretch.newest.insert(kept.subject(contracts), kept);
        self.bytes -= before.map_or(0, |before| before.bytes());
        if self.bytes > BYTES_MAX {
            *self = Self { overflown: true, at: self.at, ..Self::default() };
        }
    }

    /// Takes the logs up to a block into the digest, or up to one a little before it: what lies in one stretch stays together. Gives
    /// back up to which. No reorganisation takes them back any more.
    pub(crate) fn settle(&mut self, at: u64) -> u64 {
        while let Some(stretch) = self.above.first_entry().filter(|stretch| *stretch.key() <= at) {
            self.bytes -= overlay(&mut self.newest, stretch.remove().newest);
        }
        let whole = self.above.values().next().map_or(at, |next| at.min(next.from.saturating_sub(1)));
        self.at = self.at.max(whole);
        self.at
    }

    /// Keeps the logs up to `held` in stretches of so many blocks at most. No reorganisation takes back single blocks there any more.
    pub(crate) fn fold(&mut self, held: u64, blocks: u64) {
        let ends: Vec<u64> = self.above.range(..=held).map(|(end, _)| *end).collect();
        for pair in ends.windows(2).filter(|pair| pair[0] / blocks.max(1) == pair[1] / blocks.max(1)) {
            let (Some(mut older), Some(newer)) = (self.above.remove(&pair[0]), self.above.remove(&pair[1])) else {
                return;
            };
            self.bytes -= overlay(&mut older.newest, newer.newest);
            self.above.insert(pair[1], older);
        }
    }

    /// The blocks above `number` are orphaned. `false`: some of what is kept together is too, and all is empty now.
    pub(crate) fn rewind(&mut self, number: u64) -> bool {
        let orphaned = self.above.split_off(&number.saturating_add(1));
        if number < self.at || orphaned.values().any(|stretch| stretch.from <= number) {
            *self = Self::default();
            return false;
        }
        self.bytes -= orphaned.values().flat_map(|stretch| stretch.newest.values()).map(Kept::bytes).sum::<usize>();
        true
    }

    /// Why nothing is kept, if there was too much.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.overflown.then(|| format!("it is more than {} MiB", BYTES_MAX >> 20))
    }

    /// The logs of the digest in the order of the chain; `None` if it is not complete.
    pub(crate) fn logs(&self) -> Option<Vec<&Kept>> {
        let mut logs: Vec<&Kept> = self.newest.values().collect();
        logs.sort_unstable_by_key(|kept| (kept.block, kept.index));
        (!self.overflown).then_some(logs)
    }

    /// A digest as it was written down.
    pub(crate) fn restored(at: &Head, logs: Vec<Kept>, contracts: &Contracts) -> Self {
        let newest: Newest = logs.into_iter().map(|kept| (kept.subject(contracts), kept)).collect();
        let bytes = newest.values().map(Kept::bytes).sum();
        Self { newest, bytes, at: at.number, ..Self::default() }
    }
}

/// Puts newer logs in the place of older ones; gives back how many bytes are free by that.
fn overlay(older: &mut Newest, newer: Newest) -> usize {
    newer.into_iter().filter_map(|(subject, kept)| older.insert(subject, kept)).map(|before| before.bytes()).sum()
}

#[cfg(test)]
mod tests;
