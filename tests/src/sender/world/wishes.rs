//! Whoever wants contents included: a keeper's engine, in short.

use alloy::primitives::B256;
use keeper::chain::lane::{Ended, Event};

use super::{Happening, PATIENCE, World};
use crate::sender::plan::{Content, id_of};

impl World {
    /// Notes what the ledger alone knows of: whoever wanted it may have died too. It is the ledger of the start, since a
    /// write that was under way at the crash may have reached the disk after it.
    pub(super) fn owe(&mut self) {
        let held: Vec<u64> = self.disk.entries.values().map(|entry| id_of(entry.key)).filter(|id| *id != 0).collect();
        let forgotten = |id: &&u64| self.contents.get(id).is_some_and(|content| content.forgotten);
        self.silent.extend(held.iter().filter(forgotten));
        self.owed.extend(held);
    }

    /// A content's end, as whoever wants it hears of it.
    pub(super) fn done(&mut self, id: u64, ended: &Ended) {
        self.tell(|| format!("content {id}: {ended:?}"));
        self.waiting.remove(&id);
        self.owed.retain(|owed| *owed != id);
        *self.answered.entry(id).or_default() += 1;
        if !matches!(ended, Ended::Included(receipt) if receipt.success) {
            let pause = self.plan.block_ms * 5;
            self.after(pause, 2 * pause, Happening::Want(id));
        }
    }

    /// Whoever wants a content is told in time how it ended, or that it has not.
    pub(super) fn mind_waiting(&mut self) {
        let (now, most) = (self.now, (PATIENCE + 10) * self.plan.block_ms + 10_000);
        let late = |(_, since): &(&u64, &u64)| **since + most < now;
        if let Some((id, since)) = self.waiting.iter().find(late).map(|(id, since)| (*id, *since)) {
            self.waiting.remove(&id);
            self.checks.fail(now, "unanswered", format!("content {id}, wanted since {since}"));
        }
    }

    /// Every third content is the second part of a batch.
    fn before(&self, id: u64) -> Option<B256> {
        self.contents.get(&id.checked_sub(1).filter(|_| id.is_multiple_of(3))?).map(Content::key)
    }

    /// Wants a content, as long as it could settle; what failed often is left alone.
    pub(super) fn want(&mut self, id: u64) {
        if self.silent.contains(&id) {
            return;
        }
        let head = self.chain.head();
        let times = self.answered.get(&id).copied().unwrap_or_default();
        let Some(content) = self.contents.get_mut(&id) else { return };
        if content.last_block.is_none() {
            content.last_block = content.lasts.map(|blocks| head + blocks);
        }
        let content = content.clone();
        let over = self.chain.settled_at(id).is_some() || content.last_block.is_some_and(|last| head >= last);
        let hopeless = !content.is_possible() && times >= 2;
        if !over && !hopeless && self.lane.is_some() {
            self.waiting.entry(id).or_insert(self.now);
            let after = self.before(id);
            self.give(Event::Want { key: content.key(), call: content.call(), after });
        }
        // Nobody can know that a settlement stays: whoever wants it looks again.
        if !hopeless {
            let pause = self.plan.block_ms * 10;
            self.after(pause, 2 * pause, Happening::Want(id));
        }
    }
}
