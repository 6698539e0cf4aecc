//! Peers that are not asked for code for a while, and why. A peer that lies costs a component's bytes each time it is believed, so it
//! is believed ever less often; one that is slow or has nothing after all costs time only.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use p2p::PeerId;

/// Pause after the first lie; it doubles with each up to the longest one.
const LIED: Duration = Duration::from_secs(600);
/// Pause after the first time that a peer was slow, or had nothing after all; it doubles likewise.
const SLOW: Duration = Duration::from_secs(15);
/// Pause of a peer that does not speak the protocol: a bootnode, or a keeper of before.
const DEAF: Duration = Duration::from_secs(600);
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Most peers remembered; more than are connected.
const MOST: usize = 1024;

/// What speaks against a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offence {
    /// It gave what is not the code, or no answer to the question. The name is for logs and metrics.
    Lied(&'static str),
    /// It did not give what it said it had, or not in time.
    Slow,
    /// It does not speak the protocol.
    Deaf,
}

#[derive(Debug, Clone, Copy, Default)]
struct Record {
    lies: u32,
    delays: u32,
    until: Option<Instant>,
}

/// The peers that something speaks against. Time is passed in.
#[derive(Debug, Default)]
pub(super) struct Suspects(BTreeMap<PeerId, Record>);

impl Suspects {
    /// Whether a peer may be asked.
    pub(super) fn is_free(&self, peer: &PeerId, now: Instant) -> bool {
        self.0.get(peer).and_then(|record| record.until).is_none_or(|until| until <= now)
    }

    /// Takes note of an offence.
    pub(super) fn strike(&mut self, peer: PeerId, offence: Offence, now: Instant) {
        if self.0.len() >= MOST && !self.0.contains_key(&peer) {
            // Whoever would be asked again first makes room.
            let first = self.0.iter().min_by_key(|(_, record)| record.until).map(|(peer, _)| *peer);
            first.and_then(|peer| self.0.remove(&peer));
        }
        let record = self.0.entry(peer).or_default();
        let mut once = 0;
        let (pause, times) = match offence {
            Offence::Lied(_) => (LIED, &mut record.lies),
            Offence::Slow => (SLOW, &mut record.delays),
            Offence::Deaf => (DEAF, &mut once),
        };
        let pause = pause.saturating_mul(2_u32.saturating_pow(*times)).min(LONGEST);
        *times = times.saturating_add(1);
        record.until = record.until.max(Some(now + pause));
    }

    /// A peer gave a code: it was slow for a reason that has passed. Lies are not forgotten for it.
    pub(super) fn served(&mut self, peer: &PeerId) {
        if let Some(record) = self.0.get_mut(peer) {
            record.delays = 0;
            if record.lies == 0 {
                self.0.remove(peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIE: Offence = Offence::Lied("code_wrong");

    fn pause(suspects: &mut Suspects, peer: PeerId, offence: Offence, now: Instant) -> Duration {
        suspects.strike(peer, offence, now);
        suspects.0[&peer].until.expect("struck").saturating_duration_since(now)
    }

    #[test]
    fn liars_are_asked_ever_less_often_and_a_good_turn_does_not_make_up_for_it() {
        let (mut suspects, liar, mut now) = (Suspects::default(), PeerId::random(), Instant::now());
        let mut lies = 0;
        let end = now + Duration::from_secs(30 * 24 * 3600);
        while now < end {
            lies += 1;
            now += pause(&mut suspects, liar, LIE, now);
            assert!(suspects.is_free(&liar, now));
            suspects.served(&liar);
        }
        assert!((30..40).contains(&lies), "{lies} in a month");
    }

    #[test]
    fn the_slow_come_back_soon_and_with_a_clean_slate_once_they_have_given_something() {
        let (mut suspects, peer, now) = (Suspects::default(), PeerId::random(), Instant::now());
        assert!(suspects.is_free(&peer, now));
        assert_eq!(pause(&mut suspects, peer, Offence::Slow, now), SLOW);
        assert!(!suspects.is_free(&peer, now));
        let later = now + SLOW;
        assert!(suspects.is_free(&peer, later));
        assert_eq!(pause(&mut suspects, peer, Offence::Slow, later), 2 * SLOW);
        suspects.served(&peer);
        assert!(suspects.is_free(&peer, later));
        assert_eq!(pause(&mut suspects, peer, Offence::Slow, later), SLOW);
        // A short pause does not end a long one.
        suspects.strike(peer, Offence::Deaf, later);
        suspects.strike(peer, Offence::Slow, later);
        assert!(!suspects.is_free(&peer, later + DEAF / 2));
        assert!(suspects.is_free(&peer, later + DEAF));
    }

    #[test]
    fn a_bounded_number_is_remembered_and_liars_longest() {
        let (mut suspects, liar, now) = (Suspects::default(), PeerId::random(), Instant::now());
        suspects.strike(liar, LIE, now);
        for _ in 0..3 * MOST {
            suspects.strike(PeerId::random(), Offence::Slow, now);
        }
        assert_eq!(suspects.0.len(), MOST);
        assert!(!suspects.is_free(&liar, now));
    }
}
