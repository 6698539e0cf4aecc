//! One RPC node as it looks from here: whether it answers, whether it shows the chain the others show, and what it
//! allows. Pure; the time is passed in.
//!
//! ```text
//!          the right chain id            asked to slow down
//!  Fresh ────────────────────► Good ◄──────────────────────► Limited(until)
//!    │                         ▲  │         time, an answer
//!    │ another chain id        │  │ no answer, no JSON-RPC, not believable
//!    ▼        the right one    │  ▼
//!  WrongChain ─────────────────┴─ Failing          an error about the chain id is no verdict on the chain: Failing
//! ```
//!
//! Beside that, what the comparison with the other nodes says ([`Place`]), whether it answers or not:
//!
//! ```text
//!            far below the newest block                another block than most show, twice
//!  Lagging ◄────────────────────────────── Level ──────────────────────────────────────────► Contradicting
//!          ──────── caught up ───────────►       ◄───────── the same as most again ─────────
//! ```

use super::span::Span;
use std::time::{Duration, Instant};

/// Shortest pause, whatever a node says: one that refuses with "come again in 0 seconds" is not asked in a tight circle.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause a node can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The first pause of a node that does not say how long; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_OWN_PAUSE: Duration = Duration::from_secs(60);
/// Most a score can fall.
const WORST_SCORE: u32 = 16;
/// Longest text kept of an error.
const MAX_ERROR_CHARS: usize = 300;

/// Whether and how it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not asked yet.
    Fresh,
    /// It answers for the right chain.
    Good,
    /// It wants to be left alone until then.
    Limited(Instant),
    /// Its last answer was none, or not believable.
    Failing,
    /// It serves the chain with this id.
    WrongChain(u64),
}

/// Where its chain is, compared with the others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Not compared yet.
    Unknown,
    /// Where most are.
    Level,
    /// So many blocks below the newest one.
    Lagging(u64),
    /// It shows another block than most at this number.
    Contradicting(u64),
}

/// What is noticed about a node.
#[derive(Clone, Debug)]
pub(super) enum Seen {
    RightChain,
    OtherChain(u64),
    Answered,
    /// It does not answer this question, though another node may.
    Refused(String),
    /// It took long enough for another one to be asked meanwhile.
    Slow,
    Limited {
        pause: Option<Duration>,
        why: String,
    },
    Failed(String),
    /// The newest block it shows.
    Head(u64),
    Compared(Place),
}

/// The node.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    phase: Phase,
    place: Place,
    /// Whether it gave the right chain id since its last failure.
    verified: bool,
    /// A first contradiction, not yet held against it: reorganisations reach nodes one after the other.
    warned: bool,
    /// Zero is best.
    score: u32,
    limits: u32,
    head: Option<u64>,
    last_error: Option<String>,
    answers: u64,
    failures: u64,
    pub(super) span: Span,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            phase: Phase::Fresh,
            place: Place::Unknown,
            verified: false,
            warned: false,
            score: 0,
            limits: 0,
            head: None,
            last_error: None,
            answers: 0,
            failures: 0,
            span: Span::default(),
        }
    }
}

impl Endpoint {
    /// Takes note of what was seen.
    pub(super) fn on(&mut self, seen: Seen, now: Instant) {
        match seen {
            Seen::RightChain => (self.phase, self.verified) = (Phase::Good, true),
            Seen::OtherChain(found) => (self.phase, self.verified) = (Phase::WrongChain(found), false),
            Seen::Answered => {
                self.answers += 1;
                self.score = self.score.saturating_sub(1);
                self.limits = 0;
                if matches!(self.phase, Phase::Limited(_) | Phase::Failing) {
                    self.phase = Phase::Good;
                }
            }
            Seen::Refused(why) => self.note(1, why),
            Seen::Slow => self.score = (self.score + 2).min(WORST_SCORE),
            Seen::Limited { pause, why } => {
                let own = FIRST_PAUSE.saturating_mul(1 << self.limits.min(6)).min(LONGEST_OWN_PAUSE);
                self.limits = self.limits.saturating_add(1);
                self.phase = Phase::Limited(now + pause.unwrap_or(own).clamp(SHORTEST_PAUSE, LONGEST_PAUSE));
                self.note(2, why);
            }
            Seen::Failed(why) => {
                (self.phase, self.verified) = (Phase::Failing, false);
                self.note(4, why);
            }
            Seen::Head(number) => self.head = Some(number),
            Seen::Compared(place) => self.compared(place),
        }
    }

    fn compared(&mut self, place: Place) {
        let contradicts = matches!(place, Place::Contradicting(_));
        let fresh = self.place == Place::Unknown;
        if contradicts && !self.warned && !fresh {
            self.warned = true;
            return;
        }
        self.warned = contradicts;
        self.place = place;
    }

    fn note(&mut self, weight: u32, why: String) {
        self.failures += 1;
        self.score = (self.score + weight).min(WORST_SCORE);
        self.last_error =
            Some(if why.chars().count() > MAX_ERROR_CHARS { why.chars().take(MAX_ERROR_CHARS).collect() } else { why });
    }

    /// Whether its chain id has to be asked before anything else.
    pub(super) fn is_unverified(&self) -> bool {
        !self.verified
    }

    /// How gladly it is asked; lower is better. `None`: it must not be asked now.
    pub(super) fn rank(&self, now: Instant) -> Option<(u8, u32)> {
        let rank = match (self.phase, self.place) {
            (Phase::Limited(until), _) if until > now => return None,
            (_, Place::Contradicting(_)) => return None,
            (Phase::WrongChain(_), _) => 3,
            (_, Place::Lagging(_)) => 2,
            (Phase::Failing, _) => 1,
            (Phase::Fresh | Phase::Good | Phase::Limited(_), _) => 0,
        };
        Some((rank, self.score))
    }

    /// Until when it wants to be left alone.
    pub(super) fn limited_until(&self, now: Instant) -> Option<Instant> {
        match self.phase {
            Phase::Limited(until) if until > now => Some(until),
            _ => None,
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Whether it was seen to show other blocks than most, be it once.
    pub(super) fn is_doubted(&self) -> bool {
        self.warned || matches!(self.place, Place::Contradicting(_))
    }

    pub(super) fn head(&self) -> Option<u64> {
        self.head
    }

    pub(super) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Questions answered and not answered so far.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.answers, self.failures)
    }
}

#[cfg(test)]
mod tests;
