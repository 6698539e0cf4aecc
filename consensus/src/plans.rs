//! The assignments this keeper has taken up, its own included.

use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::committee::KeeperIndex;
use crate::effect::Effect;
use crate::facts::Facts;
use crate::fault::{Awaits, Fate, Fault, Reason, Verdict};
use crate::message::{ASSIGNMENTS_MAX, Assignment};
use crate::outbox::{Notice, Outbox};
use crate::time::{RETENTION_WINDOWS, Time};

/// Most assignments remembered at a time.
pub const ASSIGNMENTS_HELD_MAX: usize = 2_048;
/// How many windows ahead an assignment is looked at: leaders assign one window ahead, by their own clocks.
const WINDOWS_AHEAD: u64 = 3;

/// The place of an assignment in its leader's count: window, stage, leader, number.
type Number = (u64, u8, u16, u8);

/// The assignments.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plans {
    /// Those that count, by hash, as they came, each with its number.
    by_hash: BTreeMap<B256, (Number, Vec<u8>)>,
    /// The hash of the first one seen under each number.
    numbered: BTreeMap<Number, B256>,
}

impl Plans {
    /// What becomes of an assignment from the mesh (rules 3, 4 and 11).
    pub(crate) fn consider(
        &mut self,
        (assignment, bytes): (&Assignment, &[u8]),
        facts: &mut Facts,
        now: Time,
        outbox: &mut Outbox,
    ) -> Fate {
        if !assignment.is_well_formed() {
            return Fate::Judged(Verdict::Reject(Reason::OutOfBounds));
        }
        let current = facts.pace().window_at(now);
        let oldest = current.saturating_sub(RETENTION_WINDOWS);
        if assignment.window < oldest || assignment.window > current + WINDOWS_AHEAD {
            return Fate::Judged(Verdict::Ignore(Reason::OutOfWindow));
        }
        // Most copies are just that, and need not be hashed to be known.
        let first = self.numbered.get(&number_of(assignment)).and_then(|first| self.get(first));
        if first.is_some_and(|first| first == bytes) {
            return Fate::Judged(Verdict::Ignore(Reason::Duplicate));
        }
        /* -------- origin, before up to 64 KiB are hashed -------- */
        let Some((order, committee)) = facts.leaders(assignment.window) else {
            return Fate::Early(Awaits::Line);
        };
        let drawn = facts.drawn(assignment.window).unwrap_or_default();
        let leader = KeeperIndex(assignment.leader);
        let stage = usize::from(assignment.stage);
        if order.get(stage) != Some(&leader) && drawn.get(stage) != Some(&leader) {
            return Fate::Judged(Verdict::Ignore(Reason::NotLeader));
        }
        let Some(member) = committee.member(leader) else {
            return Fate::Judged(Verdict::Ignore(Reason::NotLeader));
        };
        let hash = assignment.hash(facts.domain());
        if self.by_hash.contains_key(&hash) {
            return Fate::Judged(Verdict::Ignore(Reason::Duplicate));
        }
        /* -------- signature -------- */
        if !member.peer_key.has_signed(hash, &assignment.signature) {
            return Fate::Judged(Verdict::Reject(Reason::InvalidPeerSignature));
        }
        /* -------- process -------- */
        if self.numbered.contains_key(&number_of(assignment)) {
            outbox.effect(Effect::Blame(Fault::ConflictingAssignment(leader)));
            return Fate::Judged(Verdict::Ignore(Reason::Conflicting));
        }
        if self.by_hash.len() >= ASSIGNMENTS_HELD_MAX {
            return Fate::Judged(Verdict::Ignore(Reason::OverLimit));
        }
        self.adopt((hash, assignment), bytes.to_vec(), outbox);
        Fate::Judged(Verdict::Accept)
    }

    /// Takes up an assignment that has been checked, or made here, under its hash.
    pub(crate) fn adopt(&mut self, (hash, assignment): (B256, &Assignment), bytes: Vec<u8>, outbox: &mut Outbox) {
        self.numbered.insert(number_of(assignment), hash);
        self.by_hash.insert(hash, (number_of(assignment), bytes));
        outbox.tell(Notice::Assigned(hash, Box::new(assignment.clone())));
    }

    /// The first number that this leader has not used at a stage of a window; `None` if it has used all.
    pub(crate) fn free_number(&self, window: u64, stage: u8, leader: KeeperIndex) -> Option<u8> {
        (0..ASSIGNMENTS_MAX).find(|&number| !self.numbered.contains_key(&(window, stage, leader.0, number)))
    }

    /// An assignment as it came.
    pub(crate) fn get(&self, hash: &B256) -> Option<&[u8]> {
        self.by_hash.get(hash).map(|(_, bytes)| bytes.as_slice())
    }

    /// Whether an assignment was taken up.
    pub(crate) fn contains(&self, hash: &B256) -> bool {
        self.by_hash.contains_key(hash)
    }

    /// Lets go of an assignment.
    pub(crate) fn forget(&mut self, hash: &B256) {
        let number = self.by_hash.remove(hash).map(|(number, _)| number);
        if let Some(number) = number.filter(|number| self.numbered.get(number) == Some(hash)) {
            self.numbered.remove(&number);
        }
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.by_hash.len()
    }
}

fn number_of(assignment: &Assignment) -> Number {
    (assignment.window, assignment.stage, assignment.leader, assignment.number)
}

#[cfg(test)]
mod tests;
