//! The connected peers: links, round trips, restarts, penalties.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use serde::{Serialize, Serializer};

use crate::reach::{Transport, bare};

/// Longest agent text kept of a peer, in characters.
const MOST_AGENT_CHARACTERS: usize = 64;
/// Faults that end the connection, whatever a peer has earned otherwise. More are not counted: who is refused for ten
/// minutes is to come back with less than that.
pub(crate) const MOST_FAULTS: u32 = 20;
/// Most peers whose faults are remembered.
const MOST_FAULTY: usize = 1024;

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The peer.
    Inbound,
    /// This node.
    Outbound,
}

impl Direction {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Inbound, Self::Outbound];

    /// The value of the label `direction`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// A connected peer, as shown by `keeper status`.
#[derive(Debug, Clone, Serialize)]
pub struct PeerSummary {
    /// Who it is.
    #[serde(serialize_with = "as_text")]
    pub peer_id: PeerId,
    /// The remote address of each connection.
    #[serde(serialize_with = "as_texts")]
    pub addresses: Vec<Multiaddr>,
    /// Who opened the oldest connection.
    pub direction: Direction,
    /// The last round trip in milliseconds; none before the first ping.
    pub rtt_ms: Option<f64>,
    /// Program and version, as the peer calls itself; empty before it did.
    pub agent: String,
    /// Names of the topics it wants.
    pub topics: Vec<&'static str>,
    /// Names of the topics in whose mesh it is.
    pub mesh: Vec<&'static str>,
    /// Gossipsub's score; none where this node carries no gossip.
    pub score: Option<f64>,
}

fn as_text<S: Serializer>(peer: &PeerId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(peer)
}

fn as_texts<S: Serializer>(addresses: &[Multiaddr], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(addresses.iter().map(ToString::to_string))
}

struct Link {
    id: ConnectionId,
    address: Multiaddr,
    direction: Direction,
}

struct Connected {
    links: Vec<Link>,
    rtt: Option<Duration>,
    agent: String,
    /// The boot nonce; another one on a newer link means that the peer restarted and the older links are dead.
    nonce: Option<String>,
    /// Whether it has said who it is, which it does only after it has let us in.
    identified: bool,
    since: Instant,
}

/// What an identify message says about a peer's life.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// The same process as before, or the first time.
    Same,
    /// Another process than the one behind the older links.
    Restarted,
}

#[derive(Default)]
pub(crate) struct Peers {
    connected: BTreeMap<PeerId, Connected>,
    faults: BTreeMap<PeerId, u32>,
}

impl Peers {
    /// Adds a connection; true when it is the peer's first.
    pub(crate) fn opened(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        address: Multiaddr,
        direction: Direction,
        now: Instant,
    ) -> bool {
        let entry = self.connected.entry(peer).or_insert_with(|| Connected {
            links: Vec::new(),
            rtt: None,
            agent: String::new(),
            nonce: None,
            identified: false,
            since: now,
        });
        entry.links.push(Link { id, address, direction });
        entry.links.len() == 1
    }

    /// Removes a connection; true when it was the peer's last.
    pub(crate) fn closed(&mut self, peer: &PeerId, id: ConnectionId) -> bool {
        let Some(entry) = self.connected.get_mut(peer) else { return false };
        entry.links.retain(|link| link.id != id);
        let last = entry.links.is_empty();
        if last {
            self.connected.remove(peer);
        }
        last
    }

    /// Takes the agent text `program/version nonce` of an identify message.
    pub(crate) fn identified(&mut self, peer: &PeerId, agent: &str) -> Life {
        let Some(entry) = self.connected.get_mut(peer) else { return Life::Same };
        let agent: String = agent.chars().filter(|c| !c.is_control()).take(MOST_AGENT_CHARACTERS).collect();
        let (program, nonce) = match agent.split_once(' ') {
            Some((program, nonce)) => (program.to_owned(), Some(nonce.to_owned())),
            None => (agent, None),
        };
        entry.agent = program;
        entry.identified = true;
        match std::mem::replace(&mut entry.nonce, nonce) {
            Some(before) if entry.nonce.as_ref() != Some(&before) => Life::Restarted,
            _ => Life::Same,
        }
    }

    pub(crate) fn ping(&mut self, peer: &PeerId, rtt: Duration) {
        if let Some(entry) = self.connected.get_mut(peer) {
            entry.rtt = Some(rtt);
        }
    }

    pub(crate) fn is_connected(&self, peer: &PeerId) -> bool {
        self.connected.contains_key(peer)
    }

    /// Whether the peer has let us in and said who it is.
    pub(crate) fn is_identified(&self, peer: &PeerId) -> bool {
        self.connected.get(peer).is_some_and(|entry| entry.identified)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &PeerId> {
        self.connected.keys()
    }

    /// The remote address of one connection.
    pub(crate) fn address(&self, peer: &PeerId, id: ConnectionId) -> Option<&Multiaddr> {
        self.connected.get(peer)?.links.iter().find(|link| link.id == id).map(|link| &link.address)
    }

    /// Since when a peer has been connected.
    pub(crate) fn since(&self, peer: &PeerId) -> Option<Instant> {
        self.connected.get(peer).map(|entry| entry.since)
    }

    /// The remote addresses of the connections that this node opened, and that a peer has let in.
    pub(crate) fn dialled(&self, peer: &PeerId) -> impl Iterator<Item = &Multiaddr> {
        let links = self.connected.get(peer).filter(|entry| entry.identified).map(|entry| &entry.links);
        links.into_iter().flatten().filter(|link| link.direction == Direction::Outbound).map(|link| &link.address)
    }

    /// The connection to a peer that this node opened at this address, if it is not the only one.
    pub(crate) fn spare(&self, peer: &PeerId, address: &Multiaddr) -> Option<ConnectionId> {
        let links = self.connected.get(peer).map(|entry| &entry.links).filter(|links| links.len() > 1)?;
        let is_there = |link: &&Link| link.direction == Direction::Outbound && bare(&link.address) == bare(address);
        links.iter().rev().find(is_there).map(|link| link.id)
    }

    /// How many connections of this transport and direction there are.
    pub(crate) fn links(&self, transport: Transport, direction: Direction) -> usize {
        let links = self.connected.values().flat_map(|entry| &entry.links);
        links.filter(|link| link.direction == direction && Transport::of(&link.address) == Some(transport)).count()
    }

    /// Notes a fault and returns how many the peer has now. They outlive its connections.
    pub(crate) fn fault(&mut self, peer: PeerId) -> u32 {
        if self.faults.len() >= MOST_FAULTY && !self.faults.contains_key(&peer) {
            // Whoever is nearest to being forgiven makes room: nobody is forgotten for the faults of others.
            let least = self.faults.iter().min_by_key(|(_, count)| **count).map(|(peer, _)| *peer);
            least.and_then(|least| self.faults.remove(&least));
        }
        let count = self.faults.entry(peer).or_default();
        *count = (*count + 1).min(MOST_FAULTS);
        *count
    }

    /// The faults of a peer that are not forgiven yet.
    pub(crate) fn faults(&self, peer: &PeerId) -> u32 {
        self.faults.get(peer).copied().unwrap_or(0)
    }

    /// Forgives everybody one fault and returns who that was.
    pub(crate) fn forgive(&mut self) -> Vec<PeerId> {
        let forgiven = self.faults.keys().copied().collect();
        self.faults.retain(|_, count| {
            *count -= 1;
            *count > 0
        });
        forgiven
    }

    /// Everything about the connected peers that gossip does not know.
    pub(crate) fn summaries(&self) -> Vec<PeerSummary> {
        let summary = |(peer, entry): (&PeerId, &Connected)| {
            let first = entry.links.first()?;
            Some(PeerSummary {
                peer_id: *peer,
                addresses: entry.links.iter().map(|link| link.address.clone()).collect(),
                direction: first.direction,
                rtt_ms: entry.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0),
                agent: entry.agent.clone(),
                topics: Vec::new(),
                mesh: Vec::new(),
                score: None,
            })
        };
        self.connected.iter().filter_map(summary).collect()
    }
}

#[cfg(test)]
mod tests;
