//! The random weights of batch verification.

use alloy_primitives::{B256, keccak256};

/// Where the random weights of batch verification come from: hashed from a seed that nobody else knows, so that equal
/// inputs give equal runs.
#[derive(Clone)]
pub struct Weights {
    seed: [u8; 32],
    drawn: u64,
    /// The hash that the next ones are cut from: it is long enough for four.
    hash: B256,
}

impl Weights {
    /// Weights from 32 secret random bytes.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0, hash: B256::ZERO }
    }

    /// The next one.
    pub fn draw(&mut self) -> u64 {
        let place = (self.drawn % 4) as usize;
        if place == 0 {
            let mut bytes = [0; 40];
            bytes[..32].copy_from_slice(&self.seed);
            bytes[32..].copy_from_slice(&self.drawn.to_be_bytes());
            self.hash = keccak256(bytes);
        }
        self.drawn += 1;
        self.hash.as_chunks().0.get(place).map_or(0, |chunk| u64::from_be_bytes(*chunk))
    }
}

impl std::fmt::Debug for Weights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Weights({} drawn)", self.drawn)
    }
}
