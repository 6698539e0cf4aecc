//! One peer of the address book: where it may be, on whose word, and what was tried.

use std::cmp::Reverse;
use std::num::NonZeroU8;
use std::time::Instant;

use libp2p::Multiaddr;

use crate::reach::Transport;

pub(super) const MOST_ADDRESSES: usize = 8;
/// Most addresses of one peer that come from others alone.
const MOST_HEARD: usize = 4;
/// Addresses of one peer dialled at once, all over one transport.
pub(crate) const AT_ONCE: NonZeroU8 = NonZeroU8::new(3).expect("three");
/// An address that others named is forgotten after so many failures in a row, one that the peer itself named or that
/// worked before when others push it out.
const MOST_HEARD_FAILURES: u32 = 4;

/// Whose word an address rests on; the later, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    /// Other peers'.
    Others,
    /// Its own: told over a connection of its own, or signed with its key.
    Own,
    /// It was reached there, now or before the last start.
    Worked,
    /// The operator's.
    Operator,
}

pub(super) struct Candidate {
    pub(super) address: Multiaddr,
    pub(super) word: Word,
    /// Dials in a row that failed there.
    pub(super) failures: u32,
}

impl Candidate {
    /// What is dialled together has this in common, and the lowest goes first.
    fn turn(&self, first: Transport) -> (u32, bool, u8) {
        let rank = match Transport::of(&self.address) {
            Some(transport) if transport == first => 0,
            Some(_) => 1,
            // A name that stands for addresses of both sorts.
            None => 2,
        };
        (self.failures, self.word == Word::Others, rank)
    }
}

/// What is known of one peer.
pub(super) struct Entry {
    /// In no order.
    pub(super) candidates: Vec<Candidate>,
    /// Named by the operator as a bootnode: dialled for ever, does not count against `max_peers`.
    pub(super) pinned: bool,
    pub(super) failures: u32,
    pub(super) next_dial: Instant,
}

impl Entry {
    pub(super) const fn new(now: Instant) -> Self {
        Self { candidates: Vec::new(), pinned: false, failures: 0, next_dial: now }
    }

    pub(super) fn find(&mut self, address: &Multiaddr) -> Option<&mut Candidate> {
        self.candidates.iter_mut().find(|candidate| candidate.address == *address)
    }

    /// Adds an address, or gives it more weight; false when it was known as well as that.
    pub(super) fn add(&mut self, address: &Multiaddr, word: Word) -> bool {
        if let Some(known) = self.find(address) {
            let better = word > known.word;
            known.word = known.word.max(word);
            return better;
        }
        let heard = self.candidates.iter().filter(|candidate| candidate.word == Word::Others).count();
        if word == Word::Others && heard >= MOST_HEARD
            || self.candidates.len() >= MOST_ADDRESSES && !self.make_room(word)
        {
            return false;
        }
        self.candidates.push(Candidate { address: address.clone(), word, failures: 0 });
        true
    }

    /// Drops the worst address that is worth no more than a new one of such a word: what a peer says of itself now is worth more
    /// than where it was before and is no longer.
    fn make_room(&mut self, word: Word) -> bool {
        self.candidates.sort_by_key(|candidate| (candidate.failures, Reverse(candidate.word)));
        let moved =
            |candidate: &Candidate| word >= Word::Own && candidate.word == Word::Worked && candidate.failures > 0;
        let worst = self.candidates.iter().rposition(|candidate| candidate.word <= word || moved(candidate));
        worst.map(|place| self.candidates.remove(place)).is_some()
    }

    /// The addresses whose turn it is: of those that failed least the best word's, over one transport, the preferred one before the
    /// other. Hearsay is tried only when what is better has failed as often.
    pub(super) fn turn(&mut self, first: Transport) -> Vec<Multiaddr> {
        self.candidates.sort_by_key(|candidate| (candidate.turn(first), Reverse(candidate.word)));
        let Some(turn) = self.candidates.first().map(|candidate| candidate.turn(first)) else { return Vec::new() };
        let equals = self.candidates.iter().take_while(|candidate| candidate.turn(first) == turn);
        equals.take(usize::from(AT_ONCE.get())).map(|candidate| candidate.address.clone()).collect()
    }

    /// Notes that a dial failed at these addresses. True when another transport is left to be tried, for which it is the turn now.
    pub(super) fn failed(&mut self, at: &[Multiaddr]) -> bool {
        let mut most = 0;
        for candidate in self.candidates.iter_mut().filter(|candidate| at.contains(&candidate.address)) {
            candidate.failures = candidate.failures.saturating_add(1);
            most = most.max(candidate.failures);
        }
        let tried: Vec<Option<Transport>> = at.iter().map(Transport::of).collect();
        let is_another = |known: &Candidate| !tried.contains(&Transport::of(&known.address));
        let is_left =
            self.candidates.iter().any(|known| known.word > Word::Others && known.failures < most && is_another(known));
        self.candidates.retain(|known| known.word > Word::Others || known.failures < MOST_HEARD_FAILURES);
        is_left
    }

    /// Whether QUIC has failed lately where the peer itself says that it is, or was reached before.
    pub(super) fn quic_failed(&self) -> bool {
        self.candidates.iter().any(|known| {
            known.word > Word::Others && known.failures > 0 && Transport::of(&known.address) == Some(Transport::Quic)
        })
    }

    pub(super) fn addresses(&self, least: Word) -> Vec<Multiaddr> {
        let good = self.candidates.iter().filter(|candidate| candidate.word >= least);
        good.map(|candidate| candidate.address.clone()).collect()
    }

    /// Whether anything but hearsay is known.
    pub(super) fn is_known(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.word > Word::Others)
    }
}
