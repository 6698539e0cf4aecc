//! Where the parts of a swarm live: by default all on this machine's loopback, in a lab each in a network namespace of its own.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use crate::process::CommandLine;

/// Where a part lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The network namespace that it is started in, by the file that `ip netns` keeps of it; none for that of this process.
    pub namespace: Option<PathBuf>,
    /// Where it listens for peers.
    pub mesh: IpAddr,
    /// Where it listens for whoever asks it.
    pub house: IpAddr,
    /// Whether peers come over QUIC, and not over TCP.
    pub quic: bool,
}

/// Where all of them live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The chain and the jobs' web server, for keepers and this process.
    pub chain: IpAddr,
    /// The bootnode.
    pub bootnode: Place,
    /// Keepers by their order; those beyond it live on loopback.
    pub keepers: Vec<Place>,
}

impl Default for Place {
    fn default() -> Self {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { namespace: None, mesh: loopback, house: loopback, quic: false }
    }
}

impl Default for Places {
    fn default() -> Self {
        let bootnode = Place::default();
        Self { chain: bootnode.house, bootnode, keepers: Vec::new() }
    }
}

impl Places {
    /// The same, for so many keepers, over QUIC.
    #[must_use]
    pub(super) fn over_quic(mut self, keepers: usize) -> Self {
        self.keepers.resize_with(keepers, Place::default);
        self.keepers.iter_mut().chain([&mut self.bootnode]).for_each(|place| place.quic = true);
        self
    }
}

impl Place {
    /// The multiaddr of a free port for peers.
    pub(super) fn listen(&self) -> String {
        let kind = if self.mesh.is_ipv4() { "ip4" } else { "ip6" };
        let transport = if self.quic { "udp/0/quic-v1" } else { "tcp/0" };
        format!("/{kind}/{}/{transport}", self.mesh)
    }

    /// A free port for whoever asks.
    pub(super) fn free_port(&self) -> String {
        std::net::SocketAddr::new(self.house, 0).to_string()
    }

    /// The same line, started here.
    pub(super) fn within(&self, line: CommandLine) -> CommandLine {
        CommandLine { namespace: self.namespace.clone(), ..line }
    }
}
