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
    /// Answers a peer's question; an empty answer for one that makes no sense.
    pub fn answer(&self, question: &[u8]) -> Vec<u8> {
        let mut have = Have::default();
        if let Ok(want) = codec::decode::<Want>(question, WANT_LIMIT) {
            let assignment = B256::from(want.assignment.into_array());
            if want.itself {
                have.assignment = self.plans.get(&assignment).map(|bytes| ByteBuf::from(bytes.clone()));
            }
            if let Some((batch, known)) = want.partials {
                have.partials = self.partials_beyond(BatchKey { assignment, batch }, &known);
            }
        }
        codec::encode(&have)
    }

    fn partials_beyond(&self, key: BatchKey, known: &[u8]) -> Vec<ByteBuf> {
        let Some(collection) = self.collections.get(&key) else {
            return Vec::new();
        };
        let size = collection.basis.as_ref().map_or(0, |basis| basis.committee.size());
        let known = SignerSet::from_bytes(known, size).unwrap_or_default();
        let mut room = HAVE_LIMIT / 2;
        let fits = |bytes: &&Vec<u8>| {
            let fits = bytes.len() <= room;
            room = room.saturating_sub(bytes.len());
            fits
        };
        collection.partials_beyond(&known).take_while(fits).map(|bytes| ByteBuf::from(bytes.clone())).collect()
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
