//! Accusations: proofs of equivocation on their way to the Challenger.

use alloy::primitives::B256;
use alloy::sol_types::SolError;
use contracts::{Challenger, IChallenger, KeeperRegistry};

use super::receipt::{self, is_error};
use super::rpc::ChainProvider;
use super::submitter::{Done, Submitter, plain_call};
use super::{ChainError, Contracts};

/// A proof of equivocation as the contract takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Accusation {
    /// Hash of the proof's gossip encoding: the same at every keeper.
    pub key: B256,
    /// The epoch both statements were signed in.
    pub epoch: u32,
    /// One statement.
    pub first: IChallenger::Statement,
    /// The one that contradicts it.
    pub second: IChallenger::Statement,
    /// The task both are about.
    pub task_id: B256,
    /// Indices of those who signed both.
    pub guilty: Vec<u16>,
}

/// What became of an accusation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccusationResult {
    /// Our transaction convicted somebody; the contract takes 32 at a time, so there may be more to do.
    Mined {
        /// The transaction.
        tx: B256,
    },
    /// All of the guilty are convicted already.
    Proven,
    /// The stake that counted is no longer certain to be slashable.
    TooLate,
    /// The contract refuses it.
    Refused {
        /// Name and arguments of the custom error, or the node's words.
        reason: String,
    },
    /// It could not be sent or was not included in time.
    Failed {
        /// What, why and how to mend.
        why: String,
    },
}

impl AccusationResult {
    /// The label of the counter.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mined { .. } => "mined",
            Self::Proven => "proven",
            Self::TooLate => "too_late",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Whether all of the guilty are convicted of it, as of the newest block.
///
/// # Errors
/// The nodes give no answer, or one that does not decode.
pub async fn is_proven(
    provider: &ChainProvider,
    contracts: &Contracts,
    accusation: &Accusation,
) -> Result<bool, ChainError> {
    let registry = KeeperRegistry::new(contracts.keeper_registry, provider);
    let challenger = Challenger::new(contracts.challenger, provider);
    for &index in &accusation.guilty {
        let operator = registry.operatorAt(accusation.epoch, index).call().await?;
        if !challenger.isConvicted(operator, accusation.task_id).call().await? {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Submitter {
    /// Brings a proof before the Challenger. Looks first whether that is of any use, and sends nothing if not.
    pub async fn accuse(&self, provider: &ChainProvider, accusation: &Accusation) -> AccusationResult {
        match is_proven(provider, self.contracts(), accusation).await {
            Ok(true) => return AccusationResult::Proven,
            Ok(false) => {}
            Err(error) => return AccusationResult::Failed { why: error.to_string() },
        }
        let call = Challenger::proveEquivocationCall {
            epoch: accusation.epoch,
            first: accusation.first.clone(),
            second: accusation.second.clone(),
        };
        let call = plain_call(self.contracts().challenger, &call);
        match &*self.enqueue(accusation.key, call).await {
            Done::Mined { tx, .. } => AccusationResult::Mined { tx: *tx },
            Done::Reverted(data) if is_error(data, Challenger::AlreadyProven::SELECTOR) => AccusationResult::Proven,
            Done::Reverted(data) if is_error(data, Challenger::TooLate::SELECTOR) => AccusationResult::TooLate,
            Done::Useless => AccusationResult::Proven,
            Done::Reverted(data) => AccusationResult::Refused { reason: receipt::reason(data) },
            Done::Failed(why) => AccusationResult::Failed { why: why.clone() },
        }
    }
}
