//! Messages that may become right when more of the chain or the mesh is known.

use std::collections::VecDeque;

use crate::agenda::Wake;
use crate::committee::PeerKey;
use crate::fault::{Reason, Verdict};
use crate::message::{Message, MessageTag};
use crate::outbox::Outbox;
use crate::time::Time;

/// Most messages held back for context that may still come.
pub const HELD_MAX: usize = 1_024;

/// A message that was read, and is looked at until there is a verdict or its time is up.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// What the verdict will name; `None` for a part of a peer's answer.
    pub(crate) message: Option<MessageTag>,
    /// The peer that brought it.
    pub(crate) from: PeerKey,
    /// What it says.
    pub(crate) content: Message,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// When its time is up.
    pub(crate) until: Time,
}

/// The messages held back, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held(VecDeque<Received>);

impl Held {
    /// Holds a message back for the first time, unless there are too many already.
    pub(crate) fn hold(&mut self, received: Received, outbox: &mut Outbox) {
        if self.0.len() >= HELD_MAX {
            return outbox.judge(received.message, Verdict::Ignore(Reason::OverLimit));
        }
        outbox.wake(received.until, Wake::Held);
        self.0.push_back(received);
    }

    /// Holds a message back that was looked at again; one whose time is up is ignored, not rejected: it may be right
    /// elsewhere.
    pub(crate) fn hold_again(&mut self, received: Received, now: Time, outbox: &mut Outbox) {
        if now >= received.until {
            return outbox.judge(received.message, Verdict::Ignore(Reason::UnknownContext));
        }
        self.0.push_back(received);
    }

    /// All of them, to be looked at again.
    pub(crate) fn take(&mut self) -> VecDeque<Received> {
        std::mem::take(&mut self.0)
    }

    /// How many.
    #[cfg(feature = "inspect")]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
