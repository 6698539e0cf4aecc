//! What a deployment would do, without a transaction.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;

use super::error::without_url;
use super::{ChainKind, DeployConfig, DeployError, Plan, check_precompiles, gas_limit};
use crate::network::Contracts;

/// What would stand where, and what it would take at most.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The chain.
    pub chain_id: u64,
    /// What the contracts would take blocks and data fees from.
    pub chain: ChainKind,
    /// The addresses the contracts would have, unless the deployer sends something else first.
    pub contracts: Contracts,
    /// Who would own them.
    pub owner: Address,
    /// Sum of the gas limits.
    pub gas_limit: u64,
    /// What that costs at today's price, in wei.
    pub cost: U256,
    /// What the deployer has, in wei.
    pub balance: U256,
}

/// Checks the precompiles, runs the constructors of all implementations (they test themselves, and the node checks their
/// size), and works out addresses and gas. Proxies are left out: they need what is not there yet.
///
/// # Errors
/// Settings that cannot work, the node fails, lacks EIP-2537, or a constructor would revert.
pub async fn dry_run<P: Provider>(provider: &P, config: &DeployConfig) -> Result<DryRun, DeployError> {
    let rpc = DeployError::rpc;
    let chain_id = provider.get_chain_id().await.map_err(rpc("reading the chain id"))?;
    check_precompiles(provider, chain_id).await?;
    let chain = ChainKind::of(provider).await?;
    let count = provider.get_transaction_count(config.deployer).pending().await;
    let plan = Plan::new(config, chain, count.map_err(rpc("reading the deployer's nonce"))?)?;
    for creation in plan.implementations(config) {
        let limit = gas_limit(&creation.code) + chain.data_gas(provider, &creation.code).await?;
        let request = TransactionRequest::default()
            .with_from(config.deployer)
            .with_gas_limit(limit)
            .with_deploy_code(creation.code);
        let contract = creation.name;
        let tried = provider.call(request).await;
        tried.map_err(|error| DeployError::Refused { contract, source: without_url(error) })?;
    }
    let mut gas_limit_sum = 0;
    for creation in plan.creations(config) {
        gas_limit_sum += gas_limit(&creation.code) + chain.data_gas(provider, &creation.code).await?;
    }
    let price = provider.get_gas_price().await.map_err(rpc("reading the gas price"))?;
    let balance = provider.get_balance(config.deployer).await.map_err(rpc("reading the deployer's balance"))?;
    let cost = U256::from(price) * U256::from(gas_limit_sum);
    Ok(DryRun {
        chain_id,
        chain,
        contracts: plan.contracts,
        owner: plan.owner,
        gas_limit: gas_limit_sum,
        cost,
        balance,
    })
}
