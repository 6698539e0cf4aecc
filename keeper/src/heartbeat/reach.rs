//! Whether others can open connections to this keeper: by what has been seen since the start, and by what peers found that were asked
//! to try (`p2p::Outside`), which those can that see this keeper at an address of the world.
//!
//! ```text
//!   a peer has a connection that it opened, or tried and could ──► reached
//!   else: three peers in a row tried and could not             ──► closed: a firewall, or a router that does not forward
//!   else: a peer has opened a connection since the start       ──► reached
//!   else: every address that peers are told is a private one   ──► private: nobody beyond this network can
//!   else                                                       ──► unknown: nobody has had a reason to
//! ```

use std::net::IpAddr;

use p2p::{Direction, Outside, PeerSummary};
use serde::{Deserialize, Serialize};

/// What is known of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Nobody has opened a connection, and somebody could.
    #[default]
    Unknown,
    /// A peer has opened one.
    Reached,
    /// Nobody has, and peers are told private addresses alone.
    Private,
    /// Peers that were asked to open one could not.
    Closed,
}

impl Reach {
    /// Each, with its name in metrics.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Unknown, "unknown"), (Self::Reached, "reached"), (Self::Private, "private"), (Self::Closed, "closed")];

    /// What is known now, of a keeper that knew `self`. `named`: whether its operator has named addresses (`--external-addr`), which are
    /// taken at their word.
    #[must_use]
    pub fn next(self, peers: &[PeerSummary], listen: &[String], named: bool, outside: Outside) -> Self {
        let is_here = peers.iter().any(|peer| peer.direction == Direction::Inbound);
        let is_private = !named && !listen.is_empty() && listen.iter().all(|address| is_private(address));
        match outside {
            Outside::Reached => Self::Reached,
            Outside::Closed if !is_here => Self::Closed,
            Outside::Closed | Outside::Unknown if is_here || self == Self::Reached => Self::Reached,
            Outside::Closed | Outside::Unknown if is_private => Self::Private,
            Outside::Closed | Outside::Unknown => Self::Unknown,
        }
    }
}

/// Whether a multiaddr begins with an address that only this machine, cable or site has.
fn is_private(address: &str) -> bool {
    match address.split('/').nth(2).and_then(|host| host.parse().ok()) {
        Some(IpAddr::V4(ip)) => {
            let [first, second, ..] = ip.octets();
            let is_providers = first == 100 && (64..128).contains(&second);
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || is_providers
        }
        Some(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(direction: Direction) -> PeerSummary {
        PeerSummary {
            peer_id: p2p::Identity::generate().peer_id(),
            addresses: Vec::new(),
            direction,
            rtt_ms: None,
            agent: String::new(),
            topics: Vec::new(),
            mesh: Vec::new(),
            score: None,
        }
    }

    #[test]
    fn whoever_was_dialled_is_reached_and_private_addresses_alone_are_a_word() {
        let private = ["/ip4/192.168.0.7/tcp/7419", "/ip6/::1/tcp/7419", "/ip4/100.64.0.1/tcp/1"].map(str::to_owned);
        let mixed = ["/ip4/10.0.0.1/tcp/7419", "/ip4/203.0.113.7/tcp/7419"].map(str::to_owned);
        let out = [peer(Direction::Outbound)];
        let seen = [peer(Direction::Outbound), peer(Direction::Inbound)];
        let untried = Outside::Unknown;
        assert_eq!(Reach::Unknown.next(&out, &private, false, untried), Reach::Private);
        let named = Reach::Private.next(&out, &private, true, untried);
        assert_eq!(named, Reach::Unknown, "its operator has named another address");
        assert_eq!(Reach::Unknown.next(&out, &mixed, false, untried), Reach::Unknown);
        assert_eq!(Reach::Unknown.next(&[], &[], false, untried), Reach::Unknown, "it does not listen yet");
        assert_eq!(Reach::Private.next(&seen, &private, false, untried), Reach::Reached);
        assert_eq!(Reach::Reached.next(&out, &private, false, untried), Reach::Reached, "the peer has gone since");
    }

    #[test]
    fn what_peers_tried_goes_before_what_was_once_seen() {
        let private = ["/ip4/192.168.0.7/udp/7419/quic-v1"].map(str::to_owned);
        let (out, seen) = ([peer(Direction::Outbound)], [peer(Direction::Inbound)]);
        assert_eq!(Reach::Unknown.next(&out, &private, true, Outside::Closed), Reach::Closed);
        assert_eq!(Reach::Reached.next(&out, &private, true, Outside::Closed), Reach::Closed, "a firewall has changed");
        assert_eq!(Reach::Closed.next(&seen, &private, false, Outside::Closed), Reach::Reached, "here is one");
        assert_eq!(Reach::Closed.next(&out, &private, false, Outside::Reached), Reach::Reached);
        assert_eq!(Reach::Closed.next(&out, &private, false, Outside::Unknown), Reach::Private);
    }

    #[test]
    fn names_in_metrics_are_those_of_the_document() {
        for (reach, name) in Reach::ALL {
            assert_eq!(serde_json::to_value(reach).unwrap(), name);
        }
    }
}
