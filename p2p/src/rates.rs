//! How often one IP address may open connections: a token bucket for each, in front of any cryptography.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use crate::budget::{Budget, Rate, make_room};
use crate::reach::Transport;

/// New connections: five at once, and five in ten seconds after that.
const CONNECTIONS: Rate = Rate { burst: 5.0, per_second: 0.5 };
/// Most addresses remembered.
const MOST_SOURCES: usize = 4096;

/// Where connections come from: an IPv4 address, or the first 64 bits of an IPv6 address, which one machine owns whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source(IpAddr);

impl Source {
    /// The source of a remote address; none for what is no IP address.
    pub(crate) fn any(remote: &Multiaddr) -> Option<Self> {
        let ip = match remote.iter().next()? {
            Protocol::Ip4(ip) => IpAddr::V4(ip),
            Protocol::Ip6(ip) => IpAddr::V6(ip).to_canonical(),
            _ => return None,
        };
        Some(Self(match ip {
            IpAddr::V6(ip) if !ip.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
            ip => ip,
        }))
    }

    /// The source of a remote address. None for this machine itself, whose rate is not limited: local networks live
    /// there, and whoever sits on this machine has other ways.
    pub(crate) fn of(remote: &Multiaddr) -> Option<Self> {
        Self::any(remote).filter(|source| !source.is_here())
    }

    /// Whether it is this machine.
    pub(crate) const fn is_here(self) -> bool {
        self.0.is_loopback()
    }
}

/// Where a handshake comes from, and what carries it. Before one is done, whoever sends UDP may write any address as its own,
/// while TCP has been answered there: so each transport has a bucket of its own, and who floods with false addresses shuts the
/// owner of one out of QUIC, and not out of the mesh.
pub(crate) type Knock = (Transport, Source);

/// The buckets of all sources. Time is passed in.
#[derive(Default)]
pub(crate) struct Rates {
    buckets: BTreeMap<Knock, Budget>,
}

impl Rates {
    /// Charges one connection; false when the source has opened too many.
    pub(crate) fn charge(&mut self, source: Knock, now: Instant) -> bool {
        if !self.buckets.contains_key(&source) {
            make_room(&mut self.buckets, MOST_SOURCES, |bucket| bucket.left(CONNECTIONS, now) / CONNECTIONS.burst);
        }
        self.buckets.entry(source).or_insert_with(|| Budget::full(CONNECTIONS, now)).pay(1.0, CONNECTIONS, now)
    }

    /// Takes one charge back: the connection was welcome.
    pub(crate) fn refund(&mut self, source: Knock) {
        if let Some(bucket) = self.buckets.get_mut(&source) {
            bucket.refund(1.0, CONNECTIONS);
        }
    }
}

#[cfg(test)]
mod tests;
