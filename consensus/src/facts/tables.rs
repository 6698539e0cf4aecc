//! Whether this keeper sees the same operator set as the others.
//!
//! A keeper whose chain node shows it another committee than the rest of the mesh sees would sign what nobody can verify,
//! or worse, take a minority for a quorum. So keepers tell each other the root of the table of their current epoch, and
//! one that stands against more stake than agrees with it stops signing and says so.

use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::committee::{Committee, KeeperIndex};

/// What the members have shown: epoch and table root, by index. One entry per member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables(BTreeMap<KeeperIndex, (u32, B256)>);

impl Tables {
    /// A member has shown the table of its current epoch.
    pub(crate) fn note(&mut self, member: KeeperIndex, epoch: u32, table_root: B256) {
        self.0.insert(member, (epoch, table_root));
    }

    /// Whether more stake contradicts a committee than agrees with it, that of the keeper `mine` included.
    pub(crate) fn dispute(&self, committee: &Committee, mine: Option<KeeperIndex>) -> bool {
        let stake = |index: KeeperIndex| committee.member(index).map_or(0, |member| member.stake);
        let (mut agreeing, mut contradicting) = (mine.map_or(0, stake), 0);
        for (&index, (_, root)) in self.0.iter().filter(|(_, (epoch, _))| *epoch == committee.epoch()) {
            match *root == committee.table_root() {
                true => agreeing += stake(index),
                false => contradicting += stake(index),
            }
        }
        contradicting > agreeing
    }
}
