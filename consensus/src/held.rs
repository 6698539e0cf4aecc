//! Messages that may become right when more of the chain or the mesh is known.
//!
//! ```text
//!            what it waits for has come            a verdict
//!   waiting ───────────────────────────► ready ─────────────────► (gone)
//!      │ ◄── it waits for something more ──┘
//!      └─ its time is up ─────────────────────────► ignored (gone)
//! ```
//!
//! Each is filed under what it waits for and is looked at again when just that has come, never because time passes:
//! whoever sends much that has to wait would have all of it looked at for every piece.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use serde_bytes::ByteArray;

use crate::agenda::Wake;
use crate::codec;
use crate::committee::PeerKey;
use crate::effect::Effect;
use crate::fault::{Awaits, Reason, Verdict};
use crate::message::{Message, Source, Want};
use crate::outbox::Outbox;
use crate::time::{HOLD, Time};

/// Most messages held back for context that may still come.
pub const HELD_MAX: usize = 1_024;
/// Most bytes of them; read, they take two to three times as much.
const HELD_BYTES_MAX: usize = 12 * 1024 * 1024;
/// A peer may have one message in so many of the places that are free: alone it gets a third of them, and what one gets
/// shrinks as others come. The same holds for bytes.
const FREE_PER_SHARE: usize = 2;
/// Messages and bytes a peer may have held as long as there is any place.
const SHARE_MIN: usize = 16;
const SHARE_BYTES_MIN: usize = 256 * 1024;
/// Assignments one peer is asked for at a time: what its streams carry.
const QUESTIONS_MAX: usize = 8;

/// A message that was read, and is looked at until there is a verdict or its time is up.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Whether its peer has paid for its signature check.
    pub(crate) charged: bool,
}

/// Where a message stands among those held: by age.
type Place = u64;

/// The messages held back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// With what they wait for, oldest first.
    messages: BTreeMap<Place, (Awaits, Box<Received>)>,
    waiting: BTreeSet<(Awaits, Place)>,
    ready: BTreeSet<Place>,
    /// How many are each peer's, and their bytes.
    of_peer: BTreeMap<PeerKey, (usize, usize)>,
    /// The bytes of all.
    bytes: usize,
    places: Place,
    /// Which assignments each peer is asked for, and the messages that the questions are open as long as.
    asked: BTreeSet<(PeerKey, B256)>,
    asking: BTreeSet<Place>,
}

impl Held {
    /// Holds a message back for the first time, unless there are too many already, in all or of its peer.
    pub(crate) fn hold(&mut self, received: Received, awaits: Awaits, outbox: &mut Outbox) {
        if !self.has_room_for(received.from, received.bytes.len()) {
            return outbox.judge(received.source, Verdict::Ignore(Reason::OverLimit));
        }
        outbox.wake(received.until, Wake::Held);
        self.places += 1;
        if let (Source::Gossip(_) | Source::Straight(..), Awaits::Assignment(hash)) = (received.source, awaits) {
            self.ask(received.from, hash, outbox);
        }
        self.hold_again(self.places, Box::new(received), awaits);
    }

    fn has_room_for(&self, peer: PeerKey, bytes: usize) -> bool {
        let free = HELD_MAX.saturating_sub(self.messages.len());
        let free_bytes = HELD_BYTES_MAX.saturating_sub(self.bytes);
        let (share, share_bytes) =
            ((free / FREE_PER_SHARE).max(SHARE_MIN), (free_bytes / FREE_PER_SHARE).max(SHARE_BYTES_MIN));
        let (held, held_bytes) = self.of_peer.get(&peer).copied().unwrap_or_default();
        free > 0 && held < share && bytes <= free_bytes && held_bytes + bytes <= share_bytes
    }

    /// Rule 12: whoever passes on or sends a partial has its assignment. Once while it waits, only so often at a time, and never
    /// because of what an answer holds: otherwise a peer's answers would cause the next questions, without end.
    fn ask(&mut self, peer: PeerKey, hash: B256, outbox: &mut Outbox) {
        let open = self.asked.range((peer, B256::ZERO)..=(peer, B256::repeat_byte(0xff))).count();
        if open < QUESTIONS_MAX && self.asked.insert((peer, hash)) {
            self.asking.insert(self.places);
            let want = Want::Assignment(ByteArray::new(hash.0));
            outbox.effect(Effect::Ask { peer: Some(peer), bytes: codec::encode(&want) });
        }
    }

    /// Holds a message back that was looked at again, in its old place.
    pub(crate) fn hold_again(&mut self, place: Place, received: Box<Received>, awaits: Awaits) {
        let (held, held_bytes) = self.of_peer.entry(received.from).or_default();
        *held += 1;
        *held_bytes += received.bytes.len();
        self.bytes += received.bytes.len();
        self.messages.insert(place, (awaits, received));
        self.waiting.insert((awaits, place));
    }

    /// Something has come: what waited for it is to be looked at again.
    pub(crate) fn came(&mut self, awaits: Awaits, now: Time, outbox: &mut Outbox) {
        let waited = self.waiting.range((awaits, 0)..=(awaits, Place::MAX)).copied();
        for (_, place) in waited.collect::<Vec<_>>() {
            self.waiting.remove(&(awaits, place));
            self.ready.insert(place);
        }
        if !self.ready.is_empty() {
            outbox.wake(now, Wake::Held);
        }
    }

    /// The oldest message that is to be looked at again.
    pub(crate) fn take_ready(&mut self) -> Option<(Place, Box<Received>)> {
        let place = self.ready.pop_first()?;
        Some((place, self.remove(place)?))
    }

    /// Gives those whose time is up their verdict: they are ignored, not rejected, for they may be right elsewhere.
    pub(crate) fn expire(&mut self, now: Time, outbox: &mut Outbox) {
        while let Some((&place, (_, oldest))) = self.messages.first_key_value() {
            // None is held longer than that: a later end is of a clock that was set back since.
            if now < oldest.until && oldest.until <= now.plus(HOLD) {
                return outbox.wake(oldest.until, Wake::Held);
            }
            if let Some(received) = self.remove(place) {
                outbox.judge(received.source, Verdict::Ignore(Reason::UnknownContext));
            }
        }
    }

    fn remove(&mut self, place: Place) -> Option<Box<Received>> {
        let (awaits, received) = self.messages.remove(&place)?;
        self.waiting.remove(&(awaits, place));
        self.ready.remove(&place);
        if let (true, Awaits::Assignment(hash)) = (self.asking.remove(&place), awaits) {
            self.asked.remove(&(received.from, hash));
        }
        self.bytes -= received.bytes.len();
        if let Some((held, held_bytes)) = self.of_peer.get_mut(&received.from) {
            *held -= 1;
            *held_bytes -= received.bytes.len();
            if *held == 0 {
                self.of_peer.remove(&received.from);
            }
        }
        Some(received)
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }
}

#[cfg(test)]
mod tests;
