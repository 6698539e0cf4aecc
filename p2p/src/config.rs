//! The settings of a node's swarm, checked before anything starts.

use std::path::PathBuf;
use std::time::Duration;

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use crate::error::ConfigError;
use crate::reach::Transport;
use crate::requests::{self, RequestLimits};
use crate::topic::{self, Topic};

/// Up to this many keepers everybody is connected to everybody.
pub const DEFAULT_MAX_PEERS: usize = 64;
const DEFAULT_PORT: u16 = 7419;
const MOST_PEERS: usize = 1024;
const MOST_BOOTNODES: usize = 64;
const MOST_SENTRIES: usize = 64;

/// What a node is in the mesh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Gossips, asks and answers.
    Keeper,
    /// An address book only: Kademlia, identify and ping; no gossip, no requests.
    Bootnode,
}

/// Whom a keeper lets connect to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The operators named by [`crate::Handle::admit`], bootnodes and sentries; until the first call, bootnodes and
    /// sentries alone.
    Registered,
    /// Everybody. For networks without a registry, such as tests.
    Everybody,
}

/// When peers are asked to try whether this node can be reached.
#[derive(Debug, Clone, Copy)]
pub struct Tries {
    /// After the start.
    pub first: Duration,
    /// Between two, until it is known how this node stands.
    pub again: Duration,
    /// Whether addresses of this machine and site are tried as well; for tests.
    pub everywhere: bool,
}

impl Default for Tries {
    fn default() -> Self {
        Self { first: Duration::from_secs(30), again: Duration::from_secs(90), everywhere: false }
    }
}

/// The settings of a swarm.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen on, `/ip4/…/tcp/…` or `/ip4/…/udp/…/quic-v1`; port 0 lets the system choose.
    pub listen: Vec<Multiaddr>,
    /// Addresses to tell others in addition, for instance the public one in front of a NAT.
    pub external: Vec<Multiaddr>,
    /// Where to start looking for peers; each ends in `/p2p/<peer id>`, see [`parse_bootnode`].
    pub bootnodes: Vec<Multiaddr>,
    /// First 8 bytes of the network's EIP-712 domain separator, 16 lowercase hexadecimal digits. Names topics and
    /// protocols, so nodes of two networks cannot mix. A bootnode needs it as well.
    pub domain8: String,
    /// Version of the wire: [`crate::WIRE`], in tests also another.
    pub wire: u16,
    /// What this node is. A bootnode admits everybody, since it knows no chain.
    pub role: Role,
    /// How many peers to look for and dial, bootnodes not counted. Zero: stay with the bootnodes and whoever dials us.
    pub max_peers: usize,
    /// Whom a keeper admits.
    pub admission: Admission,
    /// Peers that are admitted besides the registered operators, such as an operator's own relays.
    pub sentries: Vec<PeerId>,
    /// What a keeper gossips about, at most 16 topics; a [`crate::TopicId`] is a position here. A bootnode carries none.
    pub topics: Vec<Topic>,
    /// How long a keeper's requests and answers may be.
    pub requests: RequestLimits,
    /// Longest message that goes straight from one keeper to another, in bytes, up to 1 MiB; zero where none does.
    pub straight: usize,
    /// Where the addresses of peers are kept over a restart, so that keepers that all start again find each other without
    /// a bootnode; none to keep nothing.
    pub address_book: Option<PathBuf>,
    /// When peers are asked to try whether this node can be reached; see [`crate::Outside`].
    pub tries: Tries,
}

impl Default for Config {
    /// A keeper that listens on TCP port 7419 of every interface, without bootnodes, in the all-zero network, that admits
    /// registered operators only. It has nothing to say yet: no topics, no requests.
    ///
    /// Not over QUIC: libp2p-quic answers every first packet before the gate can look at it, and has no Retry (RFC 9000, 8.1.2). So
    /// false source addresses cost processor time and memory as long as they come, and more than a keeper may grow under attack:
    /// 1.4 ms each in a debug build, and 29 to 130 MB at 1,000 a second. Until it has one, QUIC is for those who name it.
    fn default() -> Self {
        let everywhere = Multiaddr::empty().with(Protocol::Ip4([0, 0, 0, 0].into())).with(Protocol::Tcp(DEFAULT_PORT));
        Self {
            listen: vec![everywhere],
            external: Vec::new(),
            bootnodes: Vec::new(),
            domain8: "0".repeat(16),
            wire: crate::WIRE,
            role: Role::Keeper,
            max_peers: DEFAULT_MAX_PEERS,
            admission: Admission::Registered,
            sentries: Vec::new(),
            topics: Vec::new(),
            requests: RequestLimits::default(),
            straight: 0,
            address_book: None,
            tries: Tries::default(),
        }
    }
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if self.domain8.len() != 16 || !self.domain8.chars().all(hexadecimal) {
            return Err(ConfigError::Domain(self.domain8.clone()));
        }
        if self.max_peers > MOST_PEERS {
            return Err(ConfigError::TooManyPeers { given: self.max_peers, most: MOST_PEERS });
        }
        if self.bootnodes.len() > MOST_BOOTNODES {
            return Err(ConfigError::TooManyBootnodes { given: self.bootnodes.len(), most: MOST_BOOTNODES });
        }
        if self.sentries.len() > MOST_SENTRIES {
            return Err(ConfigError::TooManySentries { given: self.sentries.len(), most: MOST_SENTRIES });
        }
        topic::validate(&self.topics)?;
        self.requests.validate()?;
        requests::check_longest(self.straight)?;
        self.bootnodes.iter().try_for_each(|address| split_bootnode(address).map(|_| ()))
    }
}

/// Reads a bootnode address such as `/ip4/203.0.113.7/tcp/7419/p2p/12D3Koo…`, `/dns4/boot.example/udp/7419/quic-v1/p2p/…`, or
/// `/dnsaddr/boot.example/p2p/…`, whose addresses are in TXT records of `_dnsaddr.boot.example`.
///
/// # Errors
/// [`ConfigError`] when it is no multiaddr, names no TCP or QUIC port, or lacks the peer id.
pub fn parse_bootnode(text: &str) -> Result<Multiaddr, ConfigError> {
    let address: Multiaddr = text.trim().parse().map_err(|error: libp2p::multiaddr::Error| {
        ConfigError::BootnodeMalformed { text: text.to_owned(), reason: error.to_string() }
    })?;
    split_bootnode(&address).map(|_| address)
}

/// The peer at a bootnode address, and the address without its `/p2p` end.
pub(crate) fn split_bootnode(address: &Multiaddr) -> Result<(PeerId, Multiaddr), ConfigError> {
    let mut transport = address.clone();
    let Some(Protocol::P2p(peer)) = transport.pop() else {
        return Err(ConfigError::BootnodeWithoutPeerId(address.clone()));
    };
    // Behind a name of this sort the DNS has whole addresses, each with its port, and the peer id binds them to this peer.
    let parts: Vec<Protocol<'_>> = transport.iter().collect();
    if matches!(parts.as_slice(), [Protocol::Dnsaddr(_)]) {
        return Ok((peer, transport));
    }
    let has_port = parts.iter().any(|part| matches!(part, Protocol::Tcp(port) | Protocol::Udp(port) if *port != 0));
    if !has_port || Transport::of(&transport).is_none() {
        return Err(ConfigError::BootnodeWithoutPort(address.clone()));
    }
    Ok((peer, transport))
}

#[cfg(test)]
mod tests;
