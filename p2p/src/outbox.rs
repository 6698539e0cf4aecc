//! Messages that wait for a first subscriber: a bounded line, each with an end to its patience.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::topic::TopicId;

/// How long a message waits for a first subscriber.
pub const PUBLISH_PATIENCE: Duration = Duration::from_secs(5);
const MOST_MESSAGES: usize = 256;
const MOST_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) topic: TopicId,
    pub(crate) data: Vec<u8>,
    pub(crate) until: Instant,
}

#[derive(Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

impl Outbox {
    /// Adds a message at the end; false, and the message is gone, when the line is full.
    pub(crate) fn push(&mut self, message: Waiting) -> bool {
        let bytes = self.bytes + message.data.len();
        let fits = self.waiting.len() < MOST_MESSAGES && bytes <= MOST_BYTES;
        if fits {
            self.bytes = bytes;
            self.waiting.push_back(message);
        }
        fits
    }

    /// Takes the whole line, in order.
    pub(crate) fn take(&mut self) -> VecDeque<Waiting> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests;
