//! Who may be connected: the list from the chain, and those who misbehave.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{FIRST_WALK, Service};
use crate::gossip::{GRAYLIST, OPERATOR, PENALTY};
use crate::metrics::Dropped;
use crate::peers::MOST_FAULTS;

/// What a stranger has at least, when there is no room: long enough to ask a bootnode for everybody it knows.
const STRANGER_GRACE: Duration = Duration::from_secs(30);
pub(super) const FORGIVE_EVERY: Duration = Duration::from_secs(60);

impl Service {
    /// Takes a new list of registered operators, and looks for those who are not connected yet.
    pub(super) fn admit(&mut self, list: BTreeSet<PeerId>, now: Instant) {
        let (operators, behaviour) = (list.len(), self.swarm.behaviour_mut());
        if !behaviour.gate.admit(list.clone(), now) {
            return;
        }
        behaviour.straight.as_mut().into_iter().for_each(|straight| straight.admit(&list));
        tracing::info!(operators, "registered operators may connect");
        self.metrics.admitted.set(i64::try_from(operators).unwrap_or(i64::MAX));
        let admissions = &self.swarm.behaviour().gate.admissions;
        self.book.refresh(|peer| admissions.check(peer, now).is_ok(), now);
        self.records.retain(|peer| admissions.check(peer, now).is_ok());
        self.walk_at = now;
        self.walk_interval = FIRST_WALK;
        let connected: Vec<PeerId> = self.peers.ids().copied().collect();
        connected.into_iter().for_each(|peer| self.show_score(peer));
    }

    /// Closes the connections of those who left the list and of those who are no longer heard.
    pub(super) fn keep_gate(&mut self, now: Instant) {
        for peer in self.swarm.behaviour_mut().gate.admissions.take_left(now) {
            tracing::info!(%peer, "a peer is no registered operator any more: disconnected");
            self.part(peer, Dropped::Left);
        }
        self.charge_floods();
        self.put_strangers_out(now);
        let gossip = self.swarm.behaviour().gossip.as_ref().map(|gossip| &gossip.inner);
        // A bootnode keeps no scores, but counts all the same.
        let is_graylisted = |peer: &&PeerId| {
            let score = gossip.and_then(|gossip| gossip.peer_score(peer));
            score.is_some_and(|score| score < GRAYLIST) || self.peers.faults(peer) >= MOST_FAULTS
        };
        let graylisted: Vec<PeerId> = self.peers.ids().filter(is_graylisted).copied().collect();
        for peer in graylisted {
            if self.swarm.behaviour().gate.admissions.check(&peer, now).is_err() {
                continue; // Its connections are closing already, or will.
            }
            tracing::warn!(%peer, "a peer sent too many wrong messages: disconnected and refused for ten minutes");
            self.swarm.behaviour_mut().gate.admissions.refuse(peer, now);
            self.part(peer, Dropped::Offender);
            for lost in self.inbox.forget(&peer) {
                self.lose(lost);
            }
        }
        if now >= self.forgive_at {
            self.forgive_at = now + FORGIVE_EVERY;
            for peer in self.peers.forgive() {
                self.show_score(peer);
            }
        }
    }

    /// Holds it against the peers that sent more than any load explains.
    fn charge_floods(&mut self) {
        let behaviour = self.swarm.behaviour_mut();
        let gossip = behaviour.gossip.as_mut().map(|gossip| gossip.guard.take_floods()).unwrap_or_default();
        let (lookups, tries) = (behaviour.kademlia.guard.take_floods(), behaviour.outside.guard.take_floods());
        for (peer, times) in gossip.into_iter().chain(lookups).chain(tries) {
            (0..times.min(MOST_FAULTS)).for_each(|_| self.fault(peer, "flood"));
        }
    }

    /// Makes room at a node that is nearly full of strangers: those that have been here longest have had what they came
    /// for.
    fn put_strangers_out(&mut self, now: Instant) {
        let gate = &self.swarm.behaviour().gate;
        let crowd = gate.crowd();
        if crowd == 0 {
            return;
        }
        let settled = |peer: &PeerId| self.peers.since(peer).filter(|since| now >= *since + STRANGER_GRACE);
        let strangers = self.peers.ids().filter(|peer| !gate.admissions.is_expected(peer));
        let mut strangers: Vec<(Instant, PeerId)> =
            strangers.filter_map(|peer| settled(peer).map(|since| (since, *peer))).collect();
        strangers.sort_unstable();
        for (_, peer) in strangers.into_iter().take(crowd) {
            tracing::debug!(%peer, "a stranger is put out: others need its place");
            self.part(peer, Dropped::Crowded);
        }
    }

    fn part(&mut self, peer: PeerId, reason: Dropped) {
        if self.peers.is_connected(&peer) {
            self.metrics.dropped(reason);
        }
        self.swarm.behaviour_mut().kademlia.inner.remove_peer(&peer);
        let _ = self.swarm.disconnect_peer_id(peer);
    }

    /// The last connection of a peer is gone; `welcomed` when it had let us in.
    pub(super) fn on_parted(&mut self, peer: PeerId, welcomed: bool, now: Instant) {
        self.words.rests.parted(&peer);
        self.code.rests.parted(&peer);
        if welcomed {
            self.book.disconnected(&peer, now);
        } else if let Some((_, wait)) = self.book.failed(&peer, &[], now) {
            // Whoever refuses us hangs up right after the handshake.
            tracing::warn!(%peer, next_try_seconds = wait.as_secs(),
                "a bootnode hung up at once; if it is a keeper, it admits registered operators only");
        }
    }

    /// Holds something against a peer that gossip cannot see.
    pub(super) fn fault(&mut self, peer: PeerId, reason: &'static str) {
        let faults = self.peers.fault(peer);
        self.metrics.fault(reason);
        tracing::info!(%peer, reason, faults, "a peer is at fault: its score goes down");
        self.show_score(peer);
    }

    /// Tells gossipsub what it cannot see of a peer. It forgets when the peer has been away, so this is said again.
    pub(super) fn show_score(&mut self, peer: PeerId) {
        let behaviour = self.swarm.behaviour_mut();
        let merit = if behaviour.gate.admissions.is_registered(&peer) { OPERATOR } else { 0.0 };
        if let Some(gossip) = behaviour.gossip.as_mut() {
            gossip.inner.set_application_score(&peer, merit - PENALTY * f64::from(self.peers.faults(&peer)));
        }
    }
}
