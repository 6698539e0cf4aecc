//! Contents that have no nonce yet.

use super::order::{Ended, Order, Terms, Verdict};
use crate::chain::nonce::Call;
use alloy::primitives::B256;
use std::collections::VecDeque;
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

/// Contents without a nonce, first come first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    list: VecDeque<Waiting>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn holds(&self, key: B256) -> bool {
        self.list.iter().any(|waiting| waiting.key == key)
    }

    /// Puts a content at the end; says whether there was room.
    pub(super) fn push(&mut self, key: B256, call: Call, until: Duration) -> bool {
        let room = self.list.len() < QUEUE;
        if room {
            self.list.push_back(Waiting::new(key, call, until));
        }
        room
    }

    /// Puts one that lost its nonce before all others.
    pub(super) fn push_first(&mut self, key: B256, call: Call, until: Duration) {
        self.list.push_front(Waiting::new(key, call, until));
    }

    /// Asks about what is not known; an answer that is older than two blocks is not.
    pub(super) fn ask(&mut self, now: Duration, terms: &Terms, orders: &mut Vec<Order>) {
        let mut asked = self.list.iter().filter(|waiting| waiting.worth == Worth::Asked).count();
        for waiting in &mut self.list {
            let stale = match waiting.worth {
                Worth::Unknown { from } => now >= from,
                Worth::Asked => false,
                Worth::Known { since, .. } => now > since.saturating_add(terms.block_time * 2),
            };
            if stale && asked < ASKED_MAX {
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

    /// The first content that is worth a nonce and not held back.
    pub(super) fn take(&mut self, held_back: impl Fn(B256) -> bool) -> Option<Ready> {
        let ready = |waiting: &Waiting| matches!(waiting.worth, Worth::Known { .. }) && !held_back(waiting.key);
        let place = self.list.iter().position(ready)?;
        let Waiting { key, call, until, worth, .. } = self.list.remove(place)?;
        let Worth::Known { gas, .. } = worth else { return None };
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
        Self { key, call, until, worth: Worth::Unknown { from: Duration::ZERO }, refused: 0, why: String::new() }
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
