//! From the swarm to the keeper: each peer's line, and a short channel.

use std::time::Instant;

use libp2p::PeerId;
use tokio::sync::mpsc;

use super::Service;
use crate::event::{Event, MessageRef, Verdict};
use crate::metrics::Lost;

/// Waits until the keeper has room for an event; false when it reads no more.
pub(super) async fn has_room(events: &mpsc::Sender<Event>) -> bool {
    events.reserve().await.is_ok()
}

impl Service {
    /// Fills the keeper's channel from the lines of the peers, unless nobody reads any more.
    pub(super) fn hand_on(&mut self, is_read: bool) {
        if !is_read {
            self.inbox.clear();
        }
        let (now, mut lost) = (Instant::now(), Vec::new());
        while let Ok(place) = self.events.try_reserve()
            && let Some(event) = self.inbox.next(now, &mut lost)
        {
            place.send(event);
        }
        lost.into_iter().for_each(|event| self.lose(event));
    }

    /// Tells the keeper about a connection.
    pub(super) fn tell(&mut self, event: Event) {
        if !self.inbox.tell(event) {
            self.metrics.overflows.lost(Lost::Lifecycle);
        }
    }

    /// Puts a message or request into its peer's line for the keeper. What finds no place there is lost: this one, or
    /// another peer's with a longer line.
    pub(super) fn offer(&mut self, peer: PeerId, event: Event, bytes: usize) {
        if let Some(lost) = self.inbox.offer(peer, event, bytes, Instant::now()) {
            self.lose(lost);
        }
    }

    /// Nobody will see this: a message is ignored, the stream of a request closes.
    pub(super) fn lose(&mut self, event: Event) {
        match event {
            Event::Message { message, .. } => {
                self.metrics.overflows.lost(Lost::Message);
                self.verdict(&message, Verdict::Ignore);
            }
            Event::Straight { .. } => self.metrics.overflows.lost(Lost::Message),
            Event::Request { id, .. } => {
                self.metrics.overflows.lost(Lost::Request);
                self.desk(id.protocol).over(&id);
            }
            Event::PeerConnected(_) | Event::PeerDisconnected(_) | Event::Listening(_) => {}
        }
    }

    pub(super) fn verdict(&mut self, message: &MessageRef, verdict: Verdict) {
        let Some(id) = &message.id else {
            return self.straight_verdict(message.source, verdict);
        };
        if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
            if verdict == Verdict::Accept {
                gossip.guard.accounts.repay(&message.source);
            }
            gossip.inner.report_message_validation_result(id, &message.source, verdict.into());
        }
    }
}
