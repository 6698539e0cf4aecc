//! Where a keeper keeps its files.
//!
//! | what | without `--datadir` (Linux, XDG) | with `--datadir D` |
//! |---|---|---|
//! | config | `~/.config/keeper/config.toml` | `D/config.toml` |
//! | keystores, `p2p.key`, `peers.txt`, journal, chain state, `runs.sqlite`, lock, `node.json` | `~/.local/share/keeper/` | `D/` |
//! | job code and compiled code, safe to delete | `~/.cache/keeper/` | `D/cache/` |
//!
//! One data directory is one operator on one network, and the thing to back up. Only one process may use it at a time:
//! [`Paths::lock`].

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;

/// The right to write, of the group and of everybody. A group may share a volume that is another user's (Kubernetes'
/// `fsGroup`); in a directory of our own nobody else has any business.
const OTHERS_WRITE: u32 = 0o022;
const ANYBODY_WRITES: u32 = 0o002;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither flag nor home directory.
    #[error("there is no home directory to keep files in: pass --datadir DIR (or KEEPER_DATADIR)")]
    NoHome,
    /// Another keeper runs on it.
    #[error(
        "the data directory {path} is in use by another keeper{}: stop that one, or pass another --datadir",
        .pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The process that holds it, if it said so.
        pid: Option<u32>,
    },
    /// It is another user's, and anybody may write in it.
    #[error(
        "the data directory {path} belongs to another user, and anybody may write in it, keys and journal too: make it yours (chown), or pass another --datadir"
    )]
    Open {
        /// The data directory.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The files of one keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    data: PathBuf,
    config: PathBuf,
    cache: PathBuf,
}

impl Paths {
    /// Everything under `datadir`, or in the user's directories without one.
    ///
    /// # Errors
    /// [`Error::NoHome`].
    pub fn resolve(datadir: Option<&Path>) -> Result<Self, Error> {
        if let Some(data) = datadir {
            // Absolute, so that error messages and node.json mean the same from any working directory.
            let data = std::path::absolute(data).map_err(|source| Error::Io {
                action: "resolve",
                path: data.to_owned(),
                source,
            })?;
            return Ok(Self { config: data.join("config.toml"), cache: data.join("cache"), data });
        }
        let user = ProjectDirs::from("", "", "keeper").ok_or(Error::NoHome)?;
        Ok(Self {
            data: user.data_dir().to_owned(),
            config: user.config_dir().join("config.toml"),
            cache: user.cache_dir().to_owned(),
        })
    }

    /// The data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// `config.toml`.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Job code, by hash, and what it was compiled to; may be shared between keepers of one machine.
    #[must_use]
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The directory of [`crate::keystore::Keystore`].
    #[must_use]
    pub fn keystores(&self) -> PathBuf {
        self.data.join("keystores")
    }

    /// The peer identity, of the `p2p` crate.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.data.join("p2p.key")
    }

    /// Where peers were reached, of the `p2p` crate; may be deleted at any time.
    #[must_use]
    pub fn address_book(&self) -> PathBuf {
        self.data.join("peers.txt")
    }

    /// The sign-once journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.data.join("journal.bin")
    }

    /// Says that the journal was restored from a backup: until a start has seen how far this key may have signed since.
    #[must_use]
    pub fn restored(&self) -> PathBuf {
        self.data.join("restored")
    }

    /// What happened to each task, of [`crate::archive`]; may be deleted at any time.
    #[must_use]
    pub fn archive(&self) -> PathBuf {
        self.data.join("runs.sqlite")
    }

    /// Where a running keeper says how to reach it.
    #[must_use]
    pub fn node_file(&self) -> PathBuf {
        self.data.join("node.json")
    }

    /// Makes the data directory (0700) if it is missing. In one that is there nobody else may write: who can, puts other
    /// keys or another journal in the place of ours.
    ///
    /// # Errors
    /// [`Error::Open`], [`Error::Io`].
    pub fn create(&self) -> Result<(), Error> {
        let failed = |action| {
            let path = self.data.clone();
            move |source| Error::Io { action, path, source }
        };
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.data);
        made.map_err(failed("create the data directory"))?;
        let metadata = fs::metadata(&self.data).map_err(failed("look at the data directory"))?;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & OTHERS_WRITE == 0 {
            return Ok(());
        }
        match fs::set_permissions(&self.data, Permissions::from_mode(mode & !OTHERS_WRITE)) {
            Ok(()) => {
                tracing::warn!(directory = %self.data.display(), "others could write in the data directory: not any more");
                Ok(())
            }
            // Another user's: then its group may be the very one that shares it with us.
            Err(_) if mode & ANYBODY_WRITES == 0 => Ok(()),
            Err(_) => Err(Error::Open { path: self.data.clone() }),
        }
    }

    /// Takes the data directory for this process until the result is dropped, or the process ends however it ends.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Io`].
    pub fn lock(&self) -> Result<DataLock, Error> {
        self.create()?;
        let path = self.data.join("LOCK");
        let failed = |source| Error::Io { action: "lock", path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match crate::lock::take(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder's number is a courtesy; the lock is what counts.
                let _ = (&file).take(32).read_to_string(&mut text);
                return Err(Error::InUse { path: self.data.clone(), pid: text.trim().parse().ok() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(DataLock { _file: file })
    }
}

/// Holds a data directory.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

#[cfg(test)]
mod tests;
