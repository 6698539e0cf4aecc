//! A running node under test, and waiting on conditions with a deadline.

use std::sync::Arc;
use std::time::Duration;

use libp2p::multiaddr::Protocol as AddressPart;
use p2p::{
    Admission, Config, Event, Handle, Identity, Multiaddr, PeerId, PeerSummary, Registry, Role, TopicId, Verdict, build,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::table::{REQUESTS, STRAIGHT, TOPICS};

pub(crate) const DOMAIN: &str = "00112233aabbccdd";
/// Nothing here takes longer, however loaded the machine is.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A node whose service runs as a task; the tests read its events.
pub(crate) struct Node {
    pub(crate) handle: Handle,
    pub(crate) identity: Identity,
    events: mpsc::Receiver<Event>,
    registry: Arc<Registry>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
    listening: Vec<Multiaddr>,
}

/// A keeper's settings on loopback, where everybody is admitted.
pub(crate) fn config(bootnodes: &[Multiaddr]) -> Config {
    Config {
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().expect("well formed")],
        bootnodes: bootnodes.to_vec(),
        domain8: DOMAIN.to_owned(),
        admission: Admission::Everybody,
        topics: TOPICS.to_vec(),
        requests: REQUESTS,
        straight: STRAIGHT,
        ..Config::default()
    }
}

impl Node {
    pub(crate) fn start_as(identity: Identity, config: Config) -> Self {
        let mut registry = Registry::default();
        let (handle, events, service) = build(config, &identity, &mut registry).expect("the node builds");
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(service.run(shutdown.clone()));
        Self { handle, identity, events, registry: Arc::new(registry), shutdown, task, listening: Vec::new() }
    }

    pub(crate) fn start(config: Config) -> Self {
        Self::start_as(Identity::generate(), config)
    }

    pub(crate) fn keeper(bootnodes: &[Multiaddr]) -> Self {
        Self::start(config(bootnodes))
    }

    pub(crate) fn bootnode() -> Self {
        Self::start(Config { role: Role::Bootnode, ..config(&[]) })
    }

    pub(crate) fn peer_id(&self) -> PeerId {
        self.identity.peer_id()
    }

    /// The first address it listens on, with `/p2p`.
    pub(crate) async fn address(&mut self) -> Multiaddr {
        if self.listening.is_empty() {
            let address = self.wait("an address to listen on", |event| match event {
                Event::Listening(address) => Some(address),
                _ => None,
            });
            let address = address.await;
            self.listening.push(address);
        }
        self.listening[0].clone()
    }

    /// The address it listens on over the transport whose name is in the address, with `/p2p`.
    pub(crate) async fn address_over(&self, transport: &str) -> Multiaddr {
        let mut found = None;
        until("an address to listen on", async || {
            let listeners = self.handle.listeners().await;
            found = listeners.into_iter().find(|address| address.to_string().contains(transport));
            found.is_some()
        })
        .await;
        found.expect("there is one")
    }

    /// Reads events until one fits; the others are dropped.
    pub(crate) async fn wait<T>(&mut self, what: &str, mut fits: impl FnMut(Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("stopped while waiting for {what}"));
                if let Some(found) = fits(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(DEADLINE, found).await.unwrap_or_else(|_| panic!("no {what} within {DEADLINE:?}"))
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    pub(crate) async fn wait_connected(&mut self, peer: PeerId) {
        self.wait("connection", |event| matches!(event, Event::PeerConnected(other) if other == peer).then_some(()))
            .await;
    }

    pub(crate) async fn wait_disconnected(&mut self, peer: PeerId) {
        let gone = |event| matches!(event, Event::PeerDisconnected(other) if other == peer).then_some(());
        self.wait("disconnection", gone).await;
    }

    /// The next gossip message, judged with `verdict`.
    pub(crate) async fn message(&mut self, verdict: Verdict) -> (TopicId, Vec<u8>) {
        let (reference, topic, data) = self
            .wait("gossip message", |event| match event {
                Event::Message { message, topic, data, .. } => Some((message, topic, data)),
                _ => None,
            })
            .await;
        self.handle.judge(reference, verdict).await;
        (topic, data)
    }

    /// The next message that came straight, judged with `verdict`.
    pub(crate) async fn straight(&mut self, verdict: Verdict) -> (PeerId, Vec<u8>) {
        let (reference, from, data) = self
            .wait("message that came straight", |event| match event {
                Event::Straight { message, from, data } => Some((message, from, data)),
                _ => None,
            })
            .await;
        self.handle.judge(reference, verdict).await;
        (from, data)
    }

    /// What `keeper status` shows of one peer.
    pub(crate) async fn peer(&self, peer: PeerId) -> Option<PeerSummary> {
        self.handle.peers().await.into_iter().find(|summary| summary.peer_id == peer)
    }

    /// Waits until the peer wants every topic.
    pub(crate) async fn wait_subscribed(&self, peer: PeerId) {
        until("subscriptions of a peer", async || {
            self.peer(peer).await.is_some_and(|summary| summary.topics.len() == TOPICS.len())
        })
        .await;
    }

    /// Every series.
    pub(crate) fn text(&self) -> String {
        self.teller()()
    }

    /// The same, for as long as it is wanted, whoever has the node.
    pub(crate) fn teller(&self) -> impl Fn() -> String + use<> {
        let registry = Arc::clone(&self.registry);
        move || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, &registry).expect("encodes");
            text
        }
    }

    /// The value of a series, summed over its labels.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.text();
        let values = text
            .lines()
            .filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ') || rest.starts_with('{')));
        values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Ends the process, as SIGKILL would: nothing is said to anybody.
    pub(crate) async fn kill(self) -> Identity {
        self.task.abort();
        let _ = self.task.await;
        self.identity
    }

    /// Stops in good order.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(DEADLINE, self.task).await.expect("stops in time").expect("no panic");
    }
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            look.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"));
}

/// The port of an address.
pub(crate) fn port(address: &Multiaddr) -> u16 {
    let port = |part| match part {
        AddressPart::Tcp(port) | AddressPart::Udp(port) => Some(port),
        _ => None,
    };
    address.iter().find_map(port).expect("an address with a port")
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    listener.local_addr().expect("bound").port()
}

pub(crate) fn loopback(port: u16, peer: PeerId) -> Multiaddr {
    format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}").parse().expect("well formed")
}
