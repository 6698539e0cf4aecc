//! `keeper operator deregister` and `keeper operator stake`: what changes the operator set, from the next epoch on.

use alloy::eips::BlockId;
use alloy::primitives::{Address, U256};
use anyhow::{Result, anyhow};
use contracts::{IAllocationManager, KeeperRegistry, LocalAllocationManager};
use serde_json::json;

use super::{allocate, allocated, operator_set, read_registration};
use crate::chain::{ChainError, ChainProvider};
use crate::cli::chain::{Chain, coin};
use crate::cli::output::answer;
use crate::cli::{Exit, Global, StakeArgs, WithExit};
use crate::keystore::Keystore;

/// One percent of a deposit, as a magnitude.
const PERCENT: u64 = 10_000_000_000_000_000;

pub(in crate::cli) async fn deregister(global: &Global) -> Result<Exit> {
    let settings = global.settings()?;
    let password = global.password(&settings, false)?;
    let wallet = Keystore::at(&global.paths()?.keystores()).open_wallet(&password)?;
    let chain = Chain::connect(global, &settings).await?;
    let operator = wallet.address();
    let before = read_registration(&chain, operator).await?;
    if !before.known {
        return Err(never_registered(operator)).exit(Exit::NotFound);
    }
    // Asked before anything is sent: what fails afterwards would read as if the operator had not left.
    let counts = counts_now(&chain.provider, chain.network.contracts.keeper_registry, before.index).await?;
    let mut transactions = Vec::new();
    if before.registered {
        let sender = chain.sender(wallet).await?;
        let set = operator_set(&chain);
        let params = IAllocationManager::DeregisterParams { operator, avs: set.avs, operatorSetIds: vec![set.id] };
        let call = LocalAllocationManager::deregisterFromOperatorSetsCall { params };
        let manager = chain.network.contracts.allocation_manager;
        let receipt = sender.send("deregister the operator", manager, &call, U256::ZERO).await?;
        transactions.push(receipt.tx);
    }
    let document = json!({
        "operator": operator,
        "already_deregistered": !before.registered,
        "index": before.index,
        "counts_in_current_epoch": counts,
        "transactions": transactions,
    });
    let text = if counts {
        format!(
            "operator {operator} is deregistered; the current epoch still counts on it: leave its keeper running until \
             `keeper status` says that it left\n"
        )
    } else {
        format!("operator {operator} is deregistered, and the current epoch does not count on it\n")
    };
    answer(global, document, &text);
    Ok(Exit::Success)
}

pub(in crate::cli) async fn stake(global: &Global, args: &StakeArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let password = global.password(&settings, false)?;
    let wallet = Keystore::at(&global.paths()?.keystores()).open_wallet(&password)?;
    let chain = Chain::connect(global, &settings).await?;
    let operator = wallet.address();
    if !read_registration(&chain, operator).await?.registered {
        return Err(anyhow!("operator {operator} is not registered: run `keeper operator register` first"))
            .exit(Exit::NotFound);
    }
    let set = operator_set(&chain);
    let before = allocated(&chain, operator, &set, BlockId::latest()).await?;
    let contracts = &chain.network.contracts;
    let registry = KeeperRegistry::new(contracts.keeper_registry, &chain.provider);
    let minimum = U256::from(registry.minimumStake().call().await.map_err(ChainError::from)?);
    let call = allocate(operator, set.clone(), contracts.strategy, u64::from(args.percent) * PERCENT);
    let sender = chain.sender(wallet).await?;
    let receipt = sender.send("change the stake", contracts.allocation_manager, &call, U256::ZERO).await?;
    let after = chain.after(&receipt, |block| allocated(&chain, operator, &set, block)).await?;
    let document = json!({
        "operator": operator,
        "percent": args.percent,
        "stake_before": before.to_string(),
        "stake": after.to_string(),
        "minimum_stake": minimum.to_string(),
        "transactions": [receipt.tx],
    });
    let mut text =
        format!("stake of operator {operator}: {} before, {} from the next epoch on\n", coin(before), coin(after));
    if after < minimum {
        text.push_str(&format!("This is less than the {} that count: its keeper will sign nothing.\n", coin(minimum)));
    }
    answer(global, document, &text);
    Ok(Exit::Success)
}

/// Whether the current epoch's committee counts on an index.
pub(in crate::cli) async fn counts_now(
    provider: &ChainProvider,
    registry: Address,
    index: u16,
) -> Result<bool, ChainError> {
    let registry = KeeperRegistry::new(registry, provider);
    let epoch = registry.currentEpoch().call().await?;
    if epoch == 0 {
        return Ok(false);
    }
    let stake = registry.stakeOf(epoch, index).call().await?;
    Ok(!stake.is_zero())
}

fn never_registered(operator: Address) -> anyhow::Error {
    anyhow!("operator {operator} was never registered on this chain: check --network and --datadir")
}
