//! What is passed on next, and in how large a piece.

use super::Watcher;
use crate::chain::heads::HELD_BLOCKS;

/// Most blocks whose logs are asked for at once in history.
const HISTORY_BLOCKS: u64 = 2_000;
/// Most blocks of one range.
const RANGE_BLOCKS: u64 = 64;
/// Blocks nearer to the newest one than this are asked for one by one.
const RECENT_BLOCKS: u64 = 16;

/// The next blocks to pass on, numbers included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    History(u64, u64),
    Range(u64, u64),
    Single(u64),
}

impl Plan {
    /// How many blocks it covers.
    pub(super) fn blocks(&self) -> u64 {
        match self {
            Self::History(from, to) | Self::Range(from, to) => to - from + 1,
            Self::Single(_) => 1,
        }
    }
}

/// How many blocks are passed on in one piece: fewer where they hold more logs than are taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece(u64);

impl Default for Piece {
    fn default() -> Self {
        Self(HISTORY_BLOCKS)
    }
}

impl Piece {
    /// So many blocks held too much. `false`: nothing smaller can be asked for.
    pub(super) fn was_too_much(&mut self, blocks: u64) -> bool {
        self.0 = (blocks / 2).max(1);
        blocks > 1
    }

    /// So many blocks were passed on.
    pub(super) fn was_fine(&mut self, blocks: u64) {
        if blocks >= self.0 {
            self.0 = (self.0 * 2).min(HISTORY_BLOCKS);
        }
    }
}

impl Watcher {
    /// What comes next on the way to the newest confirmed block; `None` once that was passed on.
    pub(super) fn plan(&self, confirmed: u64) -> Option<Plan> {
        let (next, Piece(most)) = (self.next, self.piece);
        let left = confirmed.checked_sub(next)?;
        if self.held.last().is_none() && left >= HELD_BLOCKS {
            return Some(Plan::History(next, (next + HISTORY_BLOCKS.min(most) - 1).min(confirmed - HELD_BLOCKS)));
        }
        if left > RECENT_BLOCKS {
            return Some(Plan::Range(next, (next + RANGE_BLOCKS.min(most) - 1).min(confirmed - RECENT_BLOCKS)));
        }
        Some(Plan::Single(next))
    }
}
