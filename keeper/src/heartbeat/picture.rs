//! The mesh as this keeper sees it: the document of `GET /api/v1/mesh`, which `keeper peers`, the page and the doctor read. Every
//! keeper hears the same heartbeats, so every one shows the same picture but for its own row, which is what it says itself.

use std::sync::Arc;

use axum::extract::State as From;
use axum::routing::get;
use axum::{Json, Router};
use consensus::time::Time;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::company::{Company, Member, is_fresh};
use super::message::Heartbeat;
use super::reach::Reach;
use crate::view::Operator;

/// Version of the document's shape; keys may be added, none change.
const SCHEMA: u32 = 1;
/// A keeper not heard for so long is silent, in milliseconds.
pub const SILENT_MS: u64 = 90_000;

/// The mesh at one moment, rebuilt every second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MeshView {
    /// Version of this shape.
    pub schema: u32,
    /// When it was made, in milliseconds since the Unix epoch by this machine's clock.
    pub at_ms: u64,
    /// For how long that keeper listens, in milliseconds: whom it has not heard in its first minute and a half need not be silent.
    pub listening_ms: u64,
    /// Operator of the keeper that shows it, 0x-hex.
    pub operator: String,
    /// How far this machine's clock is ahead of the median of the others', in milliseconds; what messages take is in it. `null`
    /// with nobody heard.
    pub clock_ahead_ms: Option<i64>,
    /// Median of the others' newest blocks; `null` with nobody heard.
    pub median_head: Option<u64>,
    /// Others whose newest block is one of this keeper's own.
    pub same_block: usize,
    /// Others that show another block than this keeper's at the same height: one of both follows another chain.
    pub other_block: usize,
    /// Whether another process was lately heard that holds this keeper's peer key.
    pub twin: bool,
    /// Whether others can open connections to the keeper that shows it.
    pub reach: Reach,
    /// Heartbeats since the start: accepted, ignored, rejected.
    pub heartbeats: [u64; 3],
    /// Every registered operator, in order of its address; this keeper's own row among them.
    pub keepers: Vec<KeeperView>,
}

/// How a keeper is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Heard lately, and none of its checks is red.
    Fine,
    /// Heard lately, and some of its checks are red (`failing`).
    Failing,
    /// Three heartbeats or more were missed.
    Late,
    /// Not heard for a minute and a half, or never.
    #[default]
    Silent,
}

/// A registered keeper, as it is heard. What is not known is `null`, zero or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeeperView {
    /// Operator address, 0x-hex.
    pub operator: String,
    /// Base58 PeerId.
    pub peer_id: String,
    /// Row of the committee in force; `null` outside it.
    pub index: Option<u16>,
    /// Whether it is the keeper that shows this.
    pub own: bool,
    /// How it is heard.
    pub state: State,
    /// Milliseconds since it was heard last; `null` if never.
    pub heard_ms_ago: Option<u64>,
    /// Its software.
    pub version: String,
    /// Its process: 16 hex digits, others after a restart.
    pub boot: String,
    /// Where its operator says that it is; may be empty.
    pub region: String,
    /// Number of its newest block at the confirmation depth.
    pub head: u64,
    /// Hash of that block, 0x-hex.
    pub head_hash: String,
    /// Time of that block, in Unix seconds.
    pub head_time: u64,
    /// Blocks that it is behind the median of all.
    pub behind: u64,
    /// Whether its head stands while the others' goes on.
    pub stalled: bool,
    /// The epoch it is in.
    pub epoch: u32,
    /// Tasks that are due and have come to no end there.
    pub queue: u32,
    /// How long its wallet lasts at what it spent lately, in seconds; `null` while it spends nothing.
    pub runway_seconds: Option<u64>,
    /// How far its clock is ahead of this machine's, in milliseconds; what the message took is in it.
    pub clock_ahead_ms: Option<i64>,
    /// Names of its red checks.
    pub failing: Vec<String>,
    /// Whom it is connected to, as it says itself; at most 64.
    pub links: Vec<LinkView>,
}

/// A connection between two keepers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkView {
    /// The other's operator, 0x-hex.
    pub operator: String,
    /// The last round trip in milliseconds; `null` before the first.
    pub rtt_ms: Option<u32>,
}

impl MeshView {
    /// What `company` has heard, and of the keeper itself what it would say now; `operators` are those of the registry.
    #[must_use]
    pub fn of(company: &Company, operators: &[Operator], own: &Heartbeat, now: Time) -> Self {
        let median_head = company.median_head(now);
        let (same_block, other_block) = company.same_and_other_block(now);
        let tally = company.tally();
        let mut view = Self {
            schema: SCHEMA,
            at_ms: now.0,
            listening_ms: company.listening_ms(now),
            clock_ahead_ms: company.clock_ahead_ms(now),
            median_head,
            same_block,
            other_block,
            twin: company.has_twin(now),
            heartbeats: [tally.accepted, tally.ignored, tally.rejected],
            ..Self::default()
        };
        for (key, operator, member) in company.everybody() {
            let mut row = match member {
                _ if *own.peer_key == *key => own_row(company, own, (median_head, now)),
                Some(member) => heard_row(company, member, median_head, now),
                None => KeeperView::default(),
            };
            row.behind = median_head.unwrap_or_default().saturating_sub(row.head) * u64::from(row.head > 0);
            row.operator = operator.to_string();
            row.peer_id = p2p::peer_id_from_public_key(key).to_string();
            let listed = operators.iter().find(|listed| listed.peer_key == *key);
            row.index = listed.and_then(|listed| listed.index);
            if row.own {
                view.operator.clone_from(&row.operator);
            }
            view.keepers.push(row);
        }
        view.keepers.sort_by(|a, b| a.operator.cmp(&b.operator));
        view
    }

    /// How many keepers are in a state.
    #[must_use]
    pub fn count(&self, state: State) -> usize {
        self.keepers.iter().filter(|keeper| keeper.state == state).count()
    }
}

fn own_row(company: &Company, own: &Heartbeat, (median_head, now): (Option<u64>, Time)) -> KeeperView {
    let state = if own.failing.is_empty() { State::Fine } else { State::Failing };
    let stalled = company.is_own_stalled(median_head, now);
    KeeperView { own: true, state, stalled, heard_ms_ago: Some(0), clock_ahead_ms: Some(0), ..said(company, own) }
}

fn heard_row(company: &Company, member: &Member, median_head: Option<u64>, now: Time) -> KeeperView {
    let ago = now.0.abs_diff(member.at.0);
    let state = match (is_fresh(member, now), member.heartbeat.failing.is_empty()) {
        (true, true) => State::Fine,
        (true, false) => State::Failing,
        _ if ago < SILENT_MS => State::Late,
        _ => State::Silent,
    };
    KeeperView {
        state,
        heard_ms_ago: Some(ago),
        clock_ahead_ms: Some(member.offset_ms),
        stalled: company.is_stalled(member, median_head, now),
        ..said(company, &member.heartbeat)
    }
}

/// What a heartbeat says. Links to whom nobody knows are left out.
fn said(company: &Company, heartbeat: &Heartbeat) -> KeeperView {
    let links = heartbeat.links.iter().filter_map(|link| {
        Some(LinkView { operator: company.operator_of(link.peer)?.to_string(), rtt_ms: link.rtt_ms })
    });
    KeeperView {
        version: heartbeat.version.clone(),
        boot: format!("{:016x}", heartbeat.boot),
        region: heartbeat.region.clone(),
        head: heartbeat.head,
        head_hash: alloy::primitives::B256::from(heartbeat.head_hash.into_array()).to_string(),
        head_time: heartbeat.head_time,
        epoch: heartbeat.epoch,
        queue: heartbeat.queue,
        runway_seconds: heartbeat.runway_seconds,
        failing: heartbeat.failing.clone(),
        links: links.collect(),
        ..KeeperView::default()
    }
}

/// `GET /api/v1/mesh`: the newest [`MeshView`].
pub fn routes(picture: watch::Receiver<Arc<MeshView>>) -> Router {
    let mesh = |From(picture): From<watch::Receiver<Arc<MeshView>>>| async move {
        let picture = picture.borrow().clone();
        Json(picture)
    };
    Router::new().route("/api/v1/mesh", get(mesh)).with_state(picture)
}
