//! What can be wrong with a journal, and how to mend it.

use std::io;
use std::path::{Path, PathBuf};

use super::MAX_GROUP;

/// Why the journal cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No journal where one must be.
    #[error(
        "there is no journal at {path}, but this key is registered and may have signed reports: restore the journal \
         from where the key last ran, or pass --accept-empty-journal if it never signed or its journal is lost for good"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error("the journal {path} is in use by another process: one key must never run twice; stop the other keeper")]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// The journal of another key.
    #[error("the journal {path} belongs to another BLS key: use the data directory this key ran in, or a new one")]
    OtherKey {
        /// The journal.
        path: PathBuf,
    },
    /// The journal of another chain or contract.
    #[error("the journal {path} belongs to another chain or TaskManager: use another data directory for this network")]
    OtherChain {
        /// The journal.
        path: PathBuf,
    },
    /// Written by a later release.
    #[error("the journal {path} has format {found}, this keeper reads format {known}: run the newer keeper again")]
    NewerVersion {
        /// The journal.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Version written here.
        known: u32,
    },
    /// Damaged anywhere but at its end.
    #[error(
        "the journal {path} is damaged at byte {offset} ({what}): restore it from a backup; signing without it could \
         get this keeper slashed. If there is none, move the file away and start with --accept-empty-journal: then only \
         what is newer than anything this key can have signed is signed"
    )]
    Corrupt {
        /// The journal.
        path: PathBuf,
        /// Where the damage starts.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// Reading or writing failed.
    #[error("the journal {path} could not be {action}: {cause}")]
    Io {
        /// The journal.
        path: PathBuf,
        /// `read`, `written`, ...
        action: &'static str,
        /// What the operating system said.
        cause: String,
        /// Its number for it.
        system: Option<i32>,
    },
    /// A write or sync failed, and it could not be written anew since.
    #[error("the journal is closed since a write failed ({cause}): nothing is signed until it can be written again")]
    Poisoned {
        /// The newest failure.
        cause: String,
    },
    /// More reports than a batch can hold.
    #[error("a group of {len} reports is larger than the {MAX_GROUP} a batch can hold")]
    GroupTooLarge {
        /// Reports in the group.
        len: usize,
    },
    /// The writer thread is gone: the keeper is shutting down.
    #[error("the journal's writer has stopped")]
    Stopped,
}

impl Error {
    pub(super) fn io(path: &Path, action: &'static str, error: &io::Error) -> Self {
        Self::Io { path: path.to_owned(), action, cause: error.to_string(), system: error.raw_os_error() }
    }
}
