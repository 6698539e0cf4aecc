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

impl Watcher {
    /// What comes next on the way to the newest confirmed block; `None` once that was passed on.
    pub(super) fn plan(&self, confirmed: u64) -> Option<Plan> {
        let next = self.next;
        let left = confirmed.checked_sub(next)?;
        if self.held.last().is_none() && left >= HELD_BLOCKS {
            return Some(Plan::History(next, (next + HISTORY_BLOCKS - 1).min(confirmed - HELD_BLOCKS)));
        }
        if left > RECENT_BLOCKS {
            return Some(Plan::Range(next, (next + RANGE_BLOCKS - 1).min(confirmed - RECENT_BLOCKS)));
        }
        Some(Plan::Single(next))
    }
}
