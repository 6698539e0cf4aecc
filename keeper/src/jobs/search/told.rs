//! What nodes have told of the blocks of a stretch, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use executor::LogEntry;

use super::{ByEmitter, Wanted};
use crate::jobs::trigger::SeenLog;

/// About what a log takes besides its data and topics, in bytes.
const LOG_BYTES: usize = 256;

/// A log, with the timestamp of the block that gives it its depth.
pub(super) struct Dated {
    pub(super) log: Arc<SeenLog>,
    pub(super) ripe: u64,
}

/// What was told of the blocks of a stretch up to one of them.
pub(super) struct Told {
    pub(super) to: u64,
    /// By block and place in it.
    pub(super) logs: BTreeMap<(u64, u32), Dated>,
    /// Logs that were let go of, by block and job: their jobs have as many of that block as they take.
    pub(super) dropped: BTreeMap<(u64, u64), u64>,
    /// Why there is nothing, by block and job.
    pub(super) unread: BTreeMap<(u64, u64), String>,
}

impl Told {
    pub(super) fn new(to: u64) -> Self {
        Self { to, logs: BTreeMap::new(), dropped: BTreeMap::new(), unread: BTreeMap::new() }
    }

    /// Whether there is a log for everybody.
    pub(super) fn has_all(&self, wanted: &[&Wanted]) -> bool {
        let by_emitter = ByEmitter::new(wanted.iter().copied());
        let served: BTreeSet<u64> = self
            .logs
            .values()
            .flat_map(|dated| by_emitter.takers(&dated.log.entry).map(|wanted| wanted.job).collect::<Vec<_>>())
            .collect();
        wanted.iter().all(|wanted| served.contains(&wanted.job))
    }

    /// The same questions were answered by another node: what either shows counts, and at one place what was shown first.
    pub(super) fn join(&mut self, other: Self) {
        self.shorten(other.to);
        for (place, dated) in other.logs {
            self.logs.entry(place).or_insert(dated);
        }
        for (place, count) in other.dropped {
            let before = self.dropped.entry(place).or_default();
            *before = count.max(*before);
        }
        self.unread.retain(|place, _| other.unread.contains_key(place));
    }

    /// Other questions were answered about the same blocks.
    pub(super) fn add(&mut self, other: Self) {
        self.shorten(other.to);
        self.logs.extend(other.logs);
        self.dropped.extend(other.dropped);
        self.unread.extend(other.unread);
    }

    fn shorten(&mut self, to: u64) {
        if to < self.to {
            self.to = to;
            self.logs.retain(|(block, _), _| *block <= to);
            self.dropped.retain(|(block, _), _| *block <= to);
            self.unread.retain(|(block, _), _| *block <= to);
        }
    }

    /// What its logs up to a block take, in bytes.
    pub(super) fn bytes(&self, to: u64) -> usize {
        self.logs.range(..=(to, u32::MAX)).map(|(_, dated)| size_of(&dated.log.entry)).sum()
    }
}

/// About what a log takes, in bytes.
pub(super) fn size_of(log: &LogEntry) -> usize {
    LOG_BYTES + log.data.len() + log.topics.len() * 32
}
