//! What travels between keepers: gossip, questions and answers.

use std::rc::Rc;

use consensus::committee::PeerKey;
use consensus::input::MessageTag;
use consensus::message::Channel;
use keeper::driver::{Event, PeerStatus, RequestTag};

use super::World;
use super::queue::Happening;
use crate::sim::actor::{Audience, Means};
use crate::sim::node::Unjudged;

impl World<'_> {
    /// Delays, in milliseconds, after which copies of a message arrive: none if it is lost.
    pub(super) fn route(&mut self, from: usize, to: usize) -> Vec<u64> {
        let calm = self.healed;
        let links = self.plan.links;
        if !calm {
            let at = self.elapsed();
            let cut = self.plan.cuts.iter().find(|cut| {
                let crosses =
                    if cut.one_way { cut.side[from] && !cut.side[to] } else { cut.side[from] != cut.side[to] };
                (cut.from..cut.to).contains(&at) && crosses
            });
            if let Some(cut) = cut {
                let kind = if cut.one_way { "partition_one_way" } else { "partition_total" };
                self.count(kind, 1);
                return Vec::new();
            }
            if self.random.chance(links.loss) {
                self.count("loss", 1);
                return Vec::new();
            }
        }
        let delay = 2 + self.random.below(if calm { 60 } else { links.delay });
        if calm {
            return vec![delay];
        }
        let mut delays = vec![delay];
        if self.random.chance(links.slow) {
            self.count("reorder", 1);
            delays[0] += self.random.below(links.slow_by);
        }
        if self.random.chance(links.duplication) {
            self.count("duplication", 1);
            let again = if self.random.chance(500) { 1 } else { 500 };
            delays.push(delay + self.random.below(again));
        }
        delays
    }

    pub(super) fn send_to_all(&mut self, from: usize, channel: Channel, bytes: &Rc<[u8]>, to: Audience) {
        for other in 0..self.nodes.len() {
            let meant = match to {
                Audience::All => true,
                Audience::Even => other % 2 == 0,
                Audience::Odd => other % 2 == 1,
            };
            if other == from || !meant {
                continue;
            }
            for delay in self.route(from, other) {
                self.after(delay, Happening::Deliver { to: other, from, channel, bytes: Rc::clone(bytes) });
            }
        }
    }

    pub(super) fn deliver(&mut self, to: usize, from: usize, channel: Channel, bytes: &Rc<[u8]>) {
        if self.nodes[to].core.is_none() {
            return;
        }
        let message = self.tag(to, from);
        let peer = self.keys[from].peer;
        self.feed(to, Event::Message { message, from: peer, channel, bytes: bytes.to_vec() });
        self.have_heard(to, channel, bytes);
    }

    /// A message is on its way to a keeper, and is owed a verdict.
    pub(super) fn tag(&mut self, to: usize, from: usize) -> MessageTag {
        self.tags += 1;
        let message = MessageTag(self.tags);
        self.nodes[to].unjudged.insert(message, Unjudged { since: self.now, author: from });
        message
    }

    /// A hostile keeper does what it does when somebody else has spoken.
    pub(super) fn have_heard(&mut self, to: usize, channel: Channel, bytes: &[u8]) {
        let quiet = self.healed && self.plan.quiet;
        let node = &mut self.nodes[to];
        if let (Some(actor), Some(core)) = (node.actor.as_mut().filter(|_| !quiet), node.core.as_ref()) {
            let (keys, keepers, engine) = (&self.keys[to], self.keys.len(), core.engine());
            let (pace, random) = (self.plan.pace, &mut self.random);
            let mut means = Means { keys, index: to, keepers, pace, engine, random };
            let deeds = actor.on_message(channel, bytes, &mut means);
            self.do_deeds(to, deeds);
        }
    }

    pub(super) fn ask(&mut self, keeper: usize, peer: PeerKey, bytes: Option<Rc<[u8]>>) {
        if let Some(to) = self.keys.iter().position(|keys| keys.peer == peer) {
            for delay in self.route(keeper, to) {
                self.after(delay, Happening::Ask { from: keeper, to, bytes: bytes.clone() });
            }
        }
    }

    /// A question reaches a keeper.
    pub(super) fn hear_question(&mut self, from: usize, to: usize, bytes: Option<&[u8]>) {
        if self.nodes[to].core.is_none() {
            return;
        }
        self.tags += 1;
        let request = RequestTag(self.tags);
        self.nodes[to].questions.insert(request, (from, bytes.is_none()));
        match bytes {
            Some(bytes) => {
                let (from, bytes) = (self.keys[from].peer, bytes.to_vec());
                self.feed(to, Event::Question { request, from, bytes });
            }
            None => self.feed(to, Event::StatusQuestion { request }),
        }
        // Whoever did not answer at once never will.
        self.nodes[to].questions.remove(&request);
    }

    pub(super) fn respond(&mut self, keeper: usize, request: RequestTag, bytes: Rc<[u8]>) {
        if let Some((to, status)) = self.nodes[keeper].questions.remove(&request) {
            for delay in self.route(keeper, to) {
                self.after(delay, Happening::Answer { from: keeper, to, status, bytes: Rc::clone(&bytes) });
            }
        }
    }

    /// An answer reaches whoever asked.
    pub(super) fn hear_answer(&mut self, from: usize, to: usize, status: bool, bytes: &[u8]) {
        let peer = self.keys[from].peer;
        if !status {
            return self.feed(to, Event::Answered { from: peer, bytes: bytes.to_vec() });
        }
        if let Some(shown) = PeerStatus::decode(bytes).filter(|shown| shown.epoch > 0) {
            let lied_to = self.plan.deceived[to] && !self.healed;
            let mine = if lied_to { &self.false_committees } else { &self.plan.committees };
            self.nodes[to].doubt.note(from, (shown.epoch, shown.table_root), mine, to, self.now);
        }
        self.feed(to, Event::Status { from: peer, bytes: bytes.to_vec() });
    }
}
