//! What is going to happen, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;
use std::sync::Arc;

use consensus::effect::Settlement;
use consensus::message::Channel;
use keeper::chain::Accusation;
use keeper::driver::Event;

use crate::sim::actor::Audience;
use crate::sim::plan::Strike;

/// Something that happens.
#[derive(Debug)]
pub(super) enum Happening {
    Block,
    Deliver {
        to: usize,
        from: usize,
        channel: Channel,
        bytes: Rc<[u8]>,
    },
    Wake {
        keeper: usize,
        life: u64,
    },
    House {
        keeper: usize,
        life: u64,
    },
    Poll {
        keeper: usize,
    },
    /// Work of a keeper is done.
    Done {
        keeper: usize,
        life: u64,
        event: Box<Event>,
    },
    Flush {
        keeper: usize,
        life: u64,
    },
    /// A question reaches a peer: for its status, if it has no bytes.
    Ask {
        from: usize,
        to: usize,
        bytes: Option<Rc<[u8]>>,
    },
    Answer {
        from: usize,
        to: usize,
        status: bool,
        bytes: Rc<[u8]>,
    },
    Transaction {
        keeper: usize,
        settlement: Box<Settlement>,
    },
    Accusation {
        keeper: usize,
        life: u64,
        accusation: Arc<Accusation>,
    },
    Say {
        keeper: usize,
        channel: Channel,
        bytes: Rc<[u8]>,
        to: Audience,
    },
    Strike(Strike),
    Restart {
        keeper: usize,
    },
    Heal,
}

/// In the queue; the sequence number makes the order of equal times definite.
#[derive(Debug)]
struct Queued {
    at: u64,
    sequence: u64,
    happening: Happening,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}
impl Eq for Queued {}
impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Queued>>,
    sequence: u64,
}

impl Queue {
    pub(super) fn push(&mut self, at: u64, happening: Happening) {
        self.sequence += 1;
        self.heap.push(Reverse(Queued { at, sequence: self.sequence, happening }));
    }

    /// The next one, with its time.
    pub(super) fn pop(&mut self) -> Option<(u64, Happening)> {
        self.heap.pop().map(|Reverse(queued)| (queued.at, queued.happening))
    }
}
