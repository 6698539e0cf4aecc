//! Finding peers: Kademlia as an address book, and the book of whom to dial, when.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, StreamProtocol, kad};

const MOST_PEERS: usize = 1024;
const MOST_ADDRESSES: usize = 8;
/// A peer that is not pinned is forgotten after this many dials in a row have failed, about eight minutes.
const MOST_FAILURES: u32 = 20;
const MOST_BACKOFF: Duration = Duration::from_secs(30);
/// Longer than a dial can take: the swarm gives up after 10 seconds and then says so.
const DIAL_UNDER_WAY: Duration = Duration::from_secs(15);

/// The Kademlia protocol name in the network `domain8`.
pub(crate) fn kademlia_name(domain8: &str) -> StreamProtocol {
    StreamProtocol::try_from_owned(format!("/kpr/{domain8}/kad/1")).expect("the name starts with a slash")
}

/// Kademlia as an address book: no records, no providers, and only peers that identified themselves in the table.
pub(crate) fn kademlia(local: PeerId, domain8: &str) -> kad::Behaviour<MemoryStore> {
    let mut config = kad::Config::new(kademlia_name(domain8));
    config
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_record_ttl(None)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_caching(kad::Caching::Disabled)
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_periodic_bootstrap_interval(None)
        .set_query_timeout(Duration::from_secs(10))
        .disjoint_query_paths(true);
    let nothing =
        MemoryStoreConfig { max_records: 0, max_value_bytes: 0, max_provided_keys: 0, max_providers_per_key: 0 };
    let mut behaviour = kad::Behaviour::with_config(local, MemoryStore::with_config(local, nothing), config);
    behaviour.set_mode(Some(kad::Mode::Server));
    behaviour
}

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Machine,
    Site,
    World,
}

fn reach(address: &Multiaddr) -> Option<Reach> {
    let v4 = |ip: Ipv4Addr| match ip {
        ip if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() => None,
        ip if ip.is_loopback() => Some(Reach::Machine),
        ip if ip.is_private() || ip.is_link_local() => Some(Reach::Site),
        _ => Some(Reach::World),
    };
    let v6 = |ip: Ipv6Addr| match ip {
        ip if ip.is_unspecified() || ip.is_multicast() => None,
        ip if ip.is_loopback() => Some(Reach::Machine),
        ip if ip.is_unique_local() || ip.is_unicast_link_local() => Some(Reach::Site),
        ip => ip.to_ipv4_mapped().map_or(Some(Reach::World), v4),
    };
    match address.iter().next()? {
        Protocol::Ip4(ip) => v4(ip),
        Protocol::Ip6(ip) => v6(ip),
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) => Some(Reach::World),
        _ => None,
    }
}

/// The addresses worth dialling among those that a peer says it listens on: TCP, without `/p2p` at the end, and
/// reaching at least as far as the connection over which the peer speaks. A peer on this machine may name loopback
/// addresses; one across the world may not make us dial our own machine or site.
pub(crate) fn usable(claimed: &[Multiaddr], spoken_over: Option<&Multiaddr>) -> Vec<Multiaddr> {
    let least = spoken_over.and_then(reach).unwrap_or(Reach::Machine);
    let mut kept = Vec::new();
    for address in claimed.iter().take(4 * MOST_ADDRESSES) {
        let mut address = address.clone();
        if matches!(address.iter().last(), Some(Protocol::P2p(_))) {
            address.pop();
        }
        let is_tcp = matches!(address.iter().nth(1), Some(Protocol::Tcp(port)) if port != 0);
        let is_plain = address.iter().count() == 2;
        if is_tcp && is_plain && reach(&address).is_some_and(|reach| reach >= least) && !kept.contains(&address) {
            kept.push(address);
        }
    }
    kept.truncate(MOST_ADDRESSES);
    kept
}

struct Entry {
    addresses: Vec<Multiaddr>,
    /// Named by the operator as a bootnode: dialled for ever, does not count against `max_peers`.
    pinned: bool,
    failures: u32,
    next_dial: Instant,
}

/// Whom to dial, where and when. Time is passed in.
pub(crate) struct AddressBook {
    local: PeerId,
    entries: BTreeMap<PeerId, Entry>,
}

impl AddressBook {
    pub(crate) const fn new(local: PeerId) -> Self {
        Self { local, entries: BTreeMap::new() }
    }

    /// Keeps a peer that the operator named, to be dialled for ever.
    pub(crate) fn pin(&mut self, peer: PeerId, address: Multiaddr, now: Instant) {
        if peer == self.local {
            return;
        }
        let entry = self.entry(peer, now);
        entry.pinned = true;
        entry.next_dial = now;
        if !entry.addresses.contains(&address) {
            entry.addresses.insert(0, address);
            entry.addresses.truncate(MOST_ADDRESSES);
        }
    }

    /// Takes the addresses that a peer itself names; true when they are new. What an operator named stays.
    pub(crate) fn learn(&mut self, peer: PeerId, addresses: &[Multiaddr], now: Instant) -> bool {
        if addresses.is_empty() || !self.has_room_for(&peer) {
            return false;
        }
        let entry = self.entry(peer, now);
        let before = entry.addresses.clone();
        if entry.pinned {
            let new = addresses.iter().filter(|address| !before.contains(address));
            entry.addresses.extend(new.cloned());
            entry.addresses.truncate(MOST_ADDRESSES);
        } else {
            entry.addresses = addresses.to_vec();
        }
        entry.addresses != before
    }

    /// Takes addresses from others' word: only for a peer that is not known yet.
    pub(crate) fn hear(&mut self, peer: PeerId, addresses: &[Multiaddr], now: Instant) {
        if !addresses.is_empty() && !self.entries.contains_key(&peer) && self.has_room_for(&peer) {
            self.entry(peer, now).addresses = addresses.to_vec();
        }
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
        let fresh = || Entry { addresses: Vec::new(), pinned: false, failures: 0, next_dial: now };
        self.entries.entry(peer).or_insert_with(fresh)
    }

    /// The peer has let us in. A connection alone says nothing: it may be closed as soon as the peer knows who we are.
    pub(crate) fn welcomed(&mut self, peer: &PeerId) {
        if let Some(entry) = self.entries.get_mut(peer) {
            entry.failures = 0;
        }
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

    /// A dial failed. For a pinned peer: its addresses and the time until the next try.
    pub(crate) fn failed(&mut self, peer: &PeerId, now: Instant) -> Option<(Vec<Multiaddr>, Duration)> {
        let entry = self.entries.get_mut(peer)?;
        entry.failures = entry.failures.saturating_add(1);
        let wait = backoff(entry.failures);
        entry.next_dial = now + wait;
        if entry.pinned {
            return Some((entry.addresses.clone(), wait));
        }
        if entry.failures >= MOST_FAILURES {
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
        let mut room = room;
        let mut due = Vec::new();
        for (peer, entry) in &mut self.entries {
            if entry.next_dial > now || skip(peer) || (!entry.pinned && room == 0) {
                continue;
            }
            if !entry.pinned {
                room -= 1;
            }
            entry.next_dial = now + DIAL_UNDER_WAY;
            due.push((*peer, entry.addresses.clone()));
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
