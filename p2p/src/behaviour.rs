//! The protocols of a node, put together.

use std::time::Duration;

use libp2p::metrics::Registry;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{identify, memory_connection_limits, ping};

use crate::config::{Config, Role};
use crate::error::Error;
use crate::gate::Gate;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::questions::{Terms, WORDS};
use crate::requests::{self, Protocol};
use crate::topic::Topics;
use crate::{discovery, gossip, outside, records, straight, wire};

/// No new connections when the process holds this share of the machine's memory.
const MEMORY_SHARE: f64 = 0.7;
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A keeper runs all of it; a bootnode leaves gossip and requests out.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    /// First, so that a connection it refuses reaches none of the others.
    pub(crate) gate: Gate,
    memory: memory_connection_limits::Behaviour,
    pub(crate) kademlia: discovery::Kademlia,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    pub(crate) outside: outside::Tester,
    pub(crate) gossip: Toggle<gossip::Behaviour>,
    pub(crate) status: Toggle<requests::Behaviour>,
    pub(crate) want: Toggle<requests::Behaviour>,
    pub(crate) code: Toggle<requests::Behaviour>,
    pub(crate) records: requests::Behaviour,
    pub(crate) straight: Toggle<straight::Behaviour>,
}

impl Behaviour {
    pub(crate) fn new(
        config: &Config,
        topics: &Topics,
        identity: &Identity,
        registry: &mut Registry,
        metrics: &Metrics,
    ) -> Result<Self, Error> {
        let drops = metrics.drops.clone();
        let domain8 = &config.domain8;
        let is_keeper = config.role == Role::Keeper;
        let gossip = if is_keeper { Some(gossip::behaviour(topics, domain8, registry, drops.clone())?) } else { None };
        let request = |protocol: Protocol| {
            is_keeper.then(|| {
                requests::behaviour(protocol.name(domain8), config.requests.of(protocol), Terms::of(protocol).streams)
            })
        };
        Ok(Self {
            gate: Gate::new(config, metrics.refusals.clone()),
            memory: memory_connection_limits::Behaviour::with_max_percentage(MEMORY_SHARE),
            kademlia: discovery::kademlia(identity.peer_id(), domain8, drops),
            identify: identify::Behaviour::new(
                identify::Config::new(wire::name(domain8, config.wire), identity.keypair().public())
                    .with_agent_version(agent(config.role)?)
                    .with_push_listen_addr_updates(true)
                    // The address book of `discovery` is the only one.
                    .with_cache_size(0),
            ),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT)),
            outside: outside::tester(identity.peer_id(), config.tries, &config.external, metrics.drops.clone()),
            gossip: gossip.into(),
            status: request(Protocol::Status).into(),
            want: request(Protocol::Want).into(),
            code: request(Protocol::Code).into(),
            records: requests::behaviour(records::protocol_name(domain8), records::SIZES, WORDS.streams),
            straight: (is_keeper && config.straight > 0).then(|| straight::Behaviour::new(config)).into(),
        })
    }

    pub(crate) fn requests(&mut self, protocol: Protocol) -> Option<&mut requests::Behaviour> {
        match protocol {
            Protocol::Status => self.status.as_mut(),
            Protocol::Want => self.want.as_mut(),
            Protocol::Code => self.code.as_mut(),
        }
    }
}

/// Program, version and a number drawn anew at every start, by which peers notice a restart (see `peers`).
fn agent(role: Role) -> Result<String, Error> {
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce).map_err(|error| Error::Setup { part: "the boot nonce", reason: error.to_string() })?;
    let program = match role {
        Role::Keeper => "keeper",
        Role::Bootnode => "bootnode",
    };
    Ok(format!("{program}/{} {:016x}", env!("CARGO_PKG_VERSION"), u64::from_be_bytes(nonce)))
}
