//! What can go wrong, always with what, why and how to mend it.

use std::io;
use std::path::PathBuf;

use libp2p::{Multiaddr, PeerId};

use crate::topic::id::TopicId;

/// A setting of [`crate::Config`] that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The bootnode address does not parse as a multiaddr.
    #[error("bootnode \"{text}\" is not a multiaddr: {reason}; write it as /ip4/203.0.113.7/tcp/7419/p2p/12D3Koo…")]
    BootnodeMalformed {
        /// What was given.
        text: String,
        /// Why it does not parse.
        reason: String,
    },
    /// The bootnode address has no `/p2p/<peer id>` at its end, so nobody could tell the right peer from a wrong one.
    #[error(
        "bootnode \"{0}\" does not end in /p2p/<peer id>; append the peer id that the bootnode prints at its start"
    )]
    BootnodeWithoutPeerId(Multiaddr),
    /// The bootnode address names no TCP or QUIC port.
    #[error(
        "bootnode \"{0}\" names no TCP port, and no UDP port with /quic-v1; write it as /ip4/203.0.113.7/tcp/7419/p2p/12D3Koo…"
    )]
    BootnodeWithoutPort(Multiaddr),
    /// `domain8` is not 16 lowercase hexadecimal digits.
    #[error("domain8 \"{0}\" is not the first 8 bytes of the domain separator as 16 lowercase hexadecimal digits")]
    Domain(String),
    /// More peers than one process can hold.
    #[error("max_peers is {given}, the most is {most}")]
    TooManyPeers {
        /// What was given.
        given: usize,
        /// The limit.
        most: usize,
    },
    /// More sentries than make sense.
    #[error("{given} sentries are given, the most is {most}")]
    TooManySentries {
        /// What was given.
        given: usize,
        /// The limit.
        most: usize,
    },
    /// More bootnodes than make sense.
    #[error("{given} bootnodes are given, the most is {most}")]
    TooManyBootnodes {
        /// What was given.
        given: usize,
        /// The limit.
        most: usize,
    },
    /// A topic that cannot be gossiped about.
    #[error("topic {name}: {reason}")]
    Topic {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Requests or answers longer than one process should hold.
    #[error("requests or answers of {given} bytes are too long, the most is {most} bytes")]
    TooLongRequests {
        /// The longest of [`crate::Config::requests`].
        given: usize,
        /// The limit.
        most: usize,
    },
}

/// A peer identity that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The operating system refused.
    #[error("cannot {action} the identity file {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The identity file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file holds something else than a key.
    #[error(
        "the identity file {path} does not hold an ed25519 key ({reason}); restore it from a backup, or move it away to get a new peer id (then register the new peer key)",
        path = path.display()
    )]
    Corrupt {
        /// The identity file.
        path: PathBuf,
        /// What is wrong with its content.
        reason: String,
    },
    /// Others may read the secret key.
    #[error("the identity file {path} has mode {mode:04o}, so others can read the secret key; run: chmod 600 {path}", path = path.display())]
    Permissions {
        /// The identity file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// The swarm could not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}; choose another address or stop the process that holds it")]
    Listen {
        /// The address of [`crate::Config::listen`].
        address: Multiaddr,
        /// What the transport said.
        reason: String,
    },
    /// A part of the swarm refused its settings: a defect of this crate, or a system without DNS configuration.
    #[error("cannot set up {part}: {reason}")]
    Setup {
        /// The part.
        part: &'static str,
        /// What it said.
        reason: String,
    },
}

/// A message that was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Longer than the topic allows.
    #[error("a message of {size} bytes is too long for topic {topic}, the most is {most} bytes")]
    TooLarge {
        /// Where it was to go.
        topic: &'static str,
        /// Its length in bytes.
        size: usize,
        /// The topic's limit in bytes.
        most: usize,
    },
    /// Nobody listens yet and the waiting line is full.
    #[error("no peer is subscribed to {0} and the waiting line is full; check the bootnodes")]
    WaitingLineFull(&'static str),
    /// The send queues of every peer are full. The message is kept and offered to peers at the next heartbeats.
    #[error("the send queues of all {0} peers are full")]
    QueuesFull(usize),
    /// Not one of the topics of [`crate::Config::topics`], or this node is a bootnode.
    #[error("this node does not carry the topic number {}", .0.0)]
    UnknownTopic(TopicId),
    /// The swarm has more to do than it manages.
    #[error("the swarm is busy: the message was given up")]
    Busy,
    /// The swarm refused for another reason.
    #[error("cannot publish: {0}")]
    Other(String),
    /// The service has stopped.
    #[error("the p2p service has stopped")]
    Stopped,
}

/// A request that got no answer, or an answer that was not sent.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// Longer than the protocol allows.
    #[error("{size} bytes are too many, the most is {most} bytes")]
    TooLarge {
        /// The length in bytes.
        size: usize,
        /// The protocol's limit in bytes.
        most: usize,
    },
    /// There is no connection to the peer.
    #[error("not connected to {0}")]
    NotConnected(PeerId),
    /// No answer within [`crate::REQUEST_TIMEOUT`].
    #[error("no answer in time")]
    Timeout,
    /// The peer closed the stream instead of answering: it is overloaded, refused, or went away.
    #[error("the peer closed without an answer")]
    Closed,
    /// The peer does not speak this protocol.
    #[error("the peer does not speak this protocol")]
    Unsupported,
    /// The stream broke, or the answer was longer than allowed.
    #[error("the stream failed: {0}")]
    Stream(String),
    /// Too many requests of ours are under way, to this peer or in all.
    #[error("too many requests are under way; ask again when some are answered")]
    Busy,
    /// The peer did not answer lately, and is not asked for a while.
    #[error("the peer gave no answer lately, and is left alone for {} ms more", .0.as_millis())]
    Resting(std::time::Duration),
    /// The peer has answered with so much that it is not asked for a while.
    #[error("the peer has answered a lot lately, and is asked again in {} ms", .0.as_millis())]
    Sated(std::time::Duration),
    /// This node is a bootnode: it answers no requests.
    #[error("a bootnode carries no requests")]
    NoRequests,
    /// The service has stopped.
    #[error("the p2p service has stopped")]
    Stopped,
}
