//! How the account stands that transactions are sent from.

use serde::{Deserialize, Serialize};

/// How the account stands that transactions are sent from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountView {
    /// Transactions under way.
    pub open: usize,
    /// What waits for a nonce.
    pub waiting: usize,
    /// Seconds that the oldest of those under way has been.
    pub oldest_seconds: u64,
    /// The oldest of those under way, 16 at most.
    pub under_way: Vec<TransactionView>,
    /// Wei, as a decimal number; none before it was read.
    pub balance: Option<String>,
    /// Wei for a gas, as a decimal number, as this keeper would pay now; none before that was read.
    pub gas_price: Option<String>,
    /// Transactions that the chain has included since the start.
    pub mined: u64,
    /// Fees raised since the start.
    pub raises: u64,
    /// The newest refusal; empty if there is none. The node's words.
    pub refusal: String,
}

/// A transaction under way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransactionView {
    /// Its nonce.
    pub nonce: u64,
    /// Its hash, the newest where its fee was raised; none before it was signed.
    pub hash: Option<String>,
    /// The most that it pays for a gas in wei, as a decimal number.
    pub max_fee: Option<String>,
    /// Seconds since the nonce was given to something.
    pub seconds: u64,
}
