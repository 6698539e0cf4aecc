//! Makes accounts operators of EigenLayer with something at stake.

use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use eigen_utils::slashing::core::allocation_manager::AllocationManager;
use eigen_utils::slashing::core::delegation_manager::DelegationManager;
use eigen_utils::slashing::core::strategy_manager::StrategyManager;
use eigen_utils::slashing::sdk::mock_erc20::MockERC20;
use tokio::time::{Instant, sleep};

use crate::GAS;
use crate::core::{Core, mined};

/// What each operator deposits: 100 tokens of 18 decimals, as the local stand-in counts for everybody.
pub const DEPOSIT: u128 = 100_000_000_000_000_000_000;
/// The core wants a few blocks before it lets a new operator allocate.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// Registers operators with EigenLayer and has them deposit [`DEPOSIT`]; returns when they can allocate it. The node must
/// let anybody send for anybody (anvil does), and the accounts must have coins.
///
/// # Errors
/// When the node does not impersonate, or the core refuses.
pub async fn enrol(provider: &DynProvider, core: &Core, operators: &[Address]) -> Result<()> {
    let amount = U256::from(DEPOSIT);
    let register = DelegationManager::registerAsOperatorCall {
        initDelegationApprover: Address::ZERO,
        allocationDelay: 0,
        metadataURI: String::new(),
    };
    let mut sent = Vec::new();
    for &operator in operators {
        provider
            .raw_request::<_, ()>("anvil_impersonateAccount".into(), (operator,))
            .await
            .context("the node lets nobody send for others: is it anvil?")?;
        let mint = MockERC20::mintCall { account: operator, amount };
        let approve = MockERC20::approveCall { spender: core.strategy_manager, amount };
        let deposit = StrategyManager::depositIntoStrategyCall { strategy: core.strategy, token: core.token, amount };
        let calls = [
            ("minting the stake", core.token, mint.abi_encode()),
            ("approving the deposit", core.token, approve.abi_encode()),
            ("depositing", core.strategy_manager, deposit.abi_encode()),
            ("registering as an operator", core.delegation_manager, register.abi_encode()),
        ];
        let first = provider.get_transaction_count(operator).pending().await.context("reading a nonce")?;
        for (nonce, (what, to, input)) in (first..).zip(calls) {
            let request = TransactionRequest::default().with_from(operator).with_to(to).with_input(input);
            let pending = provider.send_transaction(request.with_nonce(nonce).with_gas_limit(GAS / 8)).await;
            sent.push((what, *pending.with_context(|| format!("{what} of {operator}"))?.tx_hash()));
        }
    }
    for (what, hash) in sent {
        mined(provider, what, hash).await?;
    }
    for &operator in operators {
        may_allocate(provider, core, operator).await?;
    }
    Ok(())
}

/// Waits until an operator's allocation delay is in force.
async fn may_allocate(provider: &DynProvider, core: &Core, operator: Address) -> Result<()> {
    let manager = AllocationManager::new(core.allocation_manager, provider);
    let deadline = Instant::now() + PATIENCE;
    // (whether it is set, the delay)
    while !manager.getAllocationDelay(operator).call().await.context("reading the allocation delay")?._0 {
        ensure!(Instant::now() < deadline, "operator {operator} may not allocate yet: does the chain make blocks?");
        sleep(POLL).await;
    }
    Ok(())
}
