//! Whose peer keys may hold a connection: every registered operator, and the members of the committees whose epochs are
//! announced, current, or just over.
//!
//! An operator is admitted from its registration on, so that it is connected when its first epoch comes; one that left
//! stays as long as a committee counts on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::Address;

use crate::chain::EpochSnapshot;

/// Most committees held: several epochs could be announced at once after an outage.
const COMMITTEES_MAX: usize = 8;

/// Changes remembered per operator: many more than fit into the blocks that may still be reorganised away.
const CHANGES_MAX: usize = 16;

/// A registration, with its key, or a departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Block of the log.
    pub(super) block: u64,
    /// The operator's peer key from then on; none once it has left.
    pub(super) peer_key: Option<[u8; 32]>,
}

#[derive(Debug)]
struct Members {
    block: u64,
    active_from: u64,
    peer_keys: Vec<[u8; 32]>,
}

/// What the chain says about peer keys.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// What each operator did, oldest first: a reorganisation may take the newest back.
    operators: BTreeMap<Address, VecDeque<Change>>,
    /// Oldest first.
    committees: VecDeque<Members>,
    told: Option<BTreeSet<[u8; 32]>>,
    /// Whether nothing has changed since then.
    settled: bool,
}

impl Admission {
    /// An operator registered with a key, or left (no key).
    pub(super) fn operator(&mut self, block: u64, operator: Address, peer_key: Option<[u8; 32]>) {
        self.settled = false;
        let changes = self.operators.entry(operator).or_default();
        changes.push_back(Change { block, peer_key });
        if changes.len() > CHANGES_MAX {
            changes.pop_front();
        }
    }

    /// What an operator did last; `None` if it never registered.
    pub(super) fn latest(&self, operator: &Address) -> Option<Change> {
        self.operators.get(operator)?.back().copied()
    }

    /// Every operator that is registered now, with its key.
    pub(super) fn registered(&self) -> impl Iterator<Item = (Address, [u8; 32])> {
        self.operators.iter().filter_map(|(operator, changes)| Some((*operator, changes.back()?.peer_key?)))
    }

    /// An epoch was written.
    pub(super) fn epoch(&mut self, snapshot: &EpochSnapshot) {
        self.settled = false;
        let members = snapshot.members.iter().filter(|member| member.stake > 0);
        let peer_keys = members.map(|member| member.peer_key).collect();
        self.committees.push_back(Members { block: snapshot.block, active_from: snapshot.active_from, peer_keys });
        if self.committees.len() > COMMITTEES_MAX {
            self.committees.pop_front();
        }
    }

    /// Blocks above `number` are orphaned; what stands in their place is told anew.
    pub(super) fn rewind(&mut self, number: u64) {
        self.settled = false;
        self.operators.retain(|_, changes| {
            changes.retain(|change| change.block <= number);
            !changes.is_empty()
        });
        self.committees.retain(|members| members.block <= number);
    }

    /// The keys to admit as of a head, unless they are those given out last.
    pub(super) fn news(&mut self, head: u64) -> Option<Vec<[u8; 32]>> {
        // The one before the current one is kept: its last anchors can still settle.
        while self.committees.get(2).is_some_and(|newer| newer.active_from <= head) {
            self.committees.pop_front();
            self.settled = false;
        }
        if std::mem::replace(&mut self.settled, true) {
            return None;
        }
        let registered = self.operators.values().filter_map(|changes| changes.back()?.peer_key);
        let members = self.committees.iter().flat_map(|members| &members.peer_keys);
        let keys: BTreeSet<[u8; 32]> = registered.chain(members.copied()).collect();
        if self.told.as_ref() == Some(&keys) {
            return None;
        }
        self.told = Some(keys.clone());
        Some(keys.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
