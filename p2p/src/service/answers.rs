//! Requests, both ways.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::request_response::{Message, OutboundFailure};

use super::Service;
use super::desk::Desk;
use crate::command::Answer;
use crate::error::RequestError;
use crate::event::{Event, RequestId};
use crate::requests::{Protocol, RequestEvent, is_too_long};

impl Service {
    /// The sort that a protocol is of.
    pub(super) const fn desk(&mut self, protocol: Protocol) -> &mut Desk {
        match protocol {
            Protocol::Status | Protocol::Want => &mut self.words,
            Protocol::Code => &mut self.code,
        }
    }

    /// Sends a request of ours, or says at once why not: nothing waits here for its turn.
    pub(super) fn ask(&mut self, peer: PeerId, protocol: Protocol, data: Vec<u8>, reply: Answer) {
        let refused = if !self.peers.is_connected(&peer) {
            RequestError::NotConnected(peer)
        } else if let Some(refused) = self.desk(protocol).refuses(&peer, Instant::now()) {
            refused
        } else if let Some(requests) = self.swarm.behaviour_mut().requests(protocol) {
            let id = requests.send_request(&peer, data);
            self.desk(protocol).asks(protocol, id, peer, reply);
            return;
        } else {
            RequestError::NoRequests
        };
        let _ = reply.send(Err(refused));
    }

    /// Answers a request of a peer, unless it has gone.
    pub(super) fn answer(&mut self, id: RequestId, data: Vec<u8>) {
        let answering = self.desk(id.protocol).answering(id, data.len(), Instant::now());
        let Some((peer, channel)) = answering else { return };
        let requests = self.swarm.behaviour_mut().requests(id.protocol);
        if requests.is_none_or(|requests| requests.send_response(channel, data).is_err()) {
            tracing::debug!(%peer, "the answer came too late");
            self.desk(id.protocol).over(&id);
        }
    }

    pub(super) fn on_request_event(&mut self, protocol: Protocol, event: RequestEvent) {
        let now = Instant::now();
        match event {
            RequestEvent::Message { peer, message: Message::Request { request_id, request, channel }, .. } => {
                let (id, bytes) = (RequestId { protocol, inner: request_id }, request.len());
                if self.desk(protocol).take_in(id, (peer, channel), bytes, now) {
                    self.offer(peer, Event::Request { id, from: peer, protocol, data: request }, bytes);
                } else {
                    self.metrics.overflows.questions.inc();
                    tracing::debug!(%peer, ?protocol, "a peer asks too much");
                }
            }
            RequestEvent::Message { peer, message: Message::Response { request_id, response }, .. } => {
                let desk = self.desk(protocol);
                desk.rests.answered(&peer);
                desk.answers.charge(peer, response.len(), now);
                desk.conclude(protocol, request_id, Ok(response));
            }
            RequestEvent::OutboundFailure { request_id, error, peer, .. } => {
                match &error {
                    // This is paid for already, and twenty of them are the last.
                    OutboundFailure::Io(error) if is_too_long(error) => self.fault(peer, "answer_too_long"),
                    OutboundFailure::DialFailure => {}
                    _ => self.desk(protocol).rests.failed(peer, now),
                }
                self.desk(protocol).conclude(protocol, request_id, Err(failure(error, peer)));
            }
            RequestEvent::InboundFailure { request_id, peer, error, .. } => {
                self.desk(protocol).over(&RequestId { protocol, inner: request_id });
                tracing::debug!(%peer, ?protocol, %error, "a request of a peer failed");
            }
            RequestEvent::ResponseSent { request_id, .. } => {
                self.desk(protocol).over(&RequestId { protocol, inner: request_id });
            }
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
