//! Questions about the state: from peers (want protocol) and from whoever watches this keeper.

use std::sync::Arc;

use alloy_primitives::B256;
use serde_bytes::ByteBuf;

use super::Engine;
use crate::anchor::BlockRef;
use crate::codec;
use crate::committee::{Committee, KeeperIndex, PeerKey};
use crate::facts::WindowView;
use crate::laws::Laws;
use crate::message::{BatchKey, HAVE_LIMIT, Have, WANT_LIMIT, Want};
use crate::task::{DueTask, Task};
use crate::time::Time;

/// Bytes of messages in one answer; the rest of the limit is for their framing.
const ANSWER_ROOM: usize = HAVE_LIMIT / 2;

fn fits(bytes: &[u8], room: &mut usize) -> bool {
    let fits = bytes.len() <= *room;
    if fits {
        *room -= bytes.len();
    }
    fits
}

impl Engine {
    /// Answers a peer's question; an empty answer for one that makes no sense. A keeper answers from the first moment,
    /// before it signs anything itself, so that a mesh that starts all at once does not wait for itself.
    pub fn answer(&self, question: &[u8]) -> Vec<u8> {
        let mut have = Have { head: self.head().map_or(0, |head| head.number), ..Have::default() };
        match codec::decode::<Want>(question, WANT_LIMIT) {
            Ok(Want::Assignment(hash)) => {
                let plan = self.plans.get(&B256::from(hash.into_array()));
                have.assignments.extend(plan.map(ByteBuf::from));
            }
            Ok(Want::Partials { assignment, batch, known }) => {
                let key = BatchKey { assignment: B256::from(assignment.into_array()), batch };
                self.add_partials(&key, &known, &mut have);
            }
            Ok(Want::Observations { assignment, batch, known }) => {
                let key = BatchKey { assignment: B256::from(assignment.into_array()), batch };
                self.add_observations(&key, &known, &mut have);
            }
            Ok(Want::SignedBy(keeper)) => self.add_signed_by(KeeperIndex(keeper), &mut have),
            Err(_) => {}
        }
        codec::encode(&have)
    }

    /// The batch's certificate if there is one, and the partials the asker lacks if there is none yet.
    fn add_partials(&self, key: &BatchKey, known: &[u8], have: &mut Have) {
        let Some(batch) = self.batches.get(key).filter(|batch| batch.basis().is_some()) else {
            return;
        };
        have.certificate = batch.certificate_bytes().map(ByteBuf::from);
        if have.certificate.is_none() {
            let mut room = ANSWER_ROOM;
            let lacking = batch.partials_beyond(known).filter(|bytes| fits(bytes, &mut room));
            have.partials.extend(lacking.map(ByteBuf::from));
        }
    }

    /// What a batch lists and the asker lacks, as far as it is at hand.
    fn add_observations(&self, key: &BatchKey, known: &[u8], have: &mut Have) {
        let Some(batch) = self.batches.get(key) else {
            return;
        };
        let session = batch.tasks().first().and_then(|task| self.sessions.get(task));
        let mut room = ANSWER_ROOM;
        let lacking = batch.listed_beyond(known);
        let lacking = lacking.filter_map(|digest| session?.observation(batch.attempt(), &digest));
        have.observations.extend(lacking.filter(|bytes| fits(bytes, &mut room)).map(ByteBuf::from));
    }

    /// What one keeper has signed, newest first, each with the assignment it belongs to.
    fn add_signed_by(&self, keeper: KeeperIndex, have: &mut Have) {
        let mut room = ANSWER_ROOM;
        let mut batches: Vec<_> = self.batches.iter().collect();
        batches.sort_by_key(|batch| std::cmp::Reverse(batch.place().window));
        for batch in batches {
            let (Some(partial), Some(plan)) = (batch.partial_of(keeper), self.plans.get(&batch.key().assignment))
            else {
                continue;
            };
            let listed = have.assignments.iter().any(|bytes| bytes.as_slice() == plan);
            if !fits(partial, &mut room) || (!listed && !fits(plan, &mut room)) {
                return;
            }
            have.partials.push(ByteBuf::from(partial));
            if !listed {
                have.assignments.push(ByteBuf::from(plan));
            }
        }
    }

    /// What this keeper holds itself to.
    pub fn laws(&self) -> &dyn Laws {
        &**self.facts.laws()
    }

    /// Who leads the window that `now` is in, or another one `ahead` windows later, if that is certain.
    pub fn window(&self, now: Time, ahead: u64) -> Option<WindowView> {
        self.facts.view(self.facts.pace().window_at(now) + ahead)
    }

    /// The committee active at the newest block, and this keeper's index in it.
    pub fn committee(&self) -> Option<(Arc<Committee>, Option<KeeperIndex>)> {
        let committee = self.facts.committee_at(self.head()?.number)?;
        let index = self.facts.my_index(&committee);
        Some((committee, index))
    }

    /// Whether the mesh contradicts this keeper's current committee, so that it signs nothing under it.
    pub fn is_set_disputed(&self) -> bool {
        self.committee().is_some_and(|(committee, _)| self.facts.is_disputed(&committee))
    }

    /// The newest block at the confirmation depth.
    pub fn head(&self) -> Option<BlockRef> {
        self.facts.head()
    }

    /// A block at the confirmation depth, if it is one of the newest 512.
    pub fn block(&self, number: u64) -> Option<BlockRef> {
        self.facts.block(number)
    }

    /// The block with this hash, if it is one of the newest 512 at the confirmation depth.
    pub fn block_of(&self, hash: B256) -> Option<BlockRef> {
        self.facts.block_of(hash)
    }

    /// Whether a task is remembered that has neither settled nor been given up.
    pub fn is_open(&self, task: &Task, now: Time) -> bool {
        self.sessions
            .get(task)
            .is_some_and(|session| !session.has_ended() && now < self.facts.pace().moment(session.due().deadline))
    }

    /// Whether a leader has listed a task that is not known here.
    pub fn is_listed(&self, task: &Task) -> bool {
        self.batches.lists_unknown(task)
    }

    /// Whether a task is remembered.
    pub fn knows(&self, task: &Task) -> bool {
        self.sessions.get(task).is_some()
    }

    /// Whether a task is remembered as it is told here.
    pub fn is_told(&self, due: &DueTask) -> bool {
        self.sessions.is_told(due)
    }

    /// Whether there is room for a few tasks of any job. Where there is, a task that is not told is one more than its job may have,
    /// and the others lose nothing by it.
    pub fn has_room(&self) -> bool {
        self.sessions.has_room()
    }

    /// The tasks of a planned batch, if it is remembered.
    pub fn tasks_of(&self, key: &BatchKey) -> &[Task] {
        self.batches.get(key).map_or(&[], |batch| batch.tasks())
    }

    /// Whether a mesh identity belongs to a member of any committee kept.
    pub fn is_member(&self, peer: PeerKey) -> bool {
        self.facts.committees().any(|committee| committee.index_of(peer).is_some())
    }
}
