//! The ledger of nonces: which content a nonce belongs to and what was offered for it, as a value.
//!
//! It is written down before a transaction leaves, so that neither a crash between writing and sending, nor a node that
//! forgets a transaction, nor a reorganisation that brings it back leaves the account with something nobody knows of.
//! Signed bytes are not kept: keys sign the same bytes the same way again.

mod file;
#[cfg(feature = "fuzz")]
pub mod fuzz;

use super::fees::Fees;
use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use file::LedgerFile;

/// Gas of a transfer to an account.
const TRANSFER_GAS: u64 = 21_000;

/// What to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The contract.
    pub to: Address,
    /// Selector and arguments.
    pub input: Bytes,
    /// Least gas limit, whatever the node estimates.
    #[serde(default)]
    pub gas_floor: u64,
    /// Last block in which it is of use to anybody.
    #[serde(default)]
    pub last_block: Option<u64>,
    /// Whether it returns how much it did: nothing at all is as good as a refusal.
    #[serde(default)]
    pub counts: bool,
}

/// One signed transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its hash.
    pub tx: B256,
    /// The content it carries; zero for a transfer to oneself.
    pub key: B256,
    /// What it offers.
    pub fees: Fees,
}

/// What is sent under one nonce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The nonce.
    pub nonce: u64,
    /// Its content; zero for a transfer to oneself, which only uses the nonce up.
    pub key: B256,
    /// The same in full.
    pub call: Call,
    /// Gas limit of the content.
    pub gas_limit: u64,
    /// Oldest first; those of earlier contents stay, since any of them may be the one that is included.
    pub attempts: Vec<Attempt>,
}

impl Entry {
    /// A nonce that is used up by a transfer to oneself.
    #[must_use]
    pub fn idle(nonce: u64, account: Address) -> Self {
        let call = Call { to: account, input: Bytes::new(), gas_floor: 0, last_block: None, counts: false };
        Self { nonce, key: B256::ZERO, call, gas_limit: TRANSFER_GAS, attempts: Vec::new() }
    }

    /// Whether it only uses the nonce up.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.key.is_zero()
    }

    /// Whether it holds this content, under whatever key.
    #[must_use]
    pub fn holds(&self, key: B256, call: &Call) -> bool {
        !self.is_idle() && (self.key == key || (self.call.to == call.to && self.call.input == call.input))
    }
}

/// The ledger of one account on one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The chain.
    pub chain_id: u64,
    /// The account.
    pub address: Address,
    /// Nonces below it were used, deep in the chain, or belong to no content of ours.
    pub floor: u64,
    /// By nonce.
    pub entries: BTreeMap<u64, Entry>,
}

impl Ledger {
    /// Of an account that has sent nothing.
    #[must_use]
    pub fn empty(chain_id: u64, address: Address) -> Self {
        Self { chain_id, address, floor: 0, entries: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests;
