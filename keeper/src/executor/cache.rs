//! Fetched and compiled code on disk, shared by the keepers of one machine.
//!
//! ```text
//! secret                      32 random bytes that authenticate compiled code
//! wasm/<sha256>.wasm          components, checked against their name whenever they are read
//! compiled/<sha256>-<engine>.cwasm   a 32-byte code of authenticity, then native code
//! locks/<sha256>.lock         held by the process that fetches and compiles
//! ```
//!
//! Loading native code is as good as running it, so compiled code is loaded only when the secret vouches for its bytes, its
//! name and the engine it is for. It is never accepted from anyone else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use alloy::primitives::keccak256;
use sha2::{Digest, Sha256};

use super::sandbox::CompiledCode;
use super::{ExecutorError, MAX_CODE_BYTES};

/// Longest compiled code that is read back. Native code of a component at the size cap stays well below.
const MAX_COMPILED_BYTES: u64 = 128 << 20;
/// Files kept in each of `wasm` and `compiled`; the oldest go first.
const MAX_FILES: usize = 256;

/// The code cache of this machine.
#[derive(Debug)]
pub(super) struct CodeCache {
    directory: PathBuf,
    secret: [u8; 32],
}

impl CodeCache {
    /// Opens the cache, creating its directories (mode 0700) and its secret (mode 0600) when they are missing.
    pub(super) fn open(directory: &Path) -> Result<Self, ExecutorError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ExecutorError::CacheDirectory { path, source }
        };
        for path in ["", "wasm", "compiled", "locks"].map(|name| directory.join(name)) {
            DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed(&path))?;
        }
        let path = directory.join("secret");
        let secret = load_or_create_secret(&path).map_err(failed(&path))?;
        Ok(Self { directory: directory.to_owned(), secret })
    }

    /// The component with this SHA-256. A file whose content does not match is removed.
    pub(super) fn component(&self, hash: &[u8; 32]) -> Option<Vec<u8>> {
        let path = self.component_path(hash);
        let bytes = read_capped(&path, MAX_CODE_BYTES as u64)?;
        if Sha256::digest(&bytes)[..] != hash[..] {
            tracing::warn!(path = %path.display(), "removed a cached component whose content does not match its hash");
            let _ = fs::remove_file(&path);
            return None;
        }
        Some(bytes)
    }

    /// Keeps a component whose hash has been checked.
    pub(super) fn keep_component(&self, hash: &[u8; 32], bytes: &[u8]) -> io::Result<()> {
        self.write(&self.component_path(hash), &[bytes])
    }

    /// Compiled code for `engine`, if the secret vouches for it. A file it does not vouch for is removed.
    pub(super) fn compiled(&self, hash: &[u8; 32], engine: &str) -> Option<CompiledCode> {
        let path = self.compiled_path(hash, engine);
        let mut bytes = read_capped(&path, MAX_COMPILED_BYTES)?;
        if bytes.len() < 32 || self.authenticate(hash, engine, &bytes[32..])[..] != bytes[..32] {
            tracing::warn!(path = %path.display(), "removed compiled code that was not written by this cache");
            let _ = fs::remove_file(&path);
            return None;
        }
        bytes.drain(..32);
        Some(CompiledCode(bytes))
    }

    /// Keeps code that this process compiled.
    pub(super) fn keep_compiled(&self, hash: &[u8; 32], engine: &str, code: &CompiledCode) -> io::Result<()> {
        let authenticity = self.authenticate(hash, engine, &code.0);
        self.write(&self.compiled_path(hash, engine), &[&authenticity, &code.0])
    }

    /// Tries to become the one process that fetches and compiles this code. The lock ends with the returned file.
    pub(super) fn try_lock(&self, hash: &[u8; 32]) -> io::Result<Option<File>> {
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

    /// Keyed hash of compiled code and of what it is for. Keccak needs no HMAC: its key in front is already safe.
    fn authenticate(&self, hash: &[u8; 32], engine: &str, code: &[u8]) -> [u8; 32] {
        let content: [u8; 32] = Sha256::digest(code).into();
        keccak256([&self.secret, hash, &content, engine.as_bytes()].concat()).0
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
        prune(path.parent().unwrap_or(&self.directory));
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
            .map_err(|_| io::Error::other("the secret has not 32 bytes; delete it and the directory `compiled`")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_capped(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(limit + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}

/// Removes the files that were written longest ago, down to [`MAX_FILES`].
fn prune(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut files: Vec<_> =
        entries.flatten().filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    if files.len() > MAX_FILES {
        files.sort();
        let surplus = files.len() - MAX_FILES;
        for (_, path) in &files[..surplus] {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests;
