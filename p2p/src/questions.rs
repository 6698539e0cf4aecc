//! Who may ask how much, who may answer how much, and whom this node asks how often.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::budget::{Budget, Rate, make_room};
use crate::requests::Protocol;

/// Most peers remembered: many more than are connected, so that coming back does not fill a bucket.
const MOST_PEERS: usize = 2048;

/// How much may be asked and answered in one sort of requests. Each sort has an account of its own with everybody, so that
/// whoever has used up the one is heard in the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Requests of one peer.
    requests: Rate,
    /// Bytes of its requests and of our answers to them. So much may also come from it: its answers come past the bucket of
    /// its gossip, and only because they were asked for.
    bytes: Rate,
    /// The same of all peers together, if that is less than what all of them may.
    all: Option<Rate>,
    /// Requests of peers that have no answer yet, of one and in all.
    pub(crate) asked: [usize; 2],
    /// Answers that peers have not taken yet, to one and in all: they lie in memory.
    pub(crate) untaken: [usize; 2],
    /// Requests of ours that wait for an answer, of one peer and in all: what its streams carry.
    pub(crate) asking: [usize; 2],
    /// Requests that one connection carries at once, this node's and the peer's, with those that have just ended at one side.
    pub(crate) streams: usize,
}

const MIB: f64 = 1024.0 * 1024.0;

/// Status, want and records.
pub(crate) const WORDS: Terms = Terms {
    requests: Rate { burst: 32.0, per_second: 8.0 },
    bytes: Rate { burst: 2.0 * MIB, per_second: MIB / 2.0 },
    all: None,
    asked: [8, 256],
    untaken: [16, 1024],
    asking: [8, 256],
    streams: 16,
};
/// Code: two components of the longest at once, then a quarter of a MiB a second; of all peers together eight MiB a second, for
/// the line of a keeper has more to carry. Few answers lie in memory, also where nobody takes them.
pub(crate) const CODE: Terms = Terms {
    requests: Rate { burst: 96.0, per_second: 16.0 },
    bytes: Rate { burst: 9.0 * MIB, per_second: MIB / 4.0 },
    all: Some(Rate { burst: 64.0 * MIB, per_second: 8.0 * MIB }),
    asked: [2, 64],
    untaken: [3, 64],
    asking: [2, 64],
    streams: 6,
};

impl Terms {
    pub(crate) const fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Status | Protocol::Want => WORDS,
            Protocol::Code => CODE,
        }
    }
}

/// What a peer has left.
struct Account {
    requests: Budget,
    bytes: Budget,
}

/// The budgets of those who ask this node. Time is passed in.
pub(crate) struct Asked {
    terms: Terms,
    accounts: BTreeMap<PeerId, Account>,
    all: Option<(Rate, Budget)>,
}

impl Asked {
    pub(crate) fn new(terms: Terms, now: Instant) -> Self {
        Self { terms, accounts: BTreeMap::new(), all: terms.all.map(|rate| (rate, Budget::full(rate, now))) }
    }

    /// Charges a request of so many bytes; false when the peer, or all of them together, have asked too much.
    pub(crate) fn charge(&mut self, peer: PeerId, bytes: usize, now: Instant) -> bool {
        let Terms { requests, bytes: rate, .. } = self.terms;
        if !self.accounts.contains_key(&peer) {
            make_room(&mut self.accounts, MOST_PEERS, |account| {
                let bytes = account.bytes.left(rate, now) / rate.burst;
                bytes.min(account.requests.left(requests, now) / requests.burst)
            });
        }
        let fresh = || Account { requests: Budget::full(requests, now), bytes: Budget::full(rate, now) };
        let account = self.accounts.entry(peer).or_insert_with(fresh);
        let granted = account.bytes.left(rate, now) > 0.0
            && self.all.as_ref().is_none_or(|(rate, budget)| budget.left(*rate, now) > 0.0)
            && account.requests.pay(1.0, requests, now);
        if granted {
            self.answered(&peer, bytes, now);
        }
        granted
    }

    /// Charges an answer, whose length nobody knew when the question came: what is over is owed.
    pub(crate) fn answered(&mut self, peer: &PeerId, bytes: usize, now: Instant) {
        if let Some(account) = self.accounts.get_mut(peer) {
            account.bytes.owe(bytes as f64, self.terms.bytes, now);
        }
        if let Some((rate, budget)) = &mut self.all {
            budget.owe(bytes as f64, *rate, now);
        }
    }
}

/// The budgets of those whom this node asks: nobody is asked for more than it may answer.
pub(crate) struct Answers {
    rate: Rate,
    budgets: BTreeMap<PeerId, Budget>,
}

impl Answers {
    pub(crate) const fn new(terms: Terms) -> Self {
        Self { rate: terms.bytes, budgets: BTreeMap::new() }
    }

    /// How long a peer is not to be asked, for all that it has answered.
    pub(crate) fn wait(&self, peer: &PeerId, now: Instant) -> Option<Duration> {
        let left = self.budgets.get(peer)?.left(self.rate, now);
        (left <= 0.0).then(|| Duration::from_secs_f64((1.0 - left) / self.rate.per_second))
    }

    /// A peer has answered with so many bytes: what is over is owed.
    pub(crate) fn charge(&mut self, peer: PeerId, bytes: usize, now: Instant) {
        let rate = self.rate;
        if !self.budgets.contains_key(&peer) {
            make_room(&mut self.budgets, MOST_PEERS, |budget| budget.left(rate, now) / rate.burst);
        }
        self.budgets.entry(peer).or_insert_with(|| Budget::full(rate, now)).owe(bytes as f64, rate, now);
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
