//! What is put on chain: a certificate with all that the contract needs to settle it.

use alloy_primitives::B256;

use crate::certificate::Certificate;
use crate::message::BatchKey;
use crate::task::Outcome;

/// A certificate with all the chain needs to settle it: whoever sends it asks nobody again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Which batch.
    pub key: BatchKey,
    /// The quorum's word.
    pub certificate: Certificate,
    /// The outcomes in full, one per report.
    pub outcomes: Vec<Outcome>,
    /// The hash of the code each outcome came from, one per report.
    pub code_hashes: Vec<B256>,
    /// Gas that the callback of each outcome may use, one per report.
    pub callback_gas: Vec<u32>,
    /// Rows of the committee; the bitmap is as long as it needs.
    pub committee_size: usize,
    /// Whether this keeper is not the one whose turn it was first.
    pub takeover: bool,
}
