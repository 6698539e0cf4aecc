//! Where the journal's bytes live: a file, or in tests something that fails on purpose.

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

/// A journal file, with a lock file beside it that keeps other processes out.
#[derive(Debug)]
pub struct FileStorage {
    path: PathBuf,
    /// Opened by the first [`Storage::replace`].
    file: Option<File>,
    /// Released when dropped. Not the journal itself: that is replaced by renames.
    _lock: File,
}

impl FileStorage {
    /// Takes the lock of the journal at `path`; the journal need not exist yet, its directory must.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it, [`Error::Io`] when the lock file cannot be made.
    pub fn lock(path: &Path) -> Result<Self, Error> {
        let lock_path = path.with_extension("lock");
        let io = |error: io::Error| Error::Io { path: lock_path.clone(), action: "locked", cause: error.to_string() };
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock_path).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), file: None, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(io(error)),
        }
    }

    fn open_file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::Error::other("the journal file is not open"))
    }
}

impl Storage for FileStorage {
    fn read(&mut self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::other(format!("it is larger than {limit} bytes")));
        }
        Ok(Some(bytes))
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.open_file()?.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.open_file()?.sync_data()
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
        self.file = Some(file);
        Ok(())
    }
}
