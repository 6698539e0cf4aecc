//! Whether this keeper sees the same operator set as the others.
//!
//! A keeper whose chain node shows it another committee than the rest of the mesh sees would sign what nobody can verify,
//! or worse, take a minority for a quorum. So keepers tell each other the root of the table of their current epoch, and
//! one that stands against more stake than agrees with it stops signing and says so.

use std::collections::BTreeMap;

use alloy_primitives::B256;

use super::Engine;
use crate::committee::{Committee, KeeperIndex, PeerKey};

/// What the members have shown: epoch and table root, by index. One entry per member.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown(BTreeMap<KeeperIndex, (u32, B256)>);

impl Engine {
    /// A peer has shown the table of its current epoch.
    pub(super) fn note_table(&mut self, peer: PeerKey, epoch: u32, table_root: B256) {
        let index = self.committees.values().rev().find_map(|committee| committee.index_of(peer));
        if let Some(index) = index {
            self.shown.0.insert(index, (epoch, table_root));
        }
    }

    /// Whether more stake contradicts a committee of this keeper than agrees with it, its own included.
    pub(super) fn is_disputed(&self, committee: &Committee) -> bool {
        let (mut agreeing, mut contradicting) = (0, 0);
        let mine = self.my_index(committee);
        for (&index, (_, root)) in self.shown.0.iter().filter(|(_, (epoch, _))| *epoch == committee.epoch()) {
            let stake = committee.member(index).map_or(0, |member| member.stake);
            match *root == committee.table_root() {
                true => agreeing += stake,
                false => contradicting += stake,
            }
        }
        agreeing += mine.and_then(|index| committee.member(index)).map_or(0, |member| member.stake);
        #[cfg(feature = "simulation")]
        let contradicting = if crate::plant::is(crate::plant::Plant::TableRootIgnored) { 0 } else { contradicting };
        contradicting > agreeing
    }

    /// Whether the mesh contradicts this keeper's current committee, so that it signs nothing under it.
    pub fn is_set_disputed(&self) -> bool {
        self.committee().is_some_and(|(committee, _)| self.is_disputed(&committee))
    }
}
