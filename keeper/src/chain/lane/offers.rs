//! What is offered for a nonce: raises, contents that take over from others, and what nodes say to it.

use super::order::{Answer, Ended, Look, Order};
use super::room::Room;
use super::slot::{Phase, Said, Slot, raise_after};
use super::{ALONE, Lane};
use crate::chain::fees::Fees;
use crate::chain::nonce::Entry;
use crate::chain::refusal::{Kind, Refusal};
use alloy::primitives::B256;
use std::time::Duration;

impl Lane {
    /// Offers more for a content that nodes hold or find too cheap, or whose fees the base fee has left behind; sends any
    /// other once more as it is; gives it up where neither is of use.
    pub(super) fn raise(&mut self, nonce: u64, now: Duration, orders: &mut Vec<Order>) {
        let Some((look, _)) = self.book.look.clone() else { return };
        let Some(slot) = self.slots.get(&nonce) else { return };
        let Some(old) = slot.newest().map(|newest| newest.fees) else { return };
        let late = now >= slot.until;
        let lowest = nonce == look.mined;
        let starved = slot.dearest() < look.market.base_fee;
        let bold = self.rules.ignores_caps().then(|| old.replacing());
        let fees = bold.or_else(|| self.terms.policy.raised(old, look.market)).filter(|fees| {
            let cost = slot.worst(*fees, look.data);
            (lowest || slot.is_too_cheap())
                && (starved || slot.may_raise(&*self.rules))
                && self.bound(nonce, look.data).saturating_add(cost) <= look.balance
        });
        let over = slot.is_too_cheap() || (late && (lowest || !slot.is_out()));
        if let Some(fees) = fees {
            return self.offer(nonce, fees, true, now);
        }
        let seconds = self.terms.patience.as_secs();
        if over {
            let refusal = self.book.account.last_refusal.as_ref().map(|last| format!("; {last}")).unwrap_or_default();
            let why = match slot.is_considered() {
                true => format!(
                    "too dear at present: {} wei a gas with a tip of {} were not enough{refusal}",
                    old.max_fee, old.tip
                ),
                false => format!("no node has taken it in {seconds} s{refusal}"),
            };
            return self.hand_over(nonce, Some(Ended::Failed(why)), now, orders);
        }
        if late {
            let why =
                format!("the transaction with nonce {nonce} is not included after {seconds} s; it stays on its way");
            self.tell(nonce, Ended::Failed(why), orders);
        }
        self.send(nonce, now, orders);
    }

    pub(super) fn raise_idle(&mut self, nonce: u64, look: &Look, now: Duration, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get(&nonce) else { return };
        let old = slot.newest().map(|newest| newest.fees);
        let fees = self.terms.policy.freeing(old, look.market);
        let starved = old.is_some_and(|old| old.max_fee < look.market.base_fee);
        let more = old.is_none_or(|old| fees.max_fee > old.max_fee && fees.tip > old.tip);
        let wanted = slot.may_raise(&*self.rules) || starved;
        if nonce == look.mined && more && wanted {
            self.offer(nonce, fees, true, now);
        } else {
            self.send(nonce, now, orders);
        }
    }

    fn offer(&mut self, nonce: u64, fees: Fees, raise: bool, now: Duration) {
        let revision = self.revision + 1;
        let Some(slot) = self.slots.get_mut(&nonce) else { return };
        let offered = if raise {
            slot.raise(fees, revision, now, &*self.signer)
        } else {
            slot.offer(fees, revision, now, &*self.signer)
        };
        match offered {
            Ok(()) => {
                self.revision = revision;
                self.book.account.raises += u64::from(raise);
            }
            Err(why) => {
                slot.phase = Phase::Sent;
                self.book.note_refusals(vec![Refusal::new(Kind::Unknown, &why)], now);
            }
        }
    }

    /// Takes a nonce from its content: back, if nobody may hold it and nothing waits for it, else for the next content.
    pub(super) fn hand_over(&mut self, nonce: u64, ended: Option<Ended>, now: Duration, orders: &mut Vec<Order>) {
        if let Some(ended) = ended {
            self.tell(nonce, ended, orders);
        }
        let above = self.slots.range(nonce.saturating_add(1)..).any(|(_, slot)| slot.is_open());
        let Some(slot) = self.slots.get(&nonce) else { return };
        let (out, old) = (slot.is_out(), slot.newest_that_left().map(|newest| newest.fees));
        if !out && !above {
            self.slots.remove(&nonce);
            self.revision += 1;
            return;
        }
        let Some((look, _)) = self.book.look.clone() else { return };
        let policy = self.terms.policy;
        let instead = old.filter(|_| out);
        let fits = instead.map_or_else(|| policy.first(look.market), |old| policy.raised(old, look.market)).is_some();
        let mut next = (
            Entry::idle(nonce, self.address),
            policy.freeing(instead, look.market),
            now.saturating_add(self.terms.patience),
        );
        if fits && let Some(ready) = self.next_ready(Room::UNLIMITED) {
            let (key, until) = (ready.key, ready.until);
            match self.plan(nonce, ready, instead, &look) {
                Ok((entry, fees)) => next = (entry, fees, until),
                Err(ended) => orders.push(Order::Done { key, ended }),
            }
        }
        let (entry, fees, until) = next;
        if entry.is_idle() && self.slots.get(&nonce).is_some_and(Slot::uses_up) {
            return self.send(nonce, now, orders);
        }
        self.book.account.handed_over += 1;
        if let Some(slot) = self.slots.get_mut(&nonce) {
            slot.take_up(entry, until);
        }
        self.offer(nonce, fees, false, now);
    }

    /// Sends the newest attempt, once the ledger that knows it is on disk.
    pub(super) fn send(&mut self, nonce: u64, now: Duration, orders: &mut Vec<Order>) {
        if self.gives_way(nonce, now, orders) {
            return;
        }
        let head = self.book.look.as_ref().map_or(0, |(look, _)| look.head);
        let (written, waits) = (self.written, self.rules.waits_for_disk());
        let Some(slot) = self.slots.get_mut(&nonce) else { return };
        if slot.revision > written && waits {
            (slot.phase, slot.offered) = (Phase::Written, now);
            return;
        }
        if let Some((tx, raw)) = slot.send(head, now, &*self.signer) {
            orders.push(Order::Send { tx, raw });
        }
    }

    /// Sends what waited for the ledger. What waited for long is asked about first.
    pub(super) fn send_written(&mut self, now: Duration, orders: &mut Vec<Order>) {
        let (written, waits) = (self.written, self.rules.waits_for_disk());
        let on_disk = |slot: &Slot| matches!(slot.phase, Phase::Written) && (slot.revision <= written || !waits);
        let ready: Vec<u64> = self.slots.iter().filter(|(_, slot)| on_disk(slot)).map(|(nonce, _)| *nonce).collect();
        for nonce in ready {
            let Some(slot) = self.slots.get(&nonce) else { continue };
            let long = now > slot.offered.saturating_add(raise_after(&self.terms));
            if long && !slot.entry.is_idle() && self.rules.asks_before_sending_again() {
                self.ask_again(nonce, false, orders);
            } else {
                self.send(nonce, now, orders);
            }
        }
    }

    /// Tells whoever wants a nonce's content how it ended, once.
    pub(super) fn tell(&mut self, nonce: u64, ended: Ended, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get_mut(&nonce).filter(|slot| !slot.told && !slot.entry.is_idle()) else { return };
        slot.told = true;
        orders.push(Order::Done { key: slot.entry.key, ended });
    }

    /// Tells whoever has waited too long, even while no node answers.
    pub(super) fn tell_late(&mut self, now: Duration, orders: &mut Vec<Order>) {
        let grace = raise_after(&self.terms) * 2;
        let is_late = |slot: &Slot| !slot.told && now > slot.until.saturating_add(grace);
        let late: Vec<u64> = self.slots.iter().filter(|(_, slot)| is_late(slot)).map(|(nonce, _)| *nonce).collect();
        for nonce in late {
            let seconds = self.terms.patience.as_secs();
            let why = format!(
                "nobody has shown the transaction with nonce {nonce} in a block for {seconds} s; it stays on its way"
            );
            self.tell(nonce, Ended::Failed(why), orders);
        }
    }

    pub(super) fn answered(&mut self, tx: B256, answers: &[Answer], now: Duration, orders: &mut Vec<Order>) {
        let knows = |slot: &Slot| slot.hashes().any(|hash| hash == tx);
        let Some((&nonce, slot)) = self.slots.iter_mut().find(|(_, slot)| knows(slot)) else { return };
        let mut refusals = Vec::new();
        let said = slot.hear(tx, answers, now, &self.terms, &*self.rules, &mut refusals);
        self.book.note_refusals(refusals, now);
        match said {
            Said::Fine => {}
            Said::OneAtATime => self.alone_until = now.saturating_add(ALONE),
            Said::Impossible(kind, words) => self.impossible(nonce, kind, &words, now, orders),
        }
    }

    /// No node will ever take the newest attempt.
    fn impossible(&mut self, nonce: u64, kind: Kind, words: &str, now: Duration, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get_mut(&nonce) else { return };
        if !matches!(slot.phase, Phase::Sent) {
            return;
        }
        if slot.entry.is_idle() {
            // Chains with a data fee ask for more gas than 21,000; what is not used is not paid.
            if kind == Kind::IntrinsicGas && slot.more_gas() {
                let fees = slot.newest().map(|newest| newest.fees).unwrap_or_default();
                self.offer(nonce, fees, false, now);
            }
        } else if !slot.withdraw() {
            let why = format!("refused by every node: {}", Refusal::new(kind, words));
            self.hand_over(nonce, Some(Ended::Failed(why)), now, orders);
        } else {
            self.revision += 1;
        }
    }
}
