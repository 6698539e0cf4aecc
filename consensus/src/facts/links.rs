//! The keepers that this one is connected to: what goes straight goes to nobody else.

use std::collections::BTreeSet;

use super::Facts;
use crate::committee::PeerKey;

/// Most peers remembered: more than a committee has members, and than a keeper has connections.
const PEERS_MAX: usize = 1_024;

/// The connected peers.
#[derive(Clone, Debug, Default)]
pub(super) struct Links(BTreeSet<PeerKey>);

impl Facts {
    /// A peer is connected.
    pub(crate) fn link(&mut self, peer: PeerKey) {
        if self.links.0.len() < PEERS_MAX {
            self.links.0.insert(peer);
        }
    }

    /// A peer is connected no more.
    pub(crate) fn unlink(&mut self, peer: PeerKey) {
        self.links.0.remove(&peer);
    }

    /// Whether a peer is connected.
    pub(crate) fn is_linked(&self, peer: PeerKey) -> bool {
        self.links.0.contains(&peer)
    }
}
