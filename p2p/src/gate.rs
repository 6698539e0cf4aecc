//! The gate in front of every other protocol: it refuses connections before anything of theirs is read.
//!
//! Inbound, the rate of the IP address and the room for handshakes are checked before the handshake, and the peer key
//! after it (Noise proves the key, and TLS does for QUIC); outbound, the key is known before the dial. The gate comes first among
//! the behaviours, so that a refused connection reaches none of them.
//!
//! Both transports are let in by the same rules, but for one: an address that a QUIC handshake comes from may be false until it
//! is done, so that handshakes are counted for each transport apart, and QUIC gets half the places.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{Multiaddr, PeerId};

use crate::admission::{Admissions, Refusal};
use crate::budget::{Budget, Rate, make_room};
use crate::config::{Config, Role};
use crate::metrics::Refusals;
use crate::peers::Direction;
use crate::rates::{Knock, Rates, Source};
use crate::reach::Transport;

/// Two, for peers that dial each other at once, and one more for a peer that restarts behind a dead connection.
const CONNECTIONS_PER_PEER: usize = 3;
/// Handshakes of peers under way, in all.
const MOST_PENDING_INBOUND: usize = 128;
/// Of those, over QUIC: whoever floods with false addresses leaves room for TCP.
const MOST_PENDING_QUIC: usize = MOST_PENDING_INBOUND / 2;
/// The last of these places are for sources from which registered operators came before.
const PLACES_OF_KNOWN: usize = 32;
/// Handshakes under way of one source, and of one on this machine, where whole networks live.
const MOST_PENDING_OF_ONE: usize = 8;
const MOST_PENDING_HERE: usize = 64;
const MOST_PENDING_OUTBOUND: usize = 64;
/// Handshakes of one registered operator: far more than a keeper that restarts needs.
const ARRIVALS: Rate = Rate { burst: 10.0, per_second: 0.5 };
/// Most sources of registered operators that are remembered.
const MOST_KNOWN: usize = 1024;

pub(crate) struct Gate {
    pub(crate) admissions: Admissions,
    rates: Rates,
    most_inbound: usize,
    most_outbound: usize,
    pending_inbound: BTreeMap<ConnectionId, Option<Knock>>,
    pending_outbound: BTreeSet<ConnectionId>,
    established: BTreeMap<PeerId, BTreeMap<ConnectionId, (Direction, Option<Source>)>>,
    /// Where registered operators were seen last, and when.
    known: BTreeMap<Source, Instant>,
    inbound: usize,
    outbound: usize,
    /// How often each registered operator may come without cost to its address.
    arrivals: BTreeMap<PeerId, Budget>,
    refusals: Refusals,
}

impl Gate {
    pub(crate) fn new(config: &Config, refusals: Refusals) -> Self {
        let peers = config.max_peers + config.bootnodes.len();
        Self {
            admissions: Admissions::new(config),
            rates: Rates::default(),
            // Everybody may come to a bootnode, so that the address book is open even to a network that has outgrown it.
            most_inbound: match config.role {
                Role::Keeper => peers + peers / 2 + 64,
                Role::Bootnode => 1024,
            },
            most_outbound: peers + 64,
            pending_inbound: BTreeMap::new(),
            pending_outbound: BTreeSet::new(),
            established: BTreeMap::new(),
            known: BTreeMap::new(),
            inbound: 0,
            outbound: 0,
            arrivals: BTreeMap::new(),
            refusals,
        }
    }

    /// Takes a new list of registered operators; false when it says nothing new.
    pub(crate) fn admit(&mut self, list: BTreeSet<PeerId>, now: Instant) -> bool {
        self.admissions.replace(list, self.established.keys(), now)
    }

    fn refuse<T>(&self, direction: Direction, refusal: Refusal) -> Result<T, ConnectionDenied> {
        self.refusals.count(direction, refusal);
        Err(ConnectionDenied::new(refusal))
    }

    /// How many strangers have to go, so that a node that is nearly full has room for newcomers.
    pub(crate) const fn crowd(&self) -> usize {
        self.inbound.saturating_sub(self.most_inbound - self.most_inbound / 8)
    }

    fn comes_seldom(&mut self, peer: PeerId, now: Instant) -> bool {
        if !self.arrivals.contains_key(&peer) {
            make_room(&mut self.arrivals, MOST_KNOWN, |budget| budget.left(ARRIVALS, now) / ARRIVALS.burst);
        }
        self.arrivals.entry(peer).or_insert_with(|| Budget::full(ARRIVALS, now)).pay(1.0, ARRIVALS, now)
    }

    fn check_pending(&mut self, knock: Option<Knock>, now: Instant) -> Result<(), Refusal> {
        let known = knock.is_none_or(|(_, source)| self.known.contains_key(&source));
        let places = if known { MOST_PENDING_INBOUND } else { MOST_PENDING_INBOUND - PLACES_OF_KNOWN };
        let Some((transport, source)) = knock else {
            return if self.pending_inbound.len() >= places { Err(Refusal::Full) } else { Ok(()) };
        };
        let others = self.pending_inbound.values().flatten().filter(|(other, _)| *other == transport);
        let (mut alike, mut same) = (0, 0);
        for (_, other) in others {
            alike += 1;
            same += usize::from(*other == source);
        }
        if self.pending_inbound.len() >= places || transport == Transport::Quic && alike >= MOST_PENDING_QUIC {
            return Err(Refusal::Full);
        }
        let most = if source.is_here() { MOST_PENDING_HERE } else { MOST_PENDING_OF_ONE };
        if same >= most {
            return Err(Refusal::Rate);
        }
        if source.is_here() || self.rates.charge((transport, source), now) { Ok(()) } else { Err(Refusal::Rate) }
    }

    fn check_established(&self, peer: &PeerId, direction: Direction, remote: &Multiaddr) -> Result<(), Refusal> {
        self.admissions.check(peer, Instant::now())?;
        if self.established.get(peer).map_or(0, BTreeMap::len) >= CONNECTIONS_PER_PEER {
            return Err(Refusal::PerPeer);
        }
        let full = match direction {
            Direction::Inbound => self.inbound >= self.most_inbound,
            Direction::Outbound => self.outbound >= self.most_outbound,
        };
        if full {
            return Err(Refusal::Full);
        }
        let from_there = |source| self.strangers_at(source) >= self.most_inbound / 8;
        if direction == Direction::Inbound
            && !self.admissions.is_expected(peer)
            && Source::of(remote).is_some_and(from_there)
        {
            return Err(Refusal::PerAddress);
        }
        Ok(())
    }

    /// The inbound connections of those who are no operators from one source.
    fn strangers_at(&self, source: Source) -> usize {
        let strangers = self.established.iter().filter(|(peer, _)| !self.admissions.is_expected(peer));
        let links = strangers.flat_map(|(_, links)| links.values());
        links.filter(|link| **link == (Direction::Inbound, Some(source))).count()
    }

    fn opened(&mut self, peer: PeerId, id: ConnectionId, direction: Direction, remote: &Multiaddr) {
        *self.count(direction) += 1;
        let source = Source::any(remote);
        self.established.entry(peer).or_default().insert(id, (direction, source));
        if let Some(source) = source.filter(|_| self.admissions.is_expected(&peer)) {
            if self.known.len() >= MOST_KNOWN && !self.known.contains_key(&source) {
                let oldest = self.known.iter().min_by_key(|(_, seen)| **seen).map(|(source, _)| *source);
                oldest.and_then(|oldest| self.known.remove(&oldest));
            }
            self.known.insert(source, Instant::now());
        }
    }

    fn closed(&mut self, peer: PeerId, id: ConnectionId) {
        let Some(links) = self.established.get_mut(&peer) else { return };
        let link = links.remove(&id);
        if links.is_empty() {
            self.established.remove(&peer);
        }
        if let Some((direction, _)) = link {
            *self.count(direction) -= 1;
        }
    }

    const fn count(&mut self, direction: Direction) -> &mut usize {
        match direction {
            Direction::Inbound => &mut self.inbound,
            Direction::Outbound => &mut self.outbound,
        }
    }
}

fn knock(remote: &Multiaddr, source: Option<Source>) -> Option<Knock> {
    Some((Transport::of(remote)?, source?))
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let knock = knock(remote, Source::any(remote));
        if let Err(refusal) = self.check_pending(knock, Instant::now()) {
            return self.refuse(Direction::Inbound, refusal);
        }
        self.pending_inbound.insert(id, knock);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending_inbound.remove(&id);
        let checked = self.check_established(&peer, Direction::Inbound, remote);
        // Who is registered costs its address nothing, unless it comes again and again.
        if checked.is_ok() && self.admissions.is_registered(&peer) && self.comes_seldom(peer, Instant::now()) {
            knock(remote, Source::of(remote)).into_iter().for_each(|knock| self.rates.refund(knock));
        }
        match checked {
            Ok(()) => Ok(dummy::ConnectionHandler),
            Err(refusal) => {
                tracing::debug!(%peer, %remote, %refusal, "a connection was refused");
                self.refuse(Direction::Inbound, refusal)
            }
        }
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        // Kademlia dials whomever it hears of.
        if let Some(Err(refusal)) = peer.map(|peer| self.admissions.check(&peer, Instant::now())) {
            return self.refuse(Direction::Outbound, refusal);
        }
        if self.pending_outbound.len() >= MOST_PENDING_OUTBOUND {
            return self.refuse(Direction::Outbound, Refusal::Full);
        }
        self.pending_outbound.insert(id);
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending_outbound.remove(&id);
        match self.check_established(&peer, Direction::Outbound, remote) {
            Ok(()) => Ok(dummy::ConnectionHandler),
            Err(refusal) => self.refuse(Direction::Outbound, refusal),
        }
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                let direction = if event.endpoint.is_dialer() { Direction::Outbound } else { Direction::Inbound };
                self.opened(event.peer_id, event.connection_id, direction, event.endpoint.get_remote_address());
            }
            FromSwarm::ConnectionClosed(event) => self.closed(event.peer_id, event.connection_id),
            FromSwarm::ListenFailure(event) => drop(self.pending_inbound.remove(&event.connection_id)),
            FromSwarm::DialFailure(event) => drop(self.pending_outbound.remove(&event.connection_id)),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
