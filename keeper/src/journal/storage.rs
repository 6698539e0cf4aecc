//! Where the journal's bytes live: a file, or in tests something that fails on purpose.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Error;

/// The few operations a journal needs. All of them block.
pub trait Storage: Send + 'static {
    /// All bytes; `None` if there is nothing yet. More than `limit` bytes are an error.
    ///
    /// # Errors
    /// What the operating system says.
    fn read(&mut self, limit: u64) -> io::Result<Option<Vec<u8>>>;

    /// Adds bytes at the end. On an error any part of them may have arrived.
    ///
    /// # Errors
    /// What the operating system says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once everything appended is on stable storage.
    ///
    /// # Errors
    /// What the operating system says; what is on stable storage is unknown then.
    fn sync(&mut self) -> io::Result<()>;

    /// Puts `bytes` in the place of everything, atomically and on stable storage: after a crash or an error either
    /// the old or the new content is there.
    ///
    /// # Errors
    /// What the operating system says.
    fn replace(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// The calls to the operating system that a journal file needs, one method each; in tests a disk that fails and forgets.
pub trait Disk: Debug + Send + 'static {
    /// An open file.
    type File: Debug + Send;

    /// At most `limit` + 1 bytes from the front of a file; `None` if there is none.
    ///
    /// # Errors
    /// What the operating system says.
    fn read(&mut self, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>>;

    /// An empty file that only its owner may read, in the place of whatever was there.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&mut self, path: &Path) -> io::Result<Self::File>;

    /// Adds bytes at the end. On an error any part of them may have arrived.
    ///
    /// # Errors
    /// What the operating system says.
    fn write(&mut self, file: &mut Self::File, bytes: &[u8]) -> io::Result<()>;

    /// Returns once the file's content is on stable storage.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync(&mut self, file: &mut Self::File) -> io::Result<()>;

    /// Gives a file another name, in the place of what had it.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;

    /// Returns once the names in a directory are on stable storage.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_directory(&mut self, path: &Path) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug, Clone, Copy)]
pub struct System;

impl Disk for System {
    type File = File;

    fn read(&mut self, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn create(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
    }

    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        file.sync_data()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

/// A journal file, with a lock file beside it that keeps other processes out.
#[derive(Debug)]
pub struct FileStorage<D: Disk = System> {
    disk: D,
    path: PathBuf,
    /// Opened by the first [`Storage::replace`].
    file: Option<D::File>,
    /// Released when dropped. Not the journal itself: that is replaced by renames.
    _lock: Option<File>,
}

impl FileStorage {
    /// Takes the lock of the journal at `path`; the journal need not exist yet, its directory must.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it, [`Error::Io`] when the lock file cannot be made.
    pub fn lock(path: &Path) -> Result<Self, Error> {
        let lock_path = path.with_extension("lock");
        let io = |error: io::Error| Error::io(&lock_path, "locked", &error);
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock_path).map_err(io)?;
        match crate::lock::take(&lock) {
            Ok(()) => Ok(Self { disk: System, path: path.to_owned(), file: None, _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }
}

#[cfg(test)]
impl<D: Disk> FileStorage<D> {
    /// A journal file on a disk that no other process can reach.
    pub(super) fn on(disk: D, path: &Path) -> Self {
        Self { disk, path: path.to_owned(), file: None, _lock: None }
    }
}

fn not_open() -> io::Error {
    io::Error::other("the journal file is not open")
}

impl<D: Disk> Storage for FileStorage<D> {
    fn read(&mut self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        match self.disk.read(&self.path, limit)? {
            Some(bytes) if bytes.len() as u64 > limit => {
                Err(io::Error::other(format!("it is larger than {limit} bytes")))
            }
            read => Ok(read),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.write(self.file.as_mut().ok_or_else(not_open)?, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.sync(self.file.as_mut().ok_or_else(not_open)?)
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.path.with_extension("new");
        let mut file = self.disk.create(&temporary)?;
        self.disk.write(&mut file, bytes)?;
        self.disk.sync(&mut file)?;
        self.disk.rename(&temporary, &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        self.disk.sync_directory(directory.unwrap_or(Path::new(".")))?;
        self.file = Some(file);
        Ok(())
    }
}
