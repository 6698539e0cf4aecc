//! Who may ask how much, who may answer how much, and whom this node asks how often.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::budget::{Budget, Rate, make_room};

/// Requests of one peer.
const REQUESTS: Rate = Rate { burst: 32.0, per_second: 8.0 };
/// Bytes of its requests and of our answers to them.
const BYTES: Rate = Rate { burst: 2.0 * 1024.0 * 1024.0, per_second: 512.0 * 1024.0 };
/// Most peers remembered: many more than are connected, so that coming back does not fill a bucket.
const MOST_PEERS: usize = 2048;

/// What a peer has left.
struct Account {
    requests: Budget,
    bytes: Budget,
}

/// The budgets of those who ask this node. Time is passed in.
#[derive(Default)]
pub(crate) struct Asked(BTreeMap<PeerId, Account>);

impl Asked {
    /// Charges a request of so many bytes; false when the peer has asked too much.
    pub(crate) fn charge(&mut self, peer: PeerId, bytes: usize, now: Instant) -> bool {
        if !self.0.contains_key(&peer) {
            make_room(&mut self.0, MOST_PEERS, |account| {
                let bytes = account.bytes.left(BYTES, now) / BYTES.burst;
                bytes.min(account.requests.left(REQUESTS, now) / REQUESTS.burst)
            });
        }
        let fresh = || Account { requests: Budget::full(REQUESTS, now), bytes: Budget::full(BYTES, now) };
        let account = self.0.entry(peer).or_insert_with(fresh);
        let granted = account.bytes.left(BYTES, now) > 0.0 && account.requests.pay(1.0, REQUESTS, now);
        if granted {
            account.bytes.owe(bytes as f64, BYTES, now);
        }
        granted
    }

    /// Charges an answer, whose length nobody knew when the question came: what is over is owed.
    pub(crate) fn answered(&mut self, peer: &PeerId, bytes: usize, now: Instant) {
        if let Some(account) = self.0.get_mut(peer) {
            account.bytes.owe(bytes as f64, BYTES, now);
        }
    }
}

/// What a peer may answer, in bytes: its answers come past the bucket of its gossip, and only because they were asked for.
const ANSWERS: Rate = Rate { burst: 2.0 * 1024.0 * 1024.0, per_second: 512.0 * 1024.0 };

/// The budgets of those whom this node asks: nobody is asked for more than it may answer.
#[derive(Default)]
pub(crate) struct Answers(BTreeMap<PeerId, Budget>);

impl Answers {
    /// How long a peer is not to be asked, for all that it has answered.
    pub(crate) fn wait(&self, peer: &PeerId, now: Instant) -> Option<Duration> {
        let left = self.0.get(peer)?.left(ANSWERS, now);
        (left <= 0.0).then(|| Duration::from_secs_f64((1.0 - left) / ANSWERS.per_second))
    }

    /// A peer has answered with so many bytes: what is over is owed.
    pub(crate) fn charge(&mut self, peer: PeerId, bytes: usize, now: Instant) {
        if !self.0.contains_key(&peer) {
            make_room(&mut self.0, MOST_PEERS, |budget| budget.left(ANSWERS, now) / ANSWERS.burst);
        }
        self.0.entry(peer).or_insert_with(|| Budget::full(ANSWERS, now)).owe(bytes as f64, ANSWERS, now);
    }
}

/// The first pause after a question without an answer; it doubles with each.
const FIRST_REST: Duration = Duration::from_millis(250);
const LONGEST_REST: Duration = Duration::from_secs(8);

#[derive(Clone, Copy)]
struct Rest {
    failures: u32,
    until: Instant,
}

/// Peers that did not answer lately, and are left alone for a while.
#[derive(Default)]
pub(crate) struct Rests(BTreeMap<PeerId, Rest>);

impl Rests {
    /// How long a peer still rests.
    pub(crate) fn left(&self, peer: &PeerId, now: Instant) -> Option<Duration> {
        self.0.get(peer).map(|rest| rest.until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// A peer gave an answer.
    pub(crate) fn answered(&mut self, peer: &PeerId) {
        self.0.remove(peer);
    }

    /// A peer gave none. Questions that were under way together fail together: that is one failure.
    pub(crate) fn failed(&mut self, peer: PeerId, now: Instant) {
        let rest = self.0.entry(peer).or_insert(Rest { failures: 0, until: now });
        if rest.until <= now {
            let pause = FIRST_REST * 2_u32.saturating_pow(rest.failures.min(8));
            *rest = Rest { failures: rest.failures.saturating_add(1), until: now + pause.min(LONGEST_REST) };
        }
    }

    /// A peer has gone, and comes back with a clean slate.
    pub(crate) fn parted(&mut self, peer: &PeerId) {
        self.0.remove(peer);
    }
}

#[cfg(test)]
mod tests;
