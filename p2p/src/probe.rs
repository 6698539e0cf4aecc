//! Trying an address step by step: name, TCP, handshake, peer id, network; over QUIC the two in the middle are one. For people who want to know at which step it fails.

use std::net::SocketAddr;
use std::time::Duration;

use libp2p::futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol as AddressPart;
use libp2p::swarm::{DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, SwarmBuilder, identify, noise, tcp, yamux};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::config::split_bootnode;
use crate::reach::Transport;
use crate::wire::{self, Meeting, WIRE};

/// How far it is from here to a node at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// It is there, it is who it should be, and of the right network.
    Reached {
        /// Program and version, as it calls itself.
        agent: String,
    },
    /// The address is none that could be tried.
    Malformed(String),
    /// Its name leads nowhere.
    NoName(String),
    /// Nobody takes a TCP connection there.
    NoConnection(String),
    /// Nobody answers there over QUIC; whether UDP gets so far, nothing says.
    NoAnswer(String),
    /// Somebody takes a connection, and does not speak libp2p as this network does.
    NoHandshake(String),
    /// Somebody else is there.
    OtherPeer(PeerId),
    /// It is who it should be, and of another network.
    OtherNetwork(String),
    /// It is of this network, and speaks a version of the wire too far from this one's.
    OtherVersion(u16),
    /// It is who it should be, and closes the connection before it says of which network it is: it does not admit strangers.
    NotAdmitted,
}

/// Tries an address that ends in `/p2p/<peer id>`, as a stranger with a key of its own, for a node of the network `domain8`. Each
/// step may take as long as `patience`.
pub async fn probe(address: &Multiaddr, domain8: &str, patience: Duration) -> Probe {
    let (peer, transport) = match split_bootnode(address) {
        Ok(parts) => parts,
        Err(error) => return Probe::Malformed(error.to_string()),
    };
    let is_quic = Transport::of(&transport) == Some(Transport::Quic);
    // A name that stands for whole addresses is resolved with the handshake.
    if let Some((host, port)) = host_of(&transport) {
        let found: Vec<SocketAddr> = match timeout(patience, lookup_host((host.as_str(), port))).await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(error)) => return Probe::NoName(error.to_string()),
            Err(_) => return Probe::NoName("no name server answers in time".to_owned()),
        };
        if found.is_empty() {
            return Probe::NoName("the name has no address".to_owned());
        }
        if !is_quic && let Err(why) = connect(&found, patience).await {
            return why;
        }
    }
    let handshake = timeout(patience, shake_hands(peer, address.clone(), domain8)).await;
    match handshake.unwrap_or_else(|_| Probe::NoHandshake("no answer in time".to_owned())) {
        Probe::NoHandshake(why) if is_quic => Probe::NoAnswer(why),
        result => result,
    }
}

/// The host and port of an address; `None` for a name of whole addresses.
fn host_of(transport: &Multiaddr) -> Option<(String, u16)> {
    let mut host = None;
    for part in transport {
        match part {
            AddressPart::Ip4(ip) => host = Some(ip.to_string()),
            AddressPart::Ip6(ip) => host = Some(ip.to_string()),
            AddressPart::Dns(name) | AddressPart::Dns4(name) | AddressPart::Dns6(name) => {
                host = Some(name.into_owned());
            }
            AddressPart::Tcp(port) | AddressPart::Udp(port) => return host.map(|host| (host, port)),
            _ => {}
        }
    }
    None
}

async fn connect(found: &[SocketAddr], patience: Duration) -> Result<(), Probe> {
    let mut why = Probe::NoConnection("nothing to try".to_owned());
    for address in found {
        why = match timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => Probe::NoConnection(format!("{address}: {error}")),
            Err(_) => Probe::NoConnection(format!("{address}: no answer in time")),
        };
    }
    Err(why)
}

async fn shake_hands(peer: PeerId, address: Multiaddr, domain8: &str) -> Probe {
    let keypair = Keypair::generate_ed25519();
    let failed = |error: &dyn std::fmt::Display| Probe::NoHandshake(format!("this machine: {error}"));
    let builder = SwarmBuilder::with_existing_identity(keypair).with_tokio();
    let builder =
        match builder.with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default) {
            Ok(builder) => builder,
            Err(error) => return failed(&error),
        };
    let builder = match builder.with_quic().with_dns() {
        Ok(builder) => builder,
        Err(error) => return failed(&error),
    };
    let name = wire::name(domain8, WIRE);
    let identify = |key: &Keypair| identify::Behaviour::new(identify::Config::new(name, key.public()));
    let mut swarm = builder.with_behaviour(identify).unwrap_or_else(|never| match never {}).build();
    if let Err(error) = swarm.dial(address) {
        return Probe::NoHandshake(error.to_string());
    }
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::OutgoingConnectionError { error: DialError::WrongPeerId { obtained, .. }, .. } => {
                return Probe::OtherPeer(obtained);
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => return Probe::NoHandshake(innermost(&error)),
            SwarmEvent::ConnectionClosed { .. } => return Probe::NotAdmitted,
            SwarmEvent::Behaviour(identify::Event::Received { peer_id, info, .. }) if peer_id == peer => {
                return match wire::meet(&info.protocol_version, domain8, WIRE) {
                    Meeting::Same | Meeting::Neighbour(_) => Probe::Reached { agent: printable(&info.agent_version) },
                    Meeting::TooFar(version) => Probe::OtherVersion(version),
                    Meeting::Foreign => Probe::OtherNetwork(printable(&info.protocol_version)),
                };
            }
            _ => {}
        }
    }
}

/// A peer's words as they may be shown, cut to a line.
fn printable(words: &str) -> String {
    words.chars().filter(|c| *c == ' ' || c.is_ascii_graphic()).take(64).collect()
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
