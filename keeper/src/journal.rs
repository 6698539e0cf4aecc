//! The sign-once journal: which report this keeper made at each (task, anchor, input set), kept before the first byte
//! of a signature leaves the machine.
//!
//! The rule it enforces for ever: the same report again may be signed, a different one there is refused. It is what
//! stands between a restarted, restored or confused keeper and being slashed for equivocation.
//!
//! ```text
//! driver ── record(group).await ──► [bounded queue] ──► writer thread: check, append, fdatasync ──► Ok / Refused
//!                                                       (all groups waiting share one fdatasync)
//! ```
//!
//! - Answers come only after the reports are on stable storage.
//! - A group (the reports of one batch) is recorded whole or not at all.
//! - A failed write or sync poisons the journal: after a failed fsync nobody knows what the kernel kept, so it is never
//!   retried. Only a whole new file with everything that was ever admitted, on stable storage under its name, mends it.
//! - An end torn by a crash is cut off at the next start (nothing in it was ever answered); damage anywhere else
//!   refuses to open.
//!
//! - What no contract accepts any more is forgotten: reports [`KEPT_ANCHORS`] below the newest, see [`Journal::trim`].
//!
//! The file's layout stands in `journal/format.rs`, the way to another machine in `journal/interchange.rs`.

mod book;
mod error;
mod format;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod handle;
mod inspect;
pub mod interchange;
mod storage;

use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use sha2::{Digest, Sha256};

use book::Book;
pub use error::Error;
pub use format::VERSION;
pub use handle::JournalHandle;
pub use inspect::Inspected;
pub use storage::{Disk, FileStorage, Storage, System};

/// Largest journal that is opened, in bytes; pruned journals stay far below.
const MAX_JOURNAL_BYTES: u64 = 256 * 1024 * 1024;
/// Most reports in one group.
pub const MAX_GROUP: usize = 256;

/// Reports this many anchors below the newest one are kept; contracts accept no anchor that is older.
pub const KEPT_ANCHORS: u64 = 256;
/// And as many more before the journal is rewritten without them.
pub const TRIM_STEP: u64 = 128;

/// A report about to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// `keccak256(abi.encode(jobId, jobVersion, instanceKey))`.
    pub task_id: B256,
    /// Number of the anchor block.
    pub anchor_number: u64,
    /// Hash of the anchor block.
    pub anchor_hash: B256,
    /// Hash of the input set; zero for pure jobs.
    pub input_hash: B256,
    /// What identifies the report's content: its Merkle leaf.
    pub digest: B256,
}

/// What the journal says to a group of reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// All of them may be signed; they are on stable storage.
    Recorded,
    /// None of them was recorded, and these may never be signed. Groups without them may be.
    Refused(Vec<Refusal>),
}

/// One report that may not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Its position in the group.
    pub position: usize,
    /// Why.
    pub reason: RefusalReason,
}

/// Why a report may not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// Another report was made at this (task, anchor, input set).
    Conflict {
        /// The digest recorded first.
        recorded: B256,
    },
    /// The anchor is older than what the journal remembers.
    BelowWatermark {
        /// First anchor number that can still be recorded.
        watermark: u64,
    },
}

impl RefusalReason {
    /// The word used in logs and metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::BelowWatermark { .. } => "below_watermark",
        }
    }
}

/// Whose reports a journal holds; a journal of another key or chain is never opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 of the BLS public key.
    pub key_hash: B256,
    /// EIP-712 domain separator of the TaskManager: chain and contract.
    pub domain: B256,
}

impl Identity {
    /// The identity of a BLS public key (compressed, 96 bytes) on the chain behind `domain`.
    #[must_use]
    pub fn new(bls_public_key: &[u8], domain: B256) -> Self {
        Self { key_hash: B256::from_slice(&Sha256::digest(bls_public_key)), domain }
    }
}

/// What to do when there is no journal yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Start an empty one: a key that never signed.
    Create,
    /// Start an empty one that refuses all anchors below this number: on the operator's explicit word, for a key that
    /// may have signed up to there. On disk from the first moment, so that a crash does not make it forget.
    CreateAbove(u64),
    /// Refuse: the key may have signed already, and an empty journal knows nothing of it.
    Refuse,
}

/// The journal, open and exclusively owned.
#[derive(Debug)]
pub struct Journal<S: Storage = FileStorage> {
    path: PathBuf,
    identity: Identity,
    storage: S,
    book: Book,
    /// Bytes in the storage: where the next group goes.
    end: usize,
    poisoned: Option<String>,
}

impl Journal {
    /// Opens the journal file at `path`, or creates it if `missing` allows.
    ///
    /// # Errors
    /// Every variant of [`Error`] down to `Io`; none leaves the file changed, but for an end torn by a crash, which
    /// is cut off.
    pub fn open(path: &Path, identity: Identity, missing: Missing) -> Result<Self, Error> {
        let storage = FileStorage::lock(path)?;
        Self::open_in(storage, path, identity, missing)
    }
}

impl<S: Storage> Journal<S> {
    /// Opens the journal in a given storage; `path` is for messages.
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open_in(mut storage: S, path: &Path, identity: Identity, missing: Missing) -> Result<Self, Error> {
        let io = |action: &'static str| move |error: std::io::Error| Error::io(path, action, &error);
        let book = match storage.read(MAX_JOURNAL_BYTES).map_err(io("read"))? {
            Some(bytes) => {
                let content = format::decode(&bytes, identity, path)?;
                if content.torn > 0 {
                    tracing::warn!(path = %path.display(), bytes = content.torn, "journal: cut off an unfinished write");
                }
                content.book
            }
            None => match missing {
                Missing::Refuse => return Err(Error::Missing { path: path.to_owned() }),
                Missing::Create => Book::default(),
                Missing::CreateAbove(watermark) => Book::from_anchor(watermark),
            },
        };
        // Written anew at every start: what an earlier process's failed fsync may have left in memory only becomes
        // durable, a torn end disappears, and a new journal exists before it is relied on.
        let bytes = format::encode(identity, &book);
        storage.replace(&bytes).map_err(io("written"))?;
        Ok(Self { path: path.to_owned(), identity, storage, book, end: bytes.len(), poisoned: None })
    }

    /// Records a group of reports, all or none, and returns once they are on stable storage.
    ///
    /// # Errors
    /// [`Error::GroupTooLarge`], [`Error::Io`] at the first failed write, [`Error::Poisoned`] after it.
    pub fn record(&mut self, group: &[Record]) -> Result<Answer, Error> {
        let mut outcomes = self.record_all(&[group])?;
        Ok(outcomes.pop().expect("one outcome per group"))
    }

    /// Records several groups with one sync; each is recorded or refused by itself, in order.
    ///
    /// # Errors
    /// As [`Journal::record`]; on an error none of the groups may be signed.
    pub fn record_all(&mut self, groups: &[&[Record]]) -> Result<Vec<Answer>, Error> {
        if let Some(cause) = &self.poisoned {
            return Err(Error::Poisoned { cause: cause.clone() });
        }
        if let Some(group) = groups.iter().find(|group| group.len() > MAX_GROUP) {
            return Err(Error::GroupTooLarge { len: group.len() });
        }
        let mut fresh = Vec::new();
        let outcomes = groups.iter().map(|group| self.book.admit(group, &mut fresh)).collect();
        if !fresh.is_empty() {
            let bytes = format::encode_group(self.end, &fresh);
            let written = self.storage.append(&bytes).and_then(|()| self.storage.sync());
            written.map_err(|error| self.poison("written", &error))?;
            self.end += bytes.len();
        }
        Ok(outcomes)
    }

    /// Forgets reports at anchors below `watermark`, and refuses such anchors from now on. A watermark below the
    /// present one changes nothing.
    ///
    /// Only for anchors that no contract accepts any more.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn prune(&mut self, watermark: u64) -> Result<(), Error> {
        if let Some(cause) = &self.poisoned {
            return Err(Error::Poisoned { cause: cause.clone() });
        }
        if watermark <= self.book.watermark() {
            return Ok(());
        }
        self.book.prune(watermark);
        let bytes = format::encode(self.identity, &self.book);
        self.storage.replace(&bytes).map_err(|error| self.poison("rewritten", &error))?;
        self.end = bytes.len();
        Ok(())
    }

    /// Forgets what is more than [`KEPT_ANCHORS`] below the newest anchor recorded, once it is [`TRIM_STEP`] anchors'
    /// worth. Without a call for it the journal would grow; by the newest recorded anchor and not by the chain's head,
    /// which a lying chain node could raise without limit and so silence an idle keeper for ever.
    ///
    /// # Errors
    /// As [`Journal::record`].
    pub fn trim(&mut self) -> Result<(), Error> {
        let watermark = self.highest_anchor().saturating_sub(KEPT_ANCHORS);
        if watermark < self.watermark().saturating_add(TRIM_STEP) { Ok(()) } else { self.prune(watermark) }
    }

    /// Makes a journal that a failed write has closed usable again, if the storage takes a whole new copy of it. What was
    /// admitted and not answered stays recorded, which is safe.
    ///
    /// # Errors
    /// [`Error::Io`]: it stays closed.
    pub fn mend(&mut self) -> Result<(), Error> {
        if self.poisoned.is_some() {
            let bytes = format::encode(self.identity, &self.book);
            self.storage.replace(&bytes).map_err(|error| self.poison("rewritten", &error))?;
            (self.end, self.poisoned) = (bytes.len(), None);
        }
        Ok(())
    }

    /// Why nothing can be recorded, if a write has failed.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.poisoned.as_deref()
    }

    /// The digest recorded at (task, anchor hash, input set), if there is one.
    #[must_use]
    pub fn find(&self, task_id: B256, anchor_hash: B256, input_hash: B256) -> Option<B256> {
        self.book.find(task_id, anchor_hash, input_hash)
    }

    /// The highest anchor number ever recorded, or the watermark if nothing above it was; zero for a new journal.
    #[must_use]
    pub fn highest_anchor(&self) -> u64 {
        self.book.highest_anchor()
    }

    /// First anchor number that can be recorded.
    #[must_use]
    pub fn watermark(&self) -> u64 {
        self.book.watermark()
    }

    /// Number of reports it remembers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.book.len()
    }

    /// Whether it remembers none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this very report was recorded before, or its anchor is too old to be remembered.
    #[must_use]
    pub fn knows(&self, record: &Record) -> bool {
        self.book.knows(record) || record.anchor_number < self.book.watermark()
    }

    fn poison(&mut self, action: &'static str, error: &std::io::Error) -> Error {
        self.poisoned = Some(error.to_string());
        Error::io(&self.path, action, error)
    }
}

#[cfg(test)]
mod tests;
