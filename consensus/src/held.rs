//! Messages that may become right when more of the chain or the mesh is known.

use std::collections::VecDeque;

use crate::agenda::Wake;
use crate::committee::PeerKey;
use crate::fault::{Reason, Verdict};
use crate::message::{Message, Source};
use crate::outbox::Outbox;
use crate::time::Time;

/// Most messages held back for context that may still come.
pub const HELD_MAX: usize = 1_024;

/// A message that was read, and is looked at until there is a verdict or its time is up.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// What the verdict will name.
    pub(crate) source: Source,
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
pub(crate) struct Held(VecDeque<Box<Received>>);

impl Held {
    /// Holds a message back for the first time, unless there are too many already.
    pub(crate) fn hold(&mut self, received: Received, outbox: &mut Outbox) {
        if self.0.len() >= HELD_MAX {
            return outbox.judge(received.source, Verdict::Ignore(Reason::OverLimit));
        }
        outbox.wake(received.until, Wake::Held);
        self.0.push_back(Box::new(received));
    }

    /// Holds a message back that was looked at again; one whose time is up is ignored, not rejected: it may be right
    /// elsewhere.
    pub(crate) fn hold_again(&mut self, received: Box<Received>, now: Time, outbox: &mut Outbox) {
        if now >= received.until {
            return outbox.judge(received.source, Verdict::Ignore(Reason::UnknownContext));
        }
        self.0.push_back(received);
    }

    /// All of them, to be looked at again.
    pub(crate) fn take(&mut self) -> VecDeque<Box<Received>> {
        std::mem::take(&mut self.0)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use serde_bytes::{ByteArray, ByteBuf};

    use super::*;
    use crate::message::{CertificateMessage, MessageTag};
    use crate::outbox::tests::texts;

    fn received(tag: u64) -> Received {
        let content = Message::Certificate(CertificateMessage {
            epoch: 1,
            reports: Vec::new(),
            signers: ByteBuf::new(),
            signature: ByteArray::new([0; 48]),
        });
        let source = Source::Gossip(MessageTag(tag));
        Received { source, from: PeerKey([1; 32]), content, bytes: Vec::new(), until: Time(1_000) }
    }

    #[test]
    fn what_is_held_is_looked_at_until_its_time_is_up_and_then_ignored() {
        let (mut held, mut outbox) = (Held::default(), Outbox::default());
        held.hold(received(1), &mut outbox);
        assert_eq!(texts(&mut outbox), ["at 1000 held"]);
        let again = held.take().pop_front().unwrap();
        held.hold_again(again, Time(999), &mut outbox);
        assert!(texts(&mut outbox).is_empty());
        let again = held.take().pop_front().unwrap();
        held.hold_again(again, Time(1_000), &mut outbox);
        assert_eq!(texts(&mut outbox), ["judge 1 Ignore(UnknownContext)"]);
        assert!(held.take().is_empty());
    }

    #[test]
    fn what_is_held_is_bounded() {
        let (mut held, mut outbox) = (Held::default(), Outbox::default());
        (0..HELD_MAX as u64).for_each(|tag| held.hold(received(tag), &mut outbox));
        outbox.take();
        held.hold(received(9_999), &mut outbox);
        assert_eq!(texts(&mut outbox), ["judge 9999 Ignore(OverLimit)"]);
        assert_eq!(held.take().len(), HELD_MAX);
    }
}
