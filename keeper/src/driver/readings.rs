//! What no event tells: read from the parts once a second, and the wallet now and then.

use crate::chain::NodeView;
use crate::chain::lane::Account;

/// How the parts around the core stand.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// The RPC nodes.
    pub nodes: Vec<NodeView>,
    /// The account that sends transactions.
    pub account: Account,
    /// Why the journal takes nothing, if it does not.
    pub journal: Option<String>,
    /// The first anchor that the journal does not refuse for its age.
    pub journal_watermark: u64,
    /// Why what happens to tasks is not recorded, if it is not.
    pub archive: Option<String>,
    /// Why what the chain's history comes to is not written down, if it is not.
    pub history: Option<String>,
    /// What happened and found no room in the record since the start.
    pub records_lost: u64,
    /// What the mesh has had no room for since the start.
    pub overflow: p2p::Overflow,
    /// Runs that no worker was free for in time since the start.
    pub runs_unserved: u64,
}

/// What the wallet can pay for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wallet {
    /// Its coin, in wei.
    pub balance: u128,
    /// Wei for a gas: the newest base fee, and the tip that this keeper offers.
    pub gas_price: u128,
}
