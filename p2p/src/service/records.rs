//! Signed records of where peers are: asked for when a peer has said who it is, and of one peer in turn with each walk.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Instant;

use libp2p::request_response::{Message, OutboundFailure, ResponseChannel};
use libp2p::{Multiaddr, PeerId};

use super::Service;
use crate::reach::{hearsay, worth_telling};
use crate::records::{MOST_AT_ONCE, known_from_bytes, records_from_bytes};
use crate::requests::{RequestEvent, is_too_long};

/// Who is asked for records.
#[derive(Default)]
pub(super) struct Round {
    /// Those that have not answered yet.
    asked: BTreeSet<PeerId>,
    /// Who was asked last in turn.
    turn: Option<PeerId>,
}

impl Service {
    /// Asks the next of the connected peers.
    pub(super) fn ask_next_for_records(&mut self, now: Instant) {
        let after = self.round.turn.map_or(Bound::Unbounded, Bound::Excluded);
        let connected: BTreeSet<PeerId> = self.peers.ids().copied().collect();
        let next = connected.range((after, Bound::Unbounded)).next().or_else(|| connected.first()).copied();
        self.round.turn = next;
        if let Some(peer) = next {
            self.ask_for_records(peer, now);
        }
    }

    /// Asks a peer for the records that this node lacks, unless it is being asked already or has told a lot of late.
    pub(super) fn ask_for_records(&mut self, peer: PeerId, now: Instant) {
        let is_free = self.peers.is_connected(&peer) && self.answers.wait(&peer, now).is_none();
        if is_free && self.round.asked.insert(peer) {
            self.sign_record();
            let known = self.records.known();
            self.swarm.behaviour_mut().records.send_request(&peer, known);
        }
    }

    pub(super) fn on_records_event(&mut self, event: RequestEvent, now: Instant) {
        match event {
            RequestEvent::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                self.tell_records(peer, &request, channel, now);
            }
            RequestEvent::Message { peer, message: Message::Response { response, .. }, .. } => {
                self.round.asked.remove(&peer);
                self.answers.charge(peer, response.len(), now);
                self.believe_records(peer, &response, now);
            }
            RequestEvent::OutboundFailure { peer, error, .. } => {
                self.round.asked.remove(&peer);
                match error {
                    OutboundFailure::Io(error) if is_too_long(&error) => self.fault(peer, "answer_too_long"),
                    error => tracing::debug!(%peer, %error, "a peer tells no records"),
                }
            }
            RequestEvent::InboundFailure { peer, error, .. } => {
                tracing::debug!(%peer, %error, "a question of a peer for records failed");
            }
            RequestEvent::ResponseSent { .. } => {}
        }
    }

    fn tell_records(&mut self, peer: PeerId, question: &[u8], channel: ResponseChannel<Vec<u8>>, now: Instant) {
        if !self.budgets.charge(peer, question.len(), now) {
            self.metrics.overflows.questions.inc();
            tracing::debug!(%peer, "a peer asks too much for records");
            return;
        }
        match known_from_bytes(question) {
            Ok(known) => {
                self.sign_record();
                let answer = self.records.answer(&known);
                self.budgets.answered(&peer, answer.len(), now);
                if self.swarm.behaviour_mut().records.send_response(channel, answer).is_err() {
                    tracing::debug!(%peer, "the records came too late");
                }
            }
            Err(wrong) => self.fault(peer, wrong.name()),
        }
    }

    /// Takes the records of an answer up to the first that is wrong, for which whoever brought it answers.
    fn believe_records(&mut self, from: PeerId, answer: &[u8], now: Instant) {
        let envelopes = match records_from_bytes(answer) {
            Ok(envelopes) => envelopes,
            Err(wrong) => return self.fault(from, wrong.name()),
        };
        let (number, mut is_news) = (envelopes.len(), false);
        for envelope in envelopes {
            let behaviour = self.swarm.behaviour();
            let (admissions, home) = (&behaviour.gate.admissions, &behaviour.kademlia.guard.home);
            let news = self.records.take(envelope, &from, |peer| admissions.check(peer, now).is_ok());
            match news {
                Ok(Some(news)) => {
                    is_news = true;
                    // A peer that is here has told by itself where it is, and more than others may know.
                    if !self.peers.is_identified(&news.peer) {
                        self.book.learn(news.peer, &hearsay(&news.addresses, home), now);
                    }
                }
                Ok(None) => {}
                Err(wrong) => return self.fault(from, wrong.name()),
            }
        }
        if is_news {
            self.memory.touch(now);
            if number == MOST_AT_ONCE {
                self.ask_for_records(from, now);
            }
        }
    }

    fn sign_record(&mut self) {
        let external = self.swarm.external_addresses();
        let known: Vec<Multiaddr> = external.chain(self.swarm.listeners()).cloned().collect();
        self.records.sign(worth_telling(&known));
    }
}
