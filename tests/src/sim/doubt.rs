//! Rule 15 in arithmetic of its own: what each keeper has been shown of the others' operator sets, and whether it may sign.

use std::collections::BTreeMap;

use alloy::primitives::B256;
use consensus::committee::Committee;

/// A signature made just before the last word came may still leave.
const GRACE: u64 = 25;

/// What one keeper has been shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubt {
    /// Epoch and table by the index of who showed it.
    shown: BTreeMap<usize, (u32, B256)>,
    /// Since when each epoch is in dispute here.
    since: BTreeMap<u32, u64>,
}

impl Doubt {
    /// A member has shown the table of its epoch; `mine` are the committees as keeper `me` sees them.
    pub(super) fn note(&mut self, member: usize, shown: (u32, B256), mine: &[Committee], me: usize, now: u64) {
        self.shown.insert(member, shown);
        for committee in mine {
            if self.is_disputed(committee, me) {
                self.since.entry(committee.epoch()).or_insert(now);
            } else {
                self.since.remove(&committee.epoch());
            }
        }
    }

    fn is_disputed(&self, committee: &Committee, me: usize) -> bool {
        let stake = |index: usize| committee.members()[index].stake;
        let of_epoch = self.shown.iter().filter(|(_, (epoch, _))| *epoch == committee.epoch());
        let (agree, differ): (Vec<_>, Vec<_>) = of_epoch.partition(|(_, (_, root))| *root == committee.table_root());
        let sum = |members: &[(&usize, &(u32, B256))]| members.iter().map(|(index, _)| stake(**index)).sum::<u128>();
        sum(&differ) > sum(&agree) + stake(me)
    }

    /// Whether a keeper that signs under an epoch now breaks the rule.
    pub(super) fn forbids(&self, epoch: u32, now: u64) -> bool {
        self.since.get(&epoch).is_some_and(|since| now > since + GRACE)
    }
}
