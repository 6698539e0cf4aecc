//! Turns that the chain shows missed: who leads and leaves its tasks to others goes to the end of the line for a while.

use std::collections::BTreeMap;

use super::Window;
use crate::committee::KeeperIndex;

/// A missed turn counts for so many blocks: a keeper that starts reads at least these with their headers, so that all
/// see the same turns.
pub const COUNTED_BLOCKS: u64 = 128;
/// Missed turns within [`COUNTED_BLOCKS`] that send a leader to the end of the line: one may be an accident of the
/// chain, which nobody can tell from outside.
pub const MISSED_MAX: usize = 2;
/// Most missed turns remembered: there are no more windows in the blocks that a view of the chain holds.
const REMEMBERED_MAX: usize = 512;

/// The missed turns of late, from settlements alone: everybody who has read the same blocks knows the same ones.
#[derive(Clone, Debug, Default)]
pub struct MissedTurns {
    /// The first block that shows it, by turn.
    blocks: BTreeMap<(Window, KeeperIndex), u64>,
}

impl MissedTurns {
    /// Takes in that `block` shows a task of `window` settled late, and not by `leader`, who led the window.
    pub fn note(&mut self, window: Window, leader: KeeperIndex, block: u64) {
        let first = self.blocks.entry((window, leader)).or_insert(block);
        *first = block.min(*first);
        if self.blocks.len() > REMEMBERED_MAX {
            self.blocks.pop_first();
        }
    }

    /// Forgets what the blocks above `number` have shown.
    pub fn rewind(&mut self, number: u64) {
        self.blocks.retain(|_, block| *block <= number);
    }

    /// Sends those who missed too many turns in the blocks up to `block` to the end of the line; otherwise the order
    /// stays. If all of them did, all of it stays.
    pub fn reorder(&self, order: &[KeeperIndex], block: u64) -> Vec<KeeperIndex> {
        let counts = |&shown: &u64| shown <= block && shown + COUNTED_BLOCKS > block;
        let missed = |index: KeeperIndex| {
            self.blocks.iter().filter(|((_, leader), shown)| *leader == index && counts(shown)).count() >= MISSED_MAX
        };
        let (last, mut first): (Vec<_>, Vec<_>) = order.iter().partition(|&&index| missed(index));
        first.extend(last);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> [KeeperIndex; 4] {
        [2, 0, 3, 1].map(KeeperIndex)
    }

    fn missed(turns: &[(u64, u16, u64)]) -> MissedTurns {
        let mut missed = MissedTurns::default();
        turns.iter().for_each(|&(window, leader, block)| missed.note(Window(window), KeeperIndex(leader), block));
        missed
    }

    #[test]
    fn one_missed_turn_changes_nothing_however_many_tasks_were_late_in_it() {
        let missed = missed(&[(7, 2, 100), (7, 2, 101), (7, 2, 103)]);
        assert_eq!(missed.reorder(&order(), 110), order());
    }

    #[test]
    fn two_missed_turns_send_a_leader_to_the_end_until_they_are_old() {
        let missed = missed(&[(7, 2, 100), (9, 2, 110), (8, 0, 105)]);
        assert_eq!(missed.reorder(&order(), 109), order(), "the second one is not shown yet at this block");
        assert_eq!(missed.reorder(&order(), 110), [0, 3, 1, 2].map(KeeperIndex));
        assert_eq!(missed.reorder(&order(), 100 + COUNTED_BLOCKS - 1), [0, 3, 1, 2].map(KeeperIndex));
        assert_eq!(missed.reorder(&order(), 100 + COUNTED_BLOCKS), order());
    }

    #[test]
    fn those_at_the_end_keep_their_order_and_all_together_stay_as_drawn() {
        let some = missed(&[(1, 2, 9), (2, 2, 9), (3, 3, 9), (4, 3, 9)]);
        assert_eq!(some.reorder(&order(), 9), [0, 1, 2, 3].map(KeeperIndex));
        let all: Vec<(u64, u16, u64)> = (0..8).map(|turn| (turn, turn as u16 / 2, 9)).collect();
        assert_eq!(missed(&all).reorder(&order(), 9), order());
    }

    #[test]
    fn a_reorganisation_takes_back_what_its_blocks_have_shown() {
        let mut missed = missed(&[(7, 2, 100), (9, 2, 110)]);
        missed.rewind(109);
        assert_eq!(missed.reorder(&order(), 120), order());
        missed.note(Window(9), KeeperIndex(2), 112);
        assert_eq!(missed.reorder(&order(), 120)[3], KeeperIndex(2));
    }

    #[test]
    fn memory_is_bounded() {
        let turns: Vec<(u64, u16, u64)> = (0..10_000).map(|window| (window, 2, window)).collect();
        assert_eq!(missed(&turns).blocks.len(), REMEMBERED_MAX);
    }
}
