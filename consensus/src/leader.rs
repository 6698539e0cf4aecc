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

/// The lines drawn of late: each is asked for many times, and every stage costs a hash.
#[derive(Clone, Debug, Default)]
pub struct Lines(BTreeMap<u64, (B256, Vec<KeeperIndex>)>);

impl Lines {
    /// [`order`] of a window, drawn anew only if its seed is another one than before.
    pub fn order(&mut self, window: u64, seed: B256, committee: &Committee) -> Vec<KeeperIndex> {
        if let Some(line) = self.known(window, seed) {
            return line.to_vec();
        }
        let line = order(seed, committee);
        self.0.insert(window, (seed, line.clone()));
        if self.0.len() > LINES_MAX {
            self.0.pop_first();
        }
        line
    }

    /// The line of a window, if it was drawn of late from this seed.
    pub fn known(&self, window: u64, seed: B256) -> Option<&[KeeperIndex]> {
        self.0.get(&window).filter(|(known, _)| *known == seed).map(|(_, line)| line.as_slice())
    }
}

#[cfg(test)]
mod tests;
