//! Hears heartbeats, judges them, and beats itself: the one task around [`Company`].

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{B256, keccak256};
use consensus::fault::{Reason, Verdict};
use consensus::message::Channel;
use consensus::time::Time;
use ed25519_dalek::SigningKey;
use p2p::{MessageRef, PeerId};
use serde_bytes::ByteArray;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::company::{Company, millis};
use super::message::Heartbeat;
use super::picture::MeshView;
use super::reach::Reach;
use crate::driver::now;
use crate::metrics::Metrics;
use crate::topics;
use crate::view::View;

/// From one heartbeat of a keeper to its next.
pub const PERIOD: Duration = Duration::from_secs(10);
/// How often it is looked whether one is due, and the picture made anew.
const LOOK: Duration = Duration::from_secs(1);
/// Heartbeats that wait to be judged; with more, the newest are left alone and counted.
const INBOX: usize = 256;

/// A message of topic `h` that waits for its verdict.
#[derive(Debug)]
pub struct Heard {
    /// For the verdict.
    pub message: MessageRef,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What others reach the pulse by. Clones share it.
#[derive(Clone, Debug)]
pub struct PulseHandle {
    inbox: mpsc::Sender<Heard>,
    picture: watch::Receiver<Arc<MeshView>>,
}

impl PulseHandle {
    /// Hands a message over to be judged. Waits for nothing.
    ///
    /// # Errors
    /// The message's name, where there is no room: it is to be ignored.
    pub fn hear(&self, message: MessageRef, bytes: Vec<u8>) -> Result<(), MessageRef> {
        self.inbox.try_send(Heard { message, bytes }).map_err(|refused| refused.into_inner().message)
    }

    /// The mesh as it was shown last.
    #[must_use]
    pub fn picture(&self) -> Arc<MeshView> {
        self.picture.borrow().clone()
    }

    /// Every picture as it is made.
    #[must_use]
    pub fn pictures(&self) -> watch::Receiver<Arc<MeshView>> {
        self.picture.clone()
    }
}

/// Who beats.
#[derive(Debug)]
pub struct Pulser {
    /// The network's domain separator.
    pub separator: B256,
    /// Its peer key.
    pub key: SigningKey,
    /// A number that this process drew.
    pub boot: u64,
    /// Where its operator says that it is.
    pub region: String,
    /// Whether its operator has named addresses to tell peers.
    pub is_named: bool,
}

/// The task before it runs.
#[derive(Debug)]
pub struct Pulse {
    who: Pulser,
    inbox: mpsc::Receiver<Heard>,
    picture: watch::Sender<Arc<MeshView>>,
    company: Company,
    /// Number of the period in which it beat last.
    beaten: Option<u64>,
    /// What it said last, or would say now.
    own: Heartbeat,
    reach: Reach,
}

impl Pulse {
    /// A keeper's pulse, and the way to it.
    #[must_use]
    pub fn new(who: Pulser) -> (Self, PulseHandle) {
        let (sender, inbox) = mpsc::channel(INBOX);
        let (picture, shown) = watch::channel(Arc::default());
        let company = Company::new(who.separator, who.key.verifying_key().to_bytes(), (now(), who.boot));
        let pulse =
            Self { who, inbox, picture, company, beaten: None, own: Heartbeat::default(), reach: Reach::default() };
        (pulse, PulseHandle { inbox: sender, picture: shown })
    }

    /// Hears and beats until `stop`.
    pub async fn run(
        mut self,
        mesh: p2p::Handle,
        view: watch::Receiver<Arc<View>>,
        metrics: Metrics,
        stop: CancellationToken,
    ) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = looks.tick() => {
                    let view = view.borrow().clone();
                    self.look(&mesh, &view, &metrics).await;
                }
                Some(heard) = self.inbox.recv() => {
                    let verdict = self.company.hear(&heard.bytes, now());
                    count(&metrics, verdict);
                    mesh.judge(heard.message, said(verdict)).await;
                }
            }
        }
    }

    async fn look(&mut self, mesh: &p2p::Handle, view: &View, metrics: &Metrics) {
        let now = now();
        self.company.register(view.operators.iter().map(|listed| (listed.peer_key, listed.operator)));
        if let Ok(hash) = view.head.hash.parse() {
            self.company.note_own_head(view.head.number, hash, now);
        }
        let links = mesh.peers().await;
        metrics.peers.get_or_create(&[("state", "mesh")]).set(in_the_mesh(&links));
        self.own = draft(&self.who, view, &links, now);
        let period = period_of(&self.who, now);
        // Before it is registered nobody listens.
        let is_known = view.operators.iter().any(|listed| listed.peer_key == *self.own.peer_key);
        if is_known && self.beaten.replace(period) != Some(period) {
            metrics.mesh.heartbeats.inc(["sent", "sent"]);
            metrics.mesh.note_links(&self.own);
            let bytes = self.own.clone().seal(&self.who.separator, &self.who.key);
            if let Err(error) = mesh.publish(topics::HEALTH, bytes).await {
                tracing::debug!(%error, "a heartbeat was not sent");
            }
        }
        self.reach = self.reach.next(&links, &view.listen, self.who.is_named, mesh.outside());
        let picture = MeshView { reach: self.reach, ..MeshView::of(&self.company, &view.operators, &self.own, now) };
        metrics.mesh.show(&picture);
        self.picture.send_replace(Arc::new(picture));
    }
}

#[cfg(not(feature = "equivocate"))]
fn release() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

#[cfg(feature = "equivocate")]
use crate::driver::equivocate::release;

/// The period that `now` lies in. Periods of keepers begin apart, at a moment that key and process choose: so a mesh that is
/// started at once does not beat at once.
fn period_of(who: &Pulser, now: Time) -> u64 {
    let mut bytes = who.key.verifying_key().to_bytes().to_vec();
    bytes.extend_from_slice(&who.boot.to_be_bytes());
    let hash = keccak256(bytes);
    let phase = u64::from(u16::from_be_bytes([hash[0], hash[1]])) % millis(PERIOD);
    now.0.saturating_add(phase) / millis(PERIOD)
}

/// Peers that gossip of the busiest topic is passed on to.
fn in_the_mesh(peers: &[p2p::PeerSummary]) -> i64 {
    let partials = topics::name(Channel::Partials);
    let count = peers.iter().filter(|peer| peer.mesh.contains(&partials)).count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What a keeper would say of itself now.
fn draft(who: &Pulser, view: &View, peers: &[p2p::PeerSummary], now: Time) -> Heartbeat {
    let keeper = |peer: &PeerId| {
        let key = p2p::public_key_of(peer)?;
        view.operators.iter().any(|listed| listed.peer_key == key).then_some(key)
    };
    let links = peers.iter().filter_map(|peer| Some(Heartbeat::link(&keeper(&peer.peer_id)?, peer.rtt_ms)));
    let head_hash = view.head.hash.parse::<B256>().unwrap_or_default();
    Heartbeat {
        peer_key: ByteArray::new(who.key.verifying_key().to_bytes()),
        boot: who.boot,
        stamp_ms: now.0,
        version: release(),
        region: who.region.clone(),
        head: view.head.number,
        head_hash: ByteArray::new(head_hash.0),
        head_time: view.head.timestamp,
        epoch: view.epoch.number,
        queue: u32::try_from(view.queue).unwrap_or(u32::MAX),
        runway_seconds: view.wallet.as_ref().and_then(|wallet| wallet.runway_seconds),
        failing: view.checks.iter().filter(|(_, check)| !check.ok).map(|(name, _)| name.clone()).collect(),
        links: links.take(super::message::LINKS_MAX).collect(),
        ..Heartbeat::default()
    }
}

fn said(verdict: Verdict) -> p2p::Verdict {
    match verdict {
        Verdict::Accept => p2p::Verdict::Accept,
        Verdict::Ignore(_) => p2p::Verdict::Ignore,
        Verdict::Reject(_) => p2p::Verdict::Reject,
    }
}

fn count(metrics: &Metrics, verdict: Verdict) {
    let (result, reason) = match verdict {
        Verdict::Accept => ("accepted", "accept"),
        Verdict::Ignore(reason) => ("ignored", Reason::name(reason)),
        Verdict::Reject(reason) => ("rejected", Reason::name(reason)),
    };
    metrics.mesh.heartbeats.inc(["received", result]);
    metrics.gossip_messages.inc([topics::HEALTH_NAME, reason]);
}

#[cfg(test)]
mod tests;
