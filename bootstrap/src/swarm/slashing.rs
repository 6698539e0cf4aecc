//! Who lost stake and who got gas back, as the chain tells it.

use std::collections::BTreeMap;

use alloy::primitives::{Address, U256};
use alloy::providers::DynProvider;
use anyhow::{Context, Result};
use contracts::network::Network;
use contracts::{JobManager, KeeperRegistry, ServiceManager};

/// Stake taken so far, by operator, in the strategy's smallest unit.
///
/// # Errors
/// When the chain does not answer.
pub(super) async fn slashed(provider: &DynProvider, network: &Network) -> Result<BTreeMap<Address, U256>> {
    let service = ServiceManager::new(network.contracts.service_manager, provider);
    let events = service.OperatorSlashed_filter().from_block(network.deploy_block).query().await;
    let mut taken = BTreeMap::new();
    for (event, _) in events.context("reading who was slashed")? {
        *taken.entry(event.operator).or_insert(U256::ZERO) += event.amount;
    }
    Ok(taken)
}

/// Stake that is left now, by operator.
///
/// # Errors
/// When the chain does not answer.
pub(super) async fn stakes(
    provider: &DynProvider,
    network: &Network,
    of: Vec<Address>,
) -> Result<BTreeMap<Address, U256>> {
    let service = ServiceManager::new(network.contracts.service_manager, provider);
    let amounts = service.stakes(of.clone()).call().await.context("reading the operators' stakes")?;
    Ok(of.into_iter().zip(amounts).collect())
}

/// Stake that the newest epoch counts on, by operator; those who count for nothing are left out.
///
/// # Errors
/// When the chain does not answer.
pub(super) async fn counted(provider: &DynProvider, network: &Network) -> Result<BTreeMap<Address, U256>> {
    let registry = KeeperRegistry::new(network.contracts.keeper_registry, provider);
    let newest = registry.currentEpoch().call().await.context("reading the newest epoch")?;
    let rows = registry.committee(newest).call().await.context("reading the newest epoch")?;
    let rows = rows.into_iter().filter(|row| !row.stake.is_zero());
    Ok(rows.map(|row| (row.operator, U256::from(row.stake))).collect())
}

/// Wei that jobs have given back for the gas of settlements and nobody has claimed: all of it, since no keeper of a swarm
/// claims.
///
/// # Errors
/// When the chain does not answer.
pub(super) async fn refunded(provider: &DynProvider, network: &Network, to: &[Address]) -> Result<U256> {
    let jobs = JobManager::new(network.contracts.job_manager, provider);
    let mut sum = U256::ZERO;
    for operator in to {
        sum += jobs.refunds(*operator).call().await.context("reading what was refunded")?;
    }
    Ok(sum)
}
