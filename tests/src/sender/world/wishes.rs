//! Whoever wants contents included: a keeper's engine, in short.

use keeper::chain::lane::{Ended, Event};

use super::{Happening, World};

impl World {
    /// A content's end, as whoever wants it hears of it.
    pub(super) fn done(&mut self, id: u64, ended: &Ended) {
        self.tell(|| format!("content {id}: {ended:?}"));
        self.owed.retain(|owed| *owed != id);
        *self.answered.entry(id).or_default() += 1;
        if !matches!(ended, Ended::Included(receipt) if receipt.success) {
            let pause = self.plan.block_ms * 5;
            self.after(pause, 2 * pause, Happening::Want(id));
        }
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
            self.give(Event::Want { key: content.key(), call: content.call() });
        }
        // Nobody can know that a settlement stays: whoever wants it looks again.
        if !hopeless {
            let pause = self.plan.block_ms * 10;
            self.after(pause, 2 * pause, Happening::Want(id));
        }
    }
}
