//! What must hold when it has been calm for long.

use super::World;
use crate::sender::plan::ATTACK;

impl World {
    pub(super) fn finish(&mut self) {
        let (now, moment) = (self.now, self.moment());
        let account = self.lane.as_ref().map(|lane| lane.account(moment)).unwrap_or_default();
        if account.open > 0 || account.waiting > 0 {
            self.checks.fail(now, "wedged", format!("{account:?}"));
        }
        let calm = ATTACK * self.plan.block_ms;
        for content in self.contents.values() {
            let could = content.last_block.is_none()
                && content.is_possible()
                && content.wanted_at < calm + calm / 2
                && !self.silent.contains(&content.id);
            if could && self.chain.settled_at(content.id).is_none() {
                self.checks.fail(now, "unsettled", format!("content {}", content.id));
            }
        }
        for id in std::mem::take(&mut self.owed) {
            if self.contents.get(&id).is_some_and(|it| it.is_possible() && it.last_block.is_none())
                && self.chain.settled_at(id).is_none()
            {
                self.checks.fail(now, "lost", format!("content {id} stood in the ledger at a crash"));
            }
        }
        let quiet = ["reorg_dropped", "reorg_returned", "ledger_lost", "ledger_older", "other_fork", "false_receipt"]
            .iter()
            .all(|kind| !self.faults.contains_key(kind));
        for id in self.chain.doubled() {
            let fails = self.contents.get(&id).is_some_and(|content| !content.is_possible());
            if quiet && !self.fooled && !fails {
                self.checks.fail(now, "twice", format!("content {id} stands in two blocks"));
            }
        }
        self.trace.word(self.chain.mined(self.chain.head()));
        self.trace.word(self.events);
        if account.displaced > 0 {
            self.note("displaced");
        }
    }
}
