//! Pieces of components for others: only of what this keeper was itself asked to run since its start, so nobody finds out what else
//! lies in a cache that keepers share, nor has old files read from a disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::cache::CodeCache;
use crate::{MAX_CODE_BYTES, MAX_PIECE_BYTES, Piece};

/// Codes known at a time; the one that was not asked for for longest is forgotten first.
const MAX_CODES: usize = 8192;
/// Bytes of a file that are hashed at a time.
const BUFFER: usize = 64 << 10;

/// What may be lent.
#[derive(Debug, Default)]
pub(super) struct Lending(Mutex<Register>);

#[derive(Debug, Default)]
struct Register {
    by_hash: HashMap<[u8; 32], Entry>,
    clock: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The file that was found to have the hash: whoever gives out wrong bytes is taken for a liar, and disks rot.
    checked: Option<Stamp>,
    used: u64,
}

/// What shows that a file is the one it was: its number, length and times.
type Stamp = (u64, u64, i64, i64);

impl Lending {
    /// This keeper is to run a code.
    pub(super) fn know(&self, hash: [u8; 32]) {
        let mut register = self.register();
        register.clock += 1;
        let used = register.clock;
        if register.by_hash.len() >= MAX_CODES && !register.by_hash.contains_key(&hash) {
            let oldest = register.by_hash.iter().min_by_key(|(_, entry)| entry.used).map(|(hash, _)| *hash);
            oldest.and_then(|hash| register.by_hash.remove(&hash));
        }
        register.by_hash.entry(hash).or_insert(Entry { checked: None, used }).used = used;
    }

    /// So much of a component from an offset on. `None`: it is not here, or nothing that this keeper runs. Reads the disk.
    pub(super) fn piece(&self, cache: &CodeCache, hash: &[u8; 32], offset: u32, count: usize) -> Option<Piece> {
        let checked = self.register().by_hash.get(hash)?.checked;
        let file = cache.open_component(hash)?;
        let data = file.metadata().ok()?;
        let length = u32::try_from(data.len()).ok().filter(|length| *length as usize <= MAX_CODE_BYTES)?;
        let stamp = (data.ino(), data.len(), data.mtime(), data.mtime_nsec());
        if checked != Some(stamp) {
            if !has_hash(&file, hash) {
                cache.discard_component(hash);
                return None;
            }
            if let Some(entry) = self.register().by_hash.get_mut(hash) {
                entry.checked = Some(stamp);
            }
        }
        let rest = (length as usize).checked_sub(offset as usize)?;
        let mut bytes = vec![0; rest.min(count).min(MAX_PIECE_BYTES)];
        file.read_exact_at(&mut bytes, offset.into()).ok()?;
        Some(Piece { length, bytes })
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn has_hash(mut file: &File, hash: &[u8; 32]) -> bool {
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return hasher.finalize()[..] == hash[..],
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests;
