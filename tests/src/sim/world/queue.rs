//! What is going to happen, in order of time.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use consensus::anchor::BlockRef;
use consensus::dispute::AgreedRuling;
use consensus::effect::Settlement;
use consensus::message::Channel;
use keeper::chain::Accusation;
use keeper::driver::Event;
use keeper::jobs::probe::Question;
use keeper::jobs::search::Stretch;

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
    /// A message reaches the one that it was sent straight to.
    Straight {
        to: usize,
        from: usize,
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
    /// A node answers a search for logs.
    Search {
        keeper: usize,
        life: u64,
        stretch: Stretch,
    },
    /// A node answers which conditions hold at a block.
    Probe {
        keeper: usize,
        life: u64,
        block: BlockRef,
        questions: Arc<[Question]>,
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
    Ruling {
        keeper: usize,
        life: u64,
        ruling: Box<AgreedRuling>,
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

/// The queue: what happens at one moment happens in the order in which it was pushed.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By millisecond; none is empty.
    by_time: BTreeMap<u64, VecDeque<Happening>>,
}

impl Queue {
    pub(super) fn push(&mut self, at: u64, happening: Happening) {
        self.by_time.entry(at).or_default().push_back(happening);
    }

    /// The next one, with its time.
    pub(super) fn pop(&mut self) -> Option<(u64, Happening)> {
        let mut first = self.by_time.first_entry()?;
        let at = *first.key();
        let happening = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        happening.map(|happening| (at, happening))
    }
}
