//! The programs a worker keeps ready: bounded in number and in bytes, the one unused for longest goes first.

use std::collections::HashMap;

use super::sandbox::Program;

/// Programs kept.
const MAX_PROGRAMS: usize = 64;
/// Bytes of compiled code kept. One program above it is kept alone.
const MAX_BYTES: usize = 48 << 20;

pub(super) struct Programs<P = Program> {
    by_hash: HashMap<[u8; 32], Kept<P>>,
    bytes: usize,
    clock: u64,
}

struct Kept<P> {
    program: P,
    bytes: usize,
    used: u64,
}

impl<P> Default for Programs<P> {
    fn default() -> Self {
        Self { by_hash: HashMap::new(), bytes: 0, clock: 0 }
    }
}

impl<P: Clone> Programs<P> {
    pub(super) fn get(&mut self, hash: &[u8; 32]) -> Option<P> {
        self.clock += 1;
        let kept = self.by_hash.get_mut(hash)?;
        kept.used = self.clock;
        Some(kept.program.clone())
    }

    pub(super) fn insert(&mut self, hash: [u8; 32], program: P, bytes: usize) {
        self.remove(&hash);
        while !self.by_hash.is_empty() && (self.by_hash.len() >= MAX_PROGRAMS || self.bytes + bytes > MAX_BYTES) {
            let oldest = self.by_hash.iter().min_by_key(|(_, kept)| kept.used).map(|(hash, _)| *hash);
            oldest.iter().for_each(|hash| self.remove(hash));
        }
        self.clock += 1;
        self.bytes += bytes;
        self.by_hash.insert(hash, Kept { program, bytes, used: self.clock });
    }

    fn remove(&mut self, hash: &[u8; 32]) {
        if let Some(kept) = self.by_hash.remove(hash) {
            self.bytes -= kept.bytes;
        }
    }
}

#[cfg(test)]
mod tests;
