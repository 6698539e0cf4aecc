//! What the swarm reports.

use std::time::Instant;

use libp2p::core::ConnectedPoint;
use libp2p::gossipsub::{self, MessageId};
use libp2p::metrics::Recorder;
use libp2p::multiaddr::Protocol as AddressPart;
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, identify, kad, ping};

use super::{FIRST_WALK, Service, innermost};
use crate::behaviour::BehaviourEvent;
use crate::discovery::kademlia_name;
use crate::event::{Event, MessageRef, Verdict};
use crate::peers::{Direction, Life};
use crate::reach::{bare, hearsay, own_word};
use crate::requests::Protocol;
use crate::wire::{self, Meeting};

impl Service {
    pub(super) fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        self.metrics.libp2p.record(&event);
        let now = Instant::now();
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event, now),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                let direction = match endpoint {
                    ConnectedPoint::Dialer { .. } => Direction::Outbound,
                    ConnectedPoint::Listener { .. } => Direction::Inbound,
                };
                let address = endpoint.get_remote_address().clone();
                tracing::debug!(peer = %peer_id, %address, ?direction, "connected");
                if self.peers.opened(peer_id, connection_id, address, direction, now) {
                    self.show_score(peer_id);
                    self.tell(Event::PeerConnected(peer_id));
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, .. } => {
                let cause = cause.map(|cause| innermost(&cause));
                tracing::debug!(peer = %peer_id, ?cause, "a connection closed");
                let welcomed = self.peers.is_identified(&peer_id);
                if self.peers.closed(&peer_id, connection_id) {
                    self.on_parted(peer_id, welcomed, now);
                    self.tell(Event::PeerDisconnected(peer_id));
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), error, .. } => {
                self.on_dial_failed(peer, &error, now);
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                let here: Vec<Multiaddr> = self.swarm.listeners().cloned().collect();
                self.swarm.behaviour_mut().kademlia.guard.home.listens(&here, &self.named);
                let address = address.with(AddressPart::P2p(*self.swarm.local_peer_id()));
                tracing::info!(%address, "listening");
                self.tell(Event::Listening(address));
            }
            SwarmEvent::ListenerClosed { reason: Err(error), addresses, .. } => {
                tracing::error!(?addresses, %error, "a listener closed; restart the node to listen again");
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener failed"),
            _ => {}
        }
    }

    fn on_behaviour_event(&mut self, event: BehaviourEvent, now: Instant) {
        match event {
            BehaviourEvent::Gossip(event) => {
                self.metrics.libp2p.record(&event);
                self.on_gossip_event(event, now);
            }
            // What a peer says of itself is not counted: its addresses would become labels, as many as it likes.
            BehaviourEvent::Identify(identify::Event::Received { connection_id, peer_id, info }) => {
                self.on_identified(connection_id, peer_id, &info, now);
            }
            BehaviourEvent::Identify(event) => self.metrics.libp2p.record(&event),
            BehaviourEvent::Kademlia(event) => {
                self.metrics.libp2p.record(&event);
                if let kad::Event::OutboundQueryProgressed { result, .. } = event {
                    self.on_walked(result, now);
                }
            }
            BehaviourEvent::Ping(event) => {
                self.metrics.libp2p.record(&event);
                match event.result {
                    Ok(rtt) => self.peers.ping(&event.peer, rtt),
                    Err(ping::Failure::Unsupported) => {}
                    Err(error) => {
                        tracing::debug!(peer = %event.peer, %error, "no answer to a ping: the connection is dead");
                        self.swarm.close_connection(event.connection);
                    }
                }
            }
            BehaviourEvent::Outside(event) => self.on_tried(&event),
            BehaviourEvent::Status(event) => self.on_request_event(Protocol::Status, event),
            BehaviourEvent::Want(event) => self.on_request_event(Protocol::Want, event),
            BehaviourEvent::Code(event) => self.on_request_event(Protocol::Code, event),
            BehaviourEvent::Records(event) => self.on_records_event(event, now),
            BehaviourEvent::Straight(event) => self.on_straight_event(event, now),
            BehaviourEvent::Gate(never) | BehaviourEvent::Memory(never) => match never {},
        }
    }

    fn on_gossip_event(&mut self, event: gossipsub::Event, now: Instant) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
                    gossip.guard.accounts.lend(propagation_source, now);
                }
                self.on_message(propagation_source, message_id, message);
            }
            gossipsub::Event::Subscribed { peer_id, topic } => {
                if self.topics.find(&topic).is_some() {
                    tracing::debug!(peer = %peer_id, %topic, "a peer subscribed");
                    self.publish_waiting(now);
                }
            }
            gossipsub::Event::SlowPeer { peer_id, failed_messages } => {
                let lost = failed_messages.priority + failed_messages.non_priority;
                self.metrics.sends_lost.inc_by(lost as u64);
                tracing::debug!(peer = %peer_id, lost, "a peer reads too slowly");
            }
            gossipsub::Event::GossipsubNotSupported { .. } | gossipsub::Event::Unsubscribed { .. } => {}
        }
    }

    /// Hands a message to the keeper, or gives the verdict at once where the keeper shall not see it.
    fn on_message(&mut self, from: PeerId, id: MessageId, message: gossipsub::Message) {
        let data = message.data;
        let reference = MessageRef { id: Some(id), source: from };
        let verdict = match self.topics.find(&message.topic) {
            Some((_, topic)) if data.len() > topic.max_bytes => Verdict::Reject,
            Some((topic, _)) => {
                let bytes = data.len();
                self.offer(from, Event::Message { message: reference, from, topic, data }, bytes);
                return;
            }
            None => Verdict::Ignore,
        };
        self.verdict(&reference, verdict);
    }

    /// Whether a peer that calls itself so is one of this mesh; says so in the log if not, or if its version is another one.
    fn stays(&self, peer: PeerId, theirs: &str, is_first: bool) -> bool {
        let ours = self.wire;
        match wire::meet(theirs, &self.domain8, ours) {
            Meeting::Same => true,
            Meeting::Neighbour(theirs) => {
                if is_first {
                    tracing::info!(%peer, ours, theirs, "a peer speaks the version of the wire next to this node's");
                }
                true
            }
            Meeting::TooFar(theirs) => {
                tracing::warn!(%peer, ours, theirs,
                    "a peer was sent away, whose version of the wire is too far from this node's: upgrade the older of both");
                false
            }
            Meeting::Foreign => {
                tracing::warn!(%peer, ours = wire::name(&self.domain8, ours), theirs = printable(theirs),
                    "a peer of another network was sent away; if it is a bootnode, check --bootnode and network.toml");
                false
            }
        }
    }

    fn on_identified(&mut self, connection: ConnectionId, peer: PeerId, info: &identify::Info, now: Instant) {
        if !self.swarm.behaviour_mut().kademlia.guard.charge(peer, now) {
            return;
        }
        let is_first = !self.peers.is_identified(&peer);
        if !self.stays(peer, &info.protocol_version, is_first) {
            self.book.foreign(&peer, now);
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        }
        let life = self.peers.identified(&peer, &info.agent_version);
        let addresses = own_word(&info.listen_addrs, self.peers.address(&peer, connection));
        let is_news = self.book.learn(peer, &addresses, now);
        let dialled: Vec<Multiaddr> = self.peers.dialled(&peer).map(bare).collect();
        if self.book.welcomed(&peer, &dialled, now) || is_news {
            self.memory.touch(now);
        }
        if life == Life::Restarted {
            // Gossipsub announces its subscriptions on the first connection to a peer only. The older connections are
            // dead but still count, so the new process would never hear what we want: start over with all of them.
            tracing::info!(%peer, "a peer has restarted: its connections are opened anew");
            self.metrics.peer_restarts.inc();
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        if is_news {
            self.walk_at = self.walk_at.min(now + FIRST_WALK);
            self.walk_interval = FIRST_WALK;
        }
        if is_first || is_news {
            self.ask_for_records(peer, now);
        }
        if info.protocols.contains(&kademlia_name(&self.domain8)) {
            let kademlia = &mut self.swarm.behaviour_mut().kademlia.inner;
            if is_news {
                kademlia.remove_peer(&peer);
            }
            for address in addresses {
                kademlia.add_address(&peer, address);
            }
        }
    }

    fn on_walked(&mut self, result: kad::QueryResult, now: Instant) {
        let found = match result {
            kad::QueryResult::GetClosestPeers(Ok(found)) => found.peers,
            kad::QueryResult::GetClosestPeers(Err(kad::GetClosestPeersError::Timeout { peers, .. })) => peers,
            _ => return,
        };
        let behaviour = self.swarm.behaviour();
        let (admissions, home) = (&behaviour.gate.admissions, &behaviour.kademlia.guard.home);
        for peer in found.into_iter().filter(|peer| admissions.check(&peer.peer_id, now).is_ok()) {
            self.book.hear(peer.peer_id, &hearsay(&peer.addrs, home), now);
        }
    }

    fn on_dial_failed(&mut self, peer: PeerId, error: &DialError, now: Instant) {
        // Refused dials are counted at the gate; Kademlia tries whomever it hears of.
        if self.peers.is_connected(&peer) || matches!(error, DialError::Denied { .. }) {
            return;
        }
        self.metrics.dials_failed.inc();
        let reason = dial_failure(error);
        match self.book.failed(&peer, &failed_at(error), now) {
            Some((addresses, wait)) => {
                let addresses: Vec<String> = addresses.iter().map(|address| format!("{address}/p2p/{peer}")).collect();
                let tried = addresses.join(", ");
                tracing::warn!(%tried, reason, next_try_seconds = wait.as_secs(), "cannot reach a bootnode");
            }
            None => tracing::debug!(%peer, reason, "cannot reach a peer"),
        }
    }
}

/// The addresses at which a dial failed, as the address book knows them.
fn failed_at(error: &DialError) -> Vec<Multiaddr> {
    let tried: Vec<&Multiaddr> = match error {
        DialError::Transport(tried) => tried.iter().map(|(address, _)| address).collect(),
        DialError::WrongPeerId { address, .. } | DialError::LocalPeerId { address } => vec![address],
        _ => Vec::new(),
    };
    tried.into_iter().map(bare).collect()
}

/// Which address failed and why, in one line.
fn dial_failure(error: &DialError) -> String {
    match error {
        DialError::Transport(tried) => {
            let each: Vec<String> =
                tried.iter().map(|(address, error)| format!("{address}: {}", innermost(error))).collect();
            each.join("; ")
        }
        DialError::WrongPeerId { obtained, .. } => {
            format!("the peer there is {obtained}; correct the /p2p part of the address")
        }
        DialError::Denied { cause } => innermost(cause),
        other => innermost(other),
    }
}

/// A text of a peer, safe to log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
