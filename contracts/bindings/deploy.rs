//! Puts the contracts on a chain and says where they are.
//!
//! Contracts that name each other get their addresses by prediction: a contract's address follows from its creator and
//! the creator's nonce (`CREATE`). So all transactions go out at once, and one or two blocks later everything stands.

use std::time::Duration;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, address};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;

use crate::network::{Contracts, Network};

mod anchors;
mod chain;
mod dry_run;
mod error;
mod plan;
#[cfg(test)]
mod tests;
mod upgrade;

pub use chain::{ChainKind, GAS_PRICE_ORACLE, getL1FeeUpperBoundCall};
pub use dry_run::{DryRun, dry_run};
pub use error::DeployError;
use plan::Plan;
pub use upgrade::check_upgrade;

/// How long the transactions may take to be mined.
const DEADLINE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_secs(1);
/// So often in a row there is no receipt before the node is asked whether it still has the transaction.
const LOST_AFTER: usize = 5;
/// The EIP-2537 precompile that maps a field element to a point of G1.
const MAP_FP_TO_G1: Address = address!("0000000000000000000000000000000000000010");

/// What to deploy, and the constants of the network.
#[derive(Clone, Debug)]
pub struct DeployConfig {
    /// Account that pays, and becomes the owner if there is no timelock; the provider must be able to sign for it.
    pub deployer: Address,
    /// Who owns the contracts in the deployer's place.
    pub timelock: Option<Timelock>,
    /// Who may pause settling, new jobs and funding, and nothing else.
    pub guardian: Address,
    /// Copied into the network file.
    pub rpc_urls: Vec<String>,
    /// Blocks on top of a block before it counts as settled.
    pub confirmations: u64,
    /// Seconds between blocks, 1 where they are shorter.
    pub block_seconds: u64,
    /// Milliseconds between blocks where that is less than a second.
    pub block_milliseconds: Option<u64>,
    /// Shortest time between two epochs, in seconds.
    pub epoch_seconds: u32,
    /// Time between a creator's pause, cancel or withdrawal and its effect, in seconds.
    pub notice_seconds: u32,
    /// Wei above the base fee that submitters get back for a gas, at most, and that keepers offer.
    pub tip: u128,
    /// What a run must cost at least in the chain's coin, in wei; the owner lists tokens later, see `JobManager.setLeastFee`.
    pub least_fee: u128,
    /// Wei that listing a job takes, and that come back when it has ended.
    pub listing_deposit: u128,
    /// Stake below this (in wei of the staked asset) counts as none.
    pub minimum_stake: u128,
    /// Stake must stay slashable for this many blocks after a snapshot to count, by `block.number`, which on Arbitrum is the
    /// parent chain's; fewer than EigenLayer's deallocation delay. Misbehaviour can be proven for
    /// [`DeployConfig::provable_blocks`] of this chain's own.
    pub slashable_blocks: u32,
    /// What one proven misbehaviour pays from the bounty pot at most, in wei: where `minimum_stake` or more was taken. Worth
    /// far less than that stake.
    pub reward: u128,
    /// What opening a dispute takes, in wei.
    pub bond: u128,
    /// EigenLayer's AllocationManager and the staked asset's strategy; none: the local stand-in is deployed, whose
    /// deposits anybody may set.
    pub staking: Option<Staking>,
    /// Also deploy the example targets `Counter` and `Feed`.
    pub examples: bool,
}

/// A timelock that owns the contracts: what it is to do is announced, and done by anybody once the delay is over.
#[derive(Clone, Copy, Debug)]
pub struct Timelock {
    /// Seconds between an announcement and its execution.
    pub delay_seconds: u64,
    /// Who announces and cancels; a multisig where it is worth something.
    pub proposer: Address,
}

/// Where stake is kept.
#[derive(Clone, Copy, Debug)]
pub struct Staking {
    /// EigenLayer's AllocationManager.
    pub allocation_manager: Address,
    /// The staked asset's strategy.
    pub strategy: Address,
}

impl DeployConfig {
    /// Time between two blocks.
    pub fn block_time(&self) -> Duration {
        self.block_milliseconds.map_or(Duration::from_secs(self.block_seconds.max(1)), Duration::from_millis)
    }

    /// For how many blocks after its anchor, as nodes of this chain number them, a report can be held against its signers.
    /// Stake is certain from the snapshot on, for `slashable_blocks` by `block.number`, so this is shorter by two epochs,
    /// one until somebody looks at the stakes again and one to spare. Where `block.number` is the parent chain's, it is half
    /// of what the two paces make of it: stake is still certain when blocks come at half the pace they are said to.
    ///
    /// # Errors
    /// None are left.
    pub fn provable_blocks(&self, chain: ChainKind) -> Result<u32, DeployError> {
        let own = self.block_time();
        let counted = chain.parent_block_time().unwrap_or(own).as_millis().max(1);
        let epoch_blocks = (u128::from(self.epoch_seconds) * 1_000).div_ceil(counted);
        let certain = u128::from(self.slashable_blocks).saturating_sub(2 * epoch_blocks);
        let provable = match chain.parent_block_time() {
            Some(parent) => certain * parent.as_millis() / own.as_millis().max(1) / 2,
            None => certain,
        };
        match u32::try_from(provable).unwrap_or(u32::MAX) {
            0 => Err(DeployError::NothingProvable {
                slashable_blocks: self.slashable_blocks,
                epoch_blocks: u64::try_from(epoch_blocks).unwrap_or(u64::MAX),
            }),
            blocks => Ok(blocks),
        }
    }

    /// The settings of a local network: blocks of 1 s, epochs of 10 s, stand-in for the stake, examples included.
    pub fn local(deployer: Address, rpc_url: impl Into<String>) -> Self {
        Self {
            deployer,
            timelock: None,
            guardian: deployer,
            rpc_urls: vec![rpc_url.into()],
            confirmations: 0,
            block_seconds: 1,
            block_milliseconds: None,
            epoch_seconds: 10,
            notice_seconds: 30,
            tip: 10_000_000,
            least_fee: 1_000_000_000,
            listing_deposit: 10_000_000_000_000_000,
            minimum_stake: 1_000_000_000_000_000_000,
            slashable_blocks: 300,
            reward: 10_000_000_000_000_000,
            bond: 100_000_000_000_000_000,
            staking: None,
            examples: true,
        }
    }
}

/// What stands on the chain now.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The network as its file describes it.
    pub network: Network,
    /// What the contracts take blocks and data fees from.
    pub chain: ChainKind,
    /// Who owns the contracts: the timelock, or the deployer.
    pub owner: Address,
    /// The example targets, if they were asked for.
    pub examples: Option<Examples>,
    /// Gas of all transactions together.
    pub gas_used: u64,
}

/// Example targets of jobs.
#[derive(Clone, Copy, Debug)]
pub struct Examples {
    /// Counts calls per forwarder.
    pub counter: Address,
    /// Holds a value that changes.
    pub feed: Address,
}

/// Deploys everything and returns the network; blocks until all transactions are mined.
///
/// # Errors
/// Settings that cannot work, the node fails, lacks EIP-2537, a creation reverts, or the chain makes no blocks for five minutes.
pub async fn deploy<P: Provider>(provider: &P, config: &DeployConfig) -> Result<Deployment, DeployError> {
    deploy_told(provider, config, |_, _| {}).await
}

/// The same; `tell` is told owner and contracts before the first transaction leaves, as nothing else says where they are if
/// the program ends before it is done.
///
/// # Errors
/// As [`deploy`].
pub async fn deploy_told<P: Provider>(
    provider: &P,
    config: &DeployConfig,
    tell: impl FnOnce(Address, &Contracts),
) -> Result<Deployment, DeployError> {
    let rpc = DeployError::rpc;
    let chain_id = provider.get_chain_id().await.map_err(rpc("reading the chain id"))?;
    check_precompiles(provider, chain_id).await?;
    let chain = ChainKind::of(provider).await?;
    let nonce =
        provider.get_transaction_count(config.deployer).pending().await.map_err(rpc("reading the deployer's nonce"))?;
    let plan = Plan::new(config, chain, nonce)?;
    tell(plan.owner, &plan.contracts);
    let mut sent = Vec::new();
    for (offset, creation) in (0..).zip(plan.creations(config)) {
        let request = TransactionRequest::default()
            .with_from(config.deployer)
            .with_nonce(nonce + offset)
            .with_chain_id(chain_id)
            .with_gas_limit(gas_limit(&creation.code) + chain.data_gas(provider, &creation.code).await?)
            .with_deploy_code(creation.code);
        let pending = provider.send_transaction(request.clone()).await.map_err(rpc("sending a creation"))?;
        sent.push(Sent { contract: creation.name, transaction: *pending.tx_hash(), request });
    }
    let (deploy_block, gas_used) = mined(provider, config.deployer, sent, POLL, DEADLINE).await?;
    let network = Network {
        chain_id,
        rpc_urls: config.rpc_urls.clone(),
        deploy_block,
        bootnodes: Vec::new(),
        confirmations: config.confirmations,
        block_seconds: config.block_seconds,
        block_milliseconds: config.block_milliseconds,
        epoch_seconds: config.epoch_seconds.into(),
        contracts: plan.contracts,
    };
    let examples = config.examples.then_some(plan.examples);
    Ok(Deployment { network, chain, owner: plan.owner, examples, gas_used })
}

/// A call to an address without code succeeds with nothing returned, so only the result tells.
async fn check_precompiles<P: Provider>(provider: &P, chain_id: u64) -> Result<(), DeployError> {
    let request = TransactionRequest::default().with_to(MAP_FP_TO_G1).with_input(vec![0; 64]);
    let answer = provider.call(request).await;
    let point = answer.map_err(DeployError::rpc("probing the precompiles"))?;
    if point.len() == 128 { Ok(()) } else { Err(DeployError::PrecompilesMissing { chain_id }) }
}

/// Code deposit (200 gas a byte, EIP-170), calldata (16 a byte), and what constructors and initialisers do. Estimates are
/// of no use: each creation needs the ones before it, which are not mined yet.
fn gas_limit(code: &Bytes) -> u64 {
    1_000_000 + 230 * code.len() as u64
}

/// A creation on its way.
struct Sent {
    contract: &'static str,
    transaction: B256,
    request: TransactionRequest,
}

/// Waits for all of them. What was paid for is not given up for an answer that failed once; one that the node has lost is sent again:
/// some drop what finds no room in the next block.
async fn mined<P: Provider>(
    provider: &P,
    deployer: Address,
    sent: Vec<Sent>,
    poll: Duration,
    patience: Duration,
) -> Result<(u64, u64), DeployError> {
    let deadline = tokio::time::Instant::now() + patience;
    let mut first_block = u64::MAX;
    let mut gas_used = 0;
    for Sent { contract, transaction, request } in sent {
        // The newest last. Each may make it: a node may have had one out of sight only.
        let (mut hashes, mut rounds) = (vec![transaction], 0_usize);
        let receipt = loop {
            let asked = hashes[rounds % hashes.len()];
            let answer = provider.get_transaction_receipt(asked).await;
            if tokio::time::Instant::now() > deadline && !matches!(answer, Ok(Some(_))) {
                return Err(DeployError::Timeout { contract, transaction });
            }
            match answer {
                Ok(Some(receipt)) => break receipt,
                Ok(None) => rounds += 1,
                Err(_) => {}
            }
            let is_lost = rounds > 0
                && rounds.is_multiple_of(LOST_AFTER)
                && matches!(provider.get_transaction_by_hash(asked).await, Ok(None));
            // Under the same nonce: it is refused if an earlier one has made it.
            if is_lost && let Ok(again) = provider.send_transaction(request.clone()).await {
                hashes.push(*again.tx_hash());
            }
            tokio::time::sleep(poll).await;
        };
        if !receipt.status() {
            return Err(DeployError::Reverted { contract, transaction, deployer });
        }
        first_block = first_block.min(receipt.block_number.unwrap_or(u64::MAX));
        gas_used += receipt.gas_used;
    }
    Ok((first_block, gas_used))
}
