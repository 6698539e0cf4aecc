//! What a [`crate::Handle`] asks the [`crate::Service`] to do.

use std::collections::BTreeSet;

use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;

use crate::error::{PublishError, RequestError};
use crate::event::{MessageRef, RequestId, Verdict};
use crate::peers::PeerSummary;
use crate::requests::Protocol;
use crate::straight::Written;
use crate::topic::TopicId;

/// What became of a message that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// On its way to at least one peer, or published before.
    Sent,
    /// No peer is subscribed yet: kept, and sent as soon as one is, for at most [`crate::PUBLISH_PATIENCE`].
    Waiting,
}

/// Where the answer to a request of ours goes.
pub(crate) type Answer = oneshot::Sender<Result<Vec<u8>, RequestError>>;

#[derive(Debug)]
pub(crate) enum Command {
    Publish { topic: TopicId, data: Vec<u8>, reply: oneshot::Sender<Result<Published, PublishError>> },
    Straight { peer: PeerId, data: Vec<u8>, written: Written },
    Judge { message: MessageRef, verdict: Verdict },
    Request { peer: PeerId, protocol: Protocol, data: Vec<u8>, reply: Answer },
    Respond { id: RequestId, data: Vec<u8> },
    Fault { peer: PeerId, reason: &'static str },
    Admit(BTreeSet<PeerId>),
    Peers(oneshot::Sender<Vec<PeerSummary>>),
    Listeners(oneshot::Sender<Vec<Multiaddr>>),
}
