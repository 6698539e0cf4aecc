//! Where a content stands. Whoever wants one, waits for a nonce, comes back to life or is about to leave asks here.
//!
//! A nonce carries what it is for, and may still carry whatever was offered for it before: pools and reorganisations bring
//! old transactions back. So a content leaves under a nonce for the first time only when no other nonce may carry it. Where
//! two do after all, since a block that had closed one of them is gone, it stays where it has left last; where nobody can
//! know, because the program was started since, it stays with the higher nonce and waits until the lower one is used up.

use super::Lane;
use super::order::{Ended, Order};
use super::slot::{Left, Phase, Slot};
use crate::chain::receipt::Receipt;
use alloy::primitives::B256;
use std::time::Duration;

/// How a nonce holds a content.
#[derive(Clone, Debug)]
pub(super) enum Stand {
    /// The nonce is open and for it.
    Present,
    /// The nonce is open and for something else by now, but an earlier attempt carries it.
    Earlier,
    /// It is in a block under it, and did what it is for.
    Included(Receipt),
}

impl Slot {
    /// How it holds a content; `None` if no transaction of this nonce can settle it, as the chain stands.
    pub(super) fn stand(&self, key: B256) -> Option<Stand> {
        match &self.phase {
            Phase::Included(receipt) if receipt.success && self.key_of(receipt.tx) == key => {
                Some(Stand::Included(receipt.clone()))
            }
            Phase::Included(_) | Phase::Displaced { .. } | Phase::Adrift => None,
            _ if self.entry.key == key => Some(Stand::Present),
            _ if self.entry.attempts.iter().any(|attempt| attempt.key == key) => Some(Stand::Earlier),
            _ => None,
        }
    }
}

impl Lane {
    /// The nonce that holds a content, `but` one aside: the one that is for it rather than one that was.
    pub(super) fn standing(&self, key: B256, but: Option<u64>) -> Option<(u64, Stand)> {
        if !self.rules.keeps_to_one_nonce() {
            return None;
        }
        let others = self.slots.iter().filter(|(nonce, _)| Some(**nonce) != but);
        let stands = others.filter_map(|(nonce, slot)| Some((*nonce, slot.stand(key)?)));
        stands.min_by_key(|(_, stand)| matches!(stand, Stand::Earlier))
    }

    /// A nonce whose content is about to leave, or to be asked about, gives way where another one may carry it. Says whether
    /// it did.
    pub(super) fn gives_way(&mut self, nonce: u64, now: Duration, orders: &mut Vec<Order>) -> bool {
        let Some(slot) = self.slots.get(&nonce).filter(|slot| !slot.entry.is_idle()) else { return false };
        let (key, left) = (slot.entry.key, slot.left());
        if left == Left::Yes {
            return false;
        }
        match self.standing(key, Some(nonce)) {
            None => return false,
            Some((_, Stand::Included(receipt))) => {
                self.hand_over(nonce, Some(Ended::Included(receipt)), now, orders);
            }
            Some((other, Stand::Present)) => {
                let stays = match self.slots.get(&other).map_or(Left::No, Slot::left) {
                    Left::No | Left::Refused => true,
                    Left::Maybe => left == Left::Maybe && other < nonce,
                    Left::Yes => false,
                };
                if stays {
                    self.leave_to(nonce, other, now, orders);
                    return self.gives_way(nonce, now, orders);
                }
                self.leave_to(other, nonce, now, orders);
            }
            // The lower one is used up first in any case.
            Some((other, Stand::Earlier)) if other < nonce => self.hold(nonce, other, now, orders),
            Some((_, Stand::Earlier)) => {
                self.requeue(nonce, orders);
                self.hand_over(nonce, None, now, orders);
            }
        }
        true
    }

    /// Leaves a content to one of two nonces that are for it.
    pub(super) fn leave_to(&mut self, nonce: u64, other: u64, now: Duration, orders: &mut Vec<Order>) {
        let Some(wish) = self.slots.get(&other).map(|slot| (slot.until, slot.told)) else { return };
        if let (Some(slot), (until, false)) = (self.slots.get_mut(&nonce), wish) {
            slot.wanted_again(until);
        }
        self.hand_over(other, None, now, orders);
    }

    /// Keeps a content where it is without sending it, until it is looked at again.
    fn hold(&mut self, nonce: u64, other: u64, now: Duration, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get_mut(&nonce) else { return };
        slot.phase = Phase::Restored;
        if now >= slot.until {
            let why = format!("it may be on its way with nonce {other} too, which is not included; it waits for that");
            self.tell(nonce, Ended::Failed(why), orders);
        }
    }

    /// A content whose nonce was used for something else waits for another one, unless it stands elsewhere.
    pub(super) fn requeue(&mut self, nonce: u64, orders: &mut Vec<Order>) {
        let Some(slot) = self.slots.get(&nonce).filter(|slot| !slot.entry.is_idle()) else { return };
        let (key, until, told) = (slot.entry.key, slot.until, slot.told);
        if self.queue.holds(key) {
            return;
        }
        match self.standing(key, Some(nonce)) {
            Some((_, Stand::Included(_)) | (_, Stand::Present)) if told => {}
            Some((_, Stand::Included(receipt))) => {
                orders.push(Order::Done { key, ended: Ended::Included(receipt) });
            }
            Some((other, Stand::Present)) => {
                self.slots.entry(other).and_modify(|slot| slot.wanted_again(until));
            }
            Some((_, Stand::Earlier)) | None => {
                let call = slot.entry.call.clone();
                self.queue.push_first(key, call, until);
            }
        }
        self.slots.entry(nonce).and_modify(|slot| slot.told = true);
    }
}
