//! Builds the parts of a running keeper, connects them, and takes them down in order.
//!
//! ```text
//!                       commands 256                        orders (bounded, one per batch)
//!   ┌──────────────┐ ◄──────────────── ┌──────────────┐ ─────────────────► ┌──────────────────┐
//!   │ p2p::Service │                   │    driver    │                    │ chain::Submitter │
//!   └──────────────┘ ────────────────► │              │ ─────────────────► ├──────────────────┤
//!                       events 2       │  one loop,   │   groups 64        │  journal thread  │
//!   ┌──────────────┐                   │  one core    │                    └──────────────────┘
//!   │chain::Watcher│ ────────────────► │              │ ── tasks ──► executor (bounded by its places)
//!   └──────────────┘   chain 1024      └──────────────┘ ◄── done 1024 ── executor, journal, submitter
//!                                             │     ◄── answers 256 ── questions to peers
//!                                             │     ── entries 8192 ──► archive thread
//!                                             │
//!                                             ├── heartbeats 256 ──► heartbeat::Pulse ── watch: MeshView ──► API, health rules
//!                                             └── watch: View ──► API, /ready, `keeper status`, heartbeat::Pulse
//! ```
//!
//! When a channel is full: the watcher waits (nothing of the chain is lost, it only comes later); the mesh drops gossip
//! with the verdict Ignore and counts it; finished work waits in its own task; publishing waits for the swarm's loop; what
//! finds no room in the archive is left out of it and counted.
//!
//! The stop goes the other way round than the start: first the driver, so that nothing new is said; then the watcher and
//! the submitter, whose ledger is on disk; then journal and archive, once their queues are empty; last the mesh and the listeners.

mod parts;
mod reach;
mod reader;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use consensus::engine;
use contracts::network::Network;
use p2p::Registry;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::archive::{ArchiveHandle, Owner};
use crate::chain::{ChainConfig, Rpc, Watcher};
use crate::config::Config;
use crate::driver::{Driver, Stopped};
use crate::evidence::{EvidenceHandle, EvidenceStore};
use crate::health::Alerts;
use crate::heartbeat::{self, Pulse, PulseHandle, Pulser};
use crate::journal::{Identity, Journal, JournalHandle, Missing};
use crate::keystore::{Keys, Secrets};
use crate::metrics::{Liveness, Metrics};
use crate::paths::Paths;
use crate::scene::Scene;
use crate::view::View;
use crate::{api, memory, metrics, notify, topics};
use parts::{core, domain, services};
use reach::{Known, alive_during, reach};

/// Chain events on their way to the driver; the watcher waits when it is full.
const CHAIN_EVENTS: usize = 1_024;
/// How long the parts may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What a node is started with.
#[derive(Debug)]
pub struct Setup {
    /// Settings.
    pub config: Config,
    /// The network.
    pub network: Network,
    /// The operator's keys.
    pub keys: Keys,
    /// What jobs may have sent in headers, each to its own host.
    pub secrets: Arc<Secrets>,
    /// The mesh identity.
    pub identity: p2p::Identity,
    /// Where its files are.
    pub paths: Paths,
    /// Start although the journal is missing and the key is registered.
    pub accept_empty_journal: bool,
}

/// Where a node can be reached.
#[derive(Clone, Debug)]
pub struct Reachable {
    /// Multiaddrs for peers.
    pub listen: Vec<p2p::Multiaddr>,
    /// The API.
    pub api: SocketAddr,
    /// The metrics.
    pub metrics: SocketAddr,
}

/// The parts that run from the start, before the chain has been reached.
struct Front {
    mesh: p2p::Handle,
    mesh_events: mpsc::Receiver<p2p::Event>,
    metrics: Metrics,
    liveness: Liveness,
    pulse: PulseHandle,
    alerts: Alerts,
    view: watch::Sender<Arc<View>>,
    scene: Scene,
    purse: api::Purse,
    /// Stops mesh and listeners, last of all.
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Runs a node until `shutdown`. `announce` is told where it can be reached, once its listeners are up.
///
/// # Errors
/// What keeps a node from starting; once it runs, a part that has ended by itself, or danger for the stake.
pub async fn run(
    setup: Setup,
    shutdown: CancellationToken,
    announce: impl FnOnce(&Reachable) -> Result<()>,
) -> Result<()> {
    let (front, reachable) = open_front(&setup, &shutdown).await?;
    announce(&reachable)?;
    let worked = Box::pin(work(setup, &shutdown, front)).await;
    if worked.is_err() {
        shutdown.cancel();
    }
    worked
}

/// Starts the mesh and the listeners.
async fn open_front(setup: &Setup, shutdown: &CancellationToken) -> Result<(Front, Reachable)> {
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let config = &setup.config;
    let bootnodes = bootnodes(config, &setup.network)?;
    let mesh_config = p2p::Config {
        listen: config.listen.clone(),
        external: config.external_addrs.clone(),
        bootnodes,
        domain8: domain(&setup.network).name(),
        wire: wire(),
        role: p2p::Role::Keeper,
        max_peers: config.max_peers,
        admission: p2p::Admission::Registered,
        sentries: config.sentries.clone(),
        topics: topics::table(),
        requests: topics::requests(),
        straight: topics::STRAIGHT_LIMIT,
        address_book: Some(setup.paths.address_book()),
        tries: p2p::Tries::default(),
    };
    metrics::register_files(&mut registry, &setup.paths);
    metrics.peer_limit.set(i64::try_from(config.max_peers).unwrap_or(i64::MAX));
    let built = p2p::build(mesh_config, &setup.identity, &mut registry);
    let (mesh, mesh_events, service) = built
        .context("the mesh cannot start as --listen, --external-addr, --bootnode, --sentry and --max-peers say")?;
    let api_listener = api::bind(config.api_addr, "--api-addr").await?;
    let metrics_listener = api::bind(config.metrics_addr, "--metrics-addr").await?;
    let (api_addr, metrics_addr) = (api_listener.local_addr()?, metrics_listener.local_addr()?);
    let operator = setup.keys.wallet.address().to_string();
    let mut first = View { operator, peer_id: setup.identity.peer_id().to_string(), ..View::default() };
    first.set_check("chain", false, "not connected to a chain node yet");
    let (view, seen) = watch::channel(Arc::new(first));
    let liveness = Liveness::new();
    let stop = CancellationToken::new();
    let scene = Scene::register(&mut registry, domain(&setup.network));
    let purse = api::Purse::default();
    let sources = api::Sources {
        view: seen.clone(),
        liveness: liveness.clone(),
        mesh: mesh.clone(),
        scene: scene.clone(),
        archive: setup.paths.archive(),
        purse: purse.clone(),
    };
    let (pulse, way) = Pulse::new(pulser(setup)?);
    let alerts = Alerts::to(config.alert_webhook.clone(), stop.clone()).context("no HTTP client for alert_webhook")?;
    let api_router = api::router(sources).merge(api::guarded(heartbeat::routes(way.pictures())));
    let herald = notify::run(liveness.clone(), seen.clone(), shutdown.clone(), stop.clone());
    let metrics_router = metrics::router(Arc::new(registry), seen.clone(), liveness.clone());
    let tasks = vec![
        tokio::spawn(service.run(stop.clone())),
        tokio::spawn(pulse.run(mesh.clone(), seen, metrics.clone(), stop.clone())),
        serve(api_listener, api_router, stop.clone()),
        serve(metrics_listener, metrics_router, stop.clone()),
        tokio::spawn(memory::give_back(stop.clone())),
        tokio::spawn(herald),
    ];
    let listen = wait_for_listeners(&mesh, &config.listen).await;
    let pulse = way;
    let front = Front { mesh, mesh_events, metrics, liveness, pulse, alerts, view, scene, purse, stop, tasks };
    Ok((front, Reachable { listen, api: api_addr, metrics: metrics_addr }))
}

#[cfg(not(feature = "equivocate"))]
const fn wire() -> u16 {
    p2p::WIRE
}

#[cfg(feature = "equivocate")]
use crate::driver::equivocate::wire;

/// Who beats: this keeper's key, and a number by which others know one process from the next.
fn pulser(setup: &Setup) -> Result<Pulser> {
    let mut boot = [0; 8];
    getrandom::fill(&mut boot).context("the operating system gives no random numbers")?;
    Ok(Pulser {
        separator: domain(&setup.network).separator(),
        key: ed25519_dalek::SigningKey::from_bytes(&setup.identity.secret_seed()),
        boot: u64::from_be_bytes(boot),
        region: setup.config.region.clone(),
        is_named: !setup.config.external_addrs.is_empty(),
    })
}

/// The bootnodes of the flags, then those of the network file.
fn bootnodes(config: &Config, network: &Network) -> Result<Vec<p2p::Multiaddr>> {
    let mut bootnodes = config.bootnodes.clone();
    for text in &network.bootnodes {
        let named = || format!("`bootnodes` in {}", config.network.display());
        let bootnode = p2p::parse_bootnode(text).with_context(named)?;
        if !bootnodes.contains(&bootnode) {
            bootnodes.push(bootnode);
        }
    }
    Ok(bootnodes)
}

fn serve(listener: tokio::net::TcpListener, router: axum::Router, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = api::serve(listener, router, stop).await {
            tracing::error!(%error, "an HTTP listener stopped");
        }
    })
}

/// Where the mesh listens, over each transport that it was told: the swarm reports its listeners a moment after it starts. A bad
/// address has failed before.
async fn wait_for_listeners(mesh: &p2p::Handle, told: &[p2p::Multiaddr]) -> Vec<p2p::Multiaddr> {
    let deadline = tokio::time::Instant::now() + STOP_PATIENCE;
    let is_over = |addresses: &[p2p::Multiaddr], part| addresses.iter().any(|it| it.to_string().contains(part));
    loop {
        let listeners = mesh.listeners().await;
        let is_there = ["/tcp/", "/udp/"].into_iter().all(|part| is_over(&listeners, part) || !is_over(told, part));
        if is_there && !listeners.is_empty() || tokio::time::Instant::now() > deadline {
            return listeners;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Reaches the chain, starts what rests on it, and runs the driver until `shutdown`.
async fn work(setup: Setup, shutdown: &CancellationToken, front: Front) -> Result<()> {
    let chain = ChainConfig { network: with_rpc_urls(&setup), network_file: setup.config.network.clone() };
    let rpc = Rpc::new(&chain)?;
    let known = tokio::select! {
        known = alive_during(&front.liveness, reach(&rpc, &chain, &setup, &front.view)) => known?,
        () = shutdown.cancelled() => {
            close(front.stop, front.tasks).await;
            return Ok(());
        }
    };
    let (journal, journal_state) = open_journal(&setup, &known)?;
    let (journal, journal_thread) = JournalHandle::spawn(journal, front.metrics.clone());
    let (evidence, evidence_thread) = EvidenceHandle::spawn(EvidenceStore::at(setup.paths.data()));
    let owner = Owner { domain: domain(&setup.network).separator(), operator: setup.keys.wallet.address() };
    let (archive, archive_thread) = ArchiveHandle::spawn(setup.paths.archive(), owner);
    let stop = CancellationToken::new();
    let watcher = Watcher::new(rpc.clone(), chain.clone()).remembering(setup.paths.data());
    let records = (journal, evidence, archive);
    let history = watcher.memory_trouble();
    let services = services((&setup, &known.constants), &chain, &rpc, &front, records, history, &stop)?;
    alive_during(&front.liveness, services.actions.executor.check()).await?;
    front.purse.open(services.provider.clone(), chain.network.contracts.job_manager);
    let (events, chain_events) = mpsc::channel(CHAIN_EVENTS);
    let watcher = tokio::spawn(watcher.run(events, stop.clone()));
    let core = core(setup, (&chain, &known.constants), journal_state)?;
    let Front { mesh_events, metrics, liveness, view, .. } = front;
    let (driver, inlets) = Driver::connect(core, services, (metrics, liveness), view, chain_events, mesh_events);
    let driven = driver.run(inlets, shutdown.clone()).await;
    stop.cancel();
    let stopped = async {
        let _ = watcher.await;
        // The driver and its handles on them are gone: each thread ends when its queue is empty.
        let threads = [journal_thread, evidence_thread, archive_thread];
        let _ = tokio::task::spawn_blocking(move || threads.map(std::thread::JoinHandle::join)).await;
    };
    if tokio::time::timeout(STOP_PATIENCE, stopped).await.is_err() {
        tracing::warn!("some parts did not stop in time; what they have on disk is complete");
    }
    close(front.stop, front.tasks).await;
    driven.map_err(Stopped::into_error)
}

fn with_rpc_urls(setup: &Setup) -> Network {
    let mut network = setup.network.clone();
    if !setup.config.rpc_urls.is_empty() {
        network.rpc_urls = setup.config.rpc_urls.iter().map(ToString::to_string).collect();
    }
    network
}

/// A key the registry knows may have signed: without its journal it must not sign again unasked.
fn open_journal(setup: &Setup, known: &Known) -> Result<(Journal, engine::JournalState)> {
    let key = setup.keys.bls.public_key().to_bytes();
    let identity = Identity::new(&key, domain(&setup.network).separator());
    let path = setup.paths.journal();
    let state = match (path.exists(), known.registered) {
        // What the key signed after the backup is in no journal.
        (true, true) if setup.paths.restored().exists() => engine::JournalState::Lost,
        (true, _) => engine::JournalState::Intact,
        (false, true) => engine::JournalState::Lost,
        (false, false) => engine::JournalState::New,
    };
    // `keeper operator register` leaves an empty journal behind, so a key that never ran does not need the flag.
    let missing = match (state, known.floor) {
        // The engine keeps to blocks above what anybody shows; the journal keeps to it across a crash.
        (engine::JournalState::Lost, Some(floor)) => Missing::CreateAbove(floor.saturating_add(1)),
        (engine::JournalState::Lost, None) => Missing::Refuse,
        _ => Missing::Create,
    };
    let mut journal = Journal::open(&path, identity, missing)?;
    take_up_restored(setup, known, &mut journal)?;
    Ok((journal, state))
}

/// A restored journal refuses all that may have been signed since its backup. That is on disk before the mark goes.
fn take_up_restored(setup: &Setup, known: &Known, journal: &mut Journal) -> Result<()> {
    let mark = setup.paths.restored();
    if !mark.exists() {
        return Ok(());
    }
    if let Some(floor) = known.floor {
        journal.prune(floor.saturating_add(1))?;
        tracing::warn!(floor, "the journal was restored from a backup: nothing up to this block is signed any more");
    }
    std::fs::remove_file(&mark).with_context(|| format!("could not remove {}", mark.display()))
}

async fn close(stop: CancellationToken, tasks: Vec<JoinHandle<()>>) {
    stop.cancel();
    for task in tasks {
        let _ = tokio::time::timeout(STOP_PATIENCE, task).await;
    }
}
