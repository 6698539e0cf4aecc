//! Accusations: proofs of equivocation on their way to the Challenger.
//!
//! A proof that is let go is deleted, so no single node's word is enough for that: where there are two good ones, both
//! must say that all of the guilty are convicted, or that it is too late. Anything else is tried again.

use alloy::network::TransactionBuilder;
use alloy::primitives::B256;
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolError;
use contracts::{Challenger, IChallenger, KeeperRegistry};

use super::lane::Call;
use super::receipt::{self, is_error};
use super::rpc::{ChainProvider, Rpc};
use super::submitter::{Done, Submitter, plain_call};
use super::{ChainError, Contracts};

/// Good nodes that must agree before a proof is let go, where there are so many.
const WITNESSES: usize = 2;

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
    /// The contract refuses it, at one node: in the state of a node that is a little behind, it may well.
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
    pub async fn accuse(&self, rpc: &Rpc, accusation: &Accusation) -> AccusationResult {
        let failed = |why: String| AccusationResult::Failed { why };
        let witnesses = match rpc.witnesses().await {
            Ok(witnesses) => witnesses.into_iter().take(WITNESSES).collect::<Vec<_>>(),
            Err(error) => return failed(error.to_string()),
        };
        let mut proven = true;
        for witness in &witnesses {
            match is_proven(witness, self.contracts(), accusation).await {
                Ok(here) => proven = here,
                Err(error) => return failed(error.to_string()),
            }
            if !proven {
                break;
            }
        }
        if proven {
            return AccusationResult::Proven;
        }
        let call = Challenger::proveEquivocationCall {
            epoch: accusation.epoch,
            first: accusation.first.clone(),
            second: accusation.second.clone(),
        };
        let call = plain_call(self.contracts().challenger, &call);
        let done = self.enqueue(accusation.key, call.clone()).await;
        let agreed = |selector| self.refuse_alike(&witnesses, &call, selector);
        let disputed = || failed("the RPC nodes disagree whether it is over".to_owned());
        match &*done {
            Done::Mined { tx, .. } => AccusationResult::Mined { tx: *tx },
            Done::Reverted(data) if is_error(data, Challenger::AlreadyProven::SELECTOR) => {
                match agreed(Challenger::AlreadyProven::SELECTOR).await {
                    true => AccusationResult::Proven,
                    false => disputed(),
                }
            }
            Done::Reverted(data) if is_error(data, Challenger::TooLate::SELECTOR) => {
                match agreed(Challenger::TooLate::SELECTOR).await {
                    true => AccusationResult::TooLate,
                    false => disputed(),
                }
            }
            Done::Reverted(data) => AccusationResult::Refused { reason: receipt::reason(data) },
            Done::Useless => failed("nobody needs it any more, says an RPC node".to_owned()),
            Done::Failed(why) => failed(why.clone()),
        }
    }

    /// Whether the contract refuses a call with this error at every one of these nodes.
    pub(super) async fn refuse_alike(&self, witnesses: &[ChainProvider], call: &Call, selector: [u8; 4]) -> bool {
        for witness in witnesses {
            let request =
                TransactionRequest::default().with_from(self.account()).with_to(call.to).with_input(call.input.clone());
            let refusal = witness.call(request).await.err();
            let data = refusal.and_then(|error| error.as_error_resp()?.as_revert_data());
            if !data.is_some_and(|data| is_error(&data, selector)) {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
