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

/// A registered operator, with the blocks between which it is one.
#[derive(Debug)]
struct Operator {
    peer_key: [u8; 32],
    since: u64,
    until: Option<u64>,
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
    operators: BTreeMap<Address, Operator>,
    /// Oldest first.
    committees: VecDeque<Members>,
    told: Option<BTreeSet<[u8; 32]>>,
}

impl Admission {
    /// An operator registered with a key, or left (no key).
    pub(super) fn operator(&mut self, block: u64, operator: Address, peer_key: Option<[u8; 32]>) {
        match (peer_key, self.operators.get_mut(&operator)) {
            (Some(peer_key), _) => {
                self.operators.insert(operator, Operator { peer_key, since: block, until: None });
            }
            (None, Some(known)) => known.until = Some(block),
            (None, None) => {}
        }
    }

    /// An epoch was written.
    pub(super) fn epoch(&mut self, snapshot: &EpochSnapshot) {
        let members = snapshot.members.iter().filter(|member| member.stake > 0);
        let peer_keys = members.map(|member| member.peer_key).collect();
        self.committees.push_back(Members { block: snapshot.block, active_from: snapshot.active_from, peer_keys });
        if self.committees.len() > COMMITTEES_MAX {
            self.committees.pop_front();
        }
    }

    /// Blocks above `number` are orphaned; what stands in their place is told anew.
    pub(super) fn rewind(&mut self, number: u64) {
        self.operators.retain(|_, operator| operator.since <= number);
        for operator in self.operators.values_mut() {
            operator.until = operator.until.filter(|until| *until <= number);
        }
        self.committees.retain(|members| members.block <= number);
    }

    /// The keys to admit as of a head, unless they are those given out last.
    pub(super) fn news(&mut self, head: u64) -> Option<Vec<[u8; 32]>> {
        // The one before the current one is kept: its last anchors can still settle.
        while self.committees.get(2).is_some_and(|newer| newer.active_from <= head) {
            self.committees.pop_front();
        }
        let operators = self.operators.values().filter(|operator| operator.until.is_none());
        let members = self.committees.iter().flat_map(|members| &members.peer_keys);
        let keys: BTreeSet<[u8; 32]> = operators.map(|operator| operator.peer_key).chain(members.copied()).collect();
        if self.told.as_ref() == Some(&keys) {
            return None;
        }
        self.told = Some(keys.clone());
        Some(keys.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
