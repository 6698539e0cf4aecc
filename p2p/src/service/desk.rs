//! One sort of requests, both ways: who has asked and waits, who takes an answer, who is being asked.
//!
//! ```text
//!   a peer asks ─► (budget, places) ─► waiting ── answered ─► sending ── taken, or given up ─► (none)
//!   this node asks ─► (places, rest, budget) ─► asking ── answered, or failed ─► (none)
//! ```
//!
//! An answer counts until the peer has taken it: whoever asks for much and reads nothing would have it all lie in memory.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::request_response::{OutboundRequestId, ResponseChannel};

use crate::command::Answer;
use crate::error::RequestError;
use crate::event::RequestId;
use crate::questions::{Answers, Asked, Rests, Terms};
use crate::requests::{Protocol, REQUEST_TIMEOUT};

/// When an answer of which nothing was heard is over, whatever became of it: longer than any stream lives.
const FORGOTTEN: Duration = Duration::from_secs(4 * REQUEST_TIMEOUT.as_secs());

/// The requests of one sort, and the accounts that pay for them.
pub(super) struct Desk {
    terms: Terms,
    /// What those who ask may.
    pub(super) budgets: Asked,
    /// What those who are asked may answer.
    pub(super) answers: Answers,
    pub(super) rests: Rests,
    waiting: BTreeMap<RequestId, (PeerId, ResponseChannel<Vec<u8>>)>,
    sending: BTreeMap<RequestId, (PeerId, Instant)>,
    asking: BTreeMap<(Protocol, OutboundRequestId), (PeerId, Answer)>,
}

impl Desk {
    pub(super) fn new(terms: Terms, now: Instant) -> Self {
        Self {
            terms,
            budgets: Asked::new(terms, now),
            answers: Answers::new(terms),
            rests: Rests::default(),
            waiting: BTreeMap::new(),
            sending: BTreeMap::new(),
            asking: BTreeMap::new(),
        }
    }

    /// Why a peer is not to be asked now, if it is not.
    pub(super) fn refuses(&self, peer: &PeerId, now: Instant) -> Option<RequestError> {
        let [of_one, in_all] = self.terms.asking;
        let to_peer = self.asking.values().filter(|(other, _)| other == peer).count();
        if self.asking.len() >= in_all || to_peer >= of_one {
            return Some(RequestError::Busy);
        }
        let rest = self.rests.left(peer, now).map(RequestError::Resting);
        rest.or_else(|| self.answers.wait(peer, now).map(RequestError::Sated))
    }

    /// A peer is being asked.
    pub(super) fn asks(&mut self, protocol: Protocol, id: OutboundRequestId, peer: PeerId, reply: Answer) {
        self.asking.insert((protocol, id), (peer, reply));
    }

    /// What was asked has come to an end. Nobody is told who waits no more.
    pub(super) fn conclude(&mut self, protocol: Protocol, id: OutboundRequestId, end: Result<Vec<u8>, RequestError>) {
        if let Some((_, reply)) = self.asking.remove(&(protocol, id)) {
            let _ = reply.send(end);
        }
    }

    /// Takes a peer's request of so many bytes in; false, and its stream closes, when it has asked too much or has too much under
    /// way.
    pub(super) fn take_in(
        &mut self,
        id: RequestId,
        (peer, channel): (PeerId, ResponseChannel<Vec<u8>>),
        bytes: usize,
        now: Instant,
    ) -> bool {
        self.sending.retain(|_, (_, since)| now.saturating_duration_since(*since) < FORGOTTEN);
        let of_peer = |other: &&PeerId| **other == peer;
        let waiting = self.waiting.values().map(|(peer, _)| peer).filter(of_peer).count();
        let untaken = self.sending.values().map(|(peer, _)| peer).filter(of_peer).count();
        let fits = |[of_one, in_all]: [usize; 2], of_peer, all| of_peer < of_one && all < in_all;
        let granted = self.budgets.charge(peer, bytes, now)
            && fits(self.terms.asked, waiting, self.waiting.len())
            && fits(self.terms.untaken, untaken, self.sending.len());
        if granted {
            self.waiting.insert(id, (peer, channel));
        }
        granted
    }

    /// Who waits for the answer to a request; from now on it is on its way.
    pub(super) fn answering(
        &mut self,
        id: RequestId,
        bytes: usize,
        now: Instant,
    ) -> Option<(PeerId, ResponseChannel<Vec<u8>>)> {
        let (peer, channel) = self.waiting.remove(&id)?;
        self.budgets.answered(&peer, bytes, now);
        self.sending.insert(id, (peer, now));
        Some((peer, channel))
    }

    /// A request of a peer is over: its answer was taken, or nobody waits for it.
    pub(super) fn over(&mut self, id: &RequestId) {
        self.waiting.remove(id);
        self.sending.remove(id);
    }
}
