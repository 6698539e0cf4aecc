//! Partials, whichever way they go: what this keeper says itself, and what comes straight from the one who says it.

use consensus::Input;
use consensus::committee::{KeeperIndex, PeerKey};
use consensus::fault::{Reason, Verdict};
use consensus::input::MessageTag;
use consensus::message::{BatchKey, Channel, Message};
use consensus::time::Time;

use super::{Core, Load, Note, Order, Way};
use crate::archive::Change;

impl Core {
    /// A partial that came straight.
    pub(super) fn on_straight(&mut self, message: MessageTag, from: PeerKey, bytes: Vec<u8>, now: Time) {
        if self.unjudged.take_in(message, Way::Straight) {
            self.feed(Input::Straight { message, from, bytes }, now);
        } else {
            self.turn_away(message, Way::Straight, now);
        }
    }

    /// A message finds too many before it.
    pub(super) fn turn_away(&mut self, message: MessageTag, way: Way, now: Time) {
        let verdict = Verdict::Ignore(Reason::OverLimit);
        self.order(Order::Judge { message, verdict });
        self.note(judged(way, verdict));
        self.shed(Load::Messages, 1, now);
    }

    pub(super) fn judge(&mut self, message: MessageTag, verdict: Verdict) {
        match self.unjudged.judged(message) {
            Some(way) => {
                self.order(Order::Judge { message, verdict });
                self.note(judged(way, verdict));
            }
            None => self.note(Note::SecondVerdict(verdict)),
        }
    }

    /// Sends a partial of its own straight to those who lead its batch.
    pub(super) fn send(&mut self, key: BatchKey, peers: Vec<PeerKey>, bytes: Vec<u8>, now: Time) {
        self.spoke(Channel::Partials, &bytes, now);
        #[cfg(feature = "equivocate")]
        self.say_second(Channel::Partials, &bytes);
        self.order(Order::Send { key, peers, bytes });
    }

    /// Gossips what has gone straight, and has brought nothing.
    pub(super) fn fall_back(&mut self, bytes: Vec<u8>) {
        self.note(Note::FellBack);
        self.order(Order::Publish { channel: Channel::Partials, bytes });
    }

    pub(super) fn publish(&mut self, channel: Channel, bytes: Vec<u8>, now: Time) {
        self.spoke(channel, &bytes, now);
        #[cfg(feature = "equivocate")]
        let other = super::super::equivocate::second_word(&self.engine, &self.about.pen, channel, &bytes);
        self.order(Order::Publish { channel, bytes });
        #[cfg(feature = "equivocate")]
        if let Some(bytes) = other {
            self.order(Order::Publish { channel, bytes });
        }
    }

    #[cfg(feature = "equivocate")]
    fn say_second(&mut self, channel: Channel, bytes: &[u8]) {
        if let Some(bytes) = super::super::equivocate::second_word(&self.engine, &self.about.pen, channel, bytes) {
            self.order(Order::Publish { channel, bytes });
        }
    }

    /// Counts and shows what this keeper says of a batch, once, whichever way it goes.
    fn spoke(&mut self, channel: Channel, bytes: &[u8], now: Time) {
        if channel == Channel::Partials
            && let Ok(Message::Partial(partial)) = Message::decode(channel, bytes)
        {
            self.note(Note::Spoke { abstains: partial.abstains() });
            if !partial.abstains() {
                self.archive_all(&partial.key(), &Change::Signed, now);
            }
            self.heard(&partial.key(), KeeperIndex(partial.keeper), partial.abstains(), now);
        }
    }
}

const fn judged(way: Way, verdict: Verdict) -> Note {
    match way {
        Way::Gossip(channel) => Note::Judged { channel, verdict },
        Way::Straight => Note::JudgedStraight(verdict),
    }
}
