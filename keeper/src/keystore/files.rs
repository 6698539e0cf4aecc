//! Files that hold secrets: private, whole or not there at all, and of a sane size.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Error;
use crate::text;

/// Keystores are about 1 KiB; anything larger is something else.
const MAX_BYTES: u64 = 64 * 1024;
/// Files looked at in a directory.
const MAX_FILES: usize = 1024;
/// All rights of the group and of everybody.
const OTHERS: u32 = 0o077;

/// A file of a directory of keystores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// `BLS` or `ECDSA` by its name; nothing if it is neither.
    pub kind: Option<&'static str>,
}

/// Makes a directory only its owner can enter, with its parents.
pub(crate) fn private_directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("create", path))
}

/// Writes a file only its owner can read, durably and atomically.
///
/// # Errors
/// [`Error::Io`], naming the file.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || -> io::Result<()> {
        let temporary = beside(path)?;
        // A new file: one that is there may be anybody's, be it a link elsewhere or of use to its owner.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
        if let Err(error) = written {
            // What is left of a secret is in nobody's way, but need not stay.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(failed("write", path))
}

/// A name beside a file that nothing else has: the whole of the file's own, for `a.json` and `a.toml` are two files, and
/// a random part.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{:016x}.tmp", u64::from_le_bytes(random)));
    Ok(name.into())
}

/// The permission bits of a file, if others than its owner may read or write it.
#[must_use]
pub fn others_may_read(path: &Path) -> Option<u32> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & OTHERS != 0).then_some(mode)
}

/// Reads a keystore's text, if it is its owner's alone.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    match others_may_read(path) {
        Some(mode) => Err(Error::Permissions { path: path.to_owned(), mode }),
        None => read_any(path),
    }
}

/// Reads the text of a file that is about as large as a keystore, whoever else may.
pub(super) fn read_any(path: &Path) -> Result<String, Error> {
    let malformed = |reason| Error::Malformed { path: path.to_owned(), reason };
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(failed("read", path))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(malformed(format!("it is larger than {MAX_BYTES} bytes")));
    }
    text::decode(&bytes).map_err(|why| malformed(why.to_owned()))
}

/// All files of a directory, sorted; none if the directory is not there.
pub(super) fn all(directory: &Path) -> Result<Vec<Found>, Error> {
    let of = |prefix, kind| Ok(list(directory, prefix)?.into_iter().map(move |path| Found { path, kind: Some(kind) }));
    let mut found: Vec<_> = of("bls", "BLS")?.chain(of("ecdsa", "ECDSA")?).chain(of("UTC", "ECDSA")?).collect();
    for path in list(directory, "")? {
        if found.iter().all(|known| known.path != path) {
            found.push(Found { path, kind: None });
        }
    }
    Ok(found)
}

/// The files `<prefix>-*` of a directory, all of them without a prefix, sorted; none if the directory is not there.
pub(super) fn list(directory: &Path, prefix: &str) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", directory)(error)),
    };
    let mut found = Vec::new();
    for entry in entries.take(MAX_FILES) {
        let path = entry.map_err(failed("list", directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // What an interrupted write left behind is none.
        let temporary = path.extension().is_some_and(|extension| extension == "tmp");
        let is_meant = name.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.starts_with('-'));
        if is_meant && !temporary {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path: path.clone(), source }
}
