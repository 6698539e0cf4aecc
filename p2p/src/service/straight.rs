//! Messages that go straight, both ways: what comes is charged, waits and is judged as gossip is.

use std::time::Instant;

use libp2p::PeerId;

use super::Service;
use crate::error::RequestError;
use crate::event::{Event, MessageRef, Verdict};
use crate::intake::CONTROL_BYTES;
use crate::metrics::Kind;
use crate::straight::{self, Written};

impl Service {
    pub(super) fn send_straight(&mut self, peer: PeerId, data: Vec<u8>, written: Written) {
        match self.swarm.behaviour_mut().straight.as_mut() {
            Some(straight) => straight.send(peer, data, written),
            None => drop(written.send(Err(RequestError::NoRequests))),
        }
    }

    pub(super) fn on_straight_event(&mut self, event: straight::Event, now: Instant) {
        match event {
            straight::Event::Opened(peer) => {
                self.charge(peer, Kind::Control, CONTROL_BYTES, now);
            }
            straight::Event::Came(peer, data) => {
                if self.charge(peer, Kind::Message, data.len(), now) {
                    self.lend(peer, now);
                    let (message, bytes) = (MessageRef { id: None, source: peer }, data.len());
                    self.offer(peer, Event::Straight { message, from: peer, data }, bytes);
                }
            }
            straight::Event::TooLong(peer) => self.fault(peer, "straight_too_long"),
        }
    }

    /// The verdict on a message that came straight from this peer.
    pub(super) fn straight_verdict(&mut self, peer: PeerId, verdict: Verdict) {
        match verdict {
            Verdict::Accept => {
                if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
                    gossip.guard.accounts.repay(&peer);
                }
            }
            Verdict::Ignore => {}
            Verdict::Reject => self.fault(peer, "straight_rejected"),
        }
    }

    /// The bucket is that of the peer's gossip: it has one.
    fn charge(&mut self, peer: PeerId, kind: Kind, bytes: usize, now: Instant) -> bool {
        let gossip = self.swarm.behaviour_mut().gossip.as_mut();
        gossip.is_some_and(|gossip| gossip.guard.takes(peer, kind, bytes, now))
    }

    fn lend(&mut self, peer: PeerId, now: Instant) {
        if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
            gossip.guard.accounts.lend(peer, now);
        }
    }
}
