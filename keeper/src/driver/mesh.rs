//! Hearing the mesh: its events as plain data, its handles under numbers.

use std::collections::BTreeMap;

use consensus::committee::PeerKey;
use consensus::fault::Reason;
use consensus::input::MessageTag;
use consensus::message::Channel;
use tokio::sync::mpsc;

use super::Driver;
use super::event::{Event, RequestTag};
use crate::{peer_code, topics};

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

/// One thing that peers say.
#[derive(Debug)]
pub(super) enum Said {
    /// What the mesh brings by itself.
    Unasked(p2p::Event),
    /// What was asked for.
    Answer(Event),
}

/// What peers say next; `None` once the mesh is gone. Neither kind goes first: they are equally theirs to flood.
pub(super) async fn said_by_peers(
    mesh: &mut mpsc::Receiver<p2p::Event>,
    answers: &mut mpsc::Receiver<Event>,
) -> Option<Said> {
    tokio::select! {
        event = mesh.recv() => event.map(Said::Unasked),
        Some(answer) = answers.recv() => Some(Said::Answer(answer)),
    }
}

fn key_of(peer: &p2p::PeerId) -> Option<PeerKey> {
    p2p::public_key_of(peer).map(PeerKey)
}

impl Driver {
    /// What an event of the mesh means to the core; none for what does not concern it.
    pub(super) async fn hear(&mut self, event: p2p::Event) -> Option<Event> {
        match event {
            p2p::Event::Message { message, topic: topics::HEALTH, data, .. } => {
                if let Err(message) = self.services.pulse.hear(message, data) {
                    self.metrics.gossip_messages.inc([topics::HEALTH_NAME, Reason::OverLimit.name()]);
                    self.services.mesh.judge(message, p2p::Verdict::Ignore).await;
                }
                None
            }
            p2p::Event::Message { message, from, topic, data } => {
                let Some((channel, from)) = topics::channel(topic).zip(key_of(&from)) else {
                    self.services.mesh.judge(message, p2p::Verdict::Ignore).await;
                    return None;
                };
                let number = self.messages.keep(message);
                self.voices.heard(number, channel, &data);
                let message = MessageTag(number);
                Some(Event::Message { message, from, channel, bytes: data })
            }
            p2p::Event::Straight { message, from, data } => {
                let from = key_of(&from)?;
                let number = self.messages.keep(message);
                self.voices.heard(number, Channel::Partials, &data);
                Some(Event::Straight { message: MessageTag(number), from, bytes: data })
            }
            p2p::Event::Request { id, from, protocol: p2p::Protocol::Want, data } => {
                let from = key_of(&from)?;
                Some(Event::Question { request: RequestTag(self.questions.keep(id)), from, bytes: data })
            }
            p2p::Event::Request { id, protocol: p2p::Protocol::Status, .. } => {
                Some(Event::StatusQuestion { request: RequestTag(self.questions.keep(id)) })
            }
            p2p::Event::Request { id, from, protocol: p2p::Protocol::Code, data } => {
                self.lend(id, from, data);
                None
            }
            p2p::Event::PeerConnected(peer) => key_of(&peer).map(Event::PeerUp),
            p2p::Event::PeerDisconnected(peer) => key_of(&peer).map(Event::PeerDown),
            p2p::Event::Listening(address) => Some(Event::Listening(address.to_string())),
        }
    }

    /// Asks a peer, off the loop; what it answers comes back as an event.
    pub(super) fn ask(
        &self,
        from: PeerKey,
        protocol: p2p::Protocol,
        bytes: Vec<u8>,
        told: fn(PeerKey, Vec<u8>) -> Event,
    ) {
        let (mesh, id) = (self.services.mesh.clone(), p2p::peer_id_from_public_key(&from.0));
        // With the place for its answer: what peers answer never piles up.
        let Ok(place) = self.answers.clone().try_reserve_owned() else {
            return tracing::debug!("too many answers wait: a peer was not asked");
        };
        tokio::spawn(async move {
            match mesh.request(id, protocol, bytes).await {
                Ok(bytes) => drop(place.send(told(from, bytes))),
                Err(error) => tracing::debug!(%error, "a peer did not answer"),
            }
        });
    }

    /// Gives a peer a piece of code, off the loop: bytes that have a hash are no matter of the protocol. There are no more of these
    /// at once than the mesh has open questions.
    fn lend(&self, id: p2p::RequestId, from: p2p::PeerId, question: Vec<u8>) {
        let (mesh, executor) = (self.services.mesh.clone(), self.services.actions.executor.clone());
        tokio::spawn(async move { peer_code::lend(&mesh, &executor, (id, from), &question).await });
    }
}

#[cfg(test)]
mod tests;
