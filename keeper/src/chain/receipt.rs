//! Receipts of our transactions, and what a contract means by a revert.

use super::rpc::ChainProvider;
use super::{ChainError, Contracts};
use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U64, U128, hex};
use alloy::providers::Provider;
use alloy::rpc::types::{Log, TransactionRequest};
use alloy::sol_types::{Panic, Revert, SolError, SolEvent};
use contracts::TaskManager;

/// Longest text taken from a contract.
const MAX_REASON_CHARS: usize = 256;

/// The fields of a receipt that keepers use.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The transaction.
    pub tx: B256,
    /// Number of its block.
    pub block: u64,
    /// Whether it did not revert.
    pub success: bool,
    /// Gas it used.
    pub gas_used: u64,
    /// Wei it paid for a gas; zero where the node does not say.
    pub price: u128,
    /// What the contracts said.
    pub logs: Vec<Log>,
}

#[derive(serde::Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
    transaction_hash: B256,
    block_number: Option<U64>,
    status: Option<U64>,
    gas_used: U64,
    #[serde(default)]
    effective_gas_price: Option<U128>,
    #[serde(default)]
    logs: Vec<Log>,
}

/// The receipt of a transaction, if it is in a block.
pub(crate) async fn fetch(provider: &ChainProvider, tx: B256) -> Result<Option<Receipt>, ChainError> {
    let raw: Option<RawReceipt> = provider.raw_request("eth_getTransactionReceipt".into(), (tx,)).await?;
    let Some(raw) = raw else { return Ok(None) };
    if raw.transaction_hash != tx {
        let detail = format!("asked for the receipt of {tx}, got that of {}", raw.transaction_hash);
        return Err(ChainError::unbelievable("other_receipt", detail));
    }
    let Some(block) = raw.block_number else { return Ok(None) };
    Ok(Some(Receipt {
        tx,
        block: block.to(),
        success: raw.status == Some(U64::from(1)),
        gas_used: raw.gas_used.to(),
        price: raw.effective_gas_price.map(|price| price.to()).unwrap_or_default(),
        logs: raw.logs,
    }))
}

impl Receipt {
    /// How many tasks the TaskManager settled in it.
    pub(crate) fn settled(&self, contracts: &Contracts) -> u64 {
        let ours = self.logs.iter().filter(|log| log.address() == contracts.task_manager);
        let batches = ours.filter_map(|log| TaskManager::BatchSettled::decode_log(&log.inner).ok());
        batches.map(|event| event.settled.saturating_to::<u64>()).sum()
    }
}

/// Why an included transaction failed: the call is repeated at its block. The state is the one after the block, so this
/// may be another reason than at the time, most often that somebody else came first.
pub(crate) async fn failure(
    provider: &ChainProvider,
    receipt: &Receipt,
    from: Address,
    to: Address,
    input: &Bytes,
) -> Option<Bytes> {
    let request = TransactionRequest::default().with_from(from).with_to(to).with_input(input.clone());
    let error = provider.call(request).block(BlockId::number(receipt.block)).await.err()?;
    error.as_error_resp()?.as_revert_data()
}

/// Whether revert data is the custom error with this selector.
pub(crate) fn is_error(data: &[u8], selector: [u8; 4]) -> bool {
    data.get(..4) == Some(selector.as_slice())
}

/// Name and arguments of a custom error of our contracts, or what else a revert says.
pub(crate) fn reason(data: &[u8]) -> String {
    let text = contracts::error_name(data).or_else(|| plain_reason(data)).unwrap_or_else(|| match data.get(..4) {
        Some(selector) => format!("unknown error 0x{}", hex::encode(selector)),
        None => "no reason given".to_owned(),
    });
    text.chars().filter(|character| !character.is_control()).take(MAX_REASON_CHARS).collect()
}

/// The reason of `require`, `assert` and the compiler's own checks.
fn plain_reason(data: &[u8]) -> Option<String> {
    let revert = Revert::abi_decode_validate(data).map(|revert| revert.reason);
    revert.or_else(|_| Panic::abi_decode_validate(data).map(|panic| panic.to_string())).ok()
}

#[cfg(test)]
mod tests;
