//! A journal looked at as bytes, without being opened: what a backup of it knows.

use std::path::Path;

use super::book::Book;
use super::storage::{Disk, System};
use super::{Error, Identity, MAX_JOURNAL_BYTES, format};

/// What a whole journal file holds.
#[derive(Debug)]
pub struct Inspected {
    /// Whose it is.
    pub identity: Identity,
    book: Book,
}

impl Inspected {
    /// Reads the journal of a keeper that does not run, and leaves it as it is.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Io`], and whatever a start would find wrong with its content.
    pub fn open(path: &Path, identity: Identity) -> Result<Self, Error> {
        let read = System.read(path, MAX_JOURNAL_BYTES).map_err(|error| Error::io(path, "read", &error))?;
        let bytes = read.ok_or_else(|| Error::Missing { path: path.to_owned() })?;
        Self::decoded(&bytes, identity, path)
    }

    /// Reads a journal's bytes; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::NewerVersion`].
    pub fn of(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let short = || Error::Corrupt { path: path.to_owned(), offset: 0, what: "it is shorter than its header" };
        Self::decoded(bytes, format::identity(bytes).ok_or_else(short)?, path)
    }

    fn decoded(bytes: &[u8], identity: Identity, path: &Path) -> Result<Self, Error> {
        if bytes.len() as u64 > MAX_JOURNAL_BYTES {
            let what = "it is larger than any journal";
            return Err(Error::Corrupt { path: path.to_owned(), offset: 0, what });
        }
        let book = format::decode(bytes, identity, path)?.book;
        Ok(Self { identity, book })
    }

    /// How many reports it remembers.
    #[must_use]
    pub fn reports(&self) -> usize {
        self.book.len()
    }

    /// The highest anchor number it knows of.
    #[must_use]
    pub fn highest_anchor(&self) -> u64 {
        self.book.highest_anchor()
    }

    /// Whether it refuses everything that the other one refuses: then it may take the other one's place.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let knows = |record: &super::Record| record.anchor_number < self.book.watermark() || self.book.knows(record);
        self.book.watermark() >= other.book.watermark() && other.book.records().all(|record| knows(&record))
    }
}
