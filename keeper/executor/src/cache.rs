//! Fetched and compiled code on disk, shared by the keepers of one machine.
//!
//! ```text
//! secret                      32 random bytes that authenticate compiled code
//! wasm/<sha256>.wasm          components, checked against their name whenever they are read
//! compiled/<sha256>-<engine>.cwasm   a 32-byte code of authenticity, then native code
//! refused/<sha256>-<engine>.txt      a 32-byte code of authenticity, then why this code never runs here
//! locks/<sha256>.lock         held by the process that fetches and compiles
//! ```
//!
//! Loading native code is as good as running it, so compiled code is loaded only when the secret vouches for its bytes, its
//! name and the engine it is for. It is never accepted from anyone else, and only from directories that are this user's alone:
//! where others could come in, they are shut out, and what they could have left or read (compiled code, the secret) is made anew.

mod ownership;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use alloy::primitives::keccak256;
use sha2::{Digest, Sha256};

use crate::{ExecutorError, MAX_CODE_BYTES};

/// Longest compiled code. Eight times the longest component; honest code grows to three or four times its size.
pub(crate) const MAX_COMPILED_BYTES: usize = 32 << 20;
/// Longest reason of a refusal that is read back.
const MAX_REFUSAL_BYTES: usize = 4 << 10;
/// What each directory may hold; what has not been used for longest goes first. Refusals and locks are small.
const ROOM: [(&str, Room); 4] = [
    ("wasm", Room { files: 16_384, bytes: 512 << 20 }),
    ("compiled", Room { files: 16_384, bytes: 2 << 30 }),
    ("refused", Room { files: 4_096, bytes: u64::MAX }),
    ("locks", Room { files: 4_096, bytes: u64::MAX }),
];
/// A file that is used is marked as such, if that was not done for so long.
const MARK: Duration = Duration::from_secs(600);

/// What the code of authenticity of a file is for. The number in the second is raised when the limits on compilation change:
/// then every refusal is void.
const COMPILED: &[u8; 9] = b"compiled1";
const REFUSED: &[u8; 9] = b"refusal 2";

/// The code cache of this machine.
#[derive(Debug)]
pub(crate) struct CodeCache {
    directory: PathBuf,
    secret: [u8; 32],
}

/// How much a directory may hold.
#[derive(Debug, Clone, Copy)]
struct Room {
    files: usize,
    bytes: u64,
}

/// What the cache has of a code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Native code.
    Compiled(Vec<u8>),
    /// It never runs here, and why.
    Refused(String),
    /// Neither.
    Nothing,
}

impl CodeCache {
    /// Opens the cache, creating its directories (mode 0700) and its secret (mode 0600) when they are missing.
    pub(crate) fn open(directory: &Path) -> Result<Self, ExecutorError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ExecutorError::CacheDirectory { path, source }
        };
        let mut private = true;
        for path in ["", "wasm", "compiled", "refused", "locks"].map(|name| directory.join(name)) {
            DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed(&path))?;
            private &= ownership::make_private(&path).map_err(failed(&path))?;
        }
        let path = directory.join("secret");
        if !private || !ownership::is_private(&path).unwrap_or(true) {
            tracing::warn!(
                directory = %directory.display(),
                "others had access to the code cache: it is closed to them now, and code is compiled anew"
            );
            ownership::remove(&path).map_err(failed(&path))?;
        }
        let secret = load_or_create_secret(&path).map_err(failed(&path))?;
        Ok(Self { directory: directory.to_owned(), secret })
    }

    /// The component with this SHA-256. A file whose content does not match is removed.
    pub(crate) fn component(&self, hash: &[u8; 32]) -> Option<Vec<u8>> {
        let bytes = read_capped(&self.component_path(hash), MAX_CODE_BYTES)?;
        if Sha256::digest(&bytes)[..] != hash[..] {
            self.discard_component(hash);
            return None;
        }
        Some(bytes)
    }

    /// The file of a component, whose content is as it is on disk.
    pub(crate) fn open_component(&self, hash: &[u8; 32]) -> Option<File> {
        File::open(self.component_path(hash)).ok()
    }

    /// Removes a component whose content does not match its hash.
    pub(crate) fn discard_component(&self, hash: &[u8; 32]) {
        let path = self.component_path(hash);
        tracing::warn!(path = %path.display(), "removed a cached component whose content does not match its hash");
        let _ = fs::remove_file(path);
    }

    /// Keeps a component whose hash has been checked.
    pub(crate) fn keep_component(&self, hash: &[u8; 32], bytes: &[u8]) -> io::Result<()> {
        self.write(&self.component_path(hash), &[bytes])
    }

    /// What the secret vouches for of a code and an engine. A file it does not vouch for is removed.
    pub(crate) fn find(&self, hash: &[u8; 32], engine: &str) -> Found {
        let path = self.compiled_path(hash, engine);
        if let Some(code) = self.read(COMPILED, &path, hash, engine, MAX_COMPILED_BYTES) {
            mark(&path);
            return Found::Compiled(code);
        }
        let reason = self.read(REFUSED, &self.refusal_path(hash, engine), hash, engine, MAX_REFUSAL_BYTES);
        reason.map_or(Found::Nothing, |reason| Found::Refused(String::from_utf8_lossy(&reason).into_owned()))
    }

    /// Keeps code that a compiler of this keeper made.
    pub(crate) fn keep_compiled(&self, hash: &[u8; 32], engine: &str, code: &[u8]) -> io::Result<()> {
        let authenticity = self.authenticate(COMPILED, hash, engine, code);
        self.write(&self.compiled_path(hash, engine), &[&authenticity, code])
    }

    /// Keeps the reason why a code never runs here.
    pub(crate) fn keep_refusal(&self, hash: &[u8; 32], engine: &str, why: &str) -> io::Result<()> {
        let why = &why.as_bytes()[..why.floor_char_boundary(MAX_REFUSAL_BYTES - 32)];
        let authenticity = self.authenticate(REFUSED, hash, engine, why);
        self.write(&self.refusal_path(hash, engine), &[&authenticity, why])
    }

    /// Removes compiled code.
    pub(crate) fn discard(&self, hash: &[u8; 32], engine: &str) {
        let _ = fs::remove_file(self.compiled_path(hash, engine));
    }

    /// Tries to become the one process that fetches and compiles this code. The lock ends with the returned file.
    pub(crate) fn try_lock(&self, hash: &[u8; 32]) -> io::Result<Option<File>> {
        let path = self.directory.join("locks").join(format!("{}.lock", alloy::hex::encode(hash)));
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn component_path(&self, hash: &[u8; 32]) -> PathBuf {
        self.directory.join("wasm").join(format!("{}.wasm", alloy::hex::encode(hash)))
    }

    fn compiled_path(&self, hash: &[u8; 32], engine: &str) -> PathBuf {
        self.directory.join("compiled").join(format!("{}-{engine}.cwasm", alloy::hex::encode(hash)))
    }

    fn refusal_path(&self, hash: &[u8; 32], engine: &str) -> PathBuf {
        self.directory.join("refused").join(format!("{}-{engine}.txt", alloy::hex::encode(hash)))
    }

    /// The content of a file behind its code of authenticity.
    fn read(&self, what: &[u8; 9], path: &Path, hash: &[u8; 32], engine: &str, most: usize) -> Option<Vec<u8>> {
        let mut bytes = read_capped(path, most + 32)?;
        if bytes.len() < 32 || self.authenticate(what, hash, engine, &bytes[32..])[..] != bytes[..32] {
            tracing::warn!(path = %path.display(), "removed a file that was not written by this cache");
            let _ = fs::remove_file(path);
            return None;
        }
        bytes.drain(..32);
        Some(bytes)
    }

    /// Keyed hash of a file's content and of what it is for. Keccak needs no HMAC: its key in front is already safe.
    fn authenticate(&self, what: &[u8; 9], hash: &[u8; 32], engine: &str, content: &[u8]) -> [u8; 32] {
        let content: [u8; 32] = Sha256::digest(content).into();
        keccak256([&self.secret[..], what, hash, &content, engine.as_bytes()].concat()).0
    }

    /// Writes a file so that readers see all of it or nothing, and drops the oldest files of its directory.
    fn write(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        let temporary = path.with_extension(format!("{}-{:016x}.new", std::process::id(), rand_u64()?));
        let written =
            OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary).and_then(|mut file| {
                parts.iter().try_for_each(|part| file.write_all(part))?;
                fs::rename(&temporary, path)
            });
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        for (name, room) in ROOM {
            let directory = self.directory.join(name);
            if path.starts_with(&directory) || name == "locks" {
                prune(&directory, room);
            }
        }
        written
    }
}

fn rand_u64() -> io::Result<u64> {
    getrandom::u64().map_err(io::Error::other)
}

/// Reads the secret, or makes one: whichever process links its file first decides.
fn load_or_create_secret(path: &Path) -> io::Result<[u8; 32]> {
    if let Some(secret) = read_secret(path)? {
        return Ok(secret);
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    let temporary = path.with_extension(format!("{:016x}.new", rand_u64()?));
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temporary)?.write_all(&secret)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => read_secret(path)?.ok_or_else(|| io::Error::other("the secret vanished while it was being read")),
    }
}

fn read_secret(path: &Path) -> io::Result<Option<[u8; 32]>> {
    match fs::read(path) {
        Ok(bytes) => <[u8; 32]>::try_from(bytes.as_slice())
            .map(Some)
            .map_err(|_| io::Error::other("the secret has not 32 bytes; delete it")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_capped(path: &Path, limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(limit as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= limit).then_some(bytes)
}

/// Makes a file the one used last.
fn mark(path: &Path) {
    let now = SystemTime::now();
    let age = fs::metadata(path).and_then(|data| data.modified()).map(|at| now.duration_since(at).unwrap_or_default());
    if age.is_ok_and(|age| age > MARK) {
        // Without it the file only goes earlier.
        let _ = File::open(path).and_then(|file| file.set_modified(now));
    }
}

/// Removes the files that were written or used longest ago, until the rest has room.
fn prune(directory: &Path, room: Room) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let data = entry.metadata().ok()?;
            Some((data.modified().ok()?, entry.path(), data.len()))
        })
        .collect();
    let (mut count, mut bytes) = (files.len(), files.iter().map(|(.., length)| length).sum::<u64>());
    if count <= room.files && bytes <= room.bytes {
        return;
    }
    files.sort();
    for (_, path, length) in &files {
        if count <= room.files && bytes <= room.bytes {
            return;
        }
        let _ = fs::remove_file(path);
        (count, bytes) = (count - 1, bytes - length);
    }
}

#[cfg(test)]
mod tests;
