//! Whom to dial, where and when.
//!
//! A peer that is known at addresses of both transports is dialled over QUIC first, and over TCP as soon as that has failed. QUIC is
//! there after one round trip, TCP with Noise and yamux after four; a lost packet holds up one stream of it, not all; and gossip among
//! 16 nodes took a sixth of the packets and three quarters of the bytes over it. Not both at once: the peer would see two connections
//! and have one closed on it, and what gossip says on the first only is lost with it. Where UDP does not get through, which is known
//! after three peers, TCP goes first (`ways.rs`).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};

use crate::reach::Transport;

mod entry;
mod ways;

use entry::{Entry, Word};
use ways::Ways;

/// Addresses of one peer dialled at once.
pub(crate) use entry::AT_ONCE;

const MOST_PEERS: usize = 1024;
/// A peer of which nothing but hearsay is known is forgotten after this many dials in a row have failed, about eight
/// minutes.
const MOST_FAILURES: u32 = 20;
const MOST_BACKOFF: Duration = Duration::from_secs(30);
/// Between two dials of a peer that has been away for long.
const LONG_BACKOFF: Duration = Duration::from_secs(300);
/// Longer than a dial can take: the swarm gives up after 10 seconds and then says so.
const DIAL_UNDER_WAY: Duration = Duration::from_secs(15);

/// The book. Time is passed in.
pub(crate) struct AddressBook {
    local: PeerId,
    entries: BTreeMap<PeerId, Entry>,
    ways: Ways,
}

impl AddressBook {
    pub(crate) const fn new(local: PeerId) -> Self {
        Self { local, entries: BTreeMap::new(), ways: Ways::new() }
    }

    /// What is tried first where a peer may be reached either way.
    pub(crate) fn first(&self, now: Instant) -> Transport {
        self.ways.first(now)
    }

    /// Keeps a peer that the operator named, to be dialled for ever.
    pub(crate) fn pin(&mut self, peer: PeerId, address: &Multiaddr, now: Instant) {
        if peer == self.local {
            return;
        }
        let entry = self.entry(peer, now);
        entry.pinned = true;
        entry.next_dial = now;
        entry.add(address, Word::Operator);
    }

    /// Takes the addresses that a peer itself names, or has signed; true when they are new. They replace what others named, and what it
    /// named before; what worked and what the operator named stays.
    pub(crate) fn learn(&mut self, peer: PeerId, addresses: &[Multiaddr], now: Instant) -> bool {
        if addresses.is_empty() || !self.has_room_for(&peer) {
            return false;
        }
        let entry = self.entry(peer, now);
        entry.candidates.retain(|known| known.word > Word::Own || addresses.contains(&known.address));
        addresses.iter().filter(|address| entry.add(address, Word::Own)).count() > 0
    }

    /// Takes addresses from others' word: tried after everything better has failed.
    pub(crate) fn hear(&mut self, peer: PeerId, addresses: &[Multiaddr], now: Instant) {
        if !addresses.is_empty() && self.has_room_for(&peer) {
            let entry = self.entry(peer, now);
            for address in addresses {
                entry.add(address, Word::Others);
            }
        }
    }

    /// Takes addresses that worked before the last start.
    pub(crate) fn remember(&mut self, peer: PeerId, address: &Multiaddr, now: Instant) {
        if self.has_room_for(&peer) {
            self.entry(peer, now).add(address, Word::Worked);
        }
    }

    /// What is worth remembering: where peers were reached, and what they say of themselves.
    pub(crate) fn memory(&self) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let known = self.entries.iter().filter(|(_, entry)| !entry.pinned);
        let known = known.map(|(peer, entry)| (*peer, entry.addresses(Word::Own)));
        known.filter(|(_, addresses)| !addresses.is_empty()).collect()
    }

    fn has_room_for(&mut self, peer: &PeerId) -> bool {
        if *peer == self.local {
            return false;
        }
        if self.entries.contains_key(peer) || self.entries.len() < MOST_PEERS {
            return true;
        }
        // The least reachable makes room; when everybody is well reachable, the newcomer has to wait.
        let worst = self.entries.iter().filter(|(_, entry)| !entry.pinned).max_by_key(|(_, entry)| entry.failures);
        let worst = worst.filter(|(_, entry)| entry.failures > 0).map(|(peer, _)| *peer);
        worst.is_some_and(|worst| self.entries.remove(&worst).is_some())
    }

    fn entry(&mut self, peer: PeerId, now: Instant) -> &mut Entry {
        self.entries.entry(peer).or_insert_with(|| Entry::new(now))
    }

    /// The peer has let us in, at the addresses that this node dialled, if it did. A connection alone says nothing: it
    /// may be closed as soon as the peer knows who we are. True when there is something new to remember.
    pub(crate) fn welcomed(&mut self, peer: &PeerId, dialled: &[Multiaddr], now: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(peer) else { return false };
        let over = |transport| dialled.iter().any(|address| Transport::of(address) == Some(transport));
        if over(Transport::Quic) {
            self.ways.quic_works();
        } else if over(Transport::Tcp) && entry.quic_failed() {
            self.ways.quic_failed(*peer, now);
        }
        entry.failures = 0;
        let mut news = false;
        for address in dialled {
            news |= entry.add(address, Word::Worked);
            entry.find(address).into_iter().for_each(|candidate| candidate.failures = 0);
        }
        news
    }

    /// The last connection is gone: dial again. One side starts at once and the other a second later, so that they do
    /// not meet halfway.
    pub(crate) fn disconnected(&mut self, peer: &PeerId, now: Instant) {
        let wait = if self.local < *peer { Duration::ZERO } else { Duration::from_secs(1) };
        if let Some(entry) = self.entries.get_mut(peer) {
            entry.next_dial = now + wait;
        }
    }

    /// The list of those who may be dialled has changed: the others are forgotten, except for what the operator named,
    /// and everybody left is tried at once.
    pub(crate) fn refresh(&mut self, is_admitted: impl Fn(&PeerId) -> bool, now: Instant) {
        self.entries.retain(|peer, entry| entry.pinned || is_admitted(peer));
        for entry in self.entries.values_mut() {
            entry.failures = 0;
            entry.next_dial = now;
        }
    }

    /// A dial failed, at these addresses. For a pinned peer to which no other way is left: its addresses and the time until the next
    /// try.
    pub(crate) fn failed(
        &mut self,
        peer: &PeerId,
        at: &[Multiaddr],
        now: Instant,
    ) -> Option<(Vec<Multiaddr>, Duration)> {
        let entry = self.entries.get_mut(peer)?;
        if entry.failed(at) {
            entry.next_dial = now;
            return None;
        }
        entry.failures = entry.failures.saturating_add(1);
        let long = entry.failures >= MOST_FAILURES && !entry.pinned;
        let wait = if long { LONG_BACKOFF } else { backoff(entry.failures) };
        entry.next_dial = now + wait;
        if entry.pinned {
            return Some((entry.addresses(Word::Operator), wait));
        }
        if entry.candidates.is_empty() || entry.failures >= MOST_FAILURES && !entry.is_known() {
            self.entries.remove(peer);
        }
        None
    }

    /// A peer of another network: not to be dialled again, or late when the operator named it.
    pub(crate) fn foreign(&mut self, peer: &PeerId, now: Instant) {
        match self.entries.get_mut(peer) {
            Some(entry) if entry.pinned => {
                entry.failures = MOST_FAILURES;
                entry.next_dial = now + MOST_BACKOFF;
            }
            _ => drop(self.entries.remove(peer)),
        }
    }

    pub(crate) fn is_pinned(&self, peer: &PeerId) -> bool {
        self.entries.get(peer).is_some_and(|entry| entry.pinned)
    }

    /// The peers to dial now: every pinned one that is away, and of the others as many as there is room for. Those to
    /// `skip` are connected or may not be dialled.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        room: usize,
        skip: impl Fn(&PeerId) -> bool,
    ) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let (mut room, first) = (room, self.ways.first(now));
        let mut due = Vec::new();
        for (peer, entry) in &mut self.entries {
            if entry.next_dial > now || skip(peer) || (!entry.pinned && room == 0) {
                continue;
            }
            if !entry.pinned {
                room -= 1;
            }
            entry.next_dial = now + DIAL_UNDER_WAY;
            due.push((*peer, entry.turn(first)));
        }
        due
    }
}

/// 1, 2, 4, 8, 16, then 30 seconds.
fn backoff(failures: u32) -> Duration {
    let seconds = 1_u64 << failures.saturating_sub(1).min(5);
    Duration::from_secs(seconds).min(MOST_BACKOFF)
}

#[cfg(test)]
mod tests;
