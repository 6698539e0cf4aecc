//! The thread that writes, and what it does when the file or its disk fails.
//!
//! ```text
//!            a transaction fails, or the file cannot be opened
//!   well ────────────────────────────────────────────────────► in trouble: shown as red, what came stays, what comes waits
//!    ▲  └─ the file is damaged: set aside, another one begun       │        or is left out
//!    └──────────────────── tried again every second ───────────────┘
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::file::Archive;
use super::{BATCH_MAX, Bounds, Entry, Error, Owner, schema};

/// Entries that may wait: what a thousand tasks a second have in one. Beyond that they are left out.
const QUEUE: usize = 8_192;
/// How long entries are gathered for one transaction. Who follows a job sees them within as much.
const GATHERING: Duration = Duration::from_millis(250);
/// Pause between two tries where something is wrong.
const RETRY: Duration = Duration::from_secs(1);
/// What is wrong when nobody takes entries any more.
const ENDED: &str = "the thread that writes it has ended: start the keeper again";

/// A cloneable front of the record. The thread ends when the last one is dropped and what waits is written.
#[derive(Clone, Debug)]
pub struct ArchiveHandle {
    entries: SyncSender<Entry>,
    shown: Arc<Shown>,
}

/// What is shown of the thread.
#[derive(Debug, Default)]
struct Shown {
    trouble: Mutex<Option<String>>,
    lost: AtomicU64,
}

impl Shown {
    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble() = trouble;
    }

    fn leave_out(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

impl ArchiveHandle {
    /// Starts the thread that writes the file at `path`. Join it after dropping the handles to know that all is on disk.
    ///
    /// # Panics
    /// When the operating system cannot start a thread.
    #[must_use]
    pub fn spawn(path: PathBuf, owner: Owner) -> (Self, JoinHandle<()>) {
        let (handle, writer, entries) = Self::make(path, owner, Bounds::default(), QUEUE);
        let thread = std::thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || writer.run(&entries))
            .expect("a keeper that cannot start its threads cannot run");
        (handle, thread)
    }

    pub(super) fn make(path: PathBuf, owner: Owner, bounds: Bounds, queue: usize) -> (Self, Writer, Receiver<Entry>) {
        let (sender, entries) = mpsc::sync_channel(queue);
        let shown = Arc::new(Shown::default());
        let writer = Writer { path, owner, bounds, open: None, waiting: Vec::new(), shown: Arc::clone(&shown) };
        (Self { entries: sender, shown }, writer, entries)
    }

    /// Takes note of what happened. Never waits: where there is no room it is left out, and counted.
    pub fn note(&self, entry: Entry) {
        if let Err(error) = self.entries.try_send(entry) {
            self.shown.leave_out();
            if matches!(error, TrySendError::Disconnected(_)) {
                self.shown.set_trouble(Some(ENDED.to_owned()));
            }
        }
    }

    /// Why nothing can be written, and how to mend it, if so.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shown.trouble().clone()
    }

    /// Entries that were left out since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shown.lost.load(Ordering::Relaxed)
    }
}

/// What the thread owns.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    owner: Owner,
    pub(super) bounds: Bounds,
    pub(super) open: Option<Archive>,
    /// Entries on their way to the file, [`BATCH_MAX`] at most.
    waiting: Vec<Entry>,
    shown: Arc<Shown>,
}

impl Writer {
    /// Writes what comes, until nobody is left who could say more.
    pub(super) fn run(mut self, entries: &Receiver<Entry>) {
        // Before anything comes: what is wrong with the file is to be known from the start.
        self.write();
        while self.gather(entries) {
            self.write();
        }
        self.write();
    }

    /// Waits for entries, and for as many more as a moment brings; false when there will be no more.
    pub(super) fn gather(&mut self, entries: &Receiver<Entry>) -> bool {
        let is_well = self.shown.trouble().is_none();
        let first = match is_well {
            true => entries.recv().map_err(RecvTimeoutError::from),
            false => entries.recv_timeout(RETRY),
        };
        match first {
            Ok(entry) => self.keep(entry),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        let until = Instant::now() + if is_well { GATHERING } else { RETRY };
        // Where nothing can be written, what comes is taken all the same: the end of the keeper is noticed by it.
        while Instant::now() < until && !(is_well && self.waiting.len() >= BATCH_MAX) {
            match entries.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(entry) => self.keep(entry),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        true
    }

    /// What finds no room while nothing can be written is left out.
    fn keep(&mut self, entry: Entry) {
        if self.waiting.len() < BATCH_MAX {
            self.waiting.push(entry);
        } else {
            self.shown.leave_out();
        }
    }

    /// Writes what waits, and shows what is wrong if that fails.
    pub(super) fn write(&mut self) {
        let written = match self.try_to_write() {
            Err(Error::Broken { path, cause }) => {
                self.open = None;
                set_aside(&path, &cause).and_then(|()| self.try_to_write())
            }
            other => other,
        };
        // Whatever was wrong, the next try begins from the start.
        let trouble = written.err().inspect(|_| self.open = None).map(|error| error.to_string());
        self.shown.set_trouble(trouble);
    }

    /// Takes what waits by now.
    #[cfg(test)]
    pub(super) fn take(&mut self, entries: &Receiver<Entry>) {
        entries.try_iter().for_each(|entry| self.keep(entry));
    }

    fn try_to_write(&mut self) -> Result<(), Error> {
        // Closed first: what SQLite does to the files beside it when it closes must not be done to those of another one.
        self.open = self.open.take().filter(Archive::is_in_place);
        let open = match self.open.take() {
            Some(open) => open,
            None => Archive::open(&self.path, self.owner, self.bounds)?,
        };
        let open = self.open.insert(open);
        if !self.waiting.is_empty() {
            open.write(&self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }
}

/// Moves a file that is of no use out of the way; one that was moved before goes.
fn set_aside(path: &Path, cause: &str) -> Result<(), Error> {
    let aside = path.with_extension("broken");
    let failed = |error: std::io::Error| Error::io(path, &error);
    fs::rename(path, &aside).map_err(failed)?;
    // Without its log it says less, and another file must never meet it.
    let _ = fs::rename(schema::beside(path, "-wal"), schema::beside(&aside, "-wal"));
    let _ = fs::remove_file(schema::beside(path, "-shm"));
    tracing::warn!(
        path = %path.display(), cause, aside = %aside.display(),
        "the record of runs is damaged: set aside, and begun anew"
    );
    Ok(())
}
