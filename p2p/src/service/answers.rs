//! Requests, both ways.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::request_response::{Message, OutboundFailure};

use super::Service;
use crate::command::Answer;
use crate::error::RequestError;
use crate::event::{Event, RequestId};
use crate::requests::{Protocol, RequestEvent, is_too_long};

/// Most requests of peers that wait for an answer, in all and of one peer.
const MOST_ASKED: usize = 256;
const MOST_ASKED_BY_ONE: usize = 8;
/// Most requests of ours that wait for an answer, in all and of one peer: what its streams carry.
const MOST_ASKING: usize = 256;
const MOST_ASKING_OF_ONE: usize = 8;

impl Service {
    /// Sends a request of ours, or says at once why not: nothing waits here for its turn.
    pub(super) fn ask(&mut self, peer: PeerId, protocol: Protocol, data: Vec<u8>, reply: Answer) {
        let to_peer = self.asking.values().filter(|(other, _)| *other == peer).count();
        let refused = if !self.peers.is_connected(&peer) {
            RequestError::NotConnected(peer)
        } else if self.asking.len() >= MOST_ASKING || to_peer >= MOST_ASKING_OF_ONE {
            RequestError::Busy
        } else if let Some(left) = self.rests.left(&peer, Instant::now()) {
            RequestError::Resting(left)
        } else if let Some(wait) = self.answers.wait(&peer, Instant::now()) {
            RequestError::Sated(wait)
        } else if let Some(requests) = self.swarm.behaviour_mut().requests(protocol) {
            let id = requests.send_request(&peer, data);
            self.asking.insert((protocol, id), (peer, reply));
            return;
        } else {
            RequestError::NoRequests
        };
        let _ = reply.send(Err(refused));
    }

    /// Answers a request of a peer, unless it has gone.
    pub(super) fn answer(&mut self, id: RequestId, data: Vec<u8>) {
        let Some((peer, channel)) = self.asked.remove(&id) else { return };
        self.budgets.answered(&peer, data.len(), Instant::now());
        let requests = self.swarm.behaviour_mut().requests(id.protocol);
        if requests.is_none_or(|requests| requests.send_response(channel, data).is_err()) {
            tracing::debug!(%peer, "the answer came too late");
        }
    }

    pub(super) fn on_request_event(&mut self, protocol: Protocol, event: RequestEvent) {
        match event {
            RequestEvent::Message { peer, message: Message::Request { request_id, request, channel }, .. } => {
                let id = RequestId { protocol, inner: request_id };
                let open = self.asked.values().filter(|(other, _)| *other == peer).count();
                // Whatever is refused below drops the channel, which closes the stream.
                let bytes = request.len();
                if !self.budgets.charge(peer, bytes, Instant::now())
                    || open >= MOST_ASKED_BY_ONE
                    || self.asked.len() >= MOST_ASKED
                {
                    self.metrics.overflows.questions.inc();
                    tracing::debug!(%peer, ?protocol, "a peer asks too much");
                } else {
                    self.asked.insert(id, (peer, channel));
                    self.offer(peer, Event::Request { id, from: peer, protocol, data: request }, bytes);
                }
            }
            RequestEvent::Message { peer, message: Message::Response { request_id, response }, .. } => {
                self.rests.answered(&peer);
                self.answers.charge(peer, response.len(), Instant::now());
                self.conclude(protocol, request_id, Ok(response));
            }
            RequestEvent::OutboundFailure { request_id, error, peer, .. } => {
                match &error {
                    // This is paid for already, and twenty of them are the last.
                    OutboundFailure::Io(error) if is_too_long(error) => self.fault(peer, "answer_too_long"),
                    OutboundFailure::DialFailure => {}
                    _ => self.rests.failed(peer, Instant::now()),
                }
                self.conclude(protocol, request_id, Err(failure(error, peer)));
            }
            RequestEvent::InboundFailure { request_id, peer, error, .. } => {
                self.asked.remove(&RequestId { protocol, inner: request_id });
                tracing::debug!(%peer, ?protocol, %error, "a request of a peer failed");
            }
            RequestEvent::ResponseSent { .. } => {}
        }
    }

    fn conclude(
        &mut self,
        protocol: Protocol,
        id: libp2p::request_response::OutboundRequestId,
        answer: Result<Vec<u8>, RequestError>,
    ) {
        if let Some((_, waiting)) = self.asking.remove(&(protocol, id)) {
            let _ = waiting.send(answer);
        }
    }
}

fn failure(error: OutboundFailure, peer: PeerId) -> RequestError {
    match error {
        OutboundFailure::DialFailure => RequestError::NotConnected(peer),
        OutboundFailure::Timeout => RequestError::Timeout,
        OutboundFailure::ConnectionClosed => RequestError::Closed,
        OutboundFailure::UnsupportedProtocols => RequestError::Unsupported,
        OutboundFailure::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => RequestError::Closed,
        OutboundFailure::Io(error) => RequestError::Stream(error.to_string()),
    }
}
