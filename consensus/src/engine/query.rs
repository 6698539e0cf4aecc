//! Questions about the state: from peers (want protocol) and from whoever watches this keeper.

use std::sync::Arc;

use alloy_primitives::B256;
use serde_bytes::ByteBuf;

use super::Engine;
use crate::anchor::BlockRef;
use crate::codec;
use crate::committee::{Committee, KeeperIndex, SignerSet};
use crate::effect::BatchKey;
use crate::message::{HAVE_LIMIT, Have, WANT_LIMIT, Want};
use crate::session::{Attempt, Session};
use crate::time::Time;

/// Bytes of messages in one answer; the rest of the limit is for their framing.
const ANSWER_ROOM: usize = HAVE_LIMIT / 2;

fn fits(bytes: &impl AsRef<[u8]>, room: &mut usize) -> bool {
    let length = bytes.as_ref().len();
    let fits = length <= *room;
    if fits {
        *room -= length;
    }
    fits
}

fn copied(bytes: &Vec<u8>) -> ByteBuf {
    ByteBuf::from(bytes.clone())
}

/// One task as it stands.
#[derive(Clone, Debug)]
pub struct SessionView<'a> {
    /// The task's state.
    pub session: &'a Session,
    /// Number of its latest attempt.
    pub attempt: u8,
    /// One word for where it is: waiting, running, reported, abstained, certified, settled, expired.
    pub phase: &'static str,
}

/// Who leads a window.
#[derive(Clone, Debug)]
pub struct WindowView {
    /// The window.
    pub window: u64,
    /// Its leaders by stage.
    pub order: Vec<KeeperIndex>,
    /// The committee they were drawn from.
    pub committee: Arc<Committee>,
}

impl Engine {
    /// Answers a peer's question; an empty answer for one that makes no sense. A keeper answers from the first moment,
    /// before it signs anything itself, so that a mesh that starts all at once does not wait for itself.
    pub fn answer(&self, question: &[u8]) -> Vec<u8> {
        let mut have = Have { head: self.chain.head().map_or(0, |head| head.number), ..Have::default() };
        match codec::decode::<Want>(question, WANT_LIMIT) {
            Ok(Want::Assignment(hash)) => {
                let plan = self.plans.get(&B256::from(hash.into_array()));
                have.assignments.extend(plan.map(|bytes| ByteBuf::from(bytes.clone())));
            }
            Ok(Want::Partials { assignment, batch, known }) => {
                let key = BatchKey { assignment: B256::from(assignment.into_array()), batch };
                self.add_partials(key, &known, &mut have);
            }
            Ok(Want::SignedBy(keeper)) => self.add_signed_by(KeeperIndex(keeper), &mut have),
            Err(_) => {}
        }
        codec::encode(&have)
    }

    /// The batch's certificate if there is one, and the partials the asker lacks if there is none yet.
    fn add_partials(&self, key: BatchKey, known: &[u8], have: &mut Have) {
        let Some((collection, basis)) = self.collections.get(&key).and_then(|c| Some((c, c.basis.as_ref()?))) else {
            return;
        };
        if let Some((certificate, _)) = &collection.certificate {
            let bytes = codec::encode(&certificate.to_message(basis.committee.size()));
            have.certificate = Some(ByteBuf::from(bytes));
            return;
        }
        let known = SignerSet::from_bytes(known, basis.committee.size()).unwrap_or_default();
        let mut room = ANSWER_ROOM;
        have.partials.extend(collection.partials_beyond(&known).filter(|bytes| fits(bytes, &mut room)).map(copied));
    }

    /// What one keeper has signed, newest first, each with the assignment it belongs to.
    fn add_signed_by(&self, keeper: KeeperIndex, have: &mut Have) {
        let mut room = ANSWER_ROOM;
        let mut batches: Vec<_> = self.collections.values().collect();
        batches.sort_by_key(|collection| std::cmp::Reverse(collection.place.window));
        for collection in batches {
            let Some(partial) = collection.partial_of(keeper) else {
                continue;
            };
            let Some(plan) = self.plans.get(&collection.key.assignment) else {
                continue;
            };
            let listed = have.assignments.iter().any(|bytes| bytes.as_slice() == plan.as_slice());
            if !fits(&partial, &mut room) || (!listed && !fits(&plan.as_slice(), &mut room)) {
                return;
            }
            have.partials.push(ByteBuf::from(partial));
            if !listed {
                have.assignments.push(ByteBuf::from(plan.as_slice()));
            }
        }
    }

    /// All tasks remembered, by task.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView<'_>> {
        self.sessions.values().map(|session| {
            let attempt = session.attempts.keys().next_back().copied().unwrap_or(0);
            let phase = match (session.settled, session.ended, session.certified, session.attempts.get(&attempt)) {
                (Some(_), ..) => "settled",
                (_, true, ..) => "expired",
                (_, _, Some(_), _) => "certified",
                (.., Some(Attempt::Reported { .. })) => "reported",
                (.., Some(Attempt::Abstained(_))) => "abstained",
                (.., Some(Attempt::Running(_))) => "running",
                (.., None) => "waiting",
            };
            SessionView { session, attempt, phase }
        })
    }

    /// Who leads the window that `now` is in, or another one `ahead` windows later, if that is certain.
    pub fn window(&self, now: Time, ahead: u64) -> Option<WindowView> {
        let window = now.0 / 1000 / self.config.pace.window_seconds() + ahead;
        let (order, committee) = self.leaders(window)?;
        Some(WindowView { window, order, committee })
    }

    /// The committee active at the newest block, and this keeper's index in it.
    pub fn committee(&self) -> Option<(Arc<Committee>, Option<KeeperIndex>)> {
        let committee = self.committee_at(self.chain.head()?.number)?;
        let index = self.my_index(&committee);
        Some((committee, index))
    }

    /// The newest block at the confirmation depth.
    pub fn head(&self) -> Option<BlockRef> {
        self.chain.head()
    }

    /// Whether a task is remembered.
    pub fn knows(&self, task: &crate::task::Task) -> bool {
        self.sessions.contains_key(task)
    }

    /// Whether a mesh identity belongs to a member of any committee kept.
    pub fn is_member(&self, peer: crate::committee::PeerKey) -> bool {
        self.committees.values().any(|committee| committee.index_of(peer).is_some())
    }
}
