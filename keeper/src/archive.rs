//! What happened to each task, on disk, for people: a record, never a source of truth. Nothing of the protocol reads it, and a
//! keeper goes on without it.
//!
//! ```text
//!            Order::Archive(Entry)                a transaction every quarter of a second
//!   Core ─────────────────────────► queue 8192 ──► writer thread ──► runs.sqlite ──► `keeper job runs`, `keeper job watch`
//!            never waits: what finds no room                         (one row a task)     read only, with or without a keeper
//!            is left out, and counted
//! ```
//!
//! | room | what |
//! |---|---|
//! | `run.rs` | what is known of one task, and what each thing that happens makes of it |
//! | `schema.rs` | the tables, by version, and whose file it is |
//! | `row.rs` | a run as a row |
//! | `file.rs` | one file: entries go in, the oldest runs go out |
//! | `writer.rs` | the thread, and what it does when the file or its disk fails |
//! | `reader.rs` | what the command line asks |
//!
//! The file is bounded by age and by size ([`Bounds`]); SQLite's own log beside it (`-wal`) by what is looked at before each
//! transaction. All times are the chain's.

mod error;
mod file;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod reader;
mod row;
mod run;
mod schema;
mod writer;

use std::time::Duration;

use alloy::primitives::{Address, B256};
use consensus::task::{Abstention, Status, Task};
use consensus::time::Time;

pub use error::Error;
pub use reader::{Found, Reader};
pub use run::{Run, Settlement, result_of, word_of};
pub use writer::ArchiveHandle;

/// Something that happened to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which task.
    pub task: Task,
    /// When, by the chain's time.
    pub at: Time,
    /// What.
    pub change: Change,
}

/// What can happen to a task, as far as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The schedule told it.
    Due {
        /// When it is due, in Unix seconds.
        due: u64,
    },
    /// A try at it began here.
    Started {
        /// Which try, from zero.
        attempt: u8,
        /// Block it is pinned to.
        anchor: u64,
        /// Who is first in line to lead, where that is known.
        leader: Option<Address>,
    },
    /// A run of it ended here.
    Ran {
        /// How, or why it gave nothing.
        result: Result<Status, Abstention>,
        /// More about it: anybody's words, may be empty.
        reason: String,
    },
    /// This keeper's signature on it went out.
    Signed,
    /// A quorum's certificate is at hand.
    Certified,
    /// This keeper brings it on chain.
    Sent,
    /// A transaction of this keeper that was to settle it was included.
    Paid {
        /// Gas that one of the tasks in it took, on average.
        gas: u64,
    },
    /// The chain settled it.
    Settled(Settlement),
    /// Why the target did not take its outcome.
    Undelivered {
        /// In words, of which some may be the target's.
        why: String,
    },
    /// The contract skipped a report of it, for this reason.
    Ineligible {
        /// The contract's word for it.
        reason: String,
    },
    /// This keeper could not bring it on chain.
    Refused {
        /// Why, in words of which some may be a node's.
        why: String,
    },
    /// What the keepers said of the batch it was in last.
    Voices {
        /// Who signed, who abstained and why.
        words: String,
    },
    /// A reorganisation undid its settlement.
    Reopened,
    /// Its deadline passed without a settlement.
    Expired,
}

/// Whose runs a file holds: those of one network, as one operator saw them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The network's EIP-712 domain separator.
    pub domain: B256,
    /// The operator.
    pub operator: Address,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// What was due, and has settled, so long before the newest settlement goes: a month of bills can be looked at when it is over.
    pub age: Duration,
    /// Largest file, in pages of [`PAGE_BYTES`]. A run takes 300 bytes with what finds it, and twice that with the words of its job:
    /// half a million of them and more, in an eighth of what the cache of job code may take.
    pub pages: u64,
    /// Most bytes of SQLite's log beside it. It is emptied every few MiB, unless a program that reads never lets go.
    pub log_bytes: u64,
}

/// Bytes of a page of the file.
pub const PAGE_BYTES: u64 = 4_096;
/// Longest words kept of a run, in characters.
const WORDS_MAX: usize = 300;
/// Most entries in one transaction. With the longest words they take less than a sixteenth of the file.
const BATCH_MAX: usize = 4_096;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            age: Duration::from_secs(30 * 24 * 3_600),
            pages: 256 * 1024 * 1024 / PAGE_BYTES,
            log_bytes: 64 * 1024 * 1024,
        }
    }
}

#[cfg(test)]
mod tests;
