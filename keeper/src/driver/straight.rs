//! Carrying out what goes straight: each peer's by itself, off the loop.

use consensus::committee::PeerKey;
use consensus::effect::BatchKey;
use consensus::message::Channel;

use super::{Driver, Event, now};

impl Driver {
    /// Sends a partial to some peers. What each of them does not take comes back as an event; the mesh gives a peer a few seconds at
    /// most, and so there are never many of these.
    pub(super) fn send_straight(&mut self, key: BatchKey, peers: Vec<PeerKey>, bytes: &[u8]) {
        self.voices.said(Channel::Partials, bytes, now());
        for peer in peers {
            let (mesh, bytes) = (self.services.mesh.clone(), bytes.to_vec());
            self.spawn(async move {
                let sent = mesh.straight(p2p::peer_id_from_public_key(&peer.0), bytes).await;
                let error = sent.err()?;
                tracing::debug!(%error, ?peer, "a leader does not take a partial straight");
                Some(Event::Unsent { key, peer })
            });
        }
    }
}
