//! The gossip messages without a verdict yet: each gets one, and no second.

use std::collections::BTreeMap;

use consensus::input::MessageTag;
use consensus::message::Channel;

/// Messages that may wait for their verdict; the engine holds fewer back.
const UNJUDGED_MAX: usize = 8_192;

/// What waits, with its topic.
#[derive(Debug, Default)]
pub(super) struct Unjudged {
    waiting: BTreeMap<MessageTag, Channel>,
}

impl Unjudged {
    /// A message came; false if too many wait already and it is to be turned away.
    pub(super) fn take_in(&mut self, message: MessageTag, channel: Channel) -> bool {
        let full = self.waiting.len() >= UNJUDGED_MAX;
        if !full {
            self.waiting.insert(message, channel);
        }
        !full
    }

    /// A message is judged; its topic, or `None` if it has been judged before.
    pub(super) fn judged(&mut self, message: MessageTag) -> Option<Channel> {
        self.waiting.remove(&message)
    }
}

#[cfg(test)]
mod tests;
