//! What a deployment would do, without a transaction.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;

use super::{DeployConfig, DeployError, Plan, check_precompiles, gas_limit};
use crate::network::Contracts;

/// What would stand where, and what it would take at most.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The chain.
    pub chain_id: u64,
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
    let rpc = |doing| move |source| DeployError::Rpc { doing, source };
    let chain_id = provider.get_chain_id().await.map_err(rpc("reading the chain id"))?;
    check_precompiles(provider, chain_id).await?;
    let count = provider.get_transaction_count(config.deployer).pending().await;
    let plan = Plan::new(config, count.map_err(rpc("reading the deployer's nonce"))?)?;
    for creation in plan.implementations(config) {
        let limit = gas_limit(&creation.code);
        let request = TransactionRequest::default()
            .with_from(config.deployer)
            .with_gas_limit(limit)
            .with_deploy_code(creation.code);
        let contract = creation.name;
        provider.call(request).await.map_err(|source| DeployError::Refused { contract, source })?;
    }
    let gas_limit = plan.creations(config).iter().map(|creation| gas_limit(&creation.code)).sum();
    let price = provider.get_gas_price().await.map_err(rpc("reading the gas price"))?;
    let balance = provider.get_balance(config.deployer).await.map_err(rpc("reading the deployer's balance"))?;
    let cost = U256::from(price) * U256::from(gas_limit);
    Ok(DryRun { chain_id, contracts: plan.contracts, owner: plan.owner, gas_limit, cost, balance })
}
