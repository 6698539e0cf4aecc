//! Hearing the mesh: its events as plain data, its handles under numbers.

use std::collections::BTreeMap;

use consensus::committee::PeerKey;
use consensus::input::MessageTag;
use consensus::message::Channel;

use super::Driver;
use super::event::{Event, RequestTag};

/// Handles kept at most. The mesh itself forgets a message after 4 s and a question after 10 s.
const OPEN_MAX: usize = 16_384;

/// Handles that wait for a word of the core, which knows them by number.
#[derive(Debug)]
pub(super) struct Open<H> {
    handles: BTreeMap<u64, H>,
    numbers: u64,
}

impl<H> Default for Open<H> {
    fn default() -> Self {
        Self { handles: BTreeMap::new(), numbers: 0 }
    }
}

impl<H> Open<H> {
    /// Keeps a handle under a new number; beyond [`OPEN_MAX`] the oldest is let go.
    pub(super) fn keep(&mut self, handle: H) -> u64 {
        self.numbers += 1;
        self.handles.insert(self.numbers, handle);
        if self.handles.len() > OPEN_MAX {
            self.handles.pop_first();
        }
        self.numbers
    }

    /// The handle of a number, once.
    pub(super) fn take(&mut self, number: u64) -> Option<H> {
        self.handles.remove(&number)
    }
}

/// The topic's content; none for topics that nobody sends on.
fn channel(topic: p2p::Topic) -> Option<Channel> {
    match topic {
        p2p::Topic::Assignments => Some(Channel::Assignments),
        p2p::Topic::Partials => Some(Channel::Partials),
        p2p::Topic::Certificates => Some(Channel::Certificates),
        p2p::Topic::Evidence => Some(Channel::Evidence),
        p2p::Topic::Observations | p2p::Topic::Health => None,
    }
}

/// The topic that carries a content.
pub(super) fn topic(channel: Channel) -> p2p::Topic {
    match channel {
        Channel::Assignments => p2p::Topic::Assignments,
        Channel::Partials => p2p::Topic::Partials,
        Channel::Certificates => p2p::Topic::Certificates,
        Channel::Evidence => p2p::Topic::Evidence,
    }
}

fn key_of(peer: &p2p::PeerId) -> Option<PeerKey> {
    p2p::public_key_of(peer).map(PeerKey)
}

impl Driver {
    /// What an event of the mesh means to the core; none for what does not concern it.
    pub(super) async fn hear(&mut self, event: p2p::Event) -> Option<Event> {
        match event {
            p2p::Event::Message { message, from, topic, data } => {
                let Some((channel, from)) = channel(topic).zip(key_of(&from)) else {
                    self.services.mesh.judge(message, p2p::Verdict::Ignore).await;
                    return None;
                };
                let message = MessageTag(self.messages.keep(message));
                Some(Event::Message { message, from, channel, bytes: data })
            }
            p2p::Event::Request { id, protocol: p2p::Protocol::Want, data, .. } => {
                Some(Event::Question { request: RequestTag(self.questions.keep(id)), bytes: data })
            }
            p2p::Event::Request { id, protocol: p2p::Protocol::Status, .. } => {
                Some(Event::StatusQuestion { request: RequestTag(self.questions.keep(id)) })
            }
            p2p::Event::PeerConnected(peer) => key_of(&peer).map(Event::PeerUp),
            p2p::Event::PeerDisconnected(peer) => key_of(&peer).map(Event::PeerDown),
            p2p::Event::Listening(address) => Some(Event::Listening(address.to_string())),
            p2p::Event::Subscribed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
