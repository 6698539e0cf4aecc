//! Who leads a window: a stake-weighted draw without replacement that everybody can recompute, the contract included.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256, keccak256};

use crate::committee::{Committee, KeeperIndex};

pub mod turns;

/// How many stages a window has at most. With a third of the stake gone, the chance that all of 16 drawn leaders are
/// among it is below 3^-16, and later windows try again.
pub const STAGES_MAX: usize = 16;

/// Place in the line of leaders of a window: 0 leads, 1 takes over from it, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stage(pub u8);

/// A stretch of time; the unit of leader rotation. Window w spans [w * length, (w + 1) * length) in Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(pub u64);

/// keccak256(domain separator, epoch table root, window as 8 bytes big-endian, block hash).
///
/// The block is the one `confirmations` before the last one at or before the start of the window before: known one
/// window ahead, and no earlier, so a leader can prepare and can hardly be targeted.
pub fn seed(domain: B256, table_root: B256, window: Window, block: B256) -> B256 {
    let mut bytes = [0; 104];
    bytes[..32].copy_from_slice(domain.as_slice());
    bytes[32..64].copy_from_slice(table_root.as_slice());
    bytes[64..72].copy_from_slice(&window.0.to_be_bytes());
    bytes[72..].copy_from_slice(block.as_slice());
    keccak256(bytes)
}

/// The leaders of a window by stage. Integers only: x = keccak256(seed, stage) mod the stake not yet drawn (a 256-bit
/// number modulo a 96-bit one, so the bias is below 2^-160), and the operator that owns position x is drawn.
pub fn order(seed: B256, committee: &Committee) -> Vec<KeeperIndex> {
    let mut remaining: Vec<(KeeperIndex, u128)> = (0u16..)
        .zip(committee.members())
        .filter(|(_, member)| member.stake > 0)
        .map(|(index, member)| (KeeperIndex(index), member.stake))
        .collect();
    let mut total = committee.total_stake();
    let mut drawn = Vec::new();
    while !remaining.is_empty() && drawn.len() < STAGES_MAX {
        let mut bytes = [0; 33];
        bytes[..32].copy_from_slice(seed.as_slice());
        bytes[32] = u8::try_from(drawn.len()).unwrap_or(u8::MAX);
        let mut position: u128 = (U256::from_be_bytes(keccak256(bytes).0) % U256::from(total)).to();
        let place = remaining.iter().position(|&(_, stake)| {
            let owns = position < stake;
            position = position.saturating_sub(stake);
            owns
        });
        let (index, stake) = remaining.remove(place.unwrap_or(0));
        total -= stake;
        drawn.push(index);
    }
    drawn
}

/// Most windows whose line is remembered: those that batches still wait for in the good case.
const LINES_MAX: usize = 32;

/// The leaders of a window by stage, given the block that its seed is taken from.
pub(crate) fn draw(domain: B256, window: Window, block: B256, committee: &Committee) -> Vec<KeeperIndex> {
    order(seed(domain, committee.table_root(), window, block), committee)
}

/// A line, and what it was drawn from: the seed's block and the table of the committee.
type Drawn = (B256, B256, Vec<KeeperIndex>);

/// The lines of one network that were drawn of late: each is asked for many times, and seed and stages cost a hash each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(BTreeMap<Window, Drawn>);

impl Lines {
    /// [`draw`] for a window, done anew only if block or committee are others than before.
    pub(crate) fn order(
        &mut self,
        domain: B256,
        window: Window,
        block: B256,
        committee: &Committee,
    ) -> Vec<KeeperIndex> {
        if let Some(line) = self.known(window, block, committee) {
            return line.to_vec();
        }
        let line = draw(domain, window, block, committee);
        self.0.insert(window, (block, committee.table_root(), line.clone()));
        if self.0.len() > LINES_MAX {
            self.0.pop_first();
        }
        line
    }

    /// The line of a window, if it was drawn of late from this block and committee.
    pub(crate) fn known(&self, window: Window, block: B256, committee: &Committee) -> Option<&[KeeperIndex]> {
        let same = |drawn: &&Drawn| drawn.0 == block && drawn.1 == committee.table_root();
        self.0.get(&window).filter(same).map(|(_, _, line)| line.as_slice())
    }
}

#[cfg(test)]
mod tests;
