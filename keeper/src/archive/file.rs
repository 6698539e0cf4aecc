//! One file: entries go in, the oldest runs go out.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use consensus::task::Task;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{Bounds, Change, Entry, Error, Owner, Run, row, schema};

/// Of the pages of a file so many in sixteen are used before the oldest runs go: the last sixteenth takes what comes in between.
const USED_SIXTEENTHS: u64 = 15;
/// Runs that go at a time.
const GOING: u32 = 4_096;

/// A file that is open for writing.
#[derive(Debug)]
pub(super) struct Archive {
    connection: Connection,
    path: PathBuf,
    bounds: Bounds,
    /// Device and number of the file that was opened: another one may have its name by now, or none.
    file: Option<(u64, u64)>,
    /// The newest moment of a change.
    changed: u64,
    /// How far the chain has come, as settlements since it was opened show, in Unix seconds: that tells what is old. The clock that
    /// changes are dated by may have been a month ahead, and they would never come back from there.
    settled: u64,
}

impl Archive {
    /// Opens the file at `path`, makes it where it is missing, and brings it up to date.
    ///
    /// # Errors
    /// [`Error`], all of it but what is about reading.
    pub(super) fn open(path: &Path, owner: Owner, bounds: Bounds) -> Result<Self, Error> {
        let connection = schema::open(path, owner, bounds)?;
        let newest = connection.query_row("SELECT max(changed) FROM runs", (), |row| row.get::<_, Option<i64>>(0));
        let newest = newest.map_err(|error| Error::of(path, &error))?;
        let changed = newest.map_or(0, row::unsigned);
        Ok(Self { connection, path: path.to_owned(), bounds, file: identity(path), changed, settled: 0 })
    }

    /// Whether its name still leads to it: somebody may have deleted the file, or put another one in its place.
    pub(super) fn is_in_place(&self) -> bool {
        self.file.is_some() && self.file == identity(&self.path)
    }

    /// Takes in what happened, in one transaction: all of it is in the file afterwards, or nothing.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Held`], [`Error::Disk`], [`Error::Broken`].
    pub(super) fn write(&mut self, entries: &[Entry]) -> Result<(), Error> {
        self.bound_log()?;
        let path = &self.path;
        let (newest, pages) = (self.changed, self.bounds.pages);
        let of = |error: rusqlite::Error| Error::of(path, &error);
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(of)?;
        let changed = take_in(&begun, entries, newest).map_err(of)?;
        let settled = entries.iter().filter_map(settled_at).fold(self.settled, u64::max);
        drop_oldest(&begun, settled.saturating_sub(self.bounds.age.as_secs()), pages).map_err(of)?;
        begun.commit().map_err(of)?;
        (self.changed, self.settled) = (changed, settled);
        Ok(())
    }

    /// SQLite's log grows for as long as somebody reads what is in it.
    fn bound_log(&self) -> Result<(), Error> {
        let length = || fs::metadata(schema::beside(&self.path, "-wal")).map_or(0, |log| log.len());
        if length() <= self.bounds.log_bytes {
            return Ok(());
        }
        let emptied = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        emptied.map_err(|error| Error::of(&self.path, &error))?;
        match length() {
            bytes if bytes > self.bounds.log_bytes => Err(Error::Held { path: self.path.clone(), bytes }),
            _ => Ok(()),
        }
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Makes of the runs that are known what the entries say; gives the newest moment of a change, in microseconds.
fn take_in(transaction: &Transaction<'_>, entries: &[Entry], mut newest: u64) -> rusqlite::Result<u64> {
    let mut runs: BTreeMap<Task, (Option<Run>, Run, u64)> = BTreeMap::new();
    for entry in entries {
        let (_, run, at) = match runs.entry(entry.task) {
            Place::Occupied(known) => known.into_mut(),
            Place::Vacant(unknown) => {
                let before = row::load(transaction, &entry.task)?;
                let run = before.clone().unwrap_or_default();
                unknown.insert((before, run, 0))
            }
        };
        run.apply(entry);
        *at = entry.at.0.saturating_mul(1_000);
    }
    for (task, (before, run, at)) in &runs {
        if before.as_ref() != Some(run) {
            newest = newest.saturating_add(1).max(*at);
            row::store(transaction, task, newest, run)?;
        }
    }
    Ok(newest)
}

/// How far the chain has come as a settlement shows, in Unix seconds. Neither a clock nor a block that is dated ahead is believed alone.
fn settled_at(entry: &Entry) -> Option<u64> {
    match &entry.change {
        Change::Settled(settlement) => Some(settlement.timestamp.min(entry.at.seconds())),
        _ => None,
    }
}

/// Lets go of the runs that were due, and have settled, before `oldest` (Unix seconds), and of more while the file is nearly full. Of
/// one of which neither is known the last change counts: no clock that was ahead makes that older than it is.
fn drop_oldest(transaction: &Transaction<'_>, oldest: u64, pages: u64) -> rusqlite::Result<()> {
    let first = "SELECT id FROM runs ORDER BY id LIMIT ?1";
    let old = format!(
        "DELETE FROM runs WHERE id IN ({first}) AND max(coalesce(settled, 0), coalesce(due, changed / 1000000)) < ?2"
    );
    let mut old = transaction.prepare_cached(&old)?;
    old.execute((GOING, row::number(oldest)))?;
    let mut any = transaction.prepare_cached(&format!("DELETE FROM runs WHERE id IN ({first})"))?;
    let number = |pragma| transaction.query_row(pragma, (), |row| row.get(0)).map(row::unsigned);
    loop {
        let used = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
        if used <= pages / 16 * USED_SIXTEENTHS || any.execute((GOING,))? == 0 {
            return Ok(());
        }
    }
}

/// Device and number of the file with this name.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
