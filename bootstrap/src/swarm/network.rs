//! The chain's side of setting up: contracts, network file, stake, coins, the first epoch.

use std::path::{Path, PathBuf};
use std::time::Duration;

use alloy::primitives::{Address, U256, utils::parse_ether};
use anyhow::{Context, Result, anyhow};
use contracts::KeeperRegistry;
use contracts::deploy::{DeployConfig, Examples, Staking, deploy};
use contracts::network::Network;

use super::JobSet;
use super::anvil::{Anvil, mined};
use super::stirred::Stirred;

/// Seconds between epochs.
pub const EPOCH_SECONDS: u32 = 10;
/// Seconds between a creator's pause and its effect: longer than the lag of an anchor, short enough to wait for.
pub const NOTICE_SECONDS: u32 = 6;

/// `LocalAllocationManager.DEALLOCATION_DELAY`, and that of EigenLayer's core as the swarm deploys it, is 1,000 blocks.
const SLASHABLE_MOST: u32 = 900;

/// The contracts of a swarm.
#[derive(Debug, Clone)]
pub struct Deployed {
    /// What `network.toml` says.
    pub network: Network,
    /// Where it is.
    pub file: PathBuf,
    /// Example targets.
    pub examples: Examples,
    /// What the other examples look at and call, if they are listed.
    pub stirred: Option<Stirred>,
}

/// Deploys the contracts and writes `network.toml`; without `staking` the local stand-in as well.
///
/// # Errors
/// When the chain refuses or the file cannot be written.
pub async fn deploy_to(anvil: &Anvil, directory: &Path, staking: Option<Staking>, jobs: JobSet) -> Result<Deployed> {
    let local = DeployConfig::local(anvil.faucet(), anvil.url());
    let block_time = anvil.block_time();
    let block_milliseconds = u64::try_from(block_time.as_millis()).ok().filter(|_| block_time < Duration::from_secs(1));
    let config = DeployConfig {
        confirmations: 0,
        block_seconds: block_time.as_secs().max(1),
        block_milliseconds,
        slashable_blocks: block_milliseconds
            .map_or(local.slashable_blocks, |each| slashable(local.slashable_blocks, each)),
        epoch_seconds: EPOCH_SECONDS,
        notice_seconds: NOTICE_SECONDS,
        staking,
        examples: true,
        ..local
    };
    let deployment = deploy(anvil.provider(), &config).await?;
    let file = directory.join("network.toml");
    deployment.network.save(&file)?;
    let examples = deployment.examples.ok_or_else(|| anyhow!("the deployer left the examples out"))?;
    let stirred = match jobs {
        JobSet::All => Some(Stirred::deploy(anvil).await?),
        JobSet::Basic => None,
    };
    Ok(Deployed { network: deployment.network, file, examples, stirred })
}

/// As much time as `usual` blocks of a second are, but fewer than the stand-in keeps stake slashable for whoever leaves.
fn slashable(usual: u32, block_milliseconds: u64) -> u32 {
    let blocks = u64::from(usual) * 1_000 / block_milliseconds.max(1);
    u32::try_from(blocks).unwrap_or(u32::MAX).min(SLASHABLE_MOST)
}

/// Gives each operator coins for its transactions; all transfers travel together.
///
/// # Errors
/// When the chain refuses.
pub async fn fund_all(anvil: &Anvil, operators: impl IntoIterator<Item = Address>) -> Result<()> {
    super::anvil::transfer_all(anvil.provider(), anvil.faucet(), operators, operator_coins()).await
}

/// What an operator gets for transaction fees: 10 coins.
#[must_use]
pub(super) fn operator_coins() -> U256 {
    parse_ether("10").expect("ten is a number")
}

/// Opens the epoch that holds everybody registered so far.
///
/// # Errors
/// When the registry refuses.
pub async fn snapshot(anvil: &Anvil, network: &Network) -> Result<()> {
    let registry = KeeperRegistry::new(network.contracts.keeper_registry, anvil.provider());
    let pending = registry.snapshot().from(anvil.faucet()).send().await.context("the registry refuses a snapshot")?;
    let receipt = mined(anvil.provider(), *pending.tx_hash(), "the registry's snapshot").await?;
    if !receipt.status() {
        return Err(anyhow!("the registry's snapshot failed in transaction {}", receipt.transaction_hash));
    }
    Ok(())
}
