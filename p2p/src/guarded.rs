//! A protocol of libp2p behind a guard of ours, who sees what peers send before the protocol does.

use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

/// Decides what reaches a protocol.
pub(crate) trait Guard<B: NetworkBehaviour> {
    /// Looks at what came over a connection, takes out of it what is too much, and says whether anything is left.
    fn passes(&mut self, peer: PeerId, event: &mut THandlerOutEvent<B>) -> bool;

    /// Whether the protocol may have this address dialled, of which it has heard from others.
    fn may_dial(&self, _address: &Multiaddr) -> bool {
        true
    }

    /// What is dialled first of the addresses that the protocol knows of a peer: the lowest.
    fn rank(&self, _address: &Multiaddr) -> u8 {
        0
    }

    /// Whether the protocol shall know of this.
    fn hears(&self, _event: &FromSwarm<'_>) -> bool {
        true
    }

    /// Whether the protocol may have the swarm do this.
    fn lets(&self, _action: &ToSwarm<B::ToSwarm, THandlerInEvent<B>>) -> bool {
        true
    }
}

/// A protocol and its guard.
pub(crate) struct Guarded<B, G> {
    pub(crate) inner: B,
    pub(crate) guard: G,
}

impl<B: NetworkBehaviour, G: Guard<B> + 'static> NetworkBehaviour for Guarded<B, G> {
    type ConnectionHandler = B::ConnectionHandler;
    type ToSwarm = B::ToSwarm;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let mut known = self.inner.handle_pending_outbound_connection(id, peer, addresses, role)?;
        known.retain(|address| self.guard.may_dial(address));
        known.sort_by_key(|address| self.guard.rank(address));
        Ok(known)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        if self.guard.hears(&event) {
            self.inner.on_swarm_event(event);
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, mut event: THandlerOutEvent<Self>) {
        if self.guard.passes(peer, &mut event) {
            self.inner.on_connection_handler_event(peer, id, event);
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            match self.inner.poll(context) {
                Poll::Ready(action) if !self.guard.lets(&action) => {}
                polled => return polled,
            }
        }
    }
}
