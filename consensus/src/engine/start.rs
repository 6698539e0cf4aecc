//! The first moments of a keeper: it asks the mesh what its own key has signed before it signs again.
//!
//! With an intact journal this catches a second process with the same key, and an old copy of the journal, before they
//! do harm; a journal that is lost is made good as far as the mesh remembers, and beyond that only anchors newer than
//! anything anybody shows are signed. Nobody waits for anybody: the keeper answers such questions itself from the first
//! moment, and goes on after [`LISTEN`] whoever has answered.

use std::collections::BTreeSet;

use super::{Engine, JournalState, Wake};
use crate::codec;
use crate::collection::{Leaves, Own};
use crate::committee::{KeeperIndex, PeerKey};
use crate::effect::{BatchKey, Effect, SignRecord};
use crate::message::Want;
use crate::time::{LISTEN, Time};

/// Most peers asked: more than a committee has members.
const PEERS_MAX: usize = 512;

/// How far a keeper is with its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No block seen yet.
    Waiting,
    /// Asking what its key has signed, until this time.
    Listening(Time),
    /// Signing.
    Signing,
}

/// The start of a keeper.
#[derive(Clone, Debug)]
pub(super) struct Start {
    phase: Phase,
    journal: JournalState,
    /// Peers that are to be asked as soon as this keeper knows its index.
    to_ask: BTreeSet<PeerKey>,
    /// The first window this keeper may assign in. What it assigned before it stopped is forgotten, and a leader that
    /// gives one number to two assignments is at fault: so it leaves the windows it may have assigned to the next stage.
    leads_from: u64,
    /// The highest block anybody has shown while this keeper was listening; counts if the journal is lost.
    highest: u64,
}

impl Start {
    pub(super) fn new(journal: JournalState) -> Self {
        let phase = if journal == JournalState::New { Phase::Signing } else { Phase::Waiting };
        Self { phase, journal, to_ask: BTreeSet::new(), leads_from: 0, highest: 0 }
    }
}

impl Engine {
    /// Listening begins with the first block: before it there is nothing to sign.
    pub(super) fn begin_listening(&mut self, now: Time) {
        if self.start.phase == Phase::Waiting {
            self.start.phase = Phase::Listening(now.plus(LISTEN));
            self.start.leads_from = now.0 / 1000 / self.config.pace.window_seconds() + 2;
            self.schedule(now.plus(LISTEN), Wake::Start);
        }
        if let (Phase::Listening(_), Some(head)) = (self.start.phase, self.chain.head()) {
            self.start.highest = self.start.highest.max(head.number);
            self.ask_about_myself();
        }
    }

    pub(super) fn end_listening(&mut self, now: Time) {
        if let Phase::Listening(until) = self.start.phase
            && now >= until
        {
            self.start.phase = Phase::Signing;
            let waiting: Vec<BatchKey> = self.collections.keys().copied().collect();
            waiting.into_iter().for_each(|key| self.schedule(now, Wake::Batch(key)));
        }
    }

    /// A keeper has connected: while this one is listening, it is asked.
    pub(super) fn peer_up(&mut self, peer: PeerKey) {
        if self.start.phase != Phase::Signing && self.start.to_ask.len() < PEERS_MAX {
            self.start.to_ask.insert(peer);
            self.ask_about_myself();
        }
    }

    fn ask_about_myself(&mut self) {
        let index = self.committees.values().rev().find_map(|committee| self.my_index(committee));
        let Some(index) = index else {
            return;
        };
        for peer in std::mem::take(&mut self.start.to_ask) {
            let bytes = codec::encode(&Want::SignedBy(index.0));
            self.effects.push(Effect::Ask { peer: Some(peer), bytes });
        }
    }

    /// A peer's head, as its answer showed it.
    pub(super) fn note_head_of_peer(&mut self, head: u64) {
        if self.start.phase != Phase::Signing {
            // A liar could keep this keeper silent with a head in the far future: more than the anchors' age is no news.
            let known = self.chain.head().map_or(0, |head| head.number);
            self.start.highest = self.start.highest.max(head.min(known + 100));
        }
    }

    /// Whether this keeper may assign in a window.
    pub(super) fn may_lead(&self, window: u64) -> bool {
        self.start.phase != Phase::Waiting && window >= self.start.leads_from
    }

    /// Whether this keeper may sign a batch yet.
    pub(super) fn may_sign(&self, key: BatchKey) -> bool {
        let newer = |key: BatchKey| {
            let basis = self.collections.get(&key).and_then(|collection| collection.basis.as_ref());
            basis.is_some_and(|basis| basis.anchors.iter().all(|anchor| anchor.number > self.start.highest))
        };
        let committee = self.collections.get(&key).and_then(|c| Some(c.basis.as_ref()?.committee.clone()));
        if committee.is_some_and(|committee| self.is_disputed(&committee)) {
            return false;
        }
        self.start.phase == Phase::Signing && (self.start.journal != JournalState::Lost || newer(key))
    }

    /// A verified partial of this keeper's own key that it has not made since its start: the journal must know it.
    pub(super) fn recall_if_mine(&mut self, key: BatchKey, signer: KeeperIndex, said: &Leaves, now: Time) {
        let committee = self.collections.get(&key).and_then(|c| Some(c.basis.as_ref()?.committee.clone()));
        if committee.and_then(|committee| self.my_index(&committee)) != Some(signer) {
            return;
        }
        if let Some(collection) = self.collections.get_mut(&key)
            && collection.own == Own::Silent
        {
            collection.own = Own::Spoken(now);
        }
        let records: Vec<SignRecord> = said.records();
        let listening = self.start.phase != Phase::Signing;
        self.effects.push(Effect::Recall { records, listening });
    }

    /// Evidence from this keeper's own disk.
    pub(super) fn receive_kept(&mut self, bytes: &[u8]) {
        if let Ok(evidence) = codec::decode(bytes, crate::message::EVIDENCE_LIMIT) {
            self.keep_evidence(&evidence);
        }
    }
}
