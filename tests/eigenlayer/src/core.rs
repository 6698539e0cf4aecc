//! Puts EigenLayer's core on a chain.
//!
//! Its contracts take each other's addresses as constructor arguments, in a circle. So addresses are predicted from the
//! deployer's nonce, and all creations travel at once.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, Bytes, TxHash, U256};
use alloy::providers::{DynProvider, PendingTransactionBuilder, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::{SolCall, SolConstructor};
use anyhow::{Context, Result, ensure};
use eigen_utils::slashing::core::allocation_manager::AllocationManager;
use eigen_utils::slashing::core::delegation_manager::DelegationManager;
use eigen_utils::slashing::core::eigen_pod_manager::EigenPodManager;
use eigen_utils::slashing::core::permission_controller::PermissionController;
use eigen_utils::slashing::core::strategy_manager::StrategyManager;
use eigen_utils::slashing::sdk::mock_erc20::MockERC20;
use serde::{Deserialize, Serialize};

use crate::GAS;

/// Blocks for which stake stays slashable after it was withdrawn from a set; must be above the blocks our contracts ask
/// for. 14 days on mainnet.
const DEALLOCATION_DELAY: u32 = 1_000;
/// Blocks until an operator's allocation delay takes effect. 17.5 days on mainnet.
const ALLOCATION_CONFIGURATION_DELAY: u32 = 1;
/// Blocks before stake can be withdrawn. The core subtracts them from the block number when it slashes, so a chain younger
/// than this cannot slash. 14 days on mainnet.
const MIN_WITHDRAWAL_DELAY: u32 = 5;
const VERSION: &str = "v1.4.0";

mod ours {
    use alloy::sol;
    sol!(
        #[allow(missing_docs)]
        ERC1967Proxy,
        "../../contracts/artifacts/ERC1967Proxy.json"
    );
    sol!(
        #[allow(missing_docs)]
        DevnetPauser,
        "../../contracts/artifacts/DevnetPauser.json"
    );
    sol!(
        #[allow(missing_docs)]
        DevnetStrategy,
        "../../contracts/artifacts/DevnetStrategy.json"
    );
}

/// Where the core is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Core {
    /// Operator sets, allocations, slashing.
    pub allocation_manager: Address,
    /// Who is an operator, and who delegates to whom.
    pub delegation_manager: Address,
    /// Deposits.
    pub strategy_manager: Address,
    /// The one strategy on its list.
    pub strategy: Address,
    /// What is staked; anybody may mint it.
    pub token: Address,
}

/// The addresses that the creations will have, in the order of their nonces.
struct Plan {
    pauser: Address,
    permissions: Address,
    implementations: [Address; 4],
    pods: Address,
    core: Core,
}

/// Deploys the core from an account the node signs for, and waits until it stands.
///
/// # Errors
/// When the node fails or a creation reverts.
pub async fn deploy(provider: &DynProvider, deployer: Address) -> Result<Core> {
    let first = provider.get_transaction_count(deployer).pending().await.context("reading the deployer's nonce")?;
    let plan = Plan::new(deployer, first);
    let mut sent = Vec::new();
    for (nonce, (name, code)) in (first..).zip(plan.creations(deployer)) {
        let request = TransactionRequest::default().with_from(deployer).with_deploy_code(code);
        let request = request.with_nonce(nonce).with_gas_limit(GAS);
        let pending = provider.send_transaction(request).await.with_context(|| format!("creating {name}"))?;
        sent.push((name, *pending.tx_hash()));
    }
    for (name, hash) in sent {
        mined(provider, name, hash).await?;
    }
    let strategies = vec![plan.core.strategy];
    let manager = StrategyManager::new(plan.core.strategy_manager, provider);
    let listing = manager.addStrategiesToDepositWhitelist(strategies).from(deployer).gas(GAS);
    let pending = listing.send().await.context("listing the strategy")?;
    mined(provider, "the list of strategies", *pending.tx_hash()).await?;
    Ok(plan.core)
}

/// Waits for a transaction.
pub(crate) async fn mined(provider: &DynProvider, name: &str, hash: TxHash) -> Result<()> {
    let patience = std::time::Duration::from_secs(60);
    let pending = PendingTransactionBuilder::new(provider.root().clone(), hash).with_timeout(Some(patience));
    let receipt = pending.get_receipt().await.with_context(|| format!("waiting for {name}"))?;
    ensure!(receipt.status(), "{name} failed in transaction {hash}");
    Ok(())
}

impl Plan {
    fn new(deployer: Address, first: u64) -> Self {
        let mut nonces = first..;
        let mut next = || deployer.create(nonces.next().unwrap_or(u64::MAX));
        let (pauser, permissions) = (next(), next());
        let implementations = [next(), next(), next(), next()];
        let [strategy_manager, pods, allocation_manager, delegation_manager] = [next(), next(), next(), next()];
        let (token, strategy) = (next(), next());
        let core = Core { allocation_manager, delegation_manager, strategy_manager, strategy, token };
        Self { pauser, permissions, implementations, pods, core }
    }

    fn creations(&self, owner: Address) -> Vec<(&'static str, Bytes)> {
        let paused = U256::ZERO;
        let [strategies, pods, allocations, delegations] = self.implementations;
        let proxy = |implementation: Address, start: Vec<u8>| {
            let arguments = ours::ERC1967Proxy::constructorCall { implementation, _data: start.into() };
            creation(&ours::ERC1967Proxy::BYTECODE, &arguments)
        };
        let permissions = PermissionController::constructorCall { _version: VERSION.into() };
        let mut list = vec![
            ("DevnetPauser", ours::DevnetPauser::BYTECODE.clone()),
            ("PermissionController", creation(&PermissionController::BYTECODE, &permissions)),
        ];
        list.extend(self.implementations());
        let start = StrategyManager::initializeCall {
            initialOwner: owner,
            initialStrategyWhitelister: owner,
            initialPausedStatus: paused,
        };
        list.push(("StrategyManager proxy", proxy(strategies, start.abi_encode())));
        let start = EigenPodManager::initializeCall { initialOwner: owner, _initPausedStatus: paused };
        list.push(("EigenPodManager proxy", proxy(pods, start.abi_encode())));
        let start = AllocationManager::initializeCall { initialOwner: owner, initialPausedStatus: paused };
        list.push(("AllocationManager proxy", proxy(allocations, start.abi_encode())));
        let start = DelegationManager::initializeCall { initialOwner: owner, initialPausedStatus: paused };
        list.push(("DelegationManager proxy", proxy(delegations, start.abi_encode())));
        list.push(("the staked token", MockERC20::BYTECODE.clone()));
        let strategy = ours::DevnetStrategy::constructorCall {
            strategyManager_: self.core.strategy_manager,
            underlyingToken_: self.core.token,
        };
        list.push(("DevnetStrategy", creation(&ours::DevnetStrategy::BYTECODE, &strategy)));
        list
    }

    fn implementations(&self) -> [(&'static str, Bytes); 4] {
        let Self { pauser, permissions, pods, core, .. } = *self;
        let strategies = StrategyManager::constructorCall {
            _delegation: core.delegation_manager,
            _pauserRegistry: pauser,
            _version: VERSION.into(),
        };
        // nobody restakes beacon chain coins here
        let eigen_pods = EigenPodManager::constructorCall {
            _ethPOS: Address::ZERO,
            _eigenPodBeacon: Address::ZERO,
            _delegationManager: core.delegation_manager,
            _pauserRegistry: pauser,
            _version: VERSION.into(),
        };
        let allocations = AllocationManager::constructorCall {
            _delegation: core.delegation_manager,
            _pauserRegistry: pauser,
            _permissionController: permissions,
            _DEALLOCATION_DELAY: DEALLOCATION_DELAY,
            _ALLOCATION_CONFIGURATION_DELAY: ALLOCATION_CONFIGURATION_DELAY,
            _version: VERSION.into(),
        };
        let delegations = DelegationManager::constructorCall {
            _strategyManager: core.strategy_manager,
            _eigenPodManager: pods,
            _allocationManager: core.allocation_manager,
            _pauserRegistry: pauser,
            _permissionController: permissions,
            _MIN_WITHDRAWAL_DELAY: MIN_WITHDRAWAL_DELAY,
            _version: VERSION.into(),
        };
        [
            ("StrategyManager", creation(&StrategyManager::BYTECODE, &strategies)),
            ("EigenPodManager", creation(&EigenPodManager::BYTECODE, &eigen_pods)),
            ("AllocationManager", creation(&AllocationManager::BYTECODE, &allocations)),
            ("DelegationManager", creation(&DelegationManager::BYTECODE, &delegations)),
        ]
    }
}

fn creation(bytecode: &Bytes, constructor: &impl SolConstructor) -> Bytes {
    [bytecode.as_ref(), &constructor.abi_encode()].concat().into()
}
