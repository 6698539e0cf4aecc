//! What goes straight from one keeper to another.

use std::rc::Rc;

use consensus::committee::PeerKey;
use consensus::effect::BatchKey;
use consensus::message::Channel;
use keeper::driver::Event;

use super::World;
use super::queue::Happening;

/// In thousandths: how often a stream breaks during the attack, so that its end is told.
const BREAKS: u64 = 30;

impl World<'_> {
    pub(super) fn send_straight(&mut self, keeper: usize, key: BatchKey, peers: &[PeerKey], bytes: &Rc<[u8]>) {
        self.say_own(keeper, Channel::Partials, bytes);
        for &peer in peers {
            let Some(to) = self.keys.iter().position(|keys| keys.peer == peer) else {
                continue;
            };
            let breaks = !self.healed && self.random.chance(BREAKS);
            // One of an older version is asked for a stream, and speaks no such protocol.
            if self.nodes[to].core.is_none() || self.plan.old[to] || breaks {
                let delay = self.random.between(1, 80);
                self.done(keeper, delay, Event::Unsent { key, peer });
                continue;
            }
            for delay in self.route(keeper, to) {
                self.after(delay, Happening::Straight { to, from: keeper, bytes: Rc::clone(bytes) });
            }
        }
    }

    pub(super) fn deliver_straight(&mut self, to: usize, from: usize, bytes: &Rc<[u8]>) {
        if self.nodes[to].core.is_none() {
            return;
        }
        let message = self.tag(to, from);
        let peer = self.keys[from].peer;
        self.feed(to, Event::Straight { message, from: peer, bytes: bytes.to_vec() });
        self.have_heard(to, Channel::Partials, bytes);
    }
}
