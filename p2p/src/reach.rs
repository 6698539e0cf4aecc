//! How far addresses reach, what carries a connection to them, and whose word makes one worth dialling.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// Most addresses kept of what one peer says of itself.
pub(crate) const MOST_CLAIMED: usize = 8;

/// How far an address reaches, and for those that many networks have, of which sort it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// This machine.
    Machine,
    /// One cable.
    Link,
    /// One site: 10/8, 172.16/12, 192.168/16, the providers' 100.64/10, IPv6 unique local.
    Site(Site),
    /// Everybody.
    World,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Site {
    Ten,
    SeventeenTwo,
    NineteenTwo,
    Provider,
    UniqueLocal,
}

/// What carries a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    /// UDP, with TLS 1.3 and streams of its own: one round trip, and a packet lost holds up one stream.
    Quic,
    /// TCP with Noise and yamux: for networks that let no UDP through.
    Tcp,
}

impl Transport {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Quic, Self::Tcp];

    /// The value of the label `transport`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Quic => "quic",
            Self::Tcp => "tcp",
        }
    }

    /// Of an address, with or without `/p2p` at its end; none for what this node cannot dial, and for names that stand for
    /// whole addresses.
    pub(crate) fn of(address: &Multiaddr) -> Option<Self> {
        let mut parts = address.iter().skip(1).filter(|part| !matches!(part, Protocol::P2p(_)));
        match (parts.next()?, parts.next(), parts.next()) {
            (Protocol::Tcp(_), None, None) => Some(Self::Tcp),
            (Protocol::Udp(_), Some(Protocol::QuicV1), None) => Some(Self::Quic),
            _ => None,
        }
    }
}

/// Without the peer id that the swarm appends.
pub(crate) fn bare(address: &Multiaddr) -> Multiaddr {
    address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}

/// None for what nobody can dial.
pub(crate) fn reach(address: &Multiaddr) -> Option<Reach> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => reach_v4(ip),
        Protocol::Ip6(ip) => ip.to_ipv4_mapped().map_or_else(|| reach_v6(ip), reach_v4),
        Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) => Some(Reach::World),
        _ => None,
    }
}

fn reach_v4(ip: Ipv4Addr) -> Option<Reach> {
    if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() {
        return None;
    }
    Some(match ip.octets() {
        [127, ..] => Reach::Machine,
        [169, 254, ..] => Reach::Link,
        [10, ..] => Reach::Site(Site::Ten),
        [172, 16..=31, ..] => Reach::Site(Site::SeventeenTwo),
        [192, 168, ..] => Reach::Site(Site::NineteenTwo),
        [100, 64..=127, ..] => Reach::Site(Site::Provider),
        _ => Reach::World,
    })
}

const fn reach_v6(ip: Ipv6Addr) -> Option<Reach> {
    if ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    Some(if ip.is_loopback() {
        Reach::Machine
    } else if ip.is_unicast_link_local() {
        Reach::Link
    } else if ip.is_unique_local() {
        Reach::Site(Site::UniqueLocal)
    } else {
        Reach::World
    })
}

/// The networks on which this node is. Others' word for an address on this machine or site counts only if this node
/// lives there itself: nobody far away may make it knock at its own doors.
#[derive(Debug, Clone, Default)]
pub(crate) struct Home(BTreeSet<Reach>);

impl Home {
    /// Of an address that this node listens on, or that its operator named.
    pub(crate) fn add(&mut self, address: &Multiaddr) {
        self.0.extend(reach(address));
    }

    /// Every machine has loopback; a node lives there if it listens nowhere else, or if its operator said so.
    pub(crate) fn listens(&mut self, addresses: &[Multiaddr], named: &Self) {
        let here: BTreeSet<Reach> = addresses.iter().filter_map(reach).collect();
        let only_here = here.iter().all(|reach| *reach == Reach::Machine);
        self.0.clone_from(&named.0);
        self.0.extend(here.into_iter().filter(|reach| only_here || *reach != Reach::Machine));
    }

    /// Whether an address that somebody else told of is worth dialling.
    pub(crate) fn trusts(&self, address: &Multiaddr) -> bool {
        reach(address).is_some_and(|reach| reach == Reach::World || self.0.contains(&reach))
    }
}

/// The addresses among those that a peer says it listens on that are worth dialling: TCP or QUIC, without `/p2p` at the end. No names:
/// whoever owns one has it mean an address of this node's own site whenever it likes.
fn plain(claimed: &[Multiaddr]) -> impl Iterator<Item = Multiaddr> {
    claimed.iter().take(4 * MOST_CLAIMED).filter_map(|address| {
        let mut address = address.clone();
        if matches!(address.iter().last(), Some(Protocol::P2p(_))) {
            address.pop();
        }
        let is_number = matches!(address.iter().next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_)));
        let has_port = matches!(address.iter().nth(1), Some(Protocol::Tcp(port) | Protocol::Udp(port)) if port != 0);
        (is_number && has_port && Transport::of(&address).is_some()).then_some(address)
    })
}

/// What a peer says of itself over a connection: addresses that reach at least as far as that connection does. A peer on
/// this machine may name loopback addresses; one across the world may not make us dial our own machine or site.
pub(crate) fn own_word(claimed: &[Multiaddr], spoken_over: Option<&Multiaddr>) -> Vec<Multiaddr> {
    let least = spoken_over.and_then(reach).unwrap_or(Reach::World);
    let rank = |reach: Reach| match reach {
        Reach::Machine => 0,
        Reach::Link => 1,
        Reach::Site(_) => 2,
        Reach::World => 3,
    };
    let told = plain(claimed).filter(|address| reach(address).is_some_and(|reach| rank(reach) >= rank(least)));
    distinct(told, MOST_CLAIMED)
}

/// What this node tells others of where it is: at most eight, the furthest reaching first, and of those both transports in turn:
/// a machine of many addresses is not to be left without one of the two. Addresses that only this machine or its cable know are
/// told when there are no others: a network on one machine.
pub(crate) fn worth_telling(known: &[Multiaddr]) -> Vec<Multiaddr> {
    let mut places: BTreeMap<(Reach, Option<Transport>), usize> = BTreeMap::new();
    let mut ranked = Vec::new();
    for address in distinct(plain(known), usize::MAX) {
        let Some(reach) = reach(&address) else { continue };
        let place = places.entry((reach, Transport::of(&address))).or_default();
        *place += 1;
        ranked.push((Reverse(reach), *place, address));
    }
    ranked.sort_by_key(|(reach, place, _)| (*reach, *place));
    let far = ranked.iter().any(|(Reverse(reach), ..)| *reach > Reach::Link);
    let told = ranked.into_iter().filter(|(Reverse(reach), ..)| !far || *reach > Reach::Link);
    told.map(|(.., address)| address).take(MOST_CLAIMED).collect()
}

/// What others say of a peer, or bring of it that it has signed.
pub(crate) fn hearsay(claimed: &[Multiaddr], home: &Home) -> Vec<Multiaddr> {
    distinct(plain(claimed).filter(|address| home.trusts(address)), MOST_CLAIMED)
}

fn distinct(addresses: impl Iterator<Item = Multiaddr>, most: usize) -> Vec<Multiaddr> {
    let mut kept = Vec::new();
    for address in addresses {
        if kept.len() < most && !kept.contains(&address) {
            kept.push(address);
        }
    }
    kept
}

#[cfg(test)]
mod tests;
