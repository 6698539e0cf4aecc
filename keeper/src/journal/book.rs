//! The reports a journal remembers, in memory: what is asked before anything is written.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use alloy::primitives::B256;

use super::{Answer, Record, Refusal, RefusalReason};

/// (task, anchor hash, input set).
type Key = (B256, B256, B256);

/// Which report was made where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Book {
    reports: BTreeMap<Key, Report>,
    watermark: u64,
    highest_anchor: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Report {
    anchor_number: u64,
    digest: B256,
}

/// A record from elsewhere contradicts what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conflict {
    /// Its position among the records.
    pub(super) position: usize,
    /// The digest known first.
    pub(super) recorded: B256,
}

impl Book {
    /// A book of nothing that refuses everything below `watermark`.
    pub(super) fn from_anchor(watermark: u64) -> Self {
        Self { watermark, highest_anchor: watermark, ..Self::default() }
    }

    /// Takes a group in whole and adds what is new to `fresh`, or refuses it and changes nothing.
    pub(super) fn admit(&mut self, group: &[Record], fresh: &mut Vec<Record>) -> Answer {
        let mut inserted = Vec::new();
        let mut refusals = Vec::new();
        for (position, record) in group.iter().enumerate() {
            match self.insert(record) {
                Ok(true) => inserted.push(*record),
                Ok(false) => {}
                Err(reason) => refusals.push(Refusal { position, reason }),
            }
        }
        if refusals.is_empty() {
            self.highest_anchor = inserted.iter().map(|new| new.anchor_number).fold(self.highest_anchor, u64::max);
            fresh.extend(inserted);
            return Answer::Recorded;
        }
        for record in inserted {
            self.reports.remove(&key(&record));
        }
        Answer::Refused(refusals)
    }

    /// Whether the record is new; an error if it contradicts what is known.
    pub(super) fn insert(&mut self, record: &Record) -> Result<bool, RefusalReason> {
        if record.anchor_number < self.watermark {
            return Err(RefusalReason::BelowWatermark { watermark: self.watermark });
        }
        let report = Report { anchor_number: record.anchor_number, digest: record.digest };
        match self.reports.entry(key(record)) {
            Entry::Vacant(place) => {
                place.insert(report);
                Ok(true)
            }
            Entry::Occupied(known) if *known.get() == report => Ok(false),
            Entry::Occupied(known) => Err(RefusalReason::Conflict { recorded: known.get().digest }),
        }
    }

    /// Takes over a record read from storage; an error if the storage contradicts itself.
    pub(super) fn restore(&mut self, record: &Record) -> Result<(), RefusalReason> {
        self.insert(record)?;
        self.highest_anchor = self.highest_anchor.max(record.anchor_number);
        Ok(())
    }

    /// This book with the records of another one and the higher watermark. Contradictions count below the watermarks
    /// as well: there they are no danger any more, but they show that something is wrong with one of the two.
    pub(super) fn union(&self, records: &[Record], watermark: u64) -> Result<Self, Conflict> {
        let mut union = self.clone();
        for (position, record) in records.iter().enumerate() {
            let report = Report { anchor_number: record.anchor_number, digest: record.digest };
            let known = *union.reports.entry(key(record)).or_insert(report);
            if known != report {
                return Err(Conflict { position, recorded: known.digest });
            }
            union.highest_anchor = union.highest_anchor.max(record.anchor_number);
        }
        union.prune(watermark.max(self.watermark));
        Ok(union)
    }

    pub(super) fn prune(&mut self, watermark: u64) {
        self.watermark = self.watermark.max(watermark);
        self.highest_anchor = self.highest_anchor.max(watermark);
        self.reports.retain(|_, report| report.anchor_number >= watermark);
    }

    pub(super) fn find(&self, task_id: B256, anchor_hash: B256, input_hash: B256) -> Option<B256> {
        self.reports.get(&(task_id, anchor_hash, input_hash)).map(|report| report.digest)
    }

    pub(super) fn knows(&self, record: &Record) -> bool {
        self.find(record.task_id, record.anchor_hash, record.input_hash) == Some(record.digest)
    }

    pub(super) fn watermark(&self) -> u64 {
        self.watermark
    }

    pub(super) fn highest_anchor(&self) -> u64 {
        self.highest_anchor
    }

    pub(super) fn len(&self) -> usize {
        self.reports.len()
    }

    pub(super) fn records(&self) -> impl Iterator<Item = Record> {
        self.reports.iter().map(|((task_id, anchor_hash, input_hash), report)| Record {
            task_id: *task_id,
            anchor_number: report.anchor_number,
            anchor_hash: *anchor_hash,
            input_hash: *input_hash,
            digest: report.digest,
        })
    }
}

fn key(record: &Record) -> Key {
    (record.task_id, record.anchor_hash, record.input_hash)
}
