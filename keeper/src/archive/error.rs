//! What can be wrong with the record of runs, and how to mend it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the record cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error(
        "no keeper has recorded any runs yet: there is no {path}; start one with `keeper join`, or name its --datadir"
    )]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Written by a later release.
    #[error(
        "{path} has version {found}, this keeper knows version {known}: run the newer keeper, or move the file away"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: i64,
        /// Version written here.
        known: i64,
    },
    /// Written by an earlier release, where it can only be read.
    #[error(
        "{path} has version {found}, older than version {known}: start this keeper once, which brings it up to date"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: i64,
        /// Version read here.
        known: i64,
    },
    /// Of another network or operator.
    #[error("{path} holds the runs of another network or operator: move it away, or use another --datadir")]
    OtherOwner {
        /// The file.
        path: PathBuf,
    },
    /// Damaged, or no such file at all.
    #[error("{path} is damaged ({cause}): the keeper that runs on it sets it aside and begins anew")]
    Broken {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        cause: String,
    },
    /// Another program is writing to it.
    #[error("{path} is locked by another program: end that one")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Another program reads it and does not let go.
    #[error("a program that reads {path} has not let go of it while {bytes} bytes came: end that one")]
    Held {
        /// The file.
        path: PathBuf,
        /// Bytes of its log.
        bytes: u64,
    },
    /// The disk, or the right to use it.
    #[error("{path} cannot be used ({cause}): free space on its disk, or mend it")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the operating system or SQLite says.
        cause: String,
    },
}

impl Error {
    /// What an answer of SQLite means. Whatever is neither the disk's fault nor another program's is the file's.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, cause) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::NoLargeFileSupport
                | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Disk { path, cause },
            _ => Self::Broken { path, cause },
        }
    }

    pub(super) fn io(path: &Path, error: &io::Error) -> Self {
        Self::Disk { path: path.to_owned(), cause: error.to_string() }
    }
}
