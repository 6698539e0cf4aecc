//! The ruling: one keeper's word on what a disputed task gives when it is run again.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::ruling::Answer;
use crate::task::Status;

/// Largest ruling, in bytes.
pub const RULING_LIMIT: usize = 256;

/// One keeper's signature on an answer to a dispute. Signed as a type of its own ([`crate::report::Domain::ruling_digest`]), so it
/// is never evidence against anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// Number of the dispute on chain.
    pub dispute: u64,
    /// Leaf of the report that it is about: another chain may have given the number to another.
    pub report: ByteArray<32>,
    /// Root of that committee's table: another chain may have given the epoch's number to another.
    pub table: ByteArray<32>,
    /// Epoch of the committee it counts in: the newest one its signer knew.
    pub epoch: u32,
    /// The sender's index in that committee.
    pub keeper: u16,
    /// Status number of what the run gave.
    pub status: u8,
    /// Hash of its outcome.
    pub outcome_hash: ByteArray<32>,
    /// Compressed BLS signature, 48 bytes.
    pub signature: ByteArray<48>,
}

impl Ruling {
    /// What it says; `None` for a status that does not exist.
    pub fn answer(&self) -> Option<Answer> {
        Some(Answer { status: Status::from_number(self.status)?, outcome_hash: self.outcome_hash.into_array().into() })
    }
}
