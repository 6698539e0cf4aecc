//! What crosses the seam, as JSON. Nothing here is signed or seen by other keepers.

use alloy::primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

/// Longest text of a failure, in bytes.
pub(super) const MAX_FAILURE_BYTES: usize = 1024;

/// A run to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::executor) struct Input {
    pub(in crate::executor) job_id: u64,
    pub(in crate::executor) task_id: B256,
    pub(in crate::executor) sequence: u64,
    /// Unix seconds.
    pub(in crate::executor) due: u64,
    pub(in crate::executor) params: Bytes,
    pub(in crate::executor) reference: Reference,
}

/// The block the run is pinned to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::executor) struct Reference {
    pub(in crate::executor) chain_id: u64,
    pub(in crate::executor) number: u64,
    pub(in crate::executor) hash: B256,
    /// Unix seconds.
    pub(in crate::executor) timestamp: u64,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::executor) enum Result {
    Call(Bytes),
    Skip(String),
    JobError(String),
    Timeout,
    StackOverflow,
    Rpc(String),
    HostFailure(String),
}

/// A finished run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::executor) struct Output {
    pub(in crate::executor) result: Result,
    pub(in crate::executor) fuel: u64,
    pub(in crate::executor) logs: Vec<String>,
}

impl Input {
    /// Bytes for the seam.
    pub(in crate::executor) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain fields always serialise")
    }

    /// Reads bytes from the seam.
    pub(super) fn decode(bytes: &[u8]) -> std::result::Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("the run's input does not decode: {error}"))
    }
}

impl Output {
    /// Bytes for the seam.
    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain fields always serialise")
    }

    /// Reads bytes from the seam.
    pub(in crate::executor) fn decode(bytes: &[u8]) -> std::result::Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| format!("the run's output does not decode: {error}"))
    }
}
