//! What keepers saw of a task whose job looks outside (rule 20): each try has a round.
//!
//! ```text
//!            signed observations, one of each keeper               a leader's list, all of it at hand
//!   looking ───────────────────────────────────────► ready ──────────────────────────────────────────► deciding
//!                more than two thirds of the stake     │                                                  │
//!                                                      └─ a leader may list them                 an outcome for this set
//! ```
//!
//! A keeper that signs two observations has its first one counted by whoever heard it first; a leader's list names each by its
//! digest, so that all decide on the same one whatever they heard.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::{B256, Bytes};
use serde_bytes::ByteArray;

use super::Attempt;
use crate::committee::{Committee, KeeperIndex, SignerSet};
use crate::inputs::{InputSet, Seen};
use crate::laws::Laws;
use crate::message::{Listed, Observation};
use crate::report::Anchor;
use crate::time::{GATHER, Time};

/// Rounds kept: the newest, and the one before it, in which a leader's list may still be under way.
const ROUNDS_MAX: usize = 2;
/// Most sets that one round decides on: each costs a run, and a leader may list as many as it has batches.
const SETS_MAX: usize = 8;
/// Most bytes of observations in one round.
const ROUND_BYTES_MAX: usize = 1024 * 1024;

/// The rounds of one task.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed(BTreeMap<u8, Round>);

/// One try: what was seen at its anchor, and what came of the sets of it.
#[derive(Clone, Debug)]
pub(super) struct Round {
    anchor: Anchor,
    /// The first observation of each keeper.
    first: BTreeMap<KeeperIndex, B256>,
    /// All that are at hand, by digest, each as it travels too.
    all: BTreeMap<B256, (Bytes, Vec<u8>)>,
    bytes: usize,
    /// What leaders have listed and is not at hand.
    wanted: BTreeSet<B256>,
    /// When a leader may list what is here.
    ready: Option<Time>,
    /// By set, what came of deciding on it.
    pub(super) decided: BTreeMap<B256, Attempt>,
}

/// What becomes of an observation whose signature has not been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Glance {
    /// It is worth a look.
    New,
    /// It is at hand.
    Known,
    /// Its keeper has said something else before, and no leader has listed this.
    Second,
    /// There is no room for it.
    Full,
    /// It is of another block than this keeper's.
    Elsewhere,
    /// Its try is over.
    Over,
    /// Its try has not begun.
    Early,
}

impl Observed {
    /// A try begins at this block.
    pub(super) fn begin(&mut self, attempt: u8, anchor: Anchor) {
        let round = Round {
            anchor,
            first: BTreeMap::new(),
            all: BTreeMap::new(),
            bytes: 0,
            wanted: BTreeSet::new(),
            ready: None,
            decided: BTreeMap::new(),
        };
        self.0.insert(attempt, round);
        while self.0.len() > ROUNDS_MAX {
            self.0.pop_first();
        }
    }

    /// What keepers saw is of no more use.
    pub(super) fn let_go(&mut self) {
        for round in self.0.values_mut() {
            (round.all, round.bytes) = (BTreeMap::new(), 0);
        }
    }

    /// Blocks above this number are orphaned.
    pub(super) fn rewind(&mut self, number: u64) {
        self.0.retain(|_, round| round.anchor.number <= number);
    }

    pub(super) fn round(&self, attempt: u8) -> Option<&Round> {
        self.0.get(&attempt)
    }

    pub(super) fn round_mut(&mut self, attempt: u8) -> Option<&mut Round> {
        self.0.get_mut(&attempt)
    }

    pub(super) fn rounds(&self) -> impl Iterator<Item = &Round> {
        self.0.values()
    }

    /// Bytes of observations.
    pub(super) fn bytes(&self) -> usize {
        self.0.values().map(|round| round.bytes).sum()
    }

    /// What to make of an observation before its signature is checked.
    pub(super) fn glance(&self, observation: &Observation, digest: B256) -> Glance {
        let Some(round) = self.0.get(&observation.attempt) else {
            let is_over = self.0.keys().any(|begun| *begun > observation.attempt);
            return if is_over { Glance::Over } else { Glance::Early };
        };
        let keeper = KeeperIndex(observation.keeper);
        let is_wanted = round.wanted.contains(&digest);
        if round.anchor != observation.anchor() {
            Glance::Elsewhere
        } else if round.all.contains_key(&digest) {
            Glance::Known
        } else if round.first.contains_key(&keeper) && !is_wanted {
            Glance::Second
        } else if round.bytes + observation.seen.len() > ROUND_BYTES_MAX {
            Glance::Full
        } else {
            Glance::New
        }
    }
}

impl Round {
    /// Takes an observation whose signature is good; true if a leader may list what is here from now on, or at once.
    pub(super) fn take(
        &mut self,
        (observation, digest, bytes): (&Observation, B256, Vec<u8>),
        committee: &Committee,
        laws: &dyn Laws,
        now: Time,
    ) -> bool {
        self.bytes += observation.seen.len();
        self.wanted.remove(&digest);
        self.first.entry(KeeperIndex(observation.keeper)).or_insert(digest);
        self.all.insert(digest, (Bytes::copy_from_slice(&observation.seen), bytes));
        let heard: SignerSet = self.first.keys().copied().collect();
        let members = committee.members().iter().filter(|member| member.stake > 0).count();
        // Nobody else is waited for.
        let is_complete = heard.count() >= members;
        let is_agreed = laws.is_input_set(committee, committee.stake_of(&heard).unwrap_or(0));
        let before = self.ready;
        match self.ready {
            None if is_complete => self.ready = Some(now),
            None if is_agreed => self.ready = Some(now.plus(GATHER)),
            Some(at) if is_complete => self.ready = Some(at.min(now)),
            _ => {}
        }
        self.ready != before
    }

    /// From when on a leader may list what is here.
    pub(super) const fn ready(&self) -> Option<Time> {
        self.ready
    }

    /// Where it is pinned to.
    pub(super) const fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// The first observation of each keeper, for a leader to list.
    pub(super) fn listed(&self) -> Vec<Listed> {
        let listed = self.first.iter().filter(|(_, digest)| self.all.contains_key(*digest));
        listed.map(|(keeper, digest)| Listed { keeper: keeper.0, digest: ByteArray::new(digest.0) }).collect()
    }

    /// The positions in a list of what is not at hand; it is taken from now on, whatever else its keepers have said.
    pub(super) fn missing(&mut self, listed: &[Listed]) -> Vec<usize> {
        let digests = listed.iter().map(|one| B256::from(one.digest.into_array())).enumerate();
        let missing: Vec<_> = digests.filter(|(_, digest)| !self.all.contains_key(digest)).collect();
        self.wanted.extend(missing.iter().map(|(_, digest)| *digest));
        missing.into_iter().map(|(place, _)| place).collect()
    }

    /// An observation as it travels.
    pub(super) fn travelling(&self, digest: &B256) -> Option<&[u8]> {
        self.all.get(digest).map(|(_, bytes)| bytes.as_slice())
    }

    /// The set of a list that is all at hand, unless it is decided on already, or that would be one too many.
    pub(super) fn undecided(&self, hash: B256, listed: &[Listed], committee: &Committee) -> Option<Arc<InputSet>> {
        if self.decided.contains_key(&hash) || self.decided.len() >= SETS_MAX {
            return None;
        }
        let total = committee.total_stake();
        let one = |one: &Listed| {
            let keeper = KeeperIndex(one.keeper);
            let share = committee.member(keeper)?.stake * 1_000_000_000 / total;
            let (bytes, _) = self.all.get(&B256::from(one.digest.into_array()))?;
            Some(Seen { keeper, share: u32::try_from(share).unwrap_or(u32::MAX), bytes: bytes.clone() })
        };
        Some(Arc::new(InputSet { hash, seen: listed.iter().map(one).collect::<Option<_>>()? }))
    }
}

#[cfg(test)]
mod tests;
