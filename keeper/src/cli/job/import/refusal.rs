//! Why an entry of an old registry becomes no job. Each has a name, which ends its words.

use alloy::primitives::{Address, B256, U256};

use crate::chain::ChainError;
use crate::cli::Exit;

/// Why there is nothing to propose.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli::job) enum Refusal {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("{address} is no registry of upkeeps: it does not say its type and version (NoRegistry)")]
    NoRegistry { address: Address },
    #[error(
        "{address} is a {says:?}, and those that are read are KeeperRegistry 2.0 and 2.1, AutomationRegistry 2.2 and 2.3 (OtherVersion)"
    )]
    OtherVersion { address: Address, says: String },
    #[error("{registry} refuses to say its {what} (RegistryRefuses): {why}")]
    RegistryRefuses { registry: Address, what: &'static str, why: String },
    #[error("what {registry} says its {what} is does not decode (Undecodable)")]
    Undecodable { registry: Address, what: &'static str },
    #[error("{registry} has no upkeep {id} (NoSuchUpkeep)")]
    NoSuchUpkeep { registry: Address, id: U256 },
    #[error("upkeep {id} was cancelled in block {block}: give --cancelled to take it up all the same (Cancelled)")]
    Cancelled { id: U256, block: u64 },
    #[error("there is no code at the target {target} (NoTarget)")]
    NoTarget { target: Address },
    #[error(
        "it may use {asked} gas, and a callback here {most} at most: give --callback-gas if it needs no more (TooMuchGas)"
    )]
    TooMuchGas { asked: u32, most: u32 },
    #[error("it may use no gas at all: give --callback-gas (NoGas)")]
    NoGas,
    #[error("its {what} has {length} bytes, and {most} are the most here (TooLong)")]
    TooLong { what: &'static str, length: usize, most: usize },
    #[error("its trigger is of kind {number}, which is not known (UnknownTrigger)")]
    UnknownTrigger { number: u8 },
    #[error("its trigger makes no sense: {why} (SenselessTrigger)")]
    SenselessTrigger { why: String },
    #[error("{automate} shows no task {task} since block {since}: see --since (NoSuchTask)")]
    NoSuchTask { automate: Address, task: B256, since: u64 },
    #[error("task {task} was ended by its creator {creator}: give --cancelled to take it up all the same (TaskEnded)")]
    TaskEnded { task: B256, creator: Address },
    #[error("its modules make no sense: {why} (SenselessModules)")]
    SenselessModules { why: String },
    #[error(
        "it runs code off chain, {code:?}, which no contract tells: write it as a job's code, see bootstrap/jobs (OffChainCode)"
    )]
    OffChainCode { code: String },
    #[error("it calls its creator's own proxy {target}, which takes calls from Gelato alone (OwnProxy)")]
    OwnProxy { target: Address },
}

impl Refusal {
    /// How the process ends.
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Chain(_) | Self::RegistryRefuses { .. } | Self::Undecodable { .. } => Exit::Chain,
            Self::NoRegistry { .. } | Self::NoSuchUpkeep { .. } | Self::NoSuchTask { .. } | Self::NoTarget { .. } => {
                Exit::NotFound
            }
            _ => Exit::Usage,
        }
    }
}
