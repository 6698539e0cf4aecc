//! What can go wrong when the contracts are deployed.

use alloy::primitives::{Address, B256};
use alloy::transports::{RpcError, TransportErrorKind};

use super::DEADLINE;

/// Why the contracts could not be deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The node did not answer, or refused.
    #[error("the RPC node failed while {doing}: {source}; check --rpc-url and that the node is up")]
    Rpc {
        /// What was being asked.
        doing: &'static str,
        /// What the transport said.
        source: RpcError<TransportErrorKind>,
    },
    /// The stake would be gone before anything could be proven.
    #[error(
        "stake is certain for {slashable_blocks} blocks, and an epoch lasts {epoch_blocks}: nothing could be proven in \
             time; give more than twice the latter as --slashable-blocks, or a shorter --epoch-seconds"
    )]
    NothingProvable {
        /// Blocks after a snapshot for which stake is certain.
        slashable_blocks: u32,
        /// Blocks of one epoch.
        epoch_blocks: u64,
    },
    /// The chain cannot check BLS12-381 signatures.
    #[error("chain {chain_id} lacks the BLS12-381 precompiles of EIP-2537; choose a chain with the Prague upgrade")]
    PrecompilesMissing {
        /// The chain.
        chain_id: u64,
    },
    /// A creation failed.
    #[error(
        "creating {contract} failed in transaction {transaction}; does account {deployer} have enough coin and no \
             other transactions under way?"
    )]
    Reverted {
        /// What was to be created.
        contract: &'static str,
        /// Its transaction.
        transaction: B256,
        /// Who sent it.
        deployer: Address,
    },
    /// A creation would fail.
    #[error(
        "creating {contract} would fail: {source}; does the chain have the Prague upgrade, and do contracts/artifacts \
             match the sources?"
    )]
    Refused {
        /// What was to be created.
        contract: &'static str,
        /// What the node said.
        source: RpcError<TransportErrorKind>,
    },
    /// Not mined in time.
    #[error("{contract} was not mined within {} s (transaction {transaction}); check that the chain makes blocks",
            DEADLINE.as_secs())]
    Timeout {
        /// What was to be created.
        contract: &'static str,
        /// Its transaction.
        transaction: B256,
    },
}
