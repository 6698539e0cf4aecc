//! The status protocol: keepers tell each other what they see, so that one that sees something else notices.

use consensus::Input;
use consensus::committee::PeerKey;
use serde::{Deserialize, Serialize};

use super::{Done, Driver, now};

/// How far a peer's clock may be off before this keeper says so, in milliseconds. Only liveness rests on clocks.
const CLOCK_OFFSET_MAX: u64 = 1_000;

/// What a keeper shows of itself. JSON, at most 1 KiB (the protocol's limit); unknown fields are left alone.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PeerStatus {
    /// Version of the software.
    version: String,
    /// Network name; a peer of another network is nobody to compare with.
    domain: String,
    /// Newest block at the confirmation depth.
    head: u64,
    /// Current epoch.
    epoch: u32,
    /// Root of its table.
    table_root: alloy::primitives::B256,
    /// The peer's clock, milliseconds since the Unix epoch.
    unix_ms: u64,
}

impl Driver {
    /// Answers the status protocol.
    pub(super) fn status_answer(&self) -> Vec<u8> {
        let committee = self.engine.committee().map(|(committee, _)| committee);
        let status = PeerStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            domain: self.about.domain.clone(),
            head: self.engine.head().map_or(0, |head| head.number),
            epoch: committee.as_ref().map_or(0, |committee| committee.epoch()),
            table_root: committee.map(|committee| committee.table_root()).unwrap_or_default(),
            unix_ms: now().0,
        };
        serde_json::to_vec(&status).unwrap_or_default()
    }

    /// Asks a peer for its status.
    pub(super) fn ask_status(&self, from: PeerKey) {
        let id = p2p::peer_id_from_public_key(&from.0);
        let (mesh, done) = (self.services.mesh.clone(), self.done.clone());
        tokio::spawn(async move {
            if let Ok(bytes) = mesh.request(id, p2p::Protocol::Status, Vec::new()).await {
                let _ = done.send(Done::Status { from, bytes }).await;
            }
        });
    }

    /// Asks everybody again, because this keeper has entered another epoch.
    pub(super) fn ask_all_statuses(&self) {
        self.peers.iter().filter(|&&peer| self.engine.is_member(peer)).for_each(|&peer| self.ask_status(peer));
    }

    pub(super) async fn on_status(&mut self, from: PeerKey, bytes: &[u8]) {
        let Ok(status) = serde_json::from_slice::<PeerStatus>(bytes) else {
            return;
        };
        if status.domain != self.about.domain || status.epoch == 0 {
            return;
        }
        let offset = status.unix_ms.abs_diff(now().0);
        if offset > CLOCK_OFFSET_MAX {
            tracing::warn!(peer = ?from, offset_ms = offset, "a peer's clock and this one differ: check NTP on both");
        }
        let (epoch, table_root) = (status.epoch, status.table_root);
        self.feed(Input::PeerTable { peer: from, epoch, table_root }).await;
    }
}
