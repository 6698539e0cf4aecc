//! What keepers send each other, by gossip and straight.

use consensus::Input;
use consensus::committee::PeerKey;
use consensus::effect::BatchKey;
use consensus::message::Channel;
use rand::RngExt;

use super::{Network, peer};

impl Network {
    /// A keeper has come up: it and the others are connected.
    pub(super) fn link(&mut self, k: usize) {
        let up = |&other: &usize| other != k && self.engines[other].is_some();
        for other in (0..self.engines.len()).filter(up).collect::<Vec<_>>() {
            self.feed(other, Input::PeerUp(peer(k)));
            self.feed(k, Input::PeerUp(peer(other)));
        }
    }

    /// A keeper has gone.
    pub(super) fn unlink(&mut self, k: usize) {
        (0..self.engines.len()).for_each(|other| self.feed(other, Input::PeerDown(peer(k))));
    }

    pub(super) fn broadcast(&mut self, k: usize, channel: Channel, bytes: &[u8]) {
        self.broadcasts += 1;
        for to in (0..self.engines.len()).filter(|&to| to != k) {
            if self.random.random_range(0..100) >= self.faults.loss {
                let message = self.tag();
                let input = Input::Received { message, from: peer(k), channel, bytes: bytes.to_vec() };
                self.send(to, input, self.faults.delay);
            }
        }
    }

    /// Over a stream of its own: to a keeper that is down it does not get.
    pub(super) fn send_straight(&mut self, k: usize, key: BatchKey, peers: &[PeerKey], bytes: &[u8]) {
        for &to in peers {
            let place = self.committee.index_of(to).map(|index| usize::from(index.0)).expect("a member");
            if self.engines[place].is_none() || (self.faults.refuses)(place) {
                self.send(k, Input::Unsent { key, peer: to }, 5);
                continue;
            }
            self.straight += 1;
            let message = self.tag();
            let input = Input::Straight { message, from: peer(k), bytes: bytes.to_vec() };
            self.send(place, input, self.faults.delay);
        }
    }

    /// Lets a keeper have any bytes straight from another one.
    pub(crate) fn inject_straight(&mut self, to: usize, from: usize, bytes: Vec<u8>) {
        let message = self.tag();
        self.feed(to, Input::Straight { message, from: peer(from), bytes });
    }
}
