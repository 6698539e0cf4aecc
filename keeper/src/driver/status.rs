//! What keepers tell each other in the status protocol, so that one that sees something else notices.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

/// How far a peer's clock may be off before this keeper says so, in milliseconds. Only liveness rests on clocks.
pub(super) const CLOCK_OFFSET_MAX: u64 = 1_000;

/// What a keeper shows of itself. JSON, at most 1 KiB (the protocol's limit); unknown fields are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Version of the software.
    pub version: String,
    /// Network name; a peer of another network is nobody to compare with.
    pub domain: String,
    /// Newest block at the confirmation depth.
    pub head: u64,
    /// Current epoch; 0 before the first.
    pub epoch: u32,
    /// Root of its table.
    pub table_root: B256,
    /// The peer's clock, milliseconds since the Unix epoch.
    pub unix_ms: u64,
}

impl PeerStatus {
    /// As it travels.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads one; `None` for anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
