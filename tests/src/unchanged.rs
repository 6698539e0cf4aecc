//! Contracts that others wrote for other keeper networks (`tests/unchanged`), deployed and driven as their owners would: what a
//! job of ours needs to know of each, how it is made due again and again, and how often it was performed.
//!
//! Nothing of theirs is changed: where one asks who calls, its owner names the caller by the setter that it has.

pub mod abi;
mod chainlink;
mod gelato;
mod registry;
mod workshop;

use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{Filter, TransactionRequest};
use anyhow::Result;

pub use chainlink::{counter, log_counter, upkeeps};
pub use gelato::{Automate, resolvers};
pub use registry::{Registered, Registry, Version};
pub use workshop::Workshop;

/// What makes a contract due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// A view whose first word is not zero.
    Condition {
        /// Who is asked.
        target: Address,
        /// With which bytes.
        call: Bytes,
    },
    /// A log.
    Log {
        /// Whose.
        emitter: Address,
        /// Of which kind.
        topic0: B256,
    },
}

/// What finds out what the contract is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// Its own `checkUpkeep`, or `checkLog` where a log makes it due.
    Upkeep {
        /// Handed to it unchanged.
        check_data: Bytes,
    },
    /// Another contract's view.
    Resolver {
        /// Who is asked.
        resolver: Address,
        /// With which bytes.
        call: Bytes,
    },
}

/// A call that somebody makes by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Who is called.
    pub to: Address,
    /// With which bytes.
    pub data: Bytes,
}

/// What somebody has to do for a contract to become due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stir {
    /// Nothing: time does it.
    Never,
    /// This once: then each run brings about the next.
    Once(Deed),
    /// This before each run.
    Again(Deed),
}

/// One of those contracts, deployed.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Its name in its package.
    pub name: &'static str,
    /// Where it is: what a job calls.
    pub target: Address,
    /// What makes it due.
    pub due: Due,
    /// What finds out what it is called with.
    pub check: Check,
    /// Gas that a call takes at most.
    pub gas: u32,
    /// By which its owner lets a caller in, given the caller; `None` where it lets in everybody.
    pub admit: Option<fn(Address) -> Bytes>,
    /// What makes it due.
    pub stir: Stir,
    /// It has been performed as often as these logs are there.
    pub performed: Filter,
}

impl Contract {
    /// What its owner does so that the calls of `caller` are let in.
    #[must_use]
    pub fn admission(&self, caller: Address) -> Option<Deed> {
        self.admit.map(|admit| Deed { to: self.target, data: admit(caller) })
    }

    /// How often it was performed so far.
    ///
    /// # Errors
    /// When the chain does not answer.
    pub async fn performed(&self, provider: &DynProvider) -> Result<usize> {
        Ok(provider.get_logs(&self.performed.clone().from_block(0)).await?.len())
    }

    /// The same up to a block.
    ///
    /// # Errors
    /// The same.
    pub async fn performed_by(&self, provider: &DynProvider, block: u64) -> Result<usize> {
        Ok(provider.get_logs(&self.performed.clone().from_block(0).to_block(block)).await?.len())
    }
}

impl Deed {
    /// As a transaction, or a view.
    #[must_use]
    pub fn request(&self) -> TransactionRequest {
        TransactionRequest::default().to(self.to).input(self.data.clone().into())
    }
}

/// The logs of one kind of a contract.
#[must_use]
pub fn logs(emitter: Address, topic0: B256) -> Filter {
    Filter::new().address(emitter).event_signature(topic0)
}
