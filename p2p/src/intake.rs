//! What a peer may send before anybody looks at it: messages and bytes, in buckets of its own. What is over is dropped
//! before it is hashed or decoded, and costs nothing else: a copy from another peer is still welcome. Only a peer that
//! keeps sending more than twice what it may is at fault.
//!
//! New messages are taken on credit besides, which each that is accepted pays back: who says what is of no use may say less.
//! Gossipsub remembers what it has seen for two minutes, useful or not, in tables that never shrink.

use std::collections::BTreeMap;
use std::time::Instant;

use libp2p::PeerId;
use libp2p::gossipsub::{self, IdentityTransform, MaxCountSubscriptionFilter, WhitelistSubscriptionFilter};
use libp2p::swarm::THandlerOutEvent;

use crate::budget::{Budget, Rate, make_room};
use crate::guarded::Guard;
use crate::metrics::{Drops, Kind};
use crate::topic::Topics;

/// Gossip messages and control messages of one peer. A mesh peer passes on what everybody says: 64 keepers with five
/// batches a second are 320 partials.
const MESSAGES: Rate = Rate { burst: 2048.0, per_second: 512.0 };
/// Bytes of gossip of one peer.
const BYTES: Rate = Rate { burst: 4.0 * 1024.0 * 1024.0, per_second: 1024.0 * 1024.0 };
/// New messages of one peer that were not accepted, or not yet: a burst that waits for its verdicts, and the few that an
/// honest peer sees otherwise. In two minutes they are 10,000.
const CREDIT: Rate = Rate { burst: 2048.0, per_second: 64.0 };
/// What a control message is counted as, in bytes: gossipsub takes none over 16 KiB, and most are short.
pub(crate) const CONTROL_BYTES: usize = 1024;
/// Most peers remembered: many more than are connected, so that coming back does not fill a bucket.
const MOST_PEERS: usize = 2048;

/// What one peer has left, and how much of what it sent beyond that it has not made good for.
struct Account {
    messages: Budget,
    bytes: Budget,
    credit: Budget,
    /// A second bucket of the same shape, from which only what was dropped is paid: when it is empty too, the peer is
    /// at fault, and gets a new one.
    excess_messages: Budget,
    excess_bytes: Budget,
}

impl Account {
    const fn new(now: Instant) -> Self {
        Self {
            messages: Budget::full(MESSAGES, now),
            bytes: Budget::full(BYTES, now),
            credit: Budget::full(CREDIT, now),
            excess_messages: Budget::full(MESSAGES, now),
            excess_bytes: Budget::full(BYTES, now),
        }
    }

    /// How full the emptiest bucket is, 1 for all full.
    fn fullness(&self, now: Instant) -> f64 {
        let of = |budget: &Budget, rate: Rate| budget.left(rate, now) / rate.burst;
        let emptiest = of(&self.messages, MESSAGES).min(of(&self.bytes, BYTES)).min(of(&self.credit, CREDIT));
        emptiest.min(of(&self.excess_messages, MESSAGES)).min(of(&self.excess_bytes, BYTES))
    }
}

/// What became of something that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charge {
    Paid,
    /// Too much: to be dropped.
    Over,
    /// Too much, and more so than any load explains.
    Flood,
}

/// The buckets of all peers. Time is passed in.
#[derive(Default)]
pub(crate) struct Accounts(BTreeMap<PeerId, Account>);

impl Accounts {
    fn of(&mut self, peer: PeerId, now: Instant) -> &mut Account {
        if !self.0.contains_key(&peer) {
            make_room(&mut self.0, MOST_PEERS, |account| account.fullness(now));
        }
        self.0.entry(peer).or_insert_with(|| Account::new(now))
    }

    /// A message of this peer was new: it is on credit.
    pub(crate) fn lend(&mut self, peer: PeerId, now: Instant) {
        self.of(peer, now).credit.owe(1.0, CREDIT, now);
    }

    /// A message of this peer was accepted.
    pub(crate) fn repay(&mut self, peer: &PeerId) {
        if let Some(account) = self.0.get_mut(peer) {
            account.credit.refund(1.0, CREDIT);
        }
    }

    /// Charges a peer for one thing of so many bytes.
    pub(crate) fn charge(&mut self, peer: PeerId, kind: Kind, bytes: usize, now: Instant) -> Charge {
        let account = self.of(peer, now);
        let bytes = bytes as f64;
        let has_credit = kind != Kind::Message || account.credit.left(CREDIT, now) >= 1.0;
        if has_credit && account.messages.left(MESSAGES, now) >= 1.0 && account.bytes.pay(bytes, BYTES, now) {
            account.messages.owe(1.0, MESSAGES, now);
            return Charge::Paid;
        }
        let within = account.excess_messages.left(MESSAGES, now) >= 1.0 && account.excess_bytes.pay(bytes, BYTES, now);
        if within {
            account.excess_messages.owe(1.0, MESSAGES, now);
            return Charge::Over;
        }
        account.excess_messages = Budget::full(MESSAGES, now);
        account.excess_bytes = Budget::full(BYTES, now);
        Charge::Flood
    }
}

/// In front of gossipsub.
pub(crate) struct Intake {
    topics: Topics,
    pub(crate) accounts: Accounts,
    drops: Drops,
    floods: BTreeMap<PeerId, u32>,
}

impl Intake {
    pub(crate) fn new(topics: Topics, drops: Drops) -> Self {
        Self { topics, accounts: Accounts::default(), drops, floods: BTreeMap::new() }
    }

    /// Who has flooded since this was asked last, and how often.
    pub(crate) fn take_floods(&mut self) -> BTreeMap<PeerId, u32> {
        std::mem::take(&mut self.floods)
    }

    /// Charges a peer for one thing of so many bytes, whichever way it came; false if it is to be dropped.
    pub(crate) fn takes(&mut self, peer: PeerId, kind: Kind, bytes: usize, now: Instant) -> bool {
        let charge = self.accounts.charge(peer, kind, bytes, now);
        if charge == Charge::Flood {
            *self.floods.entry(peer).or_default() += 1;
        }
        if charge != Charge::Paid {
            self.drops.count(kind);
        }
        charge == Charge::Paid
    }
}

/// Gossipsub, which takes subscriptions to this node's own topics only.
pub(crate) type Gossipsub =
    gossipsub::Behaviour<IdentityTransform, MaxCountSubscriptionFilter<WhitelistSubscriptionFilter>>;
type FromPeer = THandlerOutEvent<Gossipsub>;

impl Guard<Gossipsub> for Intake {
    fn passes(&mut self, peer: PeerId, event: &mut FromPeer) -> bool {
        let FromPeer::Message { rpc, invalid_messages } = event else { return true };
        let now = Instant::now();
        let paying = paying_controls(rpc.control_msgs.len(), rpc.messages.len() + invalid_messages.len());
        rpc.messages.retain(|message| {
            // Gossipsub would hash and keep it, and only then see that nobody here wants its topic.
            let known = self.topics.find(&message.topic).is_some();
            let paid = self.takes(peer, Kind::Message, message.data.len(), now);
            if paid && !known {
                self.drops.count(Kind::Topic);
            }
            paid && known
        });
        // What gossipsub has found wrong counts against the peer's score there; here it counts as sent.
        for (message, _) in invalid_messages {
            self.takes(peer, Kind::Message, message.data.len(), now);
        }
        let mut place = 0;
        rpc.control_msgs.retain(|_| {
            place += 1;
            place > paying || self.takes(peer, Kind::Control, CONTROL_BYTES, now)
        });
        // A peer has so many subscriptions only, and the filter forgets the others: but it has to read them.
        let subscriptions = rpc.subscriptions.len();
        if subscriptions > self.topics.len() && !self.takes(peer, Kind::Control, subscriptions * 64, now) {
            rpc.subscriptions.clear();
        }
        true
    }
}

/// How many of a frame's control messages are paid for. Gossipsub puts one of its own behind those that came, for extensions
/// that mostly are not there: a frame with anything else in it has that one free, and an empty one does not come for nothing.
const fn paying_controls(listed: usize, messages: usize) -> usize {
    if messages > 0 || listed > 1 { listed.saturating_sub(1) } else { listed }
}

#[cfg(test)]
mod tests;
