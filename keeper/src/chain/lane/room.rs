//! How much is open at a time. An account's transactions go in the order of their nonces, so what is small waits behind all
//! that was opened before it, and where blocks are full behind what others bring as well.

/// A content of more than this part of a block is large.
const LARGE: u64 = 16;
/// While blocks are over half full (the target of EIP-1559, from which on they get dearer), no more than this part of one is
/// open in large contents: several keepers send at a time, and a small one then still finds its place in the next block.
const CROWDED_SHARE: u64 = 4;

/// What may be opened beside what is. Large contents leave one nonce to small ones, and are never more than a block together:
/// the rest would wait in any case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Gas from which on a content is large.
    large: u64,
    /// Gas that further large contents may have.
    left: u64,
}

impl Room {
    /// Room for everything.
    pub(super) const UNLIMITED: Self = Self { large: u64::MAX, left: u64::MAX };

    /// Beside contents with these gas limits, of so many nonces, in blocks of so much gas of which the newest used so much.
    pub(super) fn beside(open: impl Iterator<Item = u64>, nonces: usize, gas_limit: u64, gas_used: u64) -> Self {
        let large = gas_limit / LARGE;
        let most = if gas_used > gas_limit / 2 { gas_limit / CROWDED_SHARE } else { gas_limit };
        let (count, taken) = open
            .filter(|gas| *gas > large)
            .fold((0_usize, 0_u64), |(count, sum), gas| (count + 1, sum.saturating_add(gas)));
        let left = match count {
            // One has its turn however large it is.
            0 => u64::MAX,
            _ if count + 1 >= nonces => 0,
            _ => most.saturating_sub(taken),
        };
        Self { large, left }
    }

    pub(super) const fn is_large(self, gas: u64) -> bool {
        gas > self.large
    }

    pub(super) const fn has(self, gas: u64) -> bool {
        !self.is_large(gas) || gas <= self.left
    }
}
