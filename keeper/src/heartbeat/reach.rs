//! Whether others can open connections to this keeper, by what has been seen since the start. No peer is asked to try: that would be a
//! message more, and a way to have others dial whom one likes.
//!
//! ```text
//!   a peer has opened a connection                             ──► reached, until the process ends
//!   else: every address that peers are told is a private one   ──► private: nobody beyond this network can
//!   else                                                       ──► unknown: nobody has had a reason to
//! ```

use std::net::IpAddr;

use p2p::{Direction, PeerSummary};
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
}

impl Reach {
    /// Each, with its name in metrics.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Unknown, "unknown"), (Self::Reached, "reached"), (Self::Private, "private")];

    /// What is known now, of a keeper that knew `self`. `named`: whether its operator has named addresses (`--external-addr`), which are
    /// taken at their word.
    #[must_use]
    pub fn next(self, peers: &[PeerSummary], listen: &[String], named: bool) -> Self {
        let is_reached = self == Self::Reached || peers.iter().any(|peer| peer.direction == Direction::Inbound);
        let is_private = !named && !listen.is_empty() && listen.iter().all(|address| is_private(address));
        match (is_reached, is_private) {
            (true, _) => Self::Reached,
            (false, true) => Self::Private,
            (false, false) => Self::Unknown,
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
        assert_eq!(Reach::Unknown.next(&out, &private, false), Reach::Private);
        assert_eq!(Reach::Private.next(&out, &private, true), Reach::Unknown, "its operator has named another address");
        assert_eq!(Reach::Unknown.next(&out, &mixed, false), Reach::Unknown);
        assert_eq!(Reach::Unknown.next(&[], &[], false), Reach::Unknown, "it does not listen yet");
        assert_eq!(Reach::Private.next(&seen, &private, false), Reach::Reached);
        assert_eq!(Reach::Reached.next(&out, &private, false), Reach::Reached, "the peer has gone since");
    }

    #[test]
    fn names_in_metrics_are_those_of_the_document() {
        for (reach, name) in Reach::ALL {
            assert_eq!(serde_json::to_value(reach).unwrap(), name);
        }
    }
}
