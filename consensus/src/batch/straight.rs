//! What of a batch goes straight between keepers, both ways (rule 21).

use super::way::{Event, LEADERS, Leader, Link, Terms, To};
use super::{Batch, Phase};
use crate::agenda::Wake;
use crate::committee::{KeeperIndex, PeerKey};
use crate::effect::Effect;
use crate::facts::Facts;
use crate::fault::{Awaits, Fate, Reason, Verdict};
use crate::message::Channel;
use crate::outbox::Outbox;
use crate::sessions::Sessions;
use crate::time::Time;

impl Batch {
    /// The leader that assigned the batch and those after it, none if the line is not known.
    fn leaders(&self, facts: &Facts) -> Vec<Leader> {
        let (Some(view), Some(basis)) = (facts.view(self.place.window), &self.basis) else {
            return Vec::new();
        };
        let mine = facts.my_index(&basis.committee);
        let leader = |index: KeeperIndex| {
            let peer = basis.committee.member(index)?.peer_key;
            let link = match mine == Some(index) {
                true => Link::Own,
                false if facts.is_linked(peer) => Link::Up,
                false => Link::Down,
            };
            Some(Leader { peer, link })
        };
        in_turn(view.order, self.place.leader).into_iter().filter_map(leader).take(LEADERS).collect()
    }

    /// Whether a partial that came straight is for this keeper: the verdict if not. Who has seen less of the chain may know of
    /// fewer missed turns, so the line as drawn is right as well.
    pub(super) fn turns_away(&self, facts: &mut Facts) -> Option<Fate> {
        let window = self.place.window;
        let (Some((line, committee)), Some(drawn)) = (facts.leaders(window), facts.drawn(window)) else {
            return Some(Fate::Early(Awaits::Line));
        };
        let mine = facts.my_index(&committee);
        let is_mine =
            |line| in_turn(line, self.place.leader).into_iter().take(LEADERS).any(|index| Some(index) == mine);
        let leads = is_mine(line) || is_mine(drawn);
        (!leads).then_some(Fate::Judged(Verdict::Ignore(Reason::Misdirected)))
    }

    /// Sends this keeper's own partial, which has just been counted.
    pub(super) fn send_own(&mut self, bytes: Vec<u8>, facts: &Facts, now: Time, outbox: &mut Outbox) {
        let leaders = self.leaders(facts);
        let to = self.go(Event::Said(&leaders), facts, now);
        self.send(to, bytes, outbox);
    }

    /// A leader does not take this keeper's partial.
    pub(crate) fn unsent(&mut self, peer: PeerKey, facts: &Facts, now: Time, outbox: &mut Outbox) {
        let to = self.go(Event::Unsent(peer), facts, now);
        self.send_again(to, facts, outbox);
    }

    /// Gossips it after all, if a stage has passed and nothing shows a quorum.
    pub(super) fn follow_own(&mut self, facts: &Facts, sessions: &Sessions, now: Time, outbox: &mut Outbox) {
        let is_certified = matches!(self.phase, Phase::Certified { .. });
        let has_quorum = is_certified || !sessions.is_any_open(&self.tasks, now, &facts.pace());
        let to = self.go(Event::Looked { has_quorum }, facts, now);
        self.send_again(to, facts, outbox);
        let patience = self.way.patience(facts.pace().stage(), now);
        if let Some(at) = patience.filter(|&at| !has_quorum && at > now) {
            outbox.wake(at, Wake::Batch(self.key));
        }
    }

    fn go(&mut self, event: Event<'_>, facts: &Facts, now: Time) -> To {
        let members = self
            .basis
            .as_ref()
            .map_or(0, |basis| basis.committee.members().iter().filter(|member| member.stake > 0).count());
        let terms = Terms { members, stage: facts.pace().stage(), laws: &**facts.laws() };
        self.way.handle(event, terms, now)
    }

    fn send_again(&self, to: To, facts: &Facts, outbox: &mut Outbox) {
        let mine = self.basis.as_ref().and_then(|basis| facts.my_index(&basis.committee));
        if let Some(bytes) = mine.and_then(|index| self.count.partial_of(index)).map(<[u8]>::to_vec) {
            self.send(to, bytes, outbox);
        }
    }

    fn send(&self, to: To, bytes: Vec<u8>, outbox: &mut Outbox) {
        match to {
            To::Nobody => {}
            To::Leaders(peers) => outbox.effect(Effect::Send { key: self.key, peers, bytes }),
            To::All => outbox.effect(Effect::Broadcast { channel: Channel::Partials, bytes }),
            To::AllAfterAll => outbox.effect(Effect::FallBack { bytes }),
        }
    }
}

/// A line from the leader that assigned something on, and round again.
pub(super) fn in_turn(mut line: Vec<KeeperIndex>, leader: KeeperIndex) -> Vec<KeeperIndex> {
    let first = line.iter().position(|&index| index == leader).unwrap_or(0);
    line.rotate_left(first);
    line
}
