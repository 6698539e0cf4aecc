//! The parts of a keeper that carry out orders.

use std::sync::Arc;

use crate::chain::{ChainProvider, Contracts, Rpc, Submitter};
use crate::evidence::EvidenceStore;
use crate::executor::Executor;
use crate::journal::JournalHandle;

/// Cheap handles on all of them; clones share them.
#[derive(Clone, Debug)]
pub struct Services {
    /// The mesh.
    pub mesh: p2p::Handle,
    /// Runs jobs.
    pub executor: Arc<Executor>,
    /// The sign-once journal.
    pub journal: JournalHandle,
    /// Sends transactions.
    pub submitter: Arc<Submitter>,
    /// Reads the chain.
    pub provider: ChainProvider,
    /// The nodes behind it, and how often they failed.
    pub rpc: Rpc,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Where the contracts are.
    pub contracts: Contracts,
    /// Proofs of equivocation, on disk.
    pub evidence: EvidenceStore,
}
