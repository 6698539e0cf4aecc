//! Which way this keeper's partial goes to the others (rule 21).
//!
//! ```text
//!               few members, no line, or fewer than two leaders linked
//!   Unsaid ─────────────────────────────────────────────────────────────────► Gossiped
//!     │                                                                          ▲
//!     │               the first leader does not take it, fewer than two          │
//!     └── Straight ── do, or a stage passes and nothing shows a quorum ──────────┘
//! ```
//!
//! The bytes are the same on both ways, and so is what they do: a leader needs no more than its own count, and whoever hears
//! of a partial twice has heard of it once.

use std::time::Duration;

use crate::committee::PeerKey;
use crate::laws::Laws;
use crate::time::Time;

/// The leaders that a partial goes straight to: the one that assigned its batch and the two whose turns come next. All three are
/// among a hostile third with a chance of one in 27.
pub(super) const LEADERS: usize = 3;
/// As many of them must be reached: one alone may be hostile, and would cost a stage.
const REACHED_MIN: usize = 2;

/// A leader that a partial may go straight to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    /// Who it is in the mesh.
    pub(super) peer: PeerKey,
    /// How this keeper stands to it.
    pub(super) link: Link,
}

/// How this keeper stands to a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// It is this keeper itself.
    Own,
    /// They are connected.
    Up,
    /// They are not.
    Down,
}

/// Which way a partial has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// None yet.
    Unsaid,
    /// To the leaders, at this time.
    Straight {
        /// When.
        since: Time,
        /// Who they are, in order, and which of them is thought to have it.
        leaders: Vec<Leader>,
    },
    /// To everybody.
    Gossiped,
}

/// What happens to a partial on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event<'a> {
    /// It is made; these lead its batch, in order, none if nobody knows who does.
    Said(&'a [Leader]),
    /// A leader does not take it.
    Unsent(PeerKey),
    /// Its batch is looked at; whether a certificate or a settlement shows that there was a quorum.
    Looked {
        /// Whether one does.
        has_quorum: bool,
    },
}

/// To whom it is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// To nobody.
    Nobody,
    /// To these, straight.
    Leaders(Vec<PeerKey>),
    /// To everybody.
    All,
    /// To everybody, after all.
    AllAfterAll,
}

/// What the decision rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    /// How many members have stake.
    pub(super) members: usize,
    /// How long a leader has to show a quorum.
    pub(super) stage: Duration,
    /// What this keeper holds itself to.
    pub(super) laws: &'a dyn Laws,
}

impl Way {
    /// Takes in what happened at `now`, and says to whom the partial is to be sent.
    pub(super) fn handle(&mut self, event: Event<'_>, terms: Terms<'_>, now: Time) -> To {
        match (&mut *self, event) {
            (Self::Unsaid, Event::Said(leaders)) if terms.laws.goes_straight(terms.members) && is_enough(leaders) => {
                let linked = leaders.iter().filter(|leader| leader.link == Link::Up).map(|leader| leader.peer);
                let to = To::Leaders(linked.collect());
                *self = Self::Straight { since: now, leaders: leaders.to_vec() };
                to
            }
            (Self::Unsaid, Event::Said(_)) => {
                *self = Self::Gossiped;
                To::All
            }
            (Self::Straight { leaders, .. }, Event::Unsent(peer)) => {
                // Whoever is gone is stepped over by the next in line; one that is there and does not take it, takes nobody's.
                let is_first = leaders.first().is_some_and(|first| first.peer == peer && first.link == Link::Up);
                let unsent = leaders.iter_mut().filter(|leader| leader.peer == peer && leader.link == Link::Up);
                unsent.for_each(|leader| leader.link = Link::Down);
                let is_vain = is_first || !is_enough(leaders);
                self.fall_back(is_vain, terms)
            }
            // One that was sent in time to come is of a clock that was set back since.
            (Self::Straight { since, .. }, Event::Looked { has_quorum }) => {
                let is_vain = !has_quorum && now >= (*since).min(now).plus(terms.stage);
                self.fall_back(is_vain, terms)
            }
            (Self::Unsaid | Self::Gossiped, Event::Unsent(_) | Event::Looked { .. })
            | (Self::Straight { .. } | Self::Gossiped, Event::Said(_)) => To::Nobody,
        }
    }

    fn fall_back(&mut self, is_vain: bool, terms: Terms<'_>) -> To {
        if !is_vain || !terms.laws.falls_back() {
            return To::Nobody;
        }
        *self = Self::Gossiped;
        To::AllAfterAll
    }

    /// When it falls back, if nothing shows a quorum before.
    pub(super) fn patience(&self, stage: Duration, now: Time) -> Option<Time> {
        if let Self::Straight { since, .. } = self { Some((*since).min(now).plus(stage)) } else { None }
    }
}

/// Whether so many have it, or will, that one of them brings it to something.
fn is_enough(leaders: &[Leader]) -> bool {
    leaders.iter().filter(|leader| leader.link != Link::Down).count() >= REACHED_MIN
}

#[cfg(test)]
mod tests;
