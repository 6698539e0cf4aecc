//! Who brings on chain what a dispute needs: the leaders of the window in which it was needed first, a stage each.

use crate::batch::turn::Turn;
use crate::committee::{KeeperIndex, SignerSet};
use crate::facts::Facts;
use crate::time::Time;

/// The line, and whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct Line {
    keepers: Vec<KeeperIndex>,
    me: Option<KeeperIndex>,
    turn: Turn,
}

impl Line {
    /// The leaders of the window that `now` is in, once they are certain.
    pub(super) fn of(facts: &mut Facts, now: Time) -> Option<Self> {
        let (keepers, committee) = facts.leaders(facts.pace().window_at(now))?;
        Some(Self { keepers, me: facts.my_index(&committee), turn: Turn::first(now) })
    }

    /// Whether this keeper is to act now: once in each turn of its own.
    pub(super) fn is_mine(&mut self, facts: &Facts, now: Time) -> bool {
        self.turn = self.turn.advanced(now, &self.keepers, &self.all(), facts.pace().stage());
        let is_mine = self.me.is_some() && self.turn.holder(&self.keepers) == self.me && !self.turn.is_used();
        if is_mine {
            self.turn = self.turn.used();
        }
        is_mine
    }

    /// What this keeper sent came to nothing: its turn is up, unless the next one would be its own.
    pub(super) fn failed(&mut self, facts: &Facts, now: Time) {
        if self.keepers.len() > 1 {
            self.turn = self.turn.failed(now, facts.pace().stage());
        }
    }

    /// Whether everybody has had a turn.
    pub(super) fn has_gone_round(&self) -> bool {
        self.turn.place() >= self.keepers.len()
    }

    /// When the turn ends.
    pub(super) fn turn_ends(&self, facts: &Facts) -> Time {
        self.turn.end(&self.keepers, &self.all(), facts.pace().stage())
    }

    /// Nobody has to show first that it is there: a stage more or less does not matter to a dispute.
    fn all(&self) -> SignerSet {
        self.keepers.iter().copied().collect()
    }
}
