//! What peers find that try to open a connection to this node, and what this node does for those that ask it to try.

use libp2p::autonat::{Event, InboundProbeEvent};

use super::Service;
use crate::outside::{Outside, outside};

impl Service {
    pub(super) fn on_tried(&mut self, event: &Event) {
        if let Event::InboundProbe(InboundProbeEvent::Response { peer, address, .. }) = event {
            // It was opened to see whether it could be.
            if let Some(spare) = self.peers.spare(peer, address) {
                self.swarm.close_connection(spare);
            }
        }
        let tester = &self.swarm.behaviour().outside.inner;
        let now = outside(&tester.nat_status(), tester.confidence());
        let before = self.outside.send_replace(now);
        if before == now {
            return;
        }
        match now {
            Outside::Reached => tracing::info!("others can open connections to this node"),
            Outside::Closed => tracing::warn!(
                "three peers in a row could not open a connection to this node: let its port in through the firewall (UDP as well, \
                 where it listens over QUIC); behind a router forward it, and name it with --external-addr. Until then it lives on \
                 the connections that it opens itself"
            ),
            Outside::Unknown => tracing::debug!("nobody tries any more whether this node can be reached"),
        }
    }
}
