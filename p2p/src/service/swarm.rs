//! What carries connections, put together.

use std::num::NonZeroU8;
use std::time::Duration;

use libp2p::metrics::Registry;
use libp2p::{Swarm, SwarmBuilder, noise, quic, swarm, tcp, yamux};

use crate::behaviour::Behaviour;
use crate::config::Config;
use crate::error::Error;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::topic::Topics;

/// Quiet meshes stay connected: a keeper needs every link at the moment a task falls due.
const IDLE_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
const MAX_STREAMS: usize = 64;
/// Two packets that get no answer, and the time of a third: where UDP is dropped without a word, TCP has its turn after this.
const QUIC_HANDSHAKE: Duration = Duration::from_secs(3);
/// After so long without a packet a connection is dead.
const QUIC_SILENCE_MS: u32 = 10_000;
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(4);
/// What a peer may send ahead of what is read, on a stream and on all of a connection.
const QUIC_STREAM_BYTES: u32 = 1024 * 1024;
const QUIC_CONNECTION_BYTES: u32 = 4 * 1024 * 1024;

/// The swarm, over QUIC and TCP.
pub(super) fn swarm(
    config: &Config,
    topics: &Topics,
    identity: &Identity,
    registry: &mut Registry,
    metrics: &Metrics,
) -> Result<Swarm<Behaviour>, Error> {
    let behaviour = Behaviour::new(config, topics, identity, registry, metrics)?;
    let multiplexer = || {
        let mut settings = yamux::Config::default();
        settings.set_max_num_streams(MAX_STREAMS);
        settings
    };
    let noise_failed = |error: noise::Error| Error::Setup { part: "noise", reason: error.to_string() };
    let dns_failed = |error: std::io::Error| Error::Setup { part: "DNS", reason: error.to_string() };
    let builder = SwarmBuilder::with_existing_identity(identity.keypair())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, multiplexer)
        .map_err(noise_failed)?
        .with_quic_config(quic)
        .with_dns()
        .map_err(dns_failed)?
        .with_bandwidth_metrics(registry);
    let builder = builder.with_behaviour(|_| behaviour).unwrap_or_else(|never| match never {});
    // One address after the other, unless the address book says otherwise: two connections at once to one peer, of which one is
    // closed again, may cost what gossip has said on it.
    let settle = |settings: swarm::Config| {
        settings.with_idle_connection_timeout(IDLE_TIMEOUT).with_dial_concurrency_factor(NonZeroU8::MIN)
    };
    Ok(builder.with_swarm_config(settle).build())
}

/// Streams as over TCP, and as much under way as a certificate for everybody takes.
fn quic(mut settings: quic::Config) -> quic::Config {
    settings.handshake_timeout = QUIC_HANDSHAKE;
    settings.max_idle_timeout = QUIC_SILENCE_MS;
    settings.keep_alive_interval = QUIC_KEEP_ALIVE;
    settings.max_concurrent_stream_limit = u32::try_from(MAX_STREAMS).unwrap_or(u32::MAX);
    settings.max_stream_data = QUIC_STREAM_BYTES;
    settings.max_connection_data = QUIC_CONNECTION_BYTES;
    settings
}
