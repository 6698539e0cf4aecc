//! What is to be looked at again, and when: at a moment, or with the next block.

use std::collections::BTreeSet;

use crate::message::BatchKey;
use crate::task::Task;
use crate::time::Time;

/// What is to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wake {
    /// A task.
    Session(Task),
    /// A planned batch.
    Batch(BatchKey),
    /// What is open in a window.
    Window(u64),
    /// The messages held back.
    Held,
    /// The start of this keeper.
    Start,
    /// A dispute, by its number on chain.
    Dispute(u64),
}

/// All that is to be looked at again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    by_time: BTreeSet<(Time, Wake)>,
    with_next_block: BTreeSet<Wake>,
}

impl Agenda {
    /// At a moment, or at once if that has passed.
    pub(crate) fn at(&mut self, time: Time, wake: Wake) {
        self.by_time.insert((time, wake));
    }

    /// With the next block or committee.
    pub(crate) fn with_next_block(&mut self, wake: Wake) {
        self.with_next_block.insert(wake);
    }

    /// Everything at a moment at the latest: the moments it was to wait for are others now, and whoever is looked at too
    /// early waits again.
    pub(crate) fn all_at(&mut self, time: Time) {
        self.by_time = std::mem::take(&mut self.by_time).into_iter().map(|(at, wake)| (at.min(time), wake)).collect();
    }

    /// What waits no longer for a block.
    pub(crate) fn drop_waiting(&mut self, wake: Wake) {
        self.with_next_block.remove(&wake);
    }

    /// The next thing whose moment has come.
    pub(crate) fn pop(&mut self, now: Time) -> Option<Wake> {
        let &(time, wake) = self.by_time.first().filter(|(time, _)| *time <= now)?;
        self.by_time.remove(&(time, wake));
        Some(wake)
    }

    /// All that waited for a block.
    pub(crate) fn take_waiting(&mut self) -> BTreeSet<Wake> {
        std::mem::take(&mut self.with_next_block)
    }

    /// The next moment.
    pub(crate) fn next_time(&self) -> Option<Time> {
        self.by_time.first().map(|(time, _)| *time)
    }

    /// How many moments.
    pub(crate) fn len(&self) -> usize {
        self.by_time.len()
    }
}
