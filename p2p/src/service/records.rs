//! Signed records of where peers are: asked for when a peer has said who it is, and of one peer in turn with each walk.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Instant;

use libp2p::request_response::{Message, OutboundFailure, ResponseChannel};
use libp2p::{Multiaddr, PeerId};

use super::Service;
use crate::budget::{Budget, Rate, make_room};
use crate::reach::{hearsay, worth_telling};
use crate::records::{MOST_AT_ONCE, known_from_bytes, records_from_bytes};
use crate::requests::{RequestEvent, is_too_long};

/// Questions to one peer: enough to hear of everybody at once. Whoever makes this node ask, by saying that it is somewhere
/// else or by a full answer of news, has it check signatures.
const QUESTIONS: Rate = Rate { burst: 20.0, per_second: 0.5 };
/// Most peers remembered: many more than are connected, so that coming back does not fill a bucket.
const MOST_PEERS: usize = 2048;

/// Who is asked for records.
#[derive(Default)]
pub(super) struct Round {
    /// Those that have not answered yet.
    asked: BTreeSet<PeerId>,
    budgets: BTreeMap<PeerId, Budget>,
    /// Who was asked last in turn.
    turn: Option<PeerId>,
}

impl Round {
    /// Whether a peer may be asked now; then it is taken for asked until it has answered.
    fn ask(&mut self, peer: PeerId, now: Instant) -> bool {
        if self.asked.contains(&peer) {
            return false;
        }
        if !self.budgets.contains_key(&peer) {
            make_room(&mut self.budgets, MOST_PEERS, |budget| budget.left(QUESTIONS, now) / QUESTIONS.burst);
        }
        let budget = self.budgets.entry(peer).or_insert_with(|| Budget::full(QUESTIONS, now));
        budget.pay(1.0, QUESTIONS, now) && self.asked.insert(peer)
    }
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

    /// Asks a peer for the records that this node lacks, unless it is being asked already, or was asked or has told a lot of late.
    pub(super) fn ask_for_records(&mut self, peer: PeerId, now: Instant) {
        let is_free = self.peers.is_connected(&peer) && self.words.answers.wait(&peer, now).is_none();
        if is_free && self.round.ask(peer, now) {
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
                self.words.answers.charge(peer, response.len(), now);
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
        if !self.words.budgets.charge(peer, question.len(), now) {
            self.metrics.overflows.questions.inc();
            tracing::debug!(%peer, "a peer asks too much for records");
            return;
        }
        match known_from_bytes(question) {
            Ok(known) => {
                self.sign_record();
                let answer = self.records.answer(&known);
                self.words.budgets.answered(&peer, answer.len(), now);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A peer can give cause to be asked as often as it likes, and answer with something new every time.
    #[test]
    fn nobody_is_asked_without_end() {
        let (mut round, now) = (Round::default(), Instant::now());
        let (peer, other) = (PeerId::random(), PeerId::random());
        assert!(round.ask(peer, now));
        assert!(!round.ask(peer, now), "it has not answered yet");
        let mut asked = 1;
        round.asked.clear();
        while round.ask(peer, now) {
            asked += 1;
            round.asked.clear();
        }
        assert_eq!(asked, 20);
        assert!(!round.ask(peer, now + Duration::from_secs(1)));
        assert!(round.ask(peer, now + Duration::from_secs(2)));
        assert!(round.ask(other, now), "and the others as before");
        for _ in 0..2 * MOST_PEERS {
            round.ask(PeerId::random(), now);
        }
        assert!(round.budgets.len() <= MOST_PEERS);
    }
}
