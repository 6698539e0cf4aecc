//! How often one IP address may open connections: a token bucket for each, in front of any cryptography.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// New connections at once.
const BURST: f64 = 5.0;
/// New connections per second after that: five in ten seconds.
const PER_SECOND: f64 = 0.5;
/// Most addresses remembered.
const MOST_SOURCES: usize = 4096;

/// Where connections come from: an IPv4 address, or the first 64 bits of an IPv6 address, which one machine owns whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source(IpAddr);

impl Source {
    /// The source of a remote address. None for this machine itself, which is not limited: local networks live there,
    /// and whoever sits on this machine has other ways.
    pub(crate) fn of(remote: &Multiaddr) -> Option<Self> {
        let ip = match remote.iter().next()? {
            Protocol::Ip4(ip) => IpAddr::V4(ip),
            Protocol::Ip6(ip) => IpAddr::V6(ip).to_canonical(),
            _ => return None,
        };
        let network = match ip {
            ip if ip.is_loopback() => return None,
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
            ip => ip,
        };
        Some(Self(network))
    }
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn tokens(&self, now: Instant) -> f64 {
        (self.tokens + now.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND).min(BURST)
    }
}

/// The buckets of all sources. Time is passed in.
#[derive(Default)]
pub(crate) struct Rates {
    buckets: BTreeMap<Source, Bucket>,
}

impl Rates {
    /// Charges one connection; false when the source has opened too many.
    pub(crate) fn charge(&mut self, source: Source, now: Instant) -> bool {
        if !self.buckets.contains_key(&source) {
            self.make_room(now);
        }
        let bucket = self.buckets.entry(source).or_insert(Bucket { tokens: BURST, at: now });
        bucket.tokens = bucket.tokens(now);
        bucket.at = now;
        let granted = bucket.tokens >= 1.0;
        if granted {
            bucket.tokens -= 1.0;
        }
        granted
    }

    /// Takes one charge back: the connection was welcome.
    pub(crate) fn refund(&mut self, source: Source) {
        if let Some(bucket) = self.buckets.get_mut(&source) {
            bucket.tokens = (bucket.tokens + 1.0).min(BURST);
        }
    }

    /// Forgets whoever has a full bucket; when nobody has, whoever is nearest to it.
    fn make_room(&mut self, now: Instant) {
        if self.buckets.len() < MOST_SOURCES {
            return;
        }
        self.buckets.retain(|_, bucket| bucket.tokens(now) < BURST);
        if self.buckets.len() >= MOST_SOURCES {
            let fullest =
                self.buckets.iter().max_by(|(_, one), (_, other)| one.tokens(now).total_cmp(&other.tokens(now)));
            if let Some(source) = fullest.map(|(source, _)| *source) {
                self.buckets.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests;
