//! The one owner of the swarm: a single loop over swarm events, commands and a tick.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use libp2p::futures::StreamExt;
use libp2p::gossipsub::TopicHash;
use libp2p::metrics::Registry;
use libp2p::multiaddr::Protocol as AddressPart;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, Swarm};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::behaviour::Behaviour;
use crate::book::{AT_ONCE, AddressBook};
use crate::command::Command;
use crate::config::{Config, Role, split_bootnode};
use crate::error::Error;
use crate::event::Event;
use crate::handle::Handle;
use crate::identity::Identity;
use crate::inbox::Inbox;
use crate::memory::{self, Memory};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::outside::Outside;
use crate::peers::{Direction, PeerSummary, Peers};
use crate::ports;
use crate::questions::{CODE, WORDS};
use crate::reach::{Home, Transport};
use crate::records::Records;
use crate::topic::Topics;

mod answers;
mod delivery;
mod desk;
mod gatekeeping;
mod outside;
mod publishing;
mod records;
mod straight;
mod swarm;
mod swarm_events;

use delivery::has_room;
use desk::Desk;

const COMMANDS: usize = 256;
/// Few, for what is in this channel is past all fairness: what waits, waits in the [`Inbox`].
const EVENTS: usize = 2;
const TICK: Duration = Duration::from_millis(250);
const FIRST_WALK: Duration = Duration::from_secs(1);
const SLOWEST_WALK: Duration = Duration::from_secs(60);

/// The swarm with everything it remembers. [`Service::run`] it as a task.
pub struct Service {
    swarm: Swarm<Behaviour>,
    max_peers: usize,
    domain8: String,
    /// The version of the wire that this node speaks.
    wire: u16,
    topics: Topics,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    metrics: Metrics,
    book: AddressBook,
    peers: Peers,
    inbox: Inbox,
    outbox: Outbox,
    memory: Memory,
    records: Records,
    round: records::Round,
    /// What the operator's own addresses say about where this node lives.
    named: Home,
    /// Status, want and records.
    words: Desk,
    code: Desk,
    outside: watch::Sender<Outside>,
    forgive_at: Instant,
    walk_at: Instant,
    walk_interval: Duration,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("local", self.swarm.local_peer_id()).finish_non_exhaustive()
    }
}

/// Builds a swarm and starts to listen. Must be called inside a tokio runtime. Nothing is dialled or answered before
/// [`Service::run`].
///
/// libp2p's series (`libp2p_…`, `gossipsub_…`) and ours (`p2p_…`) are put into `registry`.
///
/// # Errors
/// [`Error`]: a setting that cannot work, or an address that cannot be listened on.
pub fn build(
    config: Config,
    identity: &Identity,
    registry: &mut Registry,
) -> Result<(Handle, mpsc::Receiver<Event>, Service), Error> {
    config.validate()?;
    let metrics = Metrics::new(registry);
    let topics = match config.role {
        Role::Keeper => Topics::new(&config.topics, &config.domain8),
        Role::Bootnode => Topics::new(&[], &config.domain8),
    };
    let mut swarm = swarm::swarm(&config, &topics, identity, registry, &metrics)?;
    for address in &config.listen {
        ports::check_free(address)
            .map_err(|error| Error::Listen { address: address.clone(), reason: error.to_string() })?;
    }
    for address in &config.listen {
        let failed = |reason| Error::Listen { address: address.clone(), reason };
        swarm.listen_on(address.clone()).map_err(|error| failed(innermost(&error)))?;
    }
    for address in &config.external {
        swarm.add_external_address(address.clone());
    }
    let (now, local) = (Instant::now(), identity.peer_id());
    let (mut book, mut named) = (AddressBook::new(local), Home::default());
    for address in &config.bootnodes {
        let (peer, transport) = split_bootnode(address)?;
        named.add(&transport);
        book.pin(peer, &transport, now);
    }
    swarm.behaviour_mut().kademlia.guard.home = named.clone();
    let memory = Memory::new(config.address_book);
    let mut records = Records::new(identity.keypair());
    for (peer, address) in memory.load(|bytes| records.restore(bytes).is_ok()) {
        book.remember(peer, &address, now);
    }
    let (command_sender, commands) = mpsc::channel(COMMANDS);
    let (events, event_receiver) = mpsc::channel(EVENTS);
    let (outside, seen_outside) = watch::channel(Outside::Unknown);
    let service = Service {
        swarm,
        max_peers: config.max_peers,
        wire: config.wire,
        topics: topics.clone(),
        domain8: config.domain8,
        commands,
        events,
        metrics,
        book,
        peers: Peers::default(),
        inbox: Inbox::default(),
        outbox: Outbox::default(),
        memory,
        records,
        round: records::Round::default(),
        named,
        words: Desk::new(WORDS, now),
        code: Desk::new(CODE, now),
        outside,
        forgive_at: now + gatekeeping::FORGIVE_EVERY,
        walk_at: now + FIRST_WALK,
        walk_interval: FIRST_WALK,
    };
    let overflows = service.metrics.overflows.clone();
    let handle = Handle::new(local, topics, config.requests, command_sender, overflows, seen_outside);
    Ok((handle, event_receiver, service))
}

/// The last cause of an error, which is what an operator can act on.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

impl Service {
    /// Runs until `shutdown`, then closes every connection and returns.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some(command) = self.commands.recv() => self.on_command(command),
                is_read = has_room(&self.events), if !self.inbox.is_empty() => self.hand_on(is_read),
                _ = tick.tick() => self.on_tick(Instant::now()),
            }
        }
        if let Some(path) = self.memory.rest() {
            memory::write(&path, &self.book.memory(), &self.records.memory());
        }
        tracing::debug!("the p2p service stops");
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Publish { topic, data, reply } => {
                let _ = reply.send(self.publish_or_wait(topic, data));
            }
            Command::Straight { peer, data, written } => self.send_straight(peer, data, written),
            Command::Judge { message, verdict } => self.verdict(&message, verdict),
            Command::Request { peer, protocol, data, reply } => self.ask(peer, protocol, data, reply),
            Command::Respond { id, data } => self.answer(id, data),
            Command::Fault { peer, reason } => self.fault(peer, reason),
            Command::Admit(list) => self.admit(list, Instant::now()),
            Command::Peers(reply) => {
                let _ = reply.send(self.summaries());
            }
            Command::Listeners(reply) => {
                let local = *self.swarm.local_peer_id();
                let full = |address: &Multiaddr| address.clone().with(AddressPart::P2p(local));
                let _ = reply.send(self.swarm.listeners().map(full).collect());
            }
        }
    }

    fn on_tick(&mut self, now: Instant) {
        self.publish_waiting(now);
        self.keep_gate(now);
        self.keep_memory(now);
        let others = self.peers.ids().filter(|peer| !self.book.is_pinned(peer)).count();
        let room = self.max_peers.saturating_sub(others);
        let admissions = &self.swarm.behaviour().gate.admissions;
        let first = self.book.first(now);
        let skip = |peer: &PeerId| self.peers.is_connected(peer) || admissions.check(peer, now).is_err();
        for (peer, addresses) in self.book.due(now, room, skip) {
            // A port of its own for each dial: with the listening port reused, two peers that dial each other at the
            // same moment would end up with one connection over TCP on which both are the dialler; and over QUIC a NAT would let
            // those in who were dialled before, so that nobody learned that the others cannot come.
            let options = DialOpts::peer_id(peer)
                .addresses(addresses)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .override_dial_concurrency_factor(AT_ONCE)
                .allocate_new_port()
                .build();
            if let Err(error) = self.swarm.dial(options) {
                tracing::debug!(%peer, %error, "not dialled");
            }
        }
        self.swarm.behaviour_mut().kademlia.guard.first = first;
        if now >= self.walk_at {
            self.walk(room, now);
        }
    }

    /// Looks for peers: for whoever there is room, and for what others know of where those are that are known already.
    fn walk(&mut self, room: usize, now: Instant) {
        if room > 0 {
            // Our own neighbourhood and a random one in turn: the first finds who is new, the second everybody.
            let own = *self.swarm.local_peer_id();
            self.swarm.behaviour_mut().kademlia.inner.get_closest_peers(own);
            self.swarm.behaviour_mut().kademlia.inner.get_closest_peers(PeerId::random());
        }
        self.ask_next_for_records(now);
        self.walk_interval = (self.walk_interval * 2).min(SLOWEST_WALK);
        self.walk_at = now + self.walk_interval;
    }

    fn summaries(&self) -> Vec<PeerSummary> {
        let mut summaries = self.peers.summaries();
        let Some(gossip) = self.swarm.behaviour().gossip.as_ref() else { return summaries };
        let gossip = &gossip.inner;
        let wanted: BTreeMap<&PeerId, Vec<&TopicHash>> = gossip.all_peers().collect();
        for summary in &mut summaries {
            let peer = &summary.peer_id;
            for (hash, topic) in self.topics.iter() {
                if wanted.get(peer).is_some_and(|topics| topics.contains(&hash)) {
                    summary.topics.push(topic.name);
                }
                if gossip.mesh_peers(hash).any(|other| other == peer) {
                    summary.mesh.push(topic.name);
                }
            }
            summary.score = gossip.peer_score(peer);
        }
        summaries
    }

    /// Writes the address book, off the loop, and shows how much is held and waits.
    fn keep_memory(&mut self, now: Instant) {
        if let Some(path) = self.memory.due(now) {
            let (book, records) = (self.book.memory(), self.records.memory());
            tokio::task::spawn_blocking(move || memory::write(&path, &book, &records));
        }
        let (waiting, bytes) = self.inbox.waiting();
        let size = |number| i64::try_from(number).unwrap_or(i64::MAX);
        self.metrics.records.set(size(self.records.len()));
        self.metrics.waiting.set(size(waiting));
        self.metrics.waiting_bytes.set(size(bytes));
        for (transport, direction) in Transport::ALL.into_iter().flat_map(|it| Direction::ALL.map(|way| (it, way))) {
            self.metrics.links.show(transport, direction, self.peers.links(transport, direction));
        }
    }
}
