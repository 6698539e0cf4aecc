use std::error::Error;
use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, U64, U256, address};
use alloy::providers::{Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::transports::mock::Asserter;

use super::chain::{ARB_SYS, GAS_PRICE_ORACLE, NODE_INTERFACE};
use super::{ChainKind, DeployConfig, DeployError, Deployment, Timelock, check_upgrade, deploy, deploy_told, dry_run};
use crate::anvil::Anvil;
use crate::network::Contracts;
use crate::{
    Challenger, JobManager, KeeperRegistry, LocalAllocationManager, ServiceManager, TaskManager, TimelockController,
};

type Outcome = Result<(), Box<dyn Error>>;

/// A chain that mines a block a second, whether there is something in it or not.
const STEADY: &[&str] = &["--block-time", "1"];

async fn config(anvil: &Anvil) -> Result<DeployConfig, Box<dyn Error>> {
    let accounts = anvil.provider.get_accounts().await?;
    Ok(DeployConfig::local(*accounts.first().ok_or("anvil has no accounts")?, &anvil.url))
}

async fn deployed(anvil: &Anvil) -> Result<Deployment, Box<dyn Error>> {
    Ok(deploy(&anvil.provider, &config(anvil).await?).await?)
}

#[tokio::test]
async fn everything_stands_where_the_network_says() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    let deployment = deployed(&anvil).await?;
    let network = &deployment.network;
    for (name, address) in network.contracts.named() {
        assert!(anvil.has_code(address).await?, "{name} has no code at {address}");
    }
    let examples = deployment.examples.ok_or("examples were asked for")?;
    assert!(anvil.has_code(examples.counter).await? && anvil.has_code(examples.feed).await?);
    assert_eq!(network.chain_id, 31337);
    assert!(network.deploy_block > 0);
    Ok(())
}

#[tokio::test]
async fn the_contracts_know_each_other() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    let deployment = deployed(&anvil).await?;
    let network = deployment.network;
    let of = network.contracts;
    let tasks = TaskManager::new(of.task_manager, &anvil.provider);
    assert_eq!(tasks.domainSeparator().call().await?, network.domain_separator(), "signed under the same domain");
    assert_eq!(tasks.registry().call().await?, of.keeper_registry);
    assert_eq!(tasks.jobManager().call().await?, of.job_manager);
    assert_eq!(tasks.maxAnchorAge().call().await?, U256::from(100));
    let jobs = JobManager::new(of.job_manager, &anvil.provider);
    assert_eq!(jobs.taskManager().call().await?, of.task_manager);
    assert_eq!(jobs.registry().call().await?, of.keeper_registry);
    assert_eq!(jobs.serviceManager().call().await?, of.service_manager);
    assert_eq!(jobs.noticeSeconds().call().await?, 30);
    assert_eq!(jobs.tip().call().await?, U256::from(10_000_000));
    assert_eq!(jobs.leastFee(Address::ZERO).call().await?.to::<u64>(), 1_000_000_000);
    assert_eq!(jobs.listingDeposit().call().await?.to::<u64>(), 10_000_000_000_000_000);
    let registry = KeeperRegistry::new(of.keeper_registry, &anvil.provider);
    assert_eq!(registry.serviceManager().call().await?, of.service_manager);
    assert_eq!(u64::from(registry.epochSeconds().call().await?), network.epoch_seconds);
    let service = ServiceManager::new(of.service_manager, &anvil.provider);
    assert_eq!(service.allocationManager().call().await?, of.allocation_manager);
    assert_eq!(service.registry().call().await?, of.keeper_registry);
    assert_eq!(service.strategy().call().await?, of.strategy);
    assert_eq!(service.challenger().call().await?, of.challenger);
    let challenger = Challenger::new(of.challenger, &anvil.provider);
    assert_eq!(challenger.taskManager().call().await?, of.task_manager);
    assert_eq!(challenger.registry().call().await?, of.keeper_registry);
    assert_eq!(challenger.serviceManager().call().await?, of.service_manager);
    assert_eq!(challenger.provableBlocks().call().await?.to::<u64>(), 300 - 2 * 10, "two epochs of ten blocks fewer");
    let allocations = LocalAllocationManager::new(of.allocation_manager, &anvil.provider);
    let set = crate::IAllocationManager::OperatorSet { avs: of.service_manager, id: 0 };
    assert!(allocations.getMembers(set).call().await?.is_empty(), "the operator set is there and empty");
    Ok(())
}

/// A dry run names the addresses that the deployment then has, and sends nothing.
#[tokio::test]
async fn a_dry_run_tells_what_a_deployment_would_do() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    let config = config(&anvil).await?;
    let told = dry_run(&anvil.provider, &config).await?;
    assert_eq!(anvil.provider.get_transaction_count(config.deployer).await?, 0, "nothing was sent");
    assert!(told.balance > told.cost && told.cost > alloy::primitives::U256::ZERO);
    let done = deploy(&anvil.provider, &config).await?;
    assert_eq!(told.contracts, done.network.contracts);
    assert_eq!(told.owner, done.owner);
    assert!(told.gas_limit >= done.gas_used, "{} < {}", told.gas_limit, done.gas_used);
    Ok(())
}

#[tokio::test]
async fn a_timelock_owns_everything_if_there_is_one() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    let proposer = Address::repeat_byte(0x11);
    let guardian = Address::repeat_byte(0x22);
    let timelock = Some(Timelock { delay_seconds: 3_600, proposer });
    let config = DeployConfig { timelock, guardian, ..config(&anvil).await? };
    let deployment = deploy(&anvil.provider, &config).await?;
    let owner = TimelockController::new(deployment.owner, &anvil.provider);
    assert_eq!(owner.getMinDelay().call().await?.to::<u64>(), 3_600);
    let role = owner.PROPOSER_ROLE().call().await?;
    assert!(owner.hasRole(role, proposer).call().await? && !owner.hasRole(role, config.deployer).call().await?);
    let of = deployment.network.contracts;
    for proxy in [of.keeper_registry, of.job_manager, of.task_manager, of.service_manager, of.challenger] {
        assert_eq!(KeeperRegistry::new(proxy, &anvil.provider).owner().call().await?, deployment.owner);
    }
    assert_eq!(TaskManager::new(of.task_manager, &anvil.provider).guardian().call().await?, guardian);
    assert_eq!(JobManager::new(of.job_manager, &anvil.provider).guardian().call().await?, guardian);
    Ok(())
}

/// Stake that is gone before a proof can come is no stake.
#[tokio::test]
async fn epochs_longer_than_stake_is_certain_are_refused() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    let config = DeployConfig { epoch_seconds: 150, ..config(&anvil).await? };
    let error = deploy(&anvil.provider, &config).await.err().ok_or("deployed with nothing provable")?;
    assert!(error.to_string().contains("--slashable-blocks"), "{error}");
    let error = dry_run(&anvil.provider, &config).await.err().ok_or("the dry run saw nothing")?;
    assert!(matches!(error, DeployError::NothingProvable { slashable_blocks: 300, epoch_blocks: 150 }), "{error}");
    assert_eq!(DeployConfig { block_seconds: 12, ..config }.provable_blocks(ChainKind::Plain)?, 300 - 2 * 13);
    Ok(())
}

/// Stake is counted in blocks of `block.number`, proofs in those that anchors bear; on Arbitrum one is not the other.
#[test]
fn what_is_provable_is_counted_in_the_chains_own_blocks() -> Outcome {
    let local = DeployConfig::local(Address::ZERO, "");
    let quick = |slashable_blocks, milliseconds| DeployConfig {
        block_milliseconds: Some(milliseconds),
        slashable_blocks,
        ..local.clone()
    };
    assert_eq!(local.provable_blocks(ChainKind::OpStack)?, 300 - 2 * 10);
    assert_eq!(quick(200, 250).provable_blocks(ChainKind::Plain)?, 200 - 2 * 40, "an epoch has 40 blocks");
    // an epoch of 10 s lies within one block of the parent, which lasts as long as 48 of its own; then half
    assert_eq!(quick(200, 250).provable_blocks(ChainKind::Arbitrum)?, (200 - 2) * 48 / 2);
    assert_eq!(
        DeployConfig { slashable_blocks: 100_000, ..local.clone() }.provable_blocks(ChainKind::Arbitrum)?,
        599_988
    );
    assert_eq!(quick(u32::MAX, 1).provable_blocks(ChainKind::Arbitrum)?, u32::MAX);
    let none = quick(2, 250).provable_blocks(ChainKind::Arbitrum).err().ok_or("proven after the stake is gone")?;
    assert!(matches!(none, DeployError::NothingProvable { slashable_blocks: 2, epoch_blocks: 1 }), "{none}");
    Ok(())
}

/// What was compiled from the same sources may be upgraded to; with other code for forwarders it may not.
#[tokio::test]
async fn an_upgrade_that_moves_the_forwarders_is_refused() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    let mut network = deployed(&anvil).await?.network;
    check_upgrade(&anvil.provider, &network).await?;
    // the TaskManager is part of a forwarder's code
    let task_manager = std::mem::replace(&mut network.contracts.task_manager, Address::repeat_byte(1));
    let error = check_upgrade(&anvil.provider, &network).await.err().ok_or("every forwarder moved")?;
    assert!(matches!(error, DeployError::ForwarderChanged { .. }), "{error}");
    network.contracts.task_manager = task_manager;
    network.contracts.job_manager = Address::repeat_byte(1);
    let error = check_upgrade(&anvil.provider, &network).await.err().ok_or("read what is not there")?;
    assert!(matches!(error, DeployError::Unreadable { .. }), "{error}");
    Ok(())
}

/// A second deployment by the same account stands beside the first.
#[tokio::test]
async fn deploying_again_makes_another_network() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    let first = deployed(&anvil).await?.network;
    let second = deployed(&anvil).await?.network;
    assert_ne!(first.contracts, second.contracts);
    assert_ne!(first.domain8(), second.domain8());
    Ok(())
}

#[tokio::test]
async fn a_chain_without_the_precompiles_is_named() -> Outcome {
    let anvil = Anvil::start(&["--block-time", "1", "--hardfork", "cancun"]).await?;
    let config = config(&anvil).await?;
    let error = deploy(&anvil.provider, &config).await.err().ok_or("deployed without precompiles")?;
    assert!(matches!(error, DeployError::PrecompilesMissing { chain_id: 31337 }), "{error}");
    let error = dry_run(&anvil.provider, &config).await.err().ok_or("found precompiles")?;
    assert!(matches!(error, DeployError::PrecompilesMissing { chain_id: 31337 }), "{error}");
    Ok(())
}

/// And the key of its URL is not shown.
#[tokio::test]
async fn a_node_that_is_down_is_named() -> Outcome {
    let url = "http://127.0.0.1:1/v3/secretkey";
    let provider = ProviderBuilder::new().connect_http(url.parse()?).erased();
    let config = DeployConfig::local(Address::repeat_byte(1), url);
    let error = deploy(&provider, &config).await.err().ok_or("deployed to nowhere")?;
    assert!(error.to_string().contains("--rpc-url"), "{error}");
    let mut cause: Option<&dyn Error> = Some(&error);
    while let Some(shown) = cause {
        assert!(!shown.to_string().contains("secretkey"), "{shown}");
        cause = shown.source();
    }
    Ok(())
}

/// What was paid for is waited for: a question that fails once says nothing about it.
#[tokio::test]
async fn a_receipt_is_asked_for_until_it_comes() -> Outcome {
    let asserter = Asserter::new();
    let provider = ProviderBuilder::new().connect_mocked_client(asserter.clone());
    let receipt = |block: u64| {
        let zeros = |bytes: usize| Bytes::from(vec![0; bytes]);
        serde_json::json!({"transactionHash": B256::ZERO, "blockNumber": U64::from(block), "blockHash": B256::ZERO,
            "transactionIndex": "0x0", "status": "0x1", "gasUsed": "0x5208", "cumulativeGasUsed": "0x5208",
            "effectiveGasPrice": "0x1", "from": Address::ZERO, "to": null, "contractAddress": Address::ZERO,
            "logs": [], "logsBloom": zeros(256), "type": "0x2"})
    };
    asserter.push_failure_msg("busy");
    asserter.push_success(&serde_json::Value::Null);
    asserter.push_success(&receipt(7));
    asserter.push_failure_msg("busy again");
    asserter.push_success(&receipt(8));
    let sent = || {
        let one = |contract| super::Sent { contract, transaction: B256::ZERO, request: TransactionRequest::default() };
        vec![one("first"), one("second")]
    };
    let often = Duration::from_millis(1);
    let found = super::mined(&provider, Address::ZERO, sent(), often, Duration::from_secs(60)).await?;
    assert_eq!(found, (7, 2 * 0x5208));
    // without an answer in store, it fails every time
    let error = super::mined(&provider, Address::ZERO, sent(), often, often).await.err().ok_or("nothing came")?;
    assert!(matches!(error, DeployError::Timeout { contract: "first", .. }), "{error}");
    Ok(())
}

/// Where the contracts will be is told before the first of them is paid for.
#[tokio::test]
async fn addresses_are_told_before_anything_is_sent() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    let config = config(&anvil).await?;
    let mut told = None;
    let tell = |owner, contracts: &Contracts| told = Some((owner, *contracts));
    let done = deploy_told(&anvil.provider, &config, tell).await?;
    assert_eq!(told, Some((done.owner, done.network.contracts)));
    Ok(())
}

/// Puts code at an address that answers everything with so many bytes: a number, and zeros.
async fn answers(anvil: &Anvil, at: Address, number: u32, size: u8) -> Outcome {
    // PUSH4 number, PUSH0, MSTORE, PUSH1 size, PUSH0, RETURN
    let code = [&[0x63], &number.to_be_bytes()[..], &[0x5f, 0x52, 0x60, size, 0x5f, 0xf3]].concat();
    Ok(anvil.provider.raw_request("anvil_setCode".into(), (at, Bytes::from(code))).await?)
}

/// What the deployer says is what the contracts found.
async fn picked(anvil: &Anvil) -> Result<ChainKind, Box<dyn Error>> {
    let told = dry_run(&anvil.provider, &config(anvil).await?).await?;
    let done = deployed(anvil).await?;
    assert_eq!(told.chain, done.chain);
    assert!(told.gas_limit >= done.gas_used);
    let tasks = TaskManager::new(done.network.contracts.task_manager, &anvil.provider);
    assert_eq!(tasks.chainKind().call().await?, done.chain as u8, "{:?}", done.chain);
    Ok(done.chain)
}

#[tokio::test]
async fn the_source_of_blocks_and_data_fees_follows_from_the_chain() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    assert_eq!(picked(&anvil).await?, ChainKind::Plain);
    answers(&anvil, GAS_PRICE_ORACLE, 1, 32).await?;
    assert_eq!(picked(&anvil).await?, ChainKind::OpStack);
    answers(&anvil, ARB_SYS, 5_000_000, 32).await?;
    answers(&anvil, address!("000000000000000000000000000000000000006C"), 1, 192).await?;
    let error = deployed(&anvil).await.err().ok_or("deployed without NodeInterface")?;
    assert!(error.to_string().contains("Arbitrum node"), "{error}");
    answers(&anvil, NODE_INTERFACE, 2_000_000, 96).await?;
    assert_eq!(picked(&anvil).await?, ChainKind::Arbitrum);
    Ok(())
}

/// On Arbitrum data is paid as gas, at a price of its own.
#[tokio::test]
async fn gas_for_data_comes_on_top_where_data_is_paid_as_gas() -> Outcome {
    let anvil = Anvil::start(STEADY).await?;
    answers(&anvil, NODE_INTERFACE, 2_000_000, 96).await?;
    let code = Bytes::from_static(b"code");
    assert_eq!(ChainKind::Arbitrum.data_gas(&anvil.provider, &code).await?, 3_000_000);
    assert_eq!(ChainKind::OpStack.data_gas(&anvil.provider, &code).await?, 0);
    Ok(())
}
