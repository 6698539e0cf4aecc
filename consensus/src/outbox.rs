//! All that a machine gives back: what is to be done, when it wants to be woken, and what other machines must hear.
//!
//! The three stand in one line, and whoever empties it carries out one after the other: what another machine has to say
//! to a [`Notice`] comes before what the first one said after it.

use std::sync::Arc;

use alloy_primitives::B256;

use crate::agenda::Wake;
use crate::bls::Point;
use crate::certificate::Certificate;
use crate::committee::KeeperIndex;
use crate::effect::{Effect, PersistToken};
use crate::fault::Verdict;
use crate::message::{Assignment, BatchKey, Source};
use crate::report::{Leaves, SignRecord};
use crate::task::Task;
use crate::time::Time;

/// What one machine has others know.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// An attempt at a task is to be assigned in a window.
    Opened {
        /// The window it is due in.
        window: u64,
        /// The task.
        task: Task,
        /// Which try.
        attempt: u8,
    },
    /// This try at a task has begun: what keepers saw of it may be looked at.
    Begun(Task, u8),
    /// Nothing more will happen to a task: it can be forgotten.
    TaskEnded(Task),
    /// An assignment is good, and this is its hash: its batches are open.
    Assigned(B256, Box<Assignment>),
    /// The blocks that a batch is about are certain, for the first time or others than before.
    BasisFound(BatchKey),
    /// Something that a batch waits for has changed.
    LookAtBatch(BatchKey),
    /// A batch of a window has failed: what it held is open again.
    LookAtWindow(u64),
    /// Nothing more will happen to a batch: it can be forgotten.
    BatchEnded(BatchKey),
    /// A keeper has said something under its verified signature.
    Said {
        /// In which batch.
        key: BatchKey,
        /// Who.
        signer: KeeperIndex,
        /// What.
        said: Arc<Leaves>,
        /// The signature on its root.
        signature: Point,
        /// Whether that was verified by itself, and not in a sum with those of others.
        is_alone: bool,
    },
    /// A quorum has said something: this certificate verifies.
    Certified(Arc<Certificate>),
    /// This keeper may sign from now on.
    ListeningEnded,
}

/// One thing in the line.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    /// To be done by the driver.
    Effect(Effect),
    /// To be looked at again at a moment.
    At(Time, Wake),
    /// To be looked at again with the next block.
    WithNextBlock(Wake),
    /// For other machines.
    Notice(Notice),
}

/// What a machine gives back, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    items: Vec<Item>,
    tokens: u64,
}

impl Outbox {
    /// Has something done.
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.items.push(Item::Effect(effect));
    }

    /// Gives the verdict on a message.
    pub(crate) fn judge(&mut self, source: Source, verdict: Verdict) {
        self.effect(Effect::Judge { source, verdict });
    }

    /// Has records made durable; the journal's answer will bear the token.
    pub(crate) fn persist(&mut self, records: Vec<SignRecord>) -> PersistToken {
        self.tokens += 1;
        let token = PersistToken(self.tokens);
        self.effect(Effect::Persist { token, records });
        token
    }

    /// Asks to be woken at a moment.
    pub(crate) fn wake(&mut self, at: Time, wake: Wake) {
        self.items.push(Item::At(at, wake));
    }

    /// Asks to be woken with the next block.
    pub(crate) fn wake_with_next_block(&mut self, wake: Wake) {
        self.items.push(Item::WithNextBlock(wake));
    }

    /// Has other machines know.
    pub(crate) fn tell(&mut self, notice: Notice) {
        self.items.push(Item::Notice(notice));
    }

    /// Empties the line.
    pub(crate) fn take(&mut self) -> Vec<Item> {
        std::mem::take(&mut self.items)
    }
}

#[cfg(test)]
pub(crate) mod tests;
