//! What can go wrong when the contracts are deployed.

use alloy::primitives::{Address, B256, Bytes};
use alloy::transports::{RpcError, TransportErrorKind};

use alloy::contract;
use alloy::transports::http::reqwest;

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
    /// What settles at the oldest anchor could not be disputed any more.
    #[error(
        "misbehaviour could be proven for {provable} blocks after an anchor, disputes open in the first half of them, and \
             settlements take anchors {blocks} blocks old: {needed} are needed; give more --slashable-blocks, or a shorter \
             --epoch-seconds"
    )]
    TooLittleProvable {
        /// Blocks after an anchor for which a report can be held against its signers.
        provable: u32,
        /// How many blocks an anchor may lie back.
        blocks: u64,
        /// How many must be provable at least.
        needed: u64,
    },
    /// Anchors would be too old before their tasks are settled.
    #[error(
        "an anchor would be too old after {blocks} blocks, {seconds} s, and with {confirmations} confirmations it takes {needed} s \
             until a task's second try; give fewer --confirmations, and check --block-seconds or --block-milliseconds"
    )]
    AnchorsTooOld {
        /// Blocks on top of a block before it counts.
        confirmations: u64,
        /// How many blocks an anchor may lie back.
        blocks: u64,
        /// How long those last.
        seconds: u64,
        /// From an anchor to the second try at its task, in seconds.
        needed: u64,
    },
    /// The chain cannot check BLS12-381 signatures.
    #[error("chain {chain_id} lacks the BLS12-381 precompiles of EIP-2537; choose a chain with the Prague upgrade")]
    PrecompilesMissing {
        /// The chain.
        chain_id: u64,
    },
    /// An Arbitrum node does not answer as such nodes do.
    #[error(
        "the node's NodeInterface (0xc8) answers {answer}, which is no price for data; is --rpc-url an Arbitrum node?"
    )]
    DataGas {
        /// What it said.
        answer: Bytes,
    },
    /// The network's contracts do not answer as ours do.
    #[error("cannot read the JobManager: {why}; is it the right network file for --rpc-url?")]
    Unreadable {
        /// What came in place of an answer.
        why: String,
    },
    /// An upgrade would leave every job's forwarder behind.
    #[error(
        "the forwarders of this network have code {on_chain}, these sources make {ours}: after an upgrade every job's \
             would be looked for at another address, which no target trusts; keep JobForwarder.sol and the compiler's \
             settings as they were"
    )]
    ForwarderChanged {
        /// Hash of the creation code that the network's forwarders have.
        on_chain: B256,
        /// Hash of the one in the artifacts.
        ours: B256,
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

impl DeployError {
    /// The node failed while something was done.
    pub(super) fn rpc(doing: &'static str) -> impl Fn(RpcError<TransportErrorKind>) -> Self {
        move |source| Self::Rpc { doing, source: without_url(source) }
    }

    /// What came in place of an answer of the network's contracts.
    pub(super) fn unreadable(error: contract::Error) -> Self {
        let why = match error {
            contract::Error::TransportError(error) => without_url(error).to_string(),
            other => other.to_string(),
        };
        Self::Unreadable { why }
    }
}

/// An error of the HTTP client repeats the whole URL, which may hold a key.
pub(super) fn without_url(error: RpcError<TransportErrorKind>) -> RpcError<TransportErrorKind> {
    match error {
        RpcError::Transport(TransportErrorKind::Custom(error)) => {
            let error: Box<dyn std::error::Error + Send + Sync> = match error.downcast::<reqwest::Error>() {
                Ok(error) => Box::new(error.without_url()),
                Err(error) => error,
            };
            RpcError::Transport(TransportErrorKind::Custom(error))
        }
        other => other,
    }
}
