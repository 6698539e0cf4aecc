//! Evidence on disk: proofs of equivocation are kept until they are on chain or too old, one file each. One thread does it all,
//! in the order it was asked for.

mod clerk;

use std::path::{Path, PathBuf};

use alloy::primitives::{B256, keccak256};
use consensus::message::EVIDENCE_LIMIT;

use crate::keystore::write_private;
pub use clerk::EvidenceHandle;

/// Most files kept: as many as the engine keeps proofs at most, 16 for each of 256 members.
const FILES_MAX: usize = if cfg!(test) { 8 } else { 4_096 };
/// Largest file read.
const FILE_BYTES_MAX: u64 = EVIDENCE_LIMIT as u64;

/// The folder of proofs.
#[derive(Clone, Debug)]
pub struct EvidenceStore {
    directory: PathBuf,
}

impl EvidenceStore {
    /// The store in a data directory.
    #[must_use]
    pub fn at(datadir: &Path) -> Self {
        Self { directory: datadir.join("evidence") }
    }

    /// Keeps a proof, in its gossip encoding. A proof that cannot be written stays in memory and in the mesh.
    pub fn keep(&self, bytes: &[u8]) {
        let path = self.path(keccak256(bytes));
        let written = std::fs::create_dir_all(&self.directory)
            .map_err(|error| error.to_string())
            .and_then(|()| write_private(&path, bytes).map_err(|error| error.to_string()));
        match written {
            Ok(()) => self.make_room(),
            Err(error) => tracing::error!(path = %path.display(), error, "could not keep evidence on disk"),
        }
    }

    /// Lets go of the oldest files beyond the most: proofs that the engine let go of for newer ones, or that nobody brought on
    /// chain, are not asked for again.
    fn make_room(&self) {
        let mut files: Vec<_> =
            self.files().filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path()))).collect();
        files.sort_unstable();
        for (_, path) in files.iter().take(files.len().saturating_sub(FILES_MAX)) {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "could not delete old evidence");
            }
        }
    }

    fn files(&self) -> impl Iterator<Item = std::fs::DirEntry> {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "cbor"))
    }

    /// Lets go of the proof whose bytes have this hash.
    pub fn forget(&self, key: B256) {
        let path = self.path(key);
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "could not delete evidence that is on chain");
        }
    }

    fn path(&self, key: B256) -> PathBuf {
        self.directory.join(format!("{key}.cbor"))
    }

    /// All proofs kept; unreadable and oversized files are left alone.
    #[must_use]
    pub fn load(&self) -> Vec<Vec<u8>> {
        let small = self.files().filter(|entry| entry.metadata().is_ok_and(|data| data.len() <= FILE_BYTES_MAX));
        small.take(FILES_MAX).filter_map(|entry| std::fs::read(entry.path()).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_loaded_until_forgotten_and_oversized_files_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let store = EvidenceStore::at(directory.path());
        assert!(store.load().is_empty());
        store.keep(b"one");
        store.keep(b"one");
        store.keep(b"two");
        std::fs::write(directory.path().join("evidence/big.cbor"), vec![0; 20_000]).unwrap();
        let mut loaded = store.load();
        loaded.sort();
        assert_eq!(loaded, [b"one".to_vec(), b"two".to_vec()]);
        store.forget(keccak256(b"one"));
        store.forget(keccak256(b"one"));
        assert_eq!(store.load(), [b"two".to_vec()]);
    }

    #[test]
    fn the_oldest_proofs_make_room() {
        let directory = tempfile::tempdir().unwrap();
        let store = EvidenceStore::at(directory.path());
        (0..FILES_MAX).for_each(|number| store.keep(format!("old {number}").as_bytes()));
        let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
        store.files().for_each(|file| std::fs::File::open(file.path()).unwrap().set_modified(hour_ago).unwrap());
        (0..FILES_MAX / 2).for_each(|number| store.keep(format!("new {number}").as_bytes()));
        let kept = store.load();
        assert_eq!(kept.len(), FILES_MAX);
        assert_eq!(kept.iter().filter(|bytes| bytes.starts_with(b"new")).count(), FILES_MAX / 2);
    }
}
