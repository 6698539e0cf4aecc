//! What a [`crate::Handle`] asks the [`crate::Service`] to do.

use std::collections::BTreeSet;

use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;

use crate::error::{PublishError, RequestError};
use crate::event::{MessageRef, RequestId, Verdict};
use crate::handle::Published;
use crate::peers::PeerSummary;
use crate::requests::Protocol;
use crate::topic::TopicId;

/// Where the answer to a request of ours goes.
pub(crate) type Answer = oneshot::Sender<Result<Vec<u8>, RequestError>>;

#[derive(Debug)]
pub(crate) enum Command {
    Publish { topic: TopicId, data: Vec<u8>, reply: oneshot::Sender<Result<Published, PublishError>> },
    Judge { message: MessageRef, verdict: Verdict },
    Request { peer: PeerId, protocol: Protocol, data: Vec<u8>, reply: Answer },
    Respond { id: RequestId, data: Vec<u8> },
    Fault { peer: PeerId, reason: &'static str },
    Admit(BTreeSet<PeerId>),
    Peers(oneshot::Sender<Vec<PeerSummary>>),
    Listeners(oneshot::Sender<Vec<Multiaddr>>),
}
