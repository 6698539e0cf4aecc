//! Bringing proofs of equivocation before the contract, one keeper after the other.
//!
//! Every keeper holds every proof, and one transaction is enough. So keepers stand in line, in an order that follows
//! from the proof and nobody can choose, and each waits one block longer than the one before it; whoever's turn comes
//! looks first whether it is still needed. A conviction may be orphaned: it is looked at again before a proof is let go.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, B256, keccak256};
use consensus::committee::Committee;

use crate::chain::{Accusation, AccusationResult};

/// Proofs worked on at most: the engine keeps 16 for each of 256 members.
const ACCUSATIONS_MAX: usize = 4_096;
/// Accusations under way at a time: the submitter's queue is for settlements first.
const UNDER_WAY_MAX: usize = 4;
/// Blocks after which a conviction is looked at again, for the last time.
const SETTLED_BLOCKS: u64 = 32;
/// Longest pause between two tries, in blocks.
const PAUSE_MAX: u64 = 32;

/// The proofs that are not known to be on chain for good.
#[derive(Debug, Default)]
pub(super) struct Accusations {
    open: BTreeMap<B256, Open>,
}

#[derive(Debug)]
struct Open {
    accusation: Arc<Accusation>,
    /// Block to act at; none until this keeper's place in the line is known.
    due: Option<u64>,
    tries: u32,
    under_way: bool,
    /// Whether it was seen on chain before.
    proven: bool,
}

impl Accusations {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes up a proof.
    pub(super) fn insert(&mut self, accusation: Accusation) {
        if self.open.len() < ACCUSATIONS_MAX {
            let key = accusation.key;
            let open = Open { accusation: Arc::new(accusation), due: None, tries: 0, under_way: false, proven: false };
            self.open.entry(key).or_insert(open);
        }
    }

    /// Those whose turn it is at `head`; `rank` says how many blocks this keeper waits with a proof.
    pub(super) fn take_due(&mut self, head: u64, rank: impl Fn(&Accusation) -> u64) -> Vec<Arc<Accusation>> {
        let mut under_way = self.open.values().filter(|open| open.under_way).count();
        let mut taken = Vec::new();
        for open in self.open.values_mut().filter(|open| !open.under_way) {
            let due = *open.due.get_or_insert_with(|| head.saturating_add(rank(&open.accusation)));
            if due <= head && under_way < UNDER_WAY_MAX {
                under_way += 1;
                open.under_way = true;
                taken.push(Arc::clone(&open.accusation));
            }
        }
        taken
    }

    /// Takes note of how one ended; true if there is nothing more to do about it.
    pub(super) fn end(&mut self, key: B256, result: &AccusationResult, head: u64) -> bool {
        let Some(open) = self.open.get_mut(&key) else {
            return true;
        };
        open.under_way = false;
        let over = match result {
            AccusationResult::TooLate => true,
            AccusationResult::Proven if open.proven => true,
            AccusationResult::Proven => {
                open.proven = true;
                open.due = Some(head.saturating_add(SETTLED_BLOCKS));
                false
            }
            // there may be more than 32 to convict: looks again at once
            AccusationResult::Mined { .. } => {
                open.due = Some(head.saturating_add(1));
                false
            }
            // A node that is behind, or lies, shows a contract that refuses: once it is too late, the contract says that.
            AccusationResult::Failed { .. } | AccusationResult::Refused { .. } => {
                open.tries += 1;
                let pause = 1u64.checked_shl(open.tries).unwrap_or(PAUSE_MAX).min(PAUSE_MAX);
                open.due = Some(head.saturating_add(pause));
                false
            }
        };
        if over {
            self.open.remove(&key);
        }
        over
    }
}

/// This keeper's place in the line for a proof: members by the hash of proof and operator, without the guilty.
pub(super) fn rank(accusation: &Accusation, committee: &Committee, me: Address) -> u64 {
    let place = |operator: Address| keccak256([accusation.key.as_slice(), operator.as_slice()].concat());
    let members = committee.members().iter().zip(0u16..);
    let accusers = members.filter(|(member, index)| member.stake > 0 && !accusation.guilty.contains(index));
    let mine = place(me);
    accusers.filter(|(member, _)| member.operator != me && place(member.operator) < mine).count() as u64
}

#[cfg(test)]
mod tests;
