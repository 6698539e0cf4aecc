//! What the swarm tells the keeper.

use libp2p::gossipsub::{MessageAcceptance, MessageId};
use libp2p::request_response::InboundRequestId;
use libp2p::{Multiaddr, PeerId};

use crate::requests::Protocol;
use crate::topic::TopicId;

/// Names a message, of gossip or straight, until its verdict is given; hand it back to [`crate::Handle::judge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRef {
    /// None of what came straight: nobody forwards it.
    pub(crate) id: Option<MessageId>,
    pub(crate) source: PeerId,
}

/// Names a peer's request until it is answered; hand it back to [`crate::Handle::respond`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId {
    pub(crate) protocol: Protocol,
    pub(crate) inner: InboundRequestId,
}

/// What becomes of a gossip message. Nothing is forwarded before its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Forward it.
    Accept,
    /// Drop it; it could be right for somebody with another head.
    Ignore,
    /// Drop it and hold it against whoever passed it on: it is wrong in every view of the chain.
    Reject,
}

impl From<Verdict> for MessageAcceptance {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accept => Self::Accept,
            Verdict::Ignore => Self::Ignore,
            Verdict::Reject => Self::Reject,
        }
    }
}

/// What the swarm tells the keeper.
#[derive(Debug)]
pub enum Event {
    /// A gossip message that was not seen before. A verdict is due within 4 seconds, or it is never forwarded.
    Message {
        /// For the verdict.
        message: MessageRef,
        /// The peer that passed it on; the author is nobody's business here.
        from: PeerId,
        /// Where it came in.
        topic: TopicId,
        /// Its bytes, at most [`crate::Topic::max_bytes`].
        data: Vec<u8>,
    },
    /// A message that a registered operator sent to this node alone ([`crate::Handle::straight`]). A verdict is due here too: what
    /// is accepted counts for the peer, and what is rejected is held against it.
    Straight {
        /// For the verdict.
        message: MessageRef,
        /// The peer that sent it.
        from: PeerId,
        /// Its bytes, at most [`crate::Config::straight`].
        data: Vec<u8>,
    },
    /// A peer asks. Without an answer within [`crate::REQUEST_TIMEOUT`] the stream closes.
    Request {
        /// For the answer.
        id: RequestId,
        /// Who asks.
        from: PeerId,
        /// In which protocol.
        protocol: Protocol,
        /// The request's bytes, at most [`crate::Config::requests`] allows.
        data: Vec<u8>,
    },
    /// The first connection to a peer stands.
    PeerConnected(PeerId),
    /// The last connection to a peer is gone.
    PeerDisconnected(PeerId),
    /// This node listens on the address, which ends in its own `/p2p/<peer id>`.
    Listening(Multiaddr),
}
