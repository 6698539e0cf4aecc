//! A keeper in one encrypted file: its keys, its settings and its journal. Caches and records stay behind.
//!
//! ```text
//! one line of JSON   format, version, how the key follows from the password (scrypt), nonce
//! the rest           XChaCha20-Poly1305 over a tar of the files, with that line as associated data
//! ```
//!
//! A backup is opened as a whole or not at all, and nothing of it is written before everything in it has been checked: names
//! (there are few that it may have), sizes, the journal, and both keys with the password.

#[cfg(feature = "fuzz")]
pub mod fuzz;
mod seal;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::journal::{self, Inspected};
use crate::keystore::{self, Keystore, Password, PublicKeys, Strength};
use crate::paths::Paths;

/// Most that the files of a backup may have together; a journal has 256 MiB at most.
const MAX_BYTES: u64 = 320 * 1024 * 1024;
/// Most files.
const MAX_FILES: usize = 64;
/// Folder of the keystores, here as in the data directory.
const KEYSTORES: &str = "keystores/";
/// The other names that a file may have.
const CONFIG: &str = "config.toml";
const NETWORK: &str = "network.toml";
const IDENTITY: &str = "p2p.key";
const JOURNAL: &str = "journal.bin";

/// Why a backup cannot be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a backup, or not whole.
    #[error("{path} is no whole backup of a keeper: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The password does not open it, or it was changed.
    #[error("{path} does not open: the password is another one than the backup was made with, or the file was changed")]
    Unopened {
        /// The file.
        path: PathBuf,
    },
    /// The journal in the data directory knows more.
    #[error(
        "{journal} knows of signatures that the backup does not (up to anchor {own}, the backup up to {backup}): with the older one \
         in its place this key could sign two results. Keep the newer one with --keep-journal, or restore into an empty --datadir"
    )]
    Older {
        /// The journal in the data directory.
        journal: PathBuf,
        /// Its highest anchor.
        own: u64,
        /// The backup's.
        backup: u64,
    },
    /// Other keys are there.
    #[error("{path} is of another operator than the backup: restore into an empty --datadir")]
    Other {
        /// What is there.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The keys.
    #[error(transparent)]
    Keys(#[from] keystore::Error),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

/// The files of a keeper, in memory.
pub struct Backup {
    files: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// Whose it is.
    pub keys: PublicKeys,
    /// What its journal knows, if there is one.
    pub journal: Option<Inspected>,
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backup").field("names", &self.names().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// What a restore did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// Files that were there and stayed.
    pub kept: Vec<PathBuf>,
}

impl Backup {
    /// Gathers the files of a data directory that nobody else uses now, and opens the keys with the password that the backup
    /// will have.
    ///
    /// # Errors
    /// Keys are missing or do not open, or a file cannot be read.
    pub fn gather(paths: &Paths, config: &Path, network: Option<&Path>, password: &Password) -> Result<Self, Error> {
        let keystore = Keystore::at(&paths.keystores());
        keystore.open(password)?;
        let keys = keystore.public()?;
        let mut files = Vec::new();
        for path in [&keys.bls_path, &keys.wallet_path] {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            files.push((format!("{KEYSTORES}{name}"), read(path)?));
        }
        let others = [
            (IDENTITY, Some(paths.identity())),
            (CONFIG, Some(config.to_owned())),
            (NETWORK, network.map(Path::to_owned)),
            (JOURNAL, Some(paths.journal())),
        ];
        for (name, path) in others.into_iter().filter_map(|(name, path)| Some((name, path?))) {
            if path.exists() {
                files.push((name.to_owned(), read(&path)?));
            }
        }
        let journal = journal_of(&files, &paths.journal())?;
        Ok(Self { files, keys, journal })
    }

    /// The file of this backup, encrypted.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn seal(&self, password: &Password, strength: Strength) -> Result<Vec<u8>, Error> {
        let packed = Zeroizing::new(pack(&self.files));
        Ok(seal::seal(&packed, password, strength)?)
    }

    /// Opens a backup and checks all of it; `path` is where it was read, for messages.
    ///
    /// # Errors
    /// The wrong password, a file that is no backup, keys that do not open or a journal that is not whole.
    pub fn open(path: &Path, password: &Password) -> Result<Self, Error> {
        let malformed = |why: String| Error::Malformed { path: path.to_owned(), why };
        let sealed = read(path)?;
        let packed = seal::open(&sealed, password).map_err(|unopened| match unopened {
            seal::Unopened::Password => Error::Unopened { path: path.to_owned() },
            seal::Unopened::Malformed(why) => malformed(why),
        })?;
        let files = unpack(&packed).map_err(malformed)?;
        let keys = keys_of(&files, password)?;
        let journal = journal_of(&files, path)?;
        Ok(Self { files, keys, journal })
    }

    /// The names of its files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(name, _)| name.as_str())
    }

    /// Writes into a data directory what is missing there. Nothing that is there is overwritten but a journal that knows less;
    /// a journal that knows more is an error, unless it is to be kept.
    ///
    /// # Errors
    /// [`Error::Older`], [`Error::Other`]: nothing was written. Else a file could not be.
    pub fn restore(&self, paths: &Paths, config: &Path, keep_journal: bool) -> Result<Restored, Error> {
        self.same_operator(paths)?;
        let brings_journal = self.brings_journal(paths, keep_journal)?;
        keystore::private_directory(&paths.keystores())?;
        let mut restored = Restored::default();
        // The mark comes before the journal, and keys come last: wherever this is interrupted, no key signs without.
        let order = |name: &str| usize::from(name.starts_with(KEYSTORES));
        let mut files: Vec<_> = self.files.iter().collect();
        files.sort_by_key(|(name, _)| order(name));
        for (name, bytes) in files {
            let path = match name.as_str() {
                CONFIG => config.to_owned(),
                _ => paths.data().join(name),
            };
            let stays = if name == JOURNAL { !brings_journal } else { path.exists() };
            if stays {
                restored.kept.push(path);
                continue;
            }
            if name == JOURNAL {
                keystore::write_private(&paths.restored(), b"this journal was restored from a backup\n")?;
            }
            keystore::write_private(&path, bytes)?;
            restored.written.push(path);
        }
        Ok(restored)
    }

    /// Refuses a data directory with other keys than the backup's.
    fn same_operator(&self, paths: &Paths) -> Result<(), Error> {
        for found in Keystore::at(&paths.keystores()).list()?.into_iter().filter(|found| found.kind.is_some()) {
            let name = found.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !self.names().any(|own| own.strip_prefix(KEYSTORES) == Some(name)) {
                return Err(Error::Other { path: found.path });
            }
        }
        let identity = paths.identity();
        let own = self.files.iter().find(|(name, _)| name == IDENTITY);
        match own.filter(|(_, bytes)| identity.exists() && fs::read(&identity).ok().as_deref() != Some(&bytes[..])) {
            Some(_) => Err(Error::Other { path: identity }),
            None => Ok(()),
        }
    }

    /// Whether the backup's journal goes to the place of what is there.
    fn brings_journal(&self, paths: &Paths, keep_journal: bool) -> Result<bool, Error> {
        let path = paths.journal();
        let (Some(backup), true) = (&self.journal, path.exists()) else { return Ok(self.journal.is_some()) };
        if keep_journal {
            return Ok(false);
        }
        let own = Inspected::of(&read(&path)?, &path)?;
        if own.identity != backup.identity {
            return Err(Error::Other { path });
        }
        match backup.covers(&own) {
            true => Ok(true),
            false => Err(Error::Older { journal: path, own: own.highest_anchor(), backup: backup.highest_anchor() }),
        }
    }
}

/// Opens both keys of a backup in memory.
fn keys_of(files: &[(String, Zeroizing<Vec<u8>>)], password: &Password) -> Result<PublicKeys, Error> {
    let keystores = files.iter().filter_map(|(name, bytes)| Some((name.strip_prefix(KEYSTORES)?, bytes.as_slice())));
    Ok(keystore::check(keystores, password)?)
}

fn journal_of(files: &[(String, Zeroizing<Vec<u8>>)], path: &Path) -> Result<Option<Inspected>, Error> {
    let journal = files.iter().find(|(name, _)| name == JOURNAL);
    Ok(journal.map(|(_, bytes)| Inspected::of(bytes, path)).transpose()?)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::new());
    let read = fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::Malformed { path: path.to_owned(), why: format!("it is larger than {MAX_BYTES} bytes") });
    }
    Ok(bytes)
}

fn pack(files: &[(String, Zeroizing<Vec<u8>>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, name, bytes.as_slice()).expect("a Vec takes everything, and names are short");
    }
    archive.into_inner().expect("a Vec takes everything")
}

/// Names and contents.
type Unpacked = Vec<(String, Zeroizing<Vec<u8>>)>;

fn unpack(packed: &[u8]) -> Result<Unpacked, String> {
    let mut files = Unpacked::new();
    let said = |error: std::io::Error| error.to_string();
    for entry in tar::Archive::new(packed).entries().map_err(said)? {
        let mut entry = entry.map_err(said)?;
        let name = entry.path().map_err(said)?.to_string_lossy().into_owned();
        if !is_known(&name) || !entry.header().entry_type().is_file() {
            return Err(format!("it holds {:?}, which no keeper puts there", crate::text::shown(&name)));
        }
        if files.len() == MAX_FILES || files.iter().any(|(known, _)| *known == name) {
            return Err("it holds a file twice, or too many".to_owned());
        }
        let mut bytes = Zeroizing::new(Vec::new());
        entry.read_to_end(&mut bytes).map_err(said)?;
        files.push((name, bytes));
    }
    Ok(files)
}

/// Whether a file may have this name: one that cannot lead out of the data directory.
fn is_known(name: &str) -> bool {
    let is_plain = |rest: &str| !rest.is_empty() && !rest.starts_with('.') && !rest.contains(['/', '\\', '\0']);
    [CONFIG, NETWORK, IDENTITY, JOURNAL].contains(&name) || name.strip_prefix(KEYSTORES).is_some_and(is_plain)
}

#[cfg(test)]
mod tests;
