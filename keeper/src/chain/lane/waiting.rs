//! Contents that have no nonce yet.
//!
//! Nonces go by turns to the one that has waited longest and to the smallest one, so that whoever brings much at a time holds
//! up nobody who brings little, and is not held up for ever either. Where there is no room for all, the largest one goes:
//! another keeper will take it.

use super::order::{Ended, Order, Terms, Verdict};
use super::room::Room;
use crate::chain::nonce::Call;
use alloy::primitives::B256;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Contents that may wait for their turn.
pub(super) const QUEUE: usize = 16;
/// Contents asked about at a time.
const ASKED_MAX: usize = 4;
/// Errors of the node, outages aside, before a content is given up.
const REFUSALS_MAX: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    /// To be asked about from this moment on.
    Unknown {
        from: Duration,
    },
    Asked,
    Known {
        gas: u64,
        since: Duration,
    },
}

#[derive(Clone, Debug)]
struct Waiting {
    key: B256,
    call: Call,
    /// Gets its nonce first, where it waits as well.
    after: Option<B256>,
    until: Duration,
    worth: Worth,
    refused: u32,
    /// The newest reason why it could not be asked about.
    why: String,
}

/// A content that is worth a nonce.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) key: B256,
    pub(super) call: Call,
    pub(super) gas: u64,
    pub(super) until: Duration,
}

/// Contents without a nonce, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    list: VecDeque<Waiting>,
    /// Whether the next nonce goes to the smallest one.
    smallest_next: bool,
}

/// What a full queue does with one more content.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It waits.
    Waits,
    /// It waits in place of this one, which is larger.
    InPlaceOf(B256),
    /// There is no room for it.
    NoRoom,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = B256> + '_ {
        self.list.iter().map(|waiting| waiting.key)
    }

    pub(super) fn holds(&self, key: B256) -> bool {
        self.list.iter().any(|waiting| waiting.key == key)
    }

    /// Takes a content out; gives back until when it was wanted, if it was in here.
    pub(super) fn remove(&mut self, key: B256) -> Option<Duration> {
        let place = self.list.iter().position(|waiting| waiting.key == key)?;
        self.list.remove(place).map(|waiting| waiting.until)
    }

    /// Puts a content at the end, if there is room or it is smaller than another one.
    pub(super) fn push(&mut self, key: B256, call: Call, after: Option<B256>, until: Duration) -> Pushed {
        let mut pushed = Pushed::Waits;
        if self.list.len() >= QUEUE {
            let size = |(_, waiting): &(usize, &Waiting)| waiting.call.input.len();
            let Some((place, _)) =
                self.list.iter().enumerate().max_by_key(size).filter(|largest| size(largest) > call.input.len())
            else {
                return Pushed::NoRoom;
            };
            pushed = self.list.remove(place).map_or(Pushed::Waits, |largest| Pushed::InPlaceOf(largest.key));
        }
        self.list.push_back(Waiting { after, ..Waiting::new(key, call, until) });
        pushed
    }

    /// Puts one that lost its nonce before all others.
    pub(super) fn push_first(&mut self, key: B256, call: Call, until: Duration) {
        self.list.push_front(Waiting::new(key, call, until));
    }

    /// Asks about what is not known: small ones first, then the large one that has waited longest, if it could be opened now.
    /// An answer that is older than two blocks is none. Nodes run a call many times to answer, so those who ask about much
    /// that has to wait in any case would hold up what does not. A large one that is held back, or that nobody could say
    /// anything about a moment ago, stands in no other one's way.
    pub(super) fn ask(
        &mut self,
        (now, terms): (Duration, &Terms),
        held_back: impl Fn(B256) -> bool,
        room: Room,
        orders: &mut Vec<Order>,
    ) {
        let since = now.saturating_sub(terms.block_time * 2);
        let is_large = |waiting: &Waiting| room.is_large(waiting.call.gas_floor);
        for waiting in &mut self.list {
            waiting.forget_before(since);
        }
        let mut asked = self.list.iter().filter(|waiting| waiting.worth == Worth::Asked).count();
        let has_turn = |waiting: &Waiting| is_large(waiting) && !waiting.is_unknown() && !held_back(waiting.key);
        let mut large_first = self.list.iter().any(has_turn);
        let mut by_size: Vec<&mut Waiting> = self.list.iter_mut().filter(|waiting| waiting.is_unknown()).collect();
        by_size.sort_by_key(|waiting| if is_large(waiting) { usize::MAX } else { waiting.call.input.len() });
        for waiting in by_size {
            let large = is_large(waiting);
            if asked >= ASKED_MAX || !waiting.may_be_asked(now) || (large && (large_first || held_back(waiting.key))) {
                continue;
            }
            large_first |= large;
            if room.has(waiting.call.gas_floor) {
                waiting.worth = Worth::Asked;
                orders.push(Order::Check { key: waiting.key, call: waiting.call.clone(), pending: true });
                asked += 1;
            }
        }
    }

    /// Takes in what a content is worth. Gives back how it ended, if it did; `None` also if it is not in here.
    pub(super) fn answered(&mut self, key: B256, verdict: Verdict, now: Duration, terms: &Terms) -> Option<Ended> {
        let place = self.list.iter().position(|waiting| waiting.key == key && waiting.worth == Worth::Asked)?;
        let waiting = self.list.get_mut(place)?;
        let ended = match verdict {
            Verdict::Worth { gas } => {
                waiting.worth = Worth::Known { gas, since: now };
                return None;
            }
            Verdict::Reverts(data) => Ended::Refused(data),
            Verdict::Useless => Ended::Useless,
            Verdict::Refused(words) => {
                waiting.refused += 1;
                if waiting.refused < REFUSALS_MAX {
                    waiting.pause(now, terms, words);
                    return None;
                }
                Ended::Failed(words)
            }
            Verdict::NoAnswer => {
                waiting.pause(now, terms, "no answer from the RPC nodes".to_owned());
                return None;
            }
        };
        self.list.remove(place);
        Some(ended)
    }

    /// The content whose turn it is, of those that are worth a nonce, not held back, and find room. No large one passes
    /// another that waits for room, or the largest would wait for ever; and none passes the one it comes after, unless that one
    /// has had a setback: what a batch holds is due in its order, but nobody is held up by what nodes say of another.
    pub(super) fn take(&mut self, held_back: impl Fn(B256) -> bool, room: Room) -> Option<Ready> {
        let smooth = self.list.iter().filter(|waiting| waiting.why.is_empty() && !held_back(waiting.key));
        let first: BTreeSet<B256> = smooth.map(|waiting| waiting.key).collect();
        let comes_later = |waiting: &Waiting| waiting.after.is_some_and(|key| first.contains(&key));
        let known = self.list.iter().enumerate().filter_map(|(place, waiting)| match waiting.worth {
            Worth::Known { gas, .. } if !held_back(waiting.key) && !comes_later(waiting) => Some((place, gas)),
            _ => None,
        });
        let mut is_passed = false;
        let ready = known.filter(|&(_, gas)| {
            let fits = room.has(gas) && !(is_passed && room.is_large(gas));
            is_passed |= !fits;
            fits
        });
        let (place, gas) = if self.smallest_next { ready.min_by_key(|(_, gas)| *gas)? } else { { ready }.next()? };
        let Waiting { key, call, until, .. } = self.list.remove(place)?;
        self.smallest_next = !self.smallest_next;
        Some(Ready { key, call, gas, until })
    }

    /// Takes out what waited too long or is of no use any more, and says why.
    pub(super) fn expire(&mut self, now: Duration, head: u64) -> Vec<(B256, Ended)> {
        let mut over = Vec::new();
        self.list.retain(|waiting| {
            let useless = waiting.call.last_block.is_some_and(|last| head > last);
            let late = now >= waiting.until;
            if useless {
                over.push((waiting.key, Ended::Useless));
            } else if late {
                over.push((waiting.key, Ended::Failed(waiting.late())));
            }
            !useless && !late
        });
        over
    }
}

impl Waiting {
    fn new(key: B256, call: Call, until: Duration) -> Self {
        Self {
            key,
            call,
            after: None,
            until,
            worth: Worth::Unknown { from: Duration::ZERO },
            refused: 0,
            why: String::new(),
        }
    }

    const fn is_unknown(&self) -> bool {
        matches!(self.worth, Worth::Unknown { .. })
    }

    fn may_be_asked(&self, now: Duration) -> bool {
        matches!(self.worth, Worth::Unknown { from } if now >= from)
    }

    /// What was answered before this moment is not known any more.
    fn forget_before(&mut self, moment: Duration) {
        if matches!(self.worth, Worth::Known { since, .. } if since < moment) {
            self.worth = Worth::Unknown { from: Duration::ZERO };
        }
    }

    fn pause(&mut self, now: Duration, terms: &Terms, why: String) {
        let pause = terms.block_time.clamp(Duration::from_millis(250), Duration::from_secs(5));
        self.worth = Worth::Unknown { from: now.saturating_add(pause) };
        self.why = why;
    }

    fn late(&self) -> String {
        if self.why.is_empty() {
            "it found no free nonce in time: earlier transactions of the account are not included".to_owned()
        } else {
            self.why.clone()
        }
    }
}
