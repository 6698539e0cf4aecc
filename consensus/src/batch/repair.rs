//! What a batch asks of peers (rule 12).

use std::time::Duration;

use serde_bytes::{ByteArray, ByteBuf};

use super::Batch;
use super::own::Own;
use crate::agenda::Wake;
use crate::codec;
use crate::effect::Effect;
use crate::message::Want;
use crate::outbox::Outbox;
use crate::time::{REPAIR, REPAIR_MOST, Time};

/// A question for partials.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    at: Time,
    /// How long the next one waits, as long as nothing comes of this one.
    pause: Duration,
    /// How many keepers had been heard.
    heard: usize,
}

impl Batch {
    /// Asks a peer for the partials that are missing, once this keeper has spoken; less and less often while that brings
    /// none, so that many batches without a quorum do not drown what would give them one.
    pub(super) fn repair(&mut self, now: Time, outbox: &mut Outbox) {
        let (Own::Spoken(spoken), Some(basis)) = (&self.own, &self.basis) else {
            return;
        };
        let heard = self.count.heard();
        let (since, pause, next) = match self.asked {
            Some(asked) if asked.heard == heard.count() => (asked.at, asked.pause, (asked.pause * 2).min(REPAIR_MOST)),
            Some(asked) => (asked.at, REPAIR, REPAIR),
            None => (*spoken, REPAIR, REPAIR),
        };
        // A moment in time to come is of a clock that was set back since.
        let at = since.min(now).plus(pause);
        if now < at {
            return outbox.wake(at, Wake::Batch(self.key));
        }
        self.asked = Some(Asked { at: now, pause: next, heard: heard.count() });
        let known = ByteBuf::from(heard.to_bytes(basis.committee.size()));
        let assignment = ByteArray::new(self.key.assignment.0);
        let want = Want::Partials { assignment, batch: self.key.batch, known };
        outbox.effect(Effect::Ask { peer: None, bytes: codec::encode(&want) });
        outbox.wake(now.plus(next), Wake::Batch(self.key));
    }
}
