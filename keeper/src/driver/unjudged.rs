//! The messages without a verdict yet, of gossip and straight: each gets one, and no second.

use std::collections::BTreeMap;

use consensus::input::MessageTag;
use consensus::message::Channel;

/// Messages that may wait for their verdict; the engine holds fewer back.
const UNJUDGED_MAX: usize = 8_192;

/// Which way a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By gossip, on this topic.
    Gossip(Channel),
    /// Straight from the one who says it.
    Straight,
}

/// What waits, with the way it came.
#[derive(Debug, Default)]
pub(super) struct Unjudged {
    waiting: BTreeMap<MessageTag, Way>,
}

impl Unjudged {
    /// A message came; false if too many wait already and it is to be turned away.
    pub(super) fn take_in(&mut self, message: MessageTag, way: Way) -> bool {
        let full = self.waiting.len() >= UNJUDGED_MAX;
        if !full {
            self.waiting.insert(message, way);
        }
        !full
    }

    /// A message is judged; the way it came, or `None` if it has been judged before.
    pub(super) fn judged(&mut self, message: MessageTag) -> Option<Way> {
        self.waiting.remove(&message)
    }
}

#[cfg(test)]
mod tests;
