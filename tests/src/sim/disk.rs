//! A disk that can fail at every call and loses what was not synced when the machine dies. The real journal writes to it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keeper::journal::Storage;

/// How the next write goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The write fails and nothing of it arrived.
    Write,
    /// The write fails and half of it arrived.
    ShortWrite,
    /// The write succeeds, the sync fails.
    Sync,
    /// The machine dies between write and sync; whoever waits for the answer is dead already.
    Death,
}

#[derive(Debug, Default)]
struct Platters {
    /// What a reader sees.
    content: Option<Vec<u8>>,
    /// How much of it is on stable storage.
    synced: usize,
    failure: Option<Failure>,
}

/// One keeper's disk; clones are the same disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk(Arc<Mutex<Platters>>);

impl Disk {
    fn platters(&self) -> MutexGuard<'_, Platters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next write fail in this way; `None` repairs the disk.
    pub(super) fn fail(&self, failure: Option<Failure>) {
        self.platters().failure = failure;
    }

    /// The machine dies: of the bytes that were not synced, `kept` per mille are left. Returns how many are lost.
    pub(super) fn lose_unsynced(&self, kept: u64) -> usize {
        let mut platters = self.platters();
        platters.failure = None;
        let synced = platters.synced;
        let Some(content) = platters.content.as_mut() else {
            return 0;
        };
        let loose = content.len().saturating_sub(synced);
        let left = loose * usize::try_from(kept).unwrap_or(0) / 1000;
        content.truncate(synced + left);
        platters.synced = synced + left;
        loose - left
    }

    /// Everything is gone.
    pub(super) fn wipe(&self) {
        *self.platters() = Platters::default();
    }
}

fn broken<T>() -> io::Result<T> {
    Err(io::Error::other("the disk broke"))
}

impl Storage for Disk {
    fn read(&mut self, _limit: u64) -> io::Result<Option<Vec<u8>>> {
        Ok(self.platters().content.clone())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut platters = self.platters();
        let failure = platters.failure;
        let written = match failure {
            Some(Failure::Write) => 0,
            Some(Failure::ShortWrite) => bytes.len() / 2,
            _ => bytes.len(),
        };
        platters.content.get_or_insert_default().extend_from_slice(&bytes[..written]);
        if matches!(failure, Some(Failure::Write | Failure::ShortWrite)) { broken() } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut platters = self.platters();
        if matches!(platters.failure, Some(Failure::Sync | Failure::Death)) {
            return broken();
        }
        platters.synced = platters.content.as_ref().map_or(0, Vec::len);
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut platters = self.platters();
        if platters.failure.is_some() {
            return broken();
        }
        platters.content = Some(bytes.to_vec());
        platters.synced = bytes.len();
        Ok(())
    }
}
