//! The mesh: who is out there, and say this to all. One libp2p swarm that carries bytes and asks for verdicts; what
//! the bytes mean is for `consensus` to know.
//!
//! ```text
//!   keeper                          │ p2p
//!                                   │
//!   Handle (any number of clones) ──┼── commands: 256, 50 ms of patience ─▶ Service ──▶ Swarm ◀──▶ peers
//!     publish straight judge        │                                       (one loop)   quic; tcp noise yamux
//!     request respond fault         │                                          │         gossipsub kademlia
//!     admit peers …                 │                        a line for        ▼         identify ping autonat records
//!   Receiver<Event>  ◀──────────────┼── events: 2 ◀── each peer, in turn ── Inbox        status want code (requests)
//!     Message Straight Request      │                                                    straight: to one peer alone
//!     Listening PeerConnected …     │                                                    gate: who may connect
//!                                   │                                                    intake: who sends how much
//! ```
//!
//! What arrives is charged to the peer that brought it, before it is hashed or decoded: messages and bytes come out of
//! buckets of its own, and what is over is dropped and counted in `p2p_intake_dropped_total`. What is left waits for
//! the keeper in a line of its own, and the heads of the lines go in turn, so that a peer that sends a lot waits behind
//! itself. When its line is full, or after a second in it, a gossip message gets the verdict Ignore, a request has its stream closed, and both are
//! counted in `p2p_events_lost_total`. Only a peer that sends more than twice what it may, and goes on, is at fault.
//!
//! The service never waits for the keeper, nor the keeper long for the service. Replies to commands go through one-shot
//! channels. Messages published before anybody listens wait in a line of 256 messages and 4 MiB for
//! [`PUBLISH_PATIENCE`].
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
mod book;
mod budget;
mod command;
mod config;
mod discovery;
mod error;
mod event;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod gate;
mod gossip;
mod guarded;
mod handle;
mod identity;
mod inbox;
mod intake;
mod memory;
mod metrics;
mod outbox;
mod outside;
mod peers;
mod ports;
mod probe;
mod questions;
mod quiet;
mod rates;
mod reach;
mod records;
mod requests;
mod service;
mod straight;
mod topic;
mod wire;

pub use libp2p::metrics::Registry;
pub use libp2p::{Multiaddr, PeerId};

pub use crate::command::Published;
pub use crate::config::{Admission, Config, DEFAULT_MAX_PEERS, Role, Tries, parse_bootnode};
pub use crate::error::{ConfigError, Error, IdentityError, PublishError, RequestError};
pub use crate::event::{Event, MessageRef, RequestId, Verdict};
pub use crate::handle::Handle;
pub use crate::identity::{Identity, peer_id_from_public_key, public_key_of};
pub use crate::metrics::Overflow;
pub use crate::outbox::PUBLISH_PATIENCE;
pub use crate::outside::Outside;
pub use crate::peers::{Direction, PeerSummary};
pub use crate::probe::{Probe, probe};
pub use crate::quiet::Quiet;
pub use crate::requests::{Protocol, REQUEST_TIMEOUT, RequestLimits, Sizes};
pub use crate::service::{Service, build};
pub use crate::topic::{Topic, TopicId};
pub use crate::wire::WIRE;
