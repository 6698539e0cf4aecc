//! Messages that go straight to one peer, over a stream of their own that is opened on need and kept.
//!
//! ```text
//!                    a message                negotiated                 written
//!   this node:  none ─────────► opening ───────────────► writing ◄─────────────────► idle ── a minute ──► none
//!                                  └── the peer does not speak it: all that waits fails
//!
//!   the peer:   none ── it opens one ──► reading ── a frame ──► the same bucket and line as its gossip
//!                 ▲                         │
//!                 └── silent for too long, too long a frame, or it opens another one
//! ```
//!
//! A stream carries frames one way: a length in 4 bytes, big endian, then as many bytes ([`crate::requests`] reads and writes
//! them). There is one stream of each peer, whatever it opens and over however many connections: the newest counts, and each
//! opening is charged to the peer as a control message of gossip is. Only registered operators are read.
//!
//! Written by hand on libp2p's own handlers: `libp2p-stream` keeps a sender of every connection there ever was, dials by itself,
//! and leaves it to its user to hold the number of streams down.

mod handler;
mod stream;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol};
use tokio::sync::oneshot;

use crate::config::{Admission, Config};
use crate::error::RequestError;
use handler::{Came, Command, Handler, Message};

/// Where it is told whether a message was written.
pub(crate) type Written = oneshot::Sender<Result<(), RequestError>>;

/// Most messages on their way to the connections that they are for: as many as there are commands of the keeper.
const MOST_MOVING: usize = 256;

/// What a peer did.
#[derive(Debug)]
pub(crate) enum Event {
    /// It opened a stream.
    Opened(PeerId),
    /// It sent something.
    Came(PeerId, Vec<u8>),
    /// It sent more than may be sent at once, and its stream is closed.
    TooLong(PeerId),
}

/// The streams of all peers.
pub(crate) struct Behaviour {
    protocol: StreamProtocol,
    most: usize,
    /// Whom to read; everybody if there is no list.
    registered: Option<BTreeSet<PeerId>>,
    /// The connections, the oldest first: that one carries what goes out.
    links: BTreeMap<PeerId, Vec<ConnectionId>>,
    /// Over which connection each peer is read.
    read: BTreeMap<PeerId, ConnectionId>,
    moving: VecDeque<ToSwarm<Event, Command>>,
}

/// What it is called on the wire in the network `domain8`.
pub(crate) fn name(domain8: &str) -> String {
    format!("/kpr/{domain8}/straight/1")
}

impl Behaviour {
    pub(crate) fn new(config: &Config) -> Self {
        let protocol = StreamProtocol::try_from_owned(name(&config.domain8)).expect("the name starts with a slash");
        let registered = (config.admission == Admission::Registered).then(BTreeSet::new);
        let (links, read, moving) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Self { protocol, most: config.straight, registered, links, read, moving }
    }

    /// Takes a new list of whom to read, if there is one.
    pub(crate) fn admit(&mut self, list: &BTreeSet<PeerId>) {
        if self.registered.is_none() {
            return;
        }
        self.registered = Some(list.clone());
        for (peer, links) in &self.links {
            let is_welcome = list.contains(peer);
            self.moving.extend(links.iter().map(|&id| notify(*peer, id, Command::Welcome(is_welcome))));
        }
    }

    /// Sends something to a connected peer, or says why not; `written` hears what becomes of it.
    pub(crate) fn send(&mut self, peer: PeerId, data: Vec<u8>, written: Written) {
        let link = self.links.get(&peer).and_then(|links| links.first()).copied();
        let refused = match link {
            _ if data.len() > self.most => RequestError::TooLarge { size: data.len(), most: self.most },
            None => RequestError::NotConnected(peer),
            Some(_) if self.moving.len() >= MOST_MOVING => RequestError::Busy,
            Some(link) => {
                let message = Message { data: Arc::from(data), written };
                return self.moving.push_back(notify(peer, link, Command::Send(message)));
            }
        };
        let _ = written.send(Err(refused));
    }

    fn handler(&self, peer: &PeerId) -> Handler {
        let is_welcome = self.registered.as_ref().is_none_or(|list| list.contains(peer));
        Handler::new(self.protocol.clone(), self.most, is_welcome)
    }
}

const fn notify(peer_id: PeerId, link: ConnectionId, event: Command) -> ToSwarm<Event, Command> {
    ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(link), event }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                self.links.entry(event.peer_id).or_default().push(event.connection_id);
            }
            FromSwarm::ConnectionClosed(event) => {
                let (peer, id) = (event.peer_id, event.connection_id);
                if let Some(links) = self.links.get_mut(&peer) {
                    links.retain(|link| *link != id);
                    if links.is_empty() {
                        self.links.remove(&peer);
                    }
                }
                if self.read.get(&peer) == Some(&id) {
                    self.read.remove(&peer);
                }
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, came: THandlerOutEvent<Self>) {
        let is_read = self.read.get(&peer) == Some(&id);
        let event = match came {
            Came::Opened => {
                if let Some(other) = self.read.insert(peer, id).filter(|other| *other != id) {
                    self.moving.push_back(notify(peer, other, Command::Drop));
                }
                Event::Opened(peer)
            }
            // What was on its way when its stream was dropped comes too late.
            Came::Message(_) | Came::TooLong if !is_read => return,
            Came::Message(data) => Event::Came(peer, data),
            Came::TooLong => Event::TooLong(peer),
        };
        self.moving.push_back(ToSwarm::GenerateEvent(event));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Event, THandlerInEvent<Self>>> {
        self.moving.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(test)]
mod tests;
