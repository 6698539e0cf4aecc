//! The cloneable front of the swarm.

use std::collections::BTreeSet;
use std::time::Duration;

use libp2p::{Multiaddr, PeerId};
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot, watch};

use crate::admission::MOST_ADMITTED;
use crate::command::{Command, Published};
use crate::error::{PublishError, RequestError};
use crate::event::{MessageRef, RequestId, Verdict};
use crate::identity::peer_id_from_public_key;
use crate::metrics::{Overflow, Overflows};
use crate::outside::Outside;
use crate::peers::PeerSummary;
use crate::requests::{Protocol, RequestLimits};
use crate::topic::{TopicId, Topics};

/// The way to the swarm for every other part of the keeper. Cheap to clone.
///
/// The service never waits for the keeper, and the keeper not long for the service: a swarm that has no room for
/// another command within 50 ms loses it, and it is counted in `p2p_commands_lost_total`; a message is published, judged
/// or answered without waiting for what comes of it longer than that either. So these methods can be called from the
/// loop that reads the events.
#[derive(Debug, Clone)]
pub struct Handle {
    local: PeerId,
    topics: Topics,
    requests: RequestLimits,
    commands: mpsc::Sender<Command>,
    overflows: Overflows,
    outside: watch::Receiver<Outside>,
}

/// How long a command waits for room, and a message for what becomes of it.
const PATIENCE: Duration = Duration::from_millis(50);

/// The command was given up.
enum Refused {
    Busy,
    Stopped,
}

impl From<Refused> for RequestError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Busy => Self::Busy,
            Refused::Stopped => Self::Stopped,
        }
    }
}

impl Handle {
    pub(crate) const fn new(
        local: PeerId,
        topics: Topics,
        requests: RequestLimits,
        commands: mpsc::Sender<Command>,
        overflows: Overflows,
        outside: watch::Receiver<Outside>,
    ) -> Self {
        Self { local, topics, requests, commands, overflows, outside }
    }

    async fn send(&self, command: Command) -> Result<(), Refused> {
        self.commands.send_timeout(command, PATIENCE).await.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => {
                self.overflows.commands.inc();
                Refused::Busy
            }
            SendTimeoutError::Closed(_) => Refused::Stopped,
        })
    }

    /// This node's own peer id.
    #[must_use]
    pub const fn local_peer_id(&self) -> PeerId {
        self.local
    }

    /// What this node's mesh has had no room for since the start. Waits for nothing.
    #[must_use]
    pub fn overflow(&self) -> Overflow {
        self.overflows.count()
    }

    /// Sends a message to everybody. A message that was published before counts as sent.
    ///
    /// # Errors
    /// [`PublishError`]: no topic of this node, too long, nobody listens and too many wait already, send queues full, the
    /// swarm busy, or stopped.
    pub async fn publish(&self, topic: TopicId, data: Vec<u8>) -> Result<Published, PublishError> {
        let (_, known) = self.topics.get(topic).ok_or(PublishError::UnknownTopic(topic))?;
        if data.len() > known.max_bytes {
            return Err(PublishError::TooLarge { topic: known.name, size: data.len(), most: known.max_bytes });
        }
        let (reply, answer) = oneshot::channel();
        self.send(Command::Publish { topic, data, reply }).await.map_err(|refused| match refused {
            Refused::Busy => PublishError::Busy,
            Refused::Stopped => PublishError::Stopped,
        })?;
        // The swarm has it, and will get round to it.
        let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap_or(Ok(Ok(Published::Waiting)));
        answer.unwrap_or(Err(PublishError::Stopped))
    }

    /// Sends something to one connected peer alone, over a stream that is opened on need and kept, and waits until the peer's machine
    /// has taken it, or not. Whether the peer has read it nobody knows. A peer takes such messages of registered operators only.
    ///
    /// # Errors
    /// [`RequestError`]: too long, not connected, not spoken by the peer, too many on their way (64 to one peer), the stream broke, or
    /// stopped.
    pub async fn straight(&self, peer: PeerId, data: Vec<u8>) -> Result<(), RequestError> {
        let (written, answer) = oneshot::channel();
        self.send(Command::Straight { peer, data, written }).await.map_err(RequestError::from)?;
        answer.await.unwrap_or(Err(RequestError::Closed))
    }

    /// Gives the verdict on a gossip message, or on one that came straight. Once per message; later ones have no effect, nor has one after the stop.
    /// Twenty rejected messages of one topic within minutes and the peer that passed them on is disconnected and refused
    /// for ten minutes.
    pub async fn judge(&self, message: MessageRef, verdict: Verdict) {
        let _ = self.send(Command::Judge { message, verdict }).await;
    }

    /// Asks a connected peer and waits for its answer, at most [`crate::REQUEST_TIMEOUT`].
    ///
    /// # Errors
    /// [`RequestError`]: too long, not connected, too many under way to this peer (8, of code 2) or in all (256, of code 64),
    /// the peer resting after questions without an answer or after long answers, no answer, refused, or stopped.
    pub async fn request(&self, peer: PeerId, protocol: Protocol, data: Vec<u8>) -> Result<Vec<u8>, RequestError> {
        let most = self.requests.of(protocol).request;
        if data.len() > most {
            return Err(RequestError::TooLarge { size: data.len(), most });
        }
        let (reply, answer) = oneshot::channel();
        let command = Command::Request { peer, protocol, data, reply };
        self.send(command).await.map_err(RequestError::from)?;
        answer.await.unwrap_or(Err(RequestError::Stopped))
    }

    /// Answers a peer's request. An answer that comes too late goes nowhere.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`], [`RequestError::Busy`], or [`RequestError::Stopped`].
    pub async fn respond(&self, id: RequestId, data: Vec<u8>) -> Result<(), RequestError> {
        let most = self.requests.of(id.protocol).answer;
        if data.len() > most {
            return Err(RequestError::TooLarge { size: data.len(), most });
        }
        self.send(Command::Respond { id, data }).await.map_err(RequestError::from)
    }

    /// Holds something against a peer that gossip cannot see: what is wrong in an answer of its own
    /// ([`Self::request`]), in every view of the chain. It weighs as much as a rejected gossip message: twenty faults
    /// within minutes and the peer is disconnected and refused for ten minutes; one a minute is forgiven. An answer with
    /// little or nothing in it, or none at all, is no fault: the peer may not have what was asked for.
    ///
    /// `reason` goes to the log and into the label of `p2p_faults_total`, so there must be few different ones.
    pub async fn fault(&self, peer: PeerId, reason: &'static str) {
        let _ = self.send(Command::Fault { peer, reason }).await;
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

    /// What peers that tried to open a connection to this node have found.
    #[must_use]
    pub fn outside(&self) -> Outside {
        *self.outside.borrow()
    }

    /// The addresses this node listens on, each ending in `/p2p/<own peer id>`. Empty after the stop.
    pub async fn listeners(&self) -> Vec<Multiaddr> {
        let (reply, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Listeners(reply)).await;
        answer.await.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
