use alloy::primitives::Address;
use alloy::transports::{RpcError, TransportError};
use std::path::PathBuf;

/// Most of an undecodable answer that is quoted.
const MAX_QUOTED_CHARS: usize = 300;

/// The code of the error that stands for an answer which the node gave, but which is larger than what is taken at once. No
/// node uses it: it is outside of what JSON-RPC and Ethereum's nodes reserve.
pub(crate) const TOO_MUCH: i64 = -39_001;

/// Why something about the chain could not be read or written. All of it is retried by the watcher.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// A URL in the network file that cannot be used.
    #[error("cannot use the RPC URL #{position} in {file}: {why}; write it like http://127.0.0.1:8545", file = network_file.display())]
    InvalidUrl {
        /// Place in `rpc_urls`, from 1. The URL itself may hold a key, so it is not shown.
        position: usize,
        /// What is wrong with it.
        why: String,
        /// Where it was read.
        network_file: PathBuf,
    },
    /// No RPC node gave an answer.
    #[error("no answer from the RPC nodes: {0}")]
    Unreachable(String),
    /// Every RPC node serves another chain.
    #[error("{0}")]
    WrongChainId(String),
    /// Too few RPC nodes are up to date to be believed in something that cannot be taken back.
    #[error(
        "cannot tell yet whether this operator was registered before: {0}; with other nodes in rpc_urls, or once they are up to date, it goes on by itself"
    )]
    Undecided(String),
    /// No block is confirmed by enough RPC nodes for a new journal to begin above it.
    #[error(
        "cannot tell yet above which block an empty journal may begin: {0}; it goes on by itself once they are up to date; take a node that is down or wrong out of rpc_urls"
    )]
    Unconfirmed(String),
    /// Good RPC nodes contradict each other in what never changes, and no more than half of them say the same.
    #[error(
        "the RPC nodes do not agree on what the contracts were deployed with: {0}; take the one that is wrong out of rpc_urls, or add another one"
    )]
    Disagreeing(String),
    /// The RPC node answered with an error.
    #[error("the RPC node refused: {0}")]
    Refused(String),
    /// What was asked for at once is more than is taken at once; where it is a range of blocks, fewer are asked for next.
    #[error("too much was asked for at once: {0}")]
    TooMuch(String),
    /// One of our contracts is not on this chain.
    #[error("missing contract: there is no code at {address} ({key} in {file}) on chain {chain_id}; was this network deployed on another chain, or was the chain reset?", file = network_file.display())]
    MissingContract {
        /// Key in the network file.
        key: &'static str,
        /// The address it names.
        address: Address,
        /// Chain the node serves.
        chain_id: u64,
        /// Where the address was read.
        network_file: PathBuf,
    },
    /// The contract's EIP-712 domain is not the one this node computes, so no signature of ours would verify.
    #[error("wrong signing domain: TaskManager {address} says {on_chain}, this node computes {computed}; is task_manager in {file} the proxy's address?", file = network_file.display())]
    WrongDomain {
        /// The contract.
        address: Address,
        /// Its answer.
        on_chain: alloy::primitives::B256,
        /// What follows from chain id and address.
        computed: alloy::primitives::B256,
        /// Where the address was read.
        network_file: PathBuf,
    },
    /// An answer that contradicts itself, the question or what was answered before.
    #[error("the RPC node's answer is not believable ({reason}): {detail}")]
    Unbelievable {
        /// Short name, also the label of the counter.
        reason: &'static str,
        /// What was seen.
        detail: String,
    },
    /// The ledger of transactions cannot be used.
    #[error("the transaction ledger {file}: {why}", file = file.display())]
    Ledger {
        /// The file.
        file: PathBuf,
        /// What is wrong and how to mend it.
        why: String,
        /// The operating system's number for it, where it refused.
        system: Option<i32>,
    },
}

impl ChainError {
    pub(crate) fn unbelievable(reason: &'static str, detail: impl Into<String>) -> Self {
        Self::Unbelievable { reason, detail: detail.into() }
    }

    /// Short static name, the label of the counter.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => "invalid_url",
            Self::Unreachable(_) => "unreachable",
            Self::WrongChainId(_) => "wrong_chain_id",
            Self::Undecided(_) => "undecided",
            Self::Unconfirmed(_) => "unconfirmed",
            Self::Disagreeing(_) => "disagreeing",
            Self::Refused(_) => "refused",
            Self::TooMuch(_) => "too_much",
            Self::MissingContract { .. } => "missing_contract",
            Self::WrongDomain { .. } => "wrong_domain",
            Self::Unbelievable { reason, .. } => reason,
            Self::Ledger { .. } => "ledger",
        }
    }
}

impl From<TransportError> for ChainError {
    fn from(error: TransportError) -> Self {
        match error {
            RpcError::Transport(kind) => Self::Unreachable(kind.to_string()),
            RpcError::ErrorResp(payload) if payload.code == TOO_MUCH => Self::TooMuch(payload.message.to_string()),
            RpcError::ErrorResp(payload) => Self::Refused(payload.to_string()),
            // Shows what was found, but not megabytes of it: a text that is none is quoted whole.
            RpcError::DeserError { err, .. } => Self::unbelievable(
                "undecodable_answer",
                err.to_string().chars().take(MAX_QUOTED_CHARS).collect::<String>(),
            ),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<alloy::contract::Error> for ChainError {
    fn from(error: alloy::contract::Error) -> Self {
        match error {
            alloy::contract::Error::TransportError(error) => error.into(),
            other => Self::unbelievable("undecodable_answer", other.to_string()),
        }
    }
}
