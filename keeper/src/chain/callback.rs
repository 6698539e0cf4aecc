//! Why a target did not take what it was called with. The chain says only that it did not: the call is repeated at the
//! block before, once with the job's gas and once with plenty.

use super::rpc::ChainProvider;
use super::{ChainError, Contracts, Settled, receipt};
use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use contracts::terms::ended;
use contracts::{JobManager, Run, TaskManager};

/// Gas of a call that lacks none.
const PLENTY: u64 = 10_000_000;
/// What a transaction takes before its call begins, and for a byte of its input: zero or not.
const TRANSACTION_GAS: u64 = 21_000;
const ZERO_GAS: u64 = 4;
const BYTE_GAS: u64 = 16;

/// Why it did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It needs more gas than the job gives it.
    OutOfGas {
        /// Gas of the job's callback.
        given: u64,
    },
    /// It reverts with any gas.
    Reverted {
        /// Name and arguments of the error where it says one.
        reason: String,
    },
    /// The address has no code.
    NoCode,
    /// Repeated, it goes through: something else in that block was in the way.
    Passing,
    /// It cannot be found out: the node keeps no old state, or the transaction came by way of another contract.
    Unknown,
}

impl Undelivered {
    /// The word for it in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::OutOfGas { .. } => "out_of_gas",
            Self::Reverted { .. } => "reverted",
            Self::NoCode => "no_code",
            Self::Passing => "passing",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for Undelivered {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutOfGas { given } => {
                write!(to, "the callback ran out of its {given} gas: the job needs a larger --callback-gas")
            }
            Self::Reverted { reason } => write!(to, "the target refused the callback: {reason}"),
            Self::NoCode => write!(to, "the target has no code"),
            Self::Passing => write!(to, "the target refused the callback then, and would take it now"),
            Self::Unknown => write!(to, "the target did not take the callback"),
        }
    }
}

/// Why the target of a settled task did not take its outcome.
///
/// # Errors
/// The nodes give no answer.
pub async fn why_undelivered(
    provider: &ChainProvider,
    contracts: &Contracts,
    settled: &Settled,
) -> Result<Undelivered, ChainError> {
    let transaction: Option<serde_json::Value> =
        provider.raw_request("eth_getTransactionByHash".into(), (settled.tx,)).await?;
    let input =
        transaction.and_then(|transaction| serde_json::from_value::<Bytes>(transaction.get("input")?.clone()).ok());
    let Some(outcome) = input.and_then(|input| outcome_in(&input, settled)) else {
        return Ok(Undelivered::Unknown);
    };
    let job = JobManager::new(contracts.job_manager, provider).job(settled.job_id).call().await?;
    if provider.get_code_at(job.target).await?.is_empty() {
        return Ok(Undelivered::NoCode);
    }
    let before = BlockId::number(settled.block.saturating_sub(1));
    let (given, way) = (u64::from(job.callbackGas), (job.forwarder, job.target));
    let scarce = call_of(provider, way, &outcome, Some(given), before).await;
    let plenty = call_of(provider, way, &outcome, None, before).await;
    Ok(match (scarce, plenty) {
        (Called::Went, _) => Undelivered::Passing,
        (Called::Failed(_), Called::Went) => Undelivered::OutOfGas { given },
        (Called::Failed(_), Called::Failed(data)) => Undelivered::Reverted { reason: receipt::reason(&data) },
        (Called::Nothing, _) | (_, Called::Nothing) => Undelivered::Unknown,
    })
}

/// What the target of a task was called with, as the settling transaction brought it.
fn outcome_in(input: &[u8], settled: &Settled) -> Option<Bytes> {
    let batch = TaskManager::settleCall::abi_decode(input).ok()?.batch;
    let mut deliveries = batch.deliveries.into_iter();
    for entry in &batch.entries {
        let run = Run::from_word(entry.run);
        let delivery = if run.status == ended::CALL { Some(deliveries.next()?) } else { None };
        if run.job_id == settled.job_id && entry.instanceKey == settled.instance_key {
            return delivery.map(|delivery| delivery.outcome);
        }
    }
    None
}

/// What became of a call.
pub(crate) enum Called {
    /// It went through.
    Went,
    /// With what the contract gave back.
    Failed(Bytes),
    /// The node did not make it.
    Nothing,
}

/// Calls a target from a job's forwarder, as a settlement does: with so much gas for the callback, or with plenty.
pub(crate) async fn call_of(
    provider: &ChainProvider,
    (forwarder, target): (Address, Address),
    outcome: &Bytes,
    gas: Option<u64>,
    block: BlockId,
) -> Called {
    let request = TransactionRequest::default()
        .with_from(forwarder)
        .with_to(target)
        .with_input(outcome.clone())
        .with_gas_limit(gas.unwrap_or(PLENTY).saturating_add(gas_of_transaction(outcome)));
    match provider.call(request).block(block).await {
        Ok(_) => Called::Went,
        Err(error) => match error.as_error_resp() {
            Some(error) if error.as_revert_data().is_some() => {
                Called::Failed(error.as_revert_data().unwrap_or_default())
            }
            Some(error) if is_about_gas(&error.message) => Called::Failed(Bytes::new()),
            _ => Called::Nothing,
        },
    }
}

/// What a transaction takes besides its call.
pub(crate) fn gas_of_transaction(input: &[u8]) -> u64 {
    let bytes = input.iter().map(|byte| if *byte == 0 { ZERO_GAS } else { BYTE_GAS }).sum::<u64>();
    TRANSACTION_GAS.saturating_add(bytes)
}

/// Nodes say so in words: running out leaves no data behind.
fn is_about_gas(words: &str) -> bool {
    let words = words.to_lowercase();
    ["out of gas", "outofgas", "gas required exceeds", "execution reverted", "revert"]
        .iter()
        .any(|word| words.contains(word))
}

#[cfg(test)]
mod tests;
