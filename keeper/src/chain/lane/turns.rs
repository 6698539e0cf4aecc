//! How nonces go from phase to phase: what a look, an answer or a verdict makes of them.

use super::Lane;
use super::order::{Ended, Look, Order, Verdict};
use super::slot::{Phase, Seen, Slot, raise_after};
use crate::chain::nonce::Entry;
use crate::chain::refusal::{Kind, Refusal};
use alloy::primitives::B256;
use std::time::Duration;

/// Looks in a row that show a gap before it is filled, and before the floor is believed to be wrong.
const GAP_LOOKS: u32 = 3;
const FLOOR_LOOKS: u32 = 10;
/// No nonce of ours is further from what the chain has included, whatever a node says...
const ADRIFT: u64 = 64;
/// ...and one that was is taken up again from here on: what pools hold of it may be included in the next blocks.
const NEAR: u64 = 2 * super::OPEN_MAX as u64;
/// How many of those are remembered.
const ADRIFT_MAX: usize = 64;

/// A nonce below an open one, or below the floor, that belongs to nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) nonce: u64,
    since: Duration,
    looks: u32,
}

/// Looks in a row that show more nonces used than are ours, and the least that they show.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strange {
    looks: u32,
    least: u64,
}

impl Lane {
    pub(super) fn looked(&mut self, look: &Look, now: Duration, orders: &mut Vec<Order>) {
        self.book.note_look(look, now);
        self.take_up_near(look.mined, now);
        let (terms, thorough) = (self.terms, self.thorough);
        // All are looked at before any is decided on: what one may carry matters to the others.
        let see = |(nonce, slot): (&u64, &mut Slot)| (*nonce, slot.see(look, thorough, now, &terms, &*self.rules));
        let seen: Vec<(u64, Seen)> = self.slots.iter_mut().map(see).collect();
        for (nonce, seen) in seen {
            // What was decided on another one may have changed it since.
            match (seen, self.slots.get(&nonce).map(|slot| &slot.phase)) {
                (Seen::Included, Some(Phase::Included(_))) => self.included(nonce, orders),
                (Seen::Deep, Some(_)) => {
                    // Somebody may have wanted it again since it was told of.
                    self.rest(nonce, look, now, orders);
                    self.forget(nonce);
                }
                (Seen::Displaced, Some(Phase::Displaced { .. })) => self.displaced(nonce, orders),
                (Seen::Free, Some(Phase::Restored)) => self.freed(nonce, look, now, orders),
                (Seen::Due, Some(Phase::Sent)) => self.due(nonce, look, now, orders),
                (Seen::Same, Some(_)) => self.rest(nonce, look, now, orders),
                _ => {}
            }
        }
        self.drop_adrift(look.mined, orders);
        self.mind_count(look.mined);
        self.mind_gap(look, now);
    }

    /// One of a nonce's transactions is in a block; the newest content may not be the one.
    fn included(&mut self, nonce: u64, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get_mut(&nonce) else { return };
        let Phase::Included(receipt) = slot.phase.clone() else { return };
        let key = slot.key_of(receipt.tx);
        if key == slot.entry.key {
            if slot.entry.call.counts {
                self.book.account.settlement_bytes = slot.entry.call.input.len();
            }
            return self.tell(nonce, Ended::Included(receipt), orders);
        }
        if !key.is_zero() {
            if receipt.success {
                self.queue.remove(key);
            }
            orders.push(Order::Done { key, ended: Ended::Included(receipt) });
        }
        self.requeue(nonce, orders);
    }

    fn displaced(&mut self, nonce: u64, orders: &mut Vec<Order>) {
        self.book.account.displaced += 1;
        self.requeue(nonce, orders);
    }

    fn forget(&mut self, nonce: u64) {
        self.slots.remove(&nonce);
        self.floor = self.floor.max(nonce.saturating_add(1));
        self.revision += 1;
    }

    /// A nonce that was used, or comes from the ledger, is not used: is its content still wanted?
    fn freed(&mut self, nonce: u64, look: &Look, now: Duration, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get_mut(&nonce) else { return };
        if slot.entry.is_idle() {
            return self.hand_over(nonce, None, now, orders);
        }
        if !self.rules.asks_before_sending_again() {
            return self.send(nonce, now, orders);
        }
        // It waited for another nonce; it may be on its way under this one.
        if let Some(until) = self.queue.remove(slot.entry.key) {
            slot.wanted_again(until);
        }
        if slot.is_stale(look.head) {
            self.hand_over(nonce, Some(Ended::Useless), now, orders);
        } else if !self.gives_way(nonce, now, orders) {
            self.ask_again(nonce, false, orders);
        }
    }

    /// It waits for long: is it still wanted, and for more? What waits for a lower nonce is sent again as it is.
    fn due(&mut self, nonce: u64, look: &Look, now: Duration, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get(&nonce) else { return };
        if slot.entry.is_idle() {
            return self.raise_idle(nonce, look, now, orders);
        }
        if !self.rules.asks_before_sending_again() {
            return self.raise(nonce, now, orders);
        }
        if slot.is_stale(look.head) {
            return self.hand_over(nonce, Some(Ended::Useless), now, orders);
        }
        self.ask_again(nonce, true, orders);
    }

    /// Nothing new about a nonce: whoever wants what is included is told, and what has become stale gives way.
    fn rest(&mut self, nonce: u64, look: &Look, now: Duration, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get(&nonce) else { return };
        match slot.phase.clone() {
            Phase::Included(receipt) if slot.carries(&receipt) && look.receipts.contains_key(&receipt.tx) => {
                self.tell(nonce, Ended::Included(receipt), orders);
            }
            Phase::Sent if slot.is_stale(look.head) && self.rules.asks_before_sending_again() => {
                self.hand_over(nonce, Some(Ended::Useless), now, orders);
            }
            _ => {}
        }
    }

    /// The newest state decides: the pending one may hold the very transaction that is asked about.
    pub(super) fn ask_again(&mut self, nonce: u64, raise: bool, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get_mut(&nonce) else { return };
        slot.phase = Phase::Checking { raise };
        orders.push(Order::Check { key: slot.entry.key, call: slot.entry.call.clone(), pending: false });
    }

    /// What one that waits is worth: asked at the pending block.
    pub(super) fn weighed(&mut self, key: B256, verdict: Verdict, now: Duration, orders: &mut Vec<Order>) {
        if let Verdict::Refused(words) = &verdict {
            self.book.note_refusals(vec![Refusal::new(self.rules.kind(words), words)], now);
        }
        if let Some(ended) = self.queue.answered(key, verdict, now, &self.terms) {
            orders.push(Order::Done { key, ended });
        }
    }

    /// What one that has a nonce is worth: asked at the newest block.
    pub(super) fn checked(&mut self, key: B256, verdict: Verdict, now: Duration, orders: &mut Vec<Order>) {
        let asked = |slot: &Slot| matches!(slot.phase, Phase::Checking { .. }) && slot.entry.key == key;
        let Some((&nonce, slot)) = self.slots.iter_mut().find(|(_, slot)| asked(slot)) else { return };
        let raise = matches!(slot.phase, Phase::Checking { raise: true });
        // Without a new block the state is the one in which it was sent, and its time may be too early.
        let head = self.book.look.as_ref().map_or(0, |(look, _)| look.head);
        let moved = !raise || head > slot.sent_at;
        let ended = match verdict {
            Verdict::Worth { .. } => None,
            Verdict::Useless => Some(Ended::Useless).filter(|_| moved),
            Verdict::Reverts(data) => Some(Ended::Refused(data)).filter(|_| moved),
            Verdict::Refused(words) => {
                self.book.note_refusals(vec![Refusal::new(self.rules.kind(&words), &words)], now);
                match slot.doubt() {
                    true => Some(Ended::Failed(words)),
                    false => return self.unsure(nonce, raise, now),
                }
            }
            Verdict::NoAnswer => return self.unsure(nonce, raise, now),
        };
        match ended {
            Some(ended) => self.hand_over(nonce, Some(ended), now, orders),
            None if raise => self.raise(nonce, now, orders),
            None => self.send(nonce, now, orders),
        }
    }

    /// Nobody said whether it is wanted: what is on its way stays there, what is not is asked about again.
    fn unsure(&mut self, nonce: u64, raise: bool, now: Duration) {
        match self.slots.get_mut(&nonce) {
            Some(slot) if raise => slot.wait(now),
            Some(slot) => slot.phase = Phase::Restored,
            None => {}
        }
    }

    /// Nonces that something of ours has used, or may use.
    fn known(&self) -> u64 {
        let ours = self.slots.iter().filter(|(_, slot)| !slot.is_adrift());
        ours.map(|(nonce, _)| nonce.saturating_add(1)).next_back().unwrap_or_default().max(self.floor)
    }

    fn mind_count(&mut self, mined: u64) {
        self.strange = match self.strange {
            _ if mined <= self.known() => None,
            Some(Strange { looks, least }) => Some(Strange { looks: looks.saturating_add(1), least: least.min(mined) }),
            None => Some(Strange { looks: 1, least: mined }),
        };
    }

    /// How many nonces are used, to go by it. More than ours are believed once they were seen often enough: what is sent under
    /// a nonce that one of several nodes has made up waits there for good. An only node is believed at once, since there
    /// is none to wait for.
    pub(super) fn believed(&self, mined: u64) -> Option<u64> {
        let known = self.known();
        if mined <= known || self.terms.nodes < 2 {
            return Some(mined);
        }
        let Strange { looks, least } = self.strange?;
        let few = least.saturating_sub(known) <= super::OPEN_MAX as u64;
        (looks >= if few { GAP_LOOKS } else { FLOOR_LOOKS }).then_some(least)
    }

    /// Looks again at what was sent under nonces that only a lie can have given, before the account uses them after all.
    fn take_up_near(&mut self, mined: u64, now: Duration) {
        let Some(mined) = self.believed(mined) else { return };
        let near = mined.max(self.floor).saturating_add(NEAR);
        self.slots.range_mut(..=near).filter(|(_, slot)| slot.is_adrift()).for_each(|(_, slot)| slot.reopen(now));
    }

    /// Sends nothing more under a nonce that only a lie can have given. A node that lags shows fewer than the floor.
    fn drop_adrift(&mut self, mined: u64, orders: &mut Vec<Order>) {
        let from = mined.max(self.floor).saturating_add(ADRIFT);
        let adrift = |(nonce, slot): (&u64, &Slot)| slot.is_open() && *nonce > from;
        let Some(nonce) = self.slots.iter().filter(|entry| adrift(*entry)).map(|(nonce, _)| *nonce).next_back() else {
            return;
        };
        self.requeue(nonce, orders);
        let kept = self.slots.values().filter(|slot| slot.is_adrift()).count() < ADRIFT_MAX;
        match self.slots.get_mut(&nonce) {
            Some(slot) if kept && slot.is_out() => slot.phase = Phase::Adrift,
            _ => {
                self.slots.remove(&nonce);
                self.revision += 1;
            }
        }
    }

    /// Uses up a nonce that others wait for and nobody has, once it was seen often enough.
    fn mind_gap(&mut self, look: &Look, now: Duration) {
        let highest = self.slots.iter().filter(|(_, slot)| slot.is_open()).map(|(nonce, _)| *nonce).next_back();
        let free = (look.mined..=u64::MAX).find(|nonce| !self.slots.contains_key(nonce)).unwrap_or(u64::MAX);
        let (blocks, below) = (highest.is_some_and(|highest| free < highest), free < self.floor);
        if !blocks && !below {
            self.gap = None;
            return;
        }
        let gap = match self.gap {
            Some(gap) if gap.nonce == free => Gap { looks: gap.looks.saturating_add(1), ..gap },
            _ => Gap { nonce: free, since: now, looks: 1 },
        };
        self.gap = Some(gap);
        let (looks, times) = if below { (FLOOR_LOOKS, 2) } else { (GAP_LOOKS, 1) };
        if gap.looks < looks
            || now < gap.since.saturating_add(raise_after(&self.terms) * times)
            || !self.rules.fills_gaps()
        {
            return;
        }
        self.gap = None;
        self.floor = self.floor.min(free);
        self.revision += 1;
        let gaps = (free..highest.unwrap_or(free)).filter(|nonce| !self.slots.contains_key(nonce));
        let gaps: Vec<u64> = gaps.take(ADRIFT as usize).collect();
        for nonce in gaps {
            let (entry, until) = (Entry::idle(nonce, self.address), now.saturating_add(self.terms.patience));
            let fees = self.terms.policy.freeing(None, look.market);
            tracing::warn!(nonce, "using up a nonce that nothing belongs to");
            if let Err(Ended::Failed(why)) = self.open(entry, fees, until, now) {
                self.book.note_refusals(vec![Refusal::new(Kind::Unknown, &why)], now);
            }
        }
    }
}
