//! What the newest block does over time: goes on, stands, or lies below what was seen before.
//!
//! ```text
//!             a newer or another block
//!      ┌──────────────────────────────────────┐
//!      ▼                                      │
//!   on the tip ── a lower block ──► behind ───┤
//!      ▲                              │       │ for a while: SetBack, for the caller to ask the other nodes
//!      └──── the same, or newer ──────┘       │
//! ```

use crate::chain::Head;
use crate::chain::heads::Pace;
use std::time::{Duration, Instant};

/// How long a chain must show a lower block than before until it may have been set back: longer than the nodes behind
/// one URL differ. In block times where those are long.
const SET_BACK_AFTER: Duration = Duration::from_secs(10);
const SET_BACK_BLOCKS: u32 = 5;
const LONG_BLOCK: Duration = Duration::from_secs(60);

/// What a look at the newest block shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Another block than before, not lower. `live`: it came while the chain was being watched, not before that.
    New { live: bool },
    /// The same as before.
    Same,
    /// A lower one: a node that is behind, or a chain that was set back a moment ago.
    Behind,
    /// A lower one for so long that the chain itself may have been set back.
    SetBack,
}

#[derive(Debug)]
pub(super) struct Newest {
    pace: Pace,
    patience: Duration,
    head: Option<Head>,
    looked: Option<Instant>,
    behind_since: Option<Instant>,
}

impl Newest {
    pub(super) fn new(block_time: Duration) -> Self {
        let blocks = block_time.min(LONG_BLOCK) * SET_BACK_BLOCKS;
        Self {
            pace: Pace::new(block_time),
            patience: SET_BACK_AFTER.max(blocks),
            head: None,
            looked: None,
            behind_since: None,
        }
    }

    /// Takes in the newest block a node shows.
    pub(super) fn look(&mut self, head: Head, now: Instant) -> Look {
        let looked = self.looked.replace(now);
        match self.head {
            Some(newest) if newest.hash == head.hash => {
                self.behind_since = None;
                Look::Same
            }
            Some(newest) if head.number < newest.number => {
                let since = *self.behind_since.get_or_insert(now);
                if now.saturating_duration_since(since) < self.patience { Look::Behind } else { Look::SetBack }
            }
            before => {
                self.head = Some(head);
                self.behind_since = None;
                self.pace.block_seen(now);
                // Looks come at least this often while the tip is watched; after a gap nobody knows when the block came.
                let watching = looked.is_some_and(|looked| now.saturating_duration_since(looked) < self.patience);
                Look::New { live: before.is_some() && watching }
            }
        }
    }

    /// The blocks seen so far are void: whatever is shown next is new.
    pub(super) fn forget(&mut self) {
        self.head = None;
        self.behind_since = None;
    }

    /// The newest block seen.
    pub(super) fn head(&self) -> Option<Head> {
        self.head
    }

    /// Time until the next look.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.pace.wait(now)
    }
}

#[cfg(test)]
mod tests;
