//! The mesh: who is out there, and say this to all. One libp2p swarm that carries bytes and asks for verdicts; what
//! the bytes mean is for `consensus` to know.
//!
//! ```text
//!   keeper                          │ p2p
//!                                   │
//!   Handle (any number of clones) ──┼── commands: 256, the sender waits ──▶ Service ──▶ Swarm ◀──▶ peers
//!     publish judge request respond │                                       (one loop)   tcp noise yamux
//!     fault admit peers …           │                                          │         gossipsub kademlia
//!                                   │                                          │         identify ping
//!   Receiver<Event>  ◀──────────────┼── events: 1024, never waited for ────────┘         status want (requests)
//!     Message Request Listening     │                                                    gate: who may connect
//!     PeerConnected …               │
//! ```
//!
//! The service never waits for the keeper. When the event channel is full a gossip message gets the verdict Ignore,
//! a request has its stream closed, and both are counted in `p2p_events_lost_total`; the last 128 places are kept for
//! connections. Replies to commands go through one-shot channels. Messages published before anybody listens wait in a
//! line of 256 messages and 4 MiB for [`PUBLISH_PATIENCE`].
//!
//! What arrives is judged by the caller. A gossip message needs a verdict ([`Handle::judge`]), and nothing is forwarded
//! before it; what is wrong in an answer is held against the peer that gave it ([`Handle::fault`]). Twenty wrong things
//! of either sort within minutes and the peer is disconnected and refused for ten minutes.
//!
//! The gate admits registered operators ([`Handle::admit`]), bootnodes and sentries, and nobody else, before any other
//! protocol sees a connection; see [`Admission`].
//!
//! Start: [`Identity::load_or_create`], [`Config`], [`build`], [`Service::run`] as a task.

mod admission;
mod behaviour;
mod command;
mod config;
mod discovery;
mod error;
mod event;
mod gate;
mod gossip;
mod handle;
mod identity;
mod metrics;
mod outbox;
mod peers;
mod rates;
mod requests;
mod service;
mod topic;

pub use libp2p::metrics::Registry;
pub use libp2p::{Multiaddr, PeerId};

pub use crate::command::Published;
pub use crate::config::{Admission, Config, DEFAULT_MAX_PEERS, Role, parse_bootnode};
pub use crate::error::{ConfigError, Error, IdentityError, PublishError, RequestError};
pub use crate::event::{Event, MessageRef, RequestId, Verdict};
pub use crate::handle::Handle;
pub use crate::identity::{Identity, peer_id_from_public_key, public_key_of};
pub use crate::outbox::PUBLISH_PATIENCE;
pub use crate::peers::{Direction, PeerSummary};
pub use crate::requests::{Protocol, REQUEST_TIMEOUT, RequestLimits, Sizes};
pub use crate::service::{Service, build};
pub use crate::topic::{Topic, TopicId};
