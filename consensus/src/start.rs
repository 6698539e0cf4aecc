//! The first moments of a keeper: it asks the mesh what its own key has signed before it signs again (rule 14).
//!
//! ```text
//!   Waiting ── caught up ──► Listening ── two seconds ──► Signing        (a key that has never signed starts here)
//! ```
//!
//! Caught up means: the block that came is as new as the newest one known, less its confirmations. What peers answer
//! before that is about blocks and committees this keeper has not read yet, and would be lost on it.
//!
//! With an intact journal this catches a second process with the same key, and an old copy of the journal, before they
//! do harm; a journal that is lost is made good as far as the mesh remembers, and beyond that only anchors newer than
//! anything anybody shows are signed. Nobody waits for anybody: the keeper answers such questions itself from the first
//! moment, and goes on after [`LISTEN`] whoever has answered.

use std::collections::BTreeSet;

use crate::agenda::Wake;
use crate::codec;
use crate::committee::PeerKey;
use crate::config::JournalState;
use crate::effect::Effect;
use crate::facts::Facts;
use crate::message::Want;
use crate::outbox::{Notice, Outbox};
use crate::report::Anchor;
use crate::time::{LISTEN, Pace, Time};

/// Most peers asked: more than a committee has members.
const PEERS_MAX: usize = 512;
/// Blocks a keeper may be behind the newest confirmed one and still count as caught up: it goes on while it reads.
const BEHIND_MAX: u64 = 2;
/// What this keeper may sign as far as its own past is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    /// Nothing yet.
    NotYet,
    /// What is pinned to blocks above this number.
    Above(u64),
    /// Anything.
    Anything,
}

impl Signing {
    /// Whether a batch pinned to these blocks may be signed.
    pub(crate) fn allows(self, anchors: &[Anchor]) -> bool {
        match self {
            Self::NotYet => false,
            Self::Above(highest) => anchors.iter().all(|anchor| anchor.number > highest),
            Self::Anything => true,
        }
    }
}

/// How far a keeper is with its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not caught up with the chain yet.
    Waiting,
    /// Asking what its key has signed, until this time.
    Listening(Time),
    /// Signing.
    Signing,
}

/// The start of a keeper.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    phase: Phase,
    journal: JournalState,
    /// How far ahead of this keeper a peer's head counts. A liar could keep it silent with a head in the far future: more than
    /// the age an anchor may have is no news.
    anchor_age: u64,
    /// Peers that are to be asked as soon as this keeper knows its index.
    to_ask: BTreeSet<PeerKey>,
    /// When listening began. What this keeper assigned before it stopped is forgotten, and a leader that gives one number
    /// to two assignments is at fault: so it leaves the windows it may have assigned to the next stage.
    since: Time,
    /// The newest block known, confirmed or not.
    newest: u64,
    /// The highest block anybody has shown while this keeper was listening; counts if the journal is lost.
    highest: u64,
}

impl Start {
    /// The start of a keeper with this journal, where an anchor may lie back so many blocks.
    pub(crate) fn new(journal: JournalState, anchor_age: u64) -> Self {
        let phase = if journal == JournalState::New { Phase::Signing } else { Phase::Waiting };
        Self { phase, journal, anchor_age, to_ask: BTreeSet::new(), since: Time(0), newest: 0, highest: 0 }
    }

    /// The newest block has this number.
    pub(crate) fn note_newest(&mut self, number: u64) {
        self.newest = number;
    }

    /// The blocks above this number are gone.
    pub(crate) fn rewound(&mut self, number: u64) {
        self.newest = self.newest.min(number);
    }

    /// A block has come. Listening begins with the first one that is new: before it there is nothing to sign.
    pub(crate) fn on_head(&mut self, facts: &Facts, now: Time, outbox: &mut Outbox) {
        let head = facts.head().map_or(0, |head| head.number);
        let caught_up = head + facts.pace().confirmations + BEHIND_MAX >= self.newest;
        if self.phase == Phase::Waiting && caught_up {
            self.phase = Phase::Listening(now.plus(LISTEN));
            self.since = now;
            outbox.wake(now.plus(LISTEN), Wake::Start);
        }
        if let (Phase::Listening(_), Some(head)) = (self.phase, facts.head()) {
            self.highest = self.highest.max(head.number);
            self.ask_about_myself(facts, outbox);
        }
    }

    /// Time has passed.
    pub(crate) fn look(&mut self, now: Time, outbox: &mut Outbox) {
        match self.phase {
            Phase::Listening(until) if now >= until => {
                self.phase = Phase::Signing;
                outbox.tell(Notice::ListeningEnded);
            }
            Phase::Listening(until) => outbox.wake(until, Wake::Start),
            Phase::Waiting | Phase::Signing => {}
        }
    }

    /// A keeper has connected: it is asked as soon as, and while, this one is listening.
    pub(crate) fn peer_up(&mut self, peer: PeerKey, facts: &Facts, outbox: &mut Outbox) {
        if self.phase != Phase::Signing && self.to_ask.len() < PEERS_MAX {
            self.to_ask.insert(peer);
        }
        if matches!(self.phase, Phase::Listening(_)) {
            self.ask_about_myself(facts, outbox);
        }
    }

    fn ask_about_myself(&mut self, facts: &Facts, outbox: &mut Outbox) {
        let Some(index) = facts.committees().find_map(|committee| facts.my_index(committee)) else {
            return;
        };
        for peer in std::mem::take(&mut self.to_ask) {
            let bytes = codec::encode(&Want::SignedBy(index.0));
            outbox.effect(Effect::Ask { peer: Some(peer), bytes });
        }
    }

    /// A peer's head, as its answer showed it.
    pub(crate) fn note_head_of_peer(&mut self, head: u64, facts: &Facts) {
        if self.phase != Phase::Signing {
            let known = facts.head().map_or(0, |head| head.number);
            self.highest = self.highest.max(head.min(known.saturating_add(self.anchor_age)));
        }
    }

    /// Whether this keeper may assign in a window.
    pub(crate) fn may_lead(&self, window: u64, pace: &Pace) -> bool {
        match (self.phase, self.journal) {
            (Phase::Waiting, _) => false,
            (_, JournalState::New) => true,
            _ => window >= pace.window_at(self.since) + 2,
        }
    }

    /// What this keeper may sign.
    pub(crate) fn signing(&self) -> Signing {
        match (self.phase, self.journal) {
            (Phase::Waiting | Phase::Listening(_), _) => Signing::NotYet,
            (Phase::Signing, JournalState::Lost) => Signing::Above(self.highest),
            (Phase::Signing, JournalState::New | JournalState::Intact) => Signing::Anything,
        }
    }
}

#[cfg(test)]
mod tests;
