//! Who signed, read from the certificates in settling transactions.

use std::collections::BTreeSet;

use alloy::consensus::Transaction as _;
use alloy::primitives::{Address, B256, keccak256};
use alloy::providers::{DynProvider, Provider};
use alloy::sol_types::{SolCall, SolValue};
use anyhow::{Context, Result};
use contracts::{KeeperRegistry, Run, TaskManager};

/// The committee indices whose bits are set in the certificate of a settling transaction.
///
/// # Errors
/// When the transaction is unknown or settles nothing.
pub async fn of(provider: &DynProvider, transaction: B256) -> Result<BTreeSet<u16>> {
    let found = provider.get_transaction_by_hash(transaction).await?.context("the transaction is unknown")?;
    let call = TaskManager::settleCall::abi_decode(found.input()).context("it is no call of settle")?;
    let words = call.certificate.signers.iter().enumerate();
    let bits = words.flat_map(|(word, bits)| (0..256).filter(|bit| bits.bit(*bit)).map(move |bit| word * 256 + bit));
    bits.map(|bit| u16::try_from(bit).context("a bit past the largest committee")).collect()
}

/// What a settling transaction brought reports on: task, anchor hash and input set of each.
///
/// # Errors
/// When the transaction is unknown or settles nothing.
pub async fn reports(provider: &DynProvider, transaction: B256) -> Result<Vec<[B256; 3]>> {
    let found = provider.get_transaction_by_hash(transaction).await?.context("the transaction is unknown")?;
    let call = TaskManager::settleCall::abi_decode(found.input()).context("it is no call of settle")?;
    let report = |entry: &contracts::ITaskManager::Entry| {
        let run = Run::from_word(entry.run);
        let position = usize::try_from(run.anchor)?;
        let anchor = call.batch.anchors.get(position).context("an entry without its anchor")?;
        let task = keccak256((run.job_id, run.job_version, entry.instanceKey).abi_encode());
        Ok([task, anchor.hash, entry.inputHash])
    };
    call.batch.entries.iter().map(report).collect()
}

/// An operator's committee index.
///
/// # Errors
/// When the registry does not answer.
pub async fn index_of(provider: &DynProvider, registry: Address, operator: Address) -> Result<u16> {
    Ok(KeeperRegistry::new(registry, provider).operatorInfo(operator).call().await?.index)
}
