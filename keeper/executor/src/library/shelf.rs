//! What is known of codes by their hashes: that they are compiled, or that they never will be. Bounded; what was not asked for
//! for longest is forgotten first, and found again on disk.

use std::collections::HashMap;

use crate::Abstain;

/// Codes known at a time.
const MAX_CODES: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    by_hash: HashMap<[u8; 32], (Known, u64)>,
    clock: u64,
}

/// What is known of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// Compiled code is on disk.
    Ready,
    /// It will never run here.
    Refused(Abstain),
}

impl Shelf {
    pub(super) fn get(&mut self, hash: &[u8; 32]) -> Option<Known> {
        self.clock += 1;
        let (known, used) = self.by_hash.get_mut(hash)?;
        *used = self.clock;
        Some(known.clone())
    }

    pub(super) fn put(&mut self, hash: [u8; 32], known: Known) {
        if self.by_hash.len() >= MAX_CODES && !self.by_hash.contains_key(&hash) {
            let oldest = self.by_hash.iter().min_by_key(|(_, (_, used))| *used).map(|(hash, _)| *hash);
            oldest.and_then(|hash| self.by_hash.remove(&hash));
        }
        self.clock += 1;
        self.by_hash.insert(hash, (known, self.clock));
    }

    pub(super) fn forget(&mut self, hash: &[u8; 32]) {
        self.by_hash.remove(hash);
    }
}

#[cfg(test)]
mod tests;
