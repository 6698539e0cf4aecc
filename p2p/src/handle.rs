//! The cloneable front of the swarm.

use std::collections::BTreeSet;

use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, oneshot};

use crate::admission::MOST_ADMITTED;
use crate::command::Command;
use crate::error::{PublishError, RequestError};
use crate::event::{MessageRef, RequestId, Verdict};
use crate::identity::peer_id_from_public_key;
use crate::peers::PeerSummary;
use crate::requests::Protocol;
use crate::topic::Topic;

/// What became of a message that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// On its way to at least one peer, or published before.
    Sent,
    /// No peer is subscribed yet: kept, and sent as soon as one is, for at most [`crate::PUBLISH_PATIENCE`].
    Waiting,
}

/// The way to the swarm for every other part of the keeper. Cheap to clone.
///
/// The methods wait only for room in the command channel and for the service's reply; the service itself never waits
/// for the keeper, so calling them from the loop that reads the events cannot lock up.
#[derive(Debug, Clone)]
pub struct Handle {
    local: PeerId,
    commands: mpsc::Sender<Command>,
}

impl Handle {
    pub(crate) const fn new(local: PeerId, commands: mpsc::Sender<Command>) -> Self {
        Self { local, commands }
    }

    /// This node's own peer id.
    #[must_use]
    pub const fn local_peer_id(&self) -> PeerId {
        self.local
    }

    /// Sends a message to everybody. A message that was published before counts as sent.
    ///
    /// # Errors
    /// [`PublishError`]: too long, nobody listens and too many wait already, send queues full, bootnode, or stopped.
    pub async fn publish(&self, topic: Topic, data: Vec<u8>) -> Result<Published, PublishError> {
        if data.len() > topic.max_bytes() {
            return Err(PublishError::TooLarge { topic, size: data.len() });
        }
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Publish { topic, data, reply }).await.map_err(|_| PublishError::Stopped)?;
        answer.await.unwrap_or(Err(PublishError::Stopped))
    }

    /// Gives the verdict on a message. Once per message; later ones have no effect, nor has one after the stop.
    pub async fn judge(&self, message: MessageRef, verdict: Verdict) {
        let _ = self.commands.send(Command::Judge { message, verdict }).await;
    }

    /// Asks a connected peer and waits for its answer, at most [`crate::REQUEST_TIMEOUT`].
    ///
    /// # Errors
    /// [`RequestError`]: too long, not connected, no answer, refused, or stopped.
    pub async fn request(&self, peer: PeerId, protocol: Protocol, data: Vec<u8>) -> Result<Vec<u8>, RequestError> {
        let most = protocol.max_request_bytes();
        if data.len() > most {
            return Err(RequestError::TooLarge { size: data.len(), most });
        }
        let (reply, answer) = oneshot::channel();
        let command = Command::Request { peer, protocol, data, reply };
        self.commands.send(command).await.map_err(|_| RequestError::Stopped)?;
        answer.await.unwrap_or(Err(RequestError::Stopped))
    }

    /// Answers a peer's request. An answer that comes too late goes nowhere.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`], or [`RequestError::Stopped`].
    pub async fn respond(&self, id: RequestId, data: Vec<u8>) -> Result<(), RequestError> {
        let most = id.protocol.max_response_bytes();
        if data.len() > most {
            return Err(RequestError::TooLarge { size: data.len(), most });
        }
        self.commands.send(Command::Respond { id, data }).await.map_err(|_| RequestError::Stopped)
    }

    /// Connects to an address. With `/p2p/<peer id>` at its end the peer is kept in the address book and redialled.
    pub async fn dial(&self, address: Multiaddr) {
        let _ = self.commands.send(Command::Dial(address)).await;
    }

    /// Holds something against a peer that gossip cannot see, such as a bad signature of its own. Twenty times within
    /// a few minutes and that peer is disconnected and refused for ten minutes.
    pub async fn score_down(&self, peer: PeerId) {
        let _ = self.commands.send(Command::ScoreDown(peer)).await;
    }

    /// Replaces the list of registered operators by their peer keys (ed25519, 32 bytes each): whoever is on it may
    /// connect and is dialled at once, whoever is not is refused, and disconnected 5 seconds after leaving it. Bootnodes
    /// and sentries are always admitted and need not be named.
    ///
    /// Until the first call only bootnodes and sentries are admitted ([`crate::Admission::Registered`]): call it as soon
    /// as the registry has been read. A list of more than 1,024 keys is cut; the registry holds 256.
    pub async fn admit(&self, keys: Vec<[u8; 32]>) {
        if keys.len() > MOST_ADMITTED {
            tracing::error!(keys = keys.len(), most = MOST_ADMITTED, "the list of registered operators is cut");
        }
        let peers: BTreeSet<PeerId> = keys.iter().take(MOST_ADMITTED).map(peer_id_from_public_key).collect();
        let _ = self.commands.send(Command::Admit(peers)).await;
    }

    /// The connected peers, in order of peer id. Empty after the stop.
    pub async fn peers(&self) -> Vec<PeerSummary> {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Peers(reply)).await;
        answer.await.unwrap_or_default()
    }

    /// The addresses this node listens on, each ending in `/p2p/<own peer id>`. Empty after the stop.
    pub async fn listeners(&self) -> Vec<Multiaddr> {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Listeners(reply)).await;
        answer.await.unwrap_or_default()
    }
}
