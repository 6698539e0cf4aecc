//! libp2p's own series and a few counters of ours (`p2p_…`), all in the caller's registry.

use libp2p::metrics::{Metrics as Libp2pMetrics, Registry};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::admission::Refusal;
use crate::peers::Direction;
use crate::reach::Transport;

/// What kind of event was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Lost {
    Message,
    Request,
    Lifecycle,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct LostLabels {
    pub(crate) kind: Lost,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    direction: &'static str,
    reason: &'static str,
}

/// Counts refused connections by direction and reason.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(Family<RefusalLabels, Counter>);

impl Refusals {
    pub(crate) fn count(&self, direction: Direction, refusal: Refusal) {
        self.0.get_or_create(&RefusalLabels { direction: direction.name(), reason: refusal.name() }).inc();
    }
}

/// What was dropped before anybody looked at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Kind {
    /// Gossip beyond what its sender may send.
    Message,
    /// Gossip of a topic that this node does not carry.
    Topic,
    /// Gossipsub's control messages and subscriptions.
    Control,
    /// Questions to the address book, and what peers say of themselves.
    Lookup,
    /// Requests to try whether the asker can be reached.
    Try,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DropLabels {
    kind: Kind,
}

/// Counts what peers sent beyond what they may.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drops(Family<DropLabels, Counter>);

impl Drops {
    pub(crate) fn count(&self, kind: Kind) {
        self.0.get_or_create(&DropLabels { kind }).inc();
    }
}

/// What the mesh had no room for since the start. What a peer sends beyond what it may is not in it: that is the peer's doing
/// alone, and in `p2p_intake_dropped_total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overflow {
    /// Gossip messages whose peer's line was full.
    pub messages: u64,
    /// Requests of peers whose line was full: the stream was closed.
    pub questions: u64,
    /// Commands of the keeper that found the swarm busy, and news of connections that found the keeper so.
    pub commands: u64,
    /// Messages of this node that found the queue to every peer full.
    pub publishes: u64,
}

/// Counts what there is no room for, on either side of the mesh.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overflows {
    events: Family<LostLabels, Counter>,
    /// Requests of peers refused by the rate limit.
    pub(crate) questions: Counter,
    /// Commands of the keeper that the swarm had no room for.
    pub(crate) commands: Counter,
    /// Messages of this node that no peer's queue had room for.
    pub(crate) publishes: Counter,
}

impl Overflows {
    pub(crate) fn lost(&self, kind: Lost) {
        self.events.get_or_create(&LostLabels { kind }).inc();
    }

    /// How much it was of each kind.
    pub(crate) fn count(&self) -> Overflow {
        let lost = |kind| self.events.get(&LostLabels { kind }).map_or(0, |counter| counter.get());
        Overflow {
            messages: lost(Lost::Message),
            questions: lost(Lost::Request),
            commands: lost(Lost::Lifecycle) + self.commands.get(),
            publishes: self.publishes.get(),
        }
    }
}

/// Why connections of an admitted peer were closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// It is no registered operator any more.
    Left,
    /// It sent too many wrong messages.
    Offender,
    /// It is no operator, and others need its place.
    Crowded,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LinkLabels {
    transport: &'static str,
    direction: &'static str,
}

/// Counts connections by what carries them and who opened them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links(Family<LinkLabels, Gauge>);

impl Links {
    pub(crate) fn show(&self, transport: Transport, direction: Direction, number: usize) {
        let labels = LinkLabels { transport: transport.name(), direction: direction.name() };
        self.0.get_or_create(&labels).set(i64::try_from(number).unwrap_or(i64::MAX));
    }
}

/// The counters of this crate and libp2p's recorder.
pub(crate) struct Metrics {
    pub(crate) libp2p: Libp2pMetrics,
    /// What there is no room for.
    pub(crate) overflows: Overflows,
    /// Messages that a peer did not take in time.
    pub(crate) sends_lost: Counter,
    /// Messages that had to wait for a first subscriber.
    pub(crate) publishes_delayed: Counter,
    /// Waiting messages that found no subscriber in time.
    pub(crate) publishes_expired: Counter,
    /// Peers found to have restarted behind a connection that still looked alive.
    pub(crate) peer_restarts: Counter,
    /// Dials that failed.
    pub(crate) dials_failed: Counter,
    /// Connections that the gate refused.
    pub(crate) refusals: Refusals,
    /// What peers sent beyond what they may.
    pub(crate) drops: Drops,
    /// Messages and requests that wait for the keeper, and their bytes.
    pub(crate) waiting: Gauge,
    pub(crate) waiting_bytes: Gauge,
    peers_dropped: Family<ReasonLabels, Counter>,
    faults: Family<ReasonLabels, Counter>,
    /// Registered operators on the list.
    pub(crate) admitted: Gauge,
    /// Signed peer records held, this node's own among them.
    pub(crate) records: Gauge,
    /// Connections to peers.
    pub(crate) links: Links,
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let libp2p = Libp2pMetrics::new(registry);
        let own = registry.sub_registry_with_prefix("p2p");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            own.register(name, help, counter.clone());
            counter
        };
        let publishes_delayed = counter("publishes_delayed", "Messages that waited for a first subscriber");
        let publishes_expired = counter("publishes_expired", "Waiting messages that found no subscriber in time");
        let peer_restarts = counter("peer_restarts", "Peers that restarted behind a connection that looked alive");
        let dials_failed = counter("dials_failed", "Dials that failed");
        let sends_lost = counter("sends_lost", "Messages that a peer did not take in time");
        let overflows = Overflows {
            events: Family::default(),
            questions: counter("requests_refused", "Inbound requests refused by the rate limit"),
            commands: counter("commands_lost", "Commands given up because the swarm was busy"),
            publishes: counter("publishes_lost", "Messages of this node that found the queue to every peer full"),
        };
        let refusals = Refusals::default();
        own.register("connections_refused", "Connections refused before any protocol saw them", refusals.0.clone());
        let peers_dropped = Family::<ReasonLabels, Counter>::default();
        own.register("peers_dropped", "Peers whose connections were closed", peers_dropped.clone());
        let faults = Family::<ReasonLabels, Counter>::default();
        own.register("faults", "What peers did wrong outside of gossip", faults.clone());
        let drops = Drops::default();
        own.register("intake_dropped", "What peers sent beyond what they may, unread", drops.0.clone());
        let (waiting, waiting_bytes) = (Gauge::default(), Gauge::default());
        own.register("inbox_waiting", "Messages and requests that wait for the keeper", waiting.clone());
        own.register("inbox_bytes", "Bytes of what waits for the keeper", waiting_bytes.clone());
        let admitted = Gauge::default();
        own.register("operators_admitted", "Registered operators that may connect", admitted.clone());
        let records = Gauge::default();
        own.register("records", "Signed peer records held, this node's own among them", records.clone());
        let links = Links::default();
        for transport in Transport::ALL {
            Direction::ALL.into_iter().for_each(|direction| links.show(transport, direction, 0));
        }
        own.register("links", "Connections to peers, by what carries them and who opened them", links.0.clone());
        let events = overflows.events.clone();
        own.register("events_lost", "Events dropped because the keeper reads them too slowly", events);
        Self {
            libp2p,
            overflows,
            sends_lost,
            publishes_delayed,
            publishes_expired,
            peer_restarts,
            dials_failed,
            refusals,
            drops,
            waiting,
            waiting_bytes,
            peers_dropped,
            faults,
            admitted,
            records,
            links,
        }
    }

    pub(crate) fn dropped(&self, dropped: Dropped) {
        let reason = match dropped {
            Dropped::Left => "left",
            Dropped::Offender => "offender",
            Dropped::Crowded => "crowded",
        };
        self.peers_dropped.get_or_create(&ReasonLabels { reason }).inc();
    }

    pub(crate) fn fault(&self, reason: &'static str) {
        self.faults.get_or_create(&ReasonLabels { reason }).inc();
    }
}
