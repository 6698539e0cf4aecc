//! What waits for the keeper: a line for each peer, and their heads in turn. A peer that sends a lot waits behind
//! itself; the others' messages wait for one of it at most.
//!
//! Nothing waits long: a keeper that cannot keep up reads what is new, not what was said long ago. With full lines and no
//! such limit everything it read would be many seconds old, its answers would come when nobody needs them any more, all
//! would ask again, and a mesh that was overloaded once would stay so.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::event::Event;

/// Most of one peer's messages and requests that wait, by number and by bytes.
pub(crate) const MOST_OF_ONE: usize = 256;
const MOST_BYTES_OF_ONE: usize = 2 * 1024 * 1024;
/// Longest wait: half of the shortest window, in which a message can still be of use.
pub(crate) const MOST_WAIT: Duration = Duration::from_secs(1);
/// Most bytes that wait in all; beyond, whoever has most waiting loses what it sent last.
const MOST_BYTES: usize = 16 * 1024 * 1024;
/// Most news of connections and listeners that wait: two for each of many more peers than a node has.
const MOST_NEWS: usize = 4096;

struct Waiting {
    event: Event,
    bytes: usize,
    came: Instant,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

/// The lines. A peer without anything waiting has none.
#[derive(Default)]
pub(crate) struct Inbox {
    /// Connections and listeners go before everything else: nobody tells of them again.
    news: VecDeque<Event>,
    lines: BTreeMap<PeerId, Line>,
    /// Whose head was taken last.
    turn: Option<PeerId>,
    bytes: usize,
}

impl Inbox {
    /// Adds news of a connection or a listener; false when too many wait.
    pub(crate) fn tell(&mut self, news: Event) -> bool {
        let fits = self.news.len() < MOST_NEWS;
        if fits {
            self.news.push_back(news);
        }
        fits
    }

    /// Adds what a peer sent to the end of its line. What comes back has found no place: this one, if the peer's line is
    /// full, or the last one of the peer with the longest line.
    pub(crate) fn offer(&mut self, peer: PeerId, event: Event, bytes: usize, now: Instant) -> Option<Event> {
        let (number, held) = self.lines.get(&peer).map_or((0, 0), |line| (line.waiting.len(), line.bytes));
        if number >= MOST_OF_ONE || held + bytes > MOST_BYTES_OF_ONE {
            return Some(event);
        }
        let line = self.lines.entry(peer).or_default();
        line.waiting.push_back(Waiting { event, bytes, came: now });
        line.bytes += bytes;
        self.bytes += bytes;
        if self.bytes <= MOST_BYTES {
            return None;
        }
        let longest = self.lines.iter().max_by_key(|(_, line)| line.bytes).map(|(peer, _)| *peer)?;
        let line = self.lines.get_mut(&longest)?;
        let last = line.waiting.pop_back()?;
        self.take(longest, last.bytes);
        Some(last.event)
    }

    /// The next one: news first, then the heads of the lines in turn. What has waited too long goes to `lost`.
    pub(crate) fn next(&mut self, now: Instant, lost: &mut Vec<Event>) -> Option<Event> {
        if let Some(news) = self.news.pop_front() {
            return Some(news);
        }
        loop {
            let after = self.turn.and_then(|last| {
                let bounds = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
                self.lines.range(bounds).next().map(|(peer, _)| *peer)
            });
            let peer = after.or_else(|| self.lines.keys().next().copied())?;
            let Waiting { event, bytes, came } = self.lines.get_mut(&peer)?.waiting.pop_front()?;
            self.take(peer, bytes);
            if now.saturating_duration_since(came) <= MOST_WAIT {
                self.turn = Some(peer);
                return Some(event);
            }
            lost.push(event);
        }
    }

    /// So many bytes less of a peer; a line without anything in it goes.
    fn take(&mut self, peer: PeerId, bytes: usize) {
        self.bytes -= bytes;
        if let Some(line) = self.lines.get_mut(&peer) {
            line.bytes -= bytes;
            if line.waiting.is_empty() {
                self.lines.remove(&peer);
            }
        }
    }

    /// Takes everything a peer has waiting.
    pub(crate) fn forget(&mut self, peer: &PeerId) -> Vec<Event> {
        let Some(line) = self.lines.remove(peer) else { return Vec::new() };
        self.bytes -= line.bytes;
        line.waiting.into_iter().map(|waiting| waiting.event).collect()
    }

    /// Nobody will ever read again.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.news.is_empty() && self.lines.is_empty()
    }

    /// How much waits: messages and requests, and their bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.lines.values().map(|line| line.waiting.len()).sum(), self.bytes)
    }
}

#[cfg(test)]
mod tests;
