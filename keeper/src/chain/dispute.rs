//! Rulings on their way to the Challenger, and the punishments that follow from them.

use alloy::primitives::{B256, keccak256};
use alloy::sol_types::SolError;
use contracts::{Challenger, RulingCertificate};

use super::receipt::{self, is_error};
use super::rpc::Rpc;
use super::submitter::{Done, Submitter, plain_call};

/// Good nodes that must agree that nobody is left to punish, where there are so many.
const WITNESSES: usize = 2;

/// A ruling as the contract takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct RulingCall {
    /// Number of the dispute.
    pub dispute: u64,
    /// How the task ends.
    pub status: u8,
    /// Hash of its outcome.
    pub outcome_hash: B256,
    /// Epoch of the committee that signed.
    pub epoch: u32,
    /// Sum of its signatures, a G1 point of 96 bytes.
    pub signature: alloy::primitives::Bytes,
    /// Bitmap of the signers.
    pub signers: Vec<alloy::primitives::U256>,
}

/// What became of what was brought for a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BroughtResult {
    /// Our transaction was included and succeeded.
    Mined {
        /// The transaction.
        tx: B256,
    },
    /// Nobody is left to punish.
    AllPunished,
    /// The contract refuses it: most often because another keeper was faster.
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

impl BroughtResult {
    /// The label of the counter.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mined { .. } => "mined",
            Self::AllPunished => "all_punished",
            Self::Refused { .. } => "refused",
            Self::Failed { .. } => "failed",
        }
    }
}

impl Submitter {
    /// Brings a ruling on chain.
    pub async fn rule(&self, ruling: RulingCall) -> BroughtResult {
        let RulingCall { dispute, status, outcome_hash, epoch, signature, signers } = ruling;
        let certificate = RulingCertificate { epoch, signature, signers };
        let call =
            Challenger::ruleCall { disputeId: dispute, reportStatus: status, outcomeHash: outcome_hash, certificate };
        let call = plain_call(self.contracts().challenger, &call);
        // Another certificate over the same answer does as well.
        let key = keccak256([&dispute.to_be_bytes()[..], &[status], outcome_hash.as_slice()].concat());
        let done = self.enqueue(key, call).await;
        told(&done)
    }

    /// Has the next 32 punished who signed a report that was ruled wrong.
    pub async fn enforce(&self, rpc: &Rpc, dispute: u64) -> BroughtResult {
        let call = plain_call(self.contracts().challenger, &Challenger::enforceCall { disputeId: dispute });
        let done = self.enqueue(keccak256(&call.input), call.clone()).await;
        match &*done {
            Done::Reverted(data) if is_error(data, Challenger::NobodyGuilty::SELECTOR) => {
                let witnesses = match rpc.witnesses().await {
                    Ok(witnesses) => witnesses.into_iter().take(WITNESSES).collect::<Vec<_>>(),
                    Err(error) => return BroughtResult::Failed { why: error.to_string() },
                };
                if self.refuse_alike(&witnesses, &call, Challenger::NobodyGuilty::SELECTOR).await {
                    BroughtResult::AllPunished
                } else {
                    BroughtResult::Failed { why: "the RPC nodes disagree whether anybody is left to punish".to_owned() }
                }
            }
            done => told(done),
        }
    }
}

fn told(done: &Done) -> BroughtResult {
    match done {
        Done::Mined { tx, .. } => BroughtResult::Mined { tx: *tx },
        Done::Reverted(data) => BroughtResult::Refused { reason: receipt::reason(data) },
        Done::Useless => BroughtResult::Failed { why: "nobody needs it any more, says an RPC node".to_owned() },
        Done::Failed(why) => BroughtResult::Failed { why: why.clone() },
    }
}

#[cfg(test)]
mod tests;
