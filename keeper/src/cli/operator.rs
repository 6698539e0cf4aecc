//! `keeper operator`: stake, keys and earnings on chain.

mod changes;
mod flags;

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, FixedBytes, U256, keccak256};
use alloy::providers::Provider;
use alloy::sol_types::SolValue;
use anyhow::{Result, anyhow};
use consensus::bls::SecretKey;
use contracts::{IAllocationManager, JobManager, KeeperRegistry, LocalAllocationManager, ServiceManager};
use serde_json::json;

use super::chain::{Chain, coin, money};
use super::output::{answer, rows};
use super::{Exit, Global, WithExit};
use crate::chain::{ChainError, Head, Receipt, Registration, registration};
use crate::journal::{self, Identity, Journal, Missing};
use crate::keystore::{Keys, Keystore};
use crate::paths::Paths;

pub(super) use changes::{counts_now, deregister, stake};
pub use flags::{ClaimArgs, StakeArgs};

/// The only operator set of the AVS.
const OPERATOR_SET: u32 = 0;
/// All of an operator's deposit, as a magnitude.
const WHOLE_DEPOSIT: u64 = 1_000_000_000_000_000_000;
/// Epochs asked about in one call, and claimed in one transaction.
const EPOCHS_PER_CALL: u32 = 200;

pub(super) async fn register(global: &Global) -> Result<Exit> {
    let paths = global.paths()?;
    let settings = global.settings()?;
    let password = global.password(&settings, false)?;
    let keys = Keystore::at(&paths.keystores()).open(&password)?;
    let chain = Chain::connect(global, &settings).await?;
    let Enrolled { index, before, transactions } = enroll(&paths, &chain, &keys).await?;
    let operator = keys.wallet.address();
    let document = json!({
        "operator": operator,
        "registered": true,
        "already_registered": before,
        "index": index,
        "transactions": transactions,
    });
    let text = if before {
        format!("operator {operator} is registered already, with index {index}\n")
    } else {
        format!("operator {operator} is registered with index {index}; it counts from the next epoch\n")
    };
    answer(global, document, &text);
    Ok(Exit::Success)
}

/// What a registration came to.
pub(super) struct Enrolled {
    /// The operator's index.
    pub(super) index: u16,
    /// Whether it was registered already.
    pub(super) before: bool,
    /// What was sent for it.
    pub(super) transactions: Vec<B256>,
}

/// Allocates the stake and registers the keys, as far as that is missing.
pub(super) async fn enroll(paths: &Paths, chain: &Chain, keys: &Keys) -> Result<Enrolled> {
    let peer_key = p2p::Identity::load_or_create(&paths.identity())?.public_key();
    let operator = keys.wallet.address();
    let bls_key = keys.bls.public_key().to_chain_bytes();
    let before = read_registration(chain, operator).await?;
    if before.registered && !before.matches(&peer_key, &bls_key) {
        let error = anyhow!(
            "operator {operator} is registered with other keys than {} holds: use the data directory it was registered \
             from, or a new wallet; other keys take their place after `keeper operator deregister`",
            paths.data().display()
        );
        return Err(error).exit(Exit::Key);
    }
    let (mut transactions, mut index) = (Vec::new(), before.index);
    // By the word of most nodes: one that lags would have an empty journal written for a key that has signed.
    if !before.known && !chain.was_registered(operator).await? {
        begin_journal(chain, paths, &keys.bls)?;
    }
    if !before.registered {
        let sender = chain.sender(keys.wallet.clone()).await?;
        let contracts = &chain.network.contracts;
        let set = operator_set(chain);
        if allocated(chain, operator, &set, BlockId::latest()).await?.is_zero() {
            let call = allocate(operator, set, contracts.strategy, WHOLE_DEPOSIT);
            let receipt = sender.send("allocate the stake", contracts.allocation_manager, &call, U256::ZERO).await?;
            transactions.push(receipt.tx);
        }
        let call = registering(chain, operator, &keys.bls, peer_key);
        let receipt = sender.send("register the operator", contracts.allocation_manager, &call, U256::ZERO).await?;
        transactions.push(receipt.tx);
        index = registered_as(&receipt, contracts.keeper_registry, operator)?;
    }
    Ok(Enrolled { index, before: before.registered, transactions })
}

pub(super) async fn status(global: &Global) -> Result<Exit> {
    let settings = global.settings()?;
    let keys = Keystore::at(&global.paths()?.keystores()).public()?;
    let chain = Chain::connect(global, &settings).await?;
    let operator = keys.operator;
    let registration = read_registration(&chain, operator).await?;
    let service = ServiceManager::new(chain.network.contracts.service_manager, &chain.provider);
    let stakes = service.stakes(vec![operator]).call().await.map_err(ChainError::from)?;
    let stake = stakes.first().copied().unwrap_or_default();
    let balance = chain.provider.get_balance(operator).await.map_err(ChainError::from)?;
    let epoch = newest_epoch(&chain).await?;
    let owed = total(&owing_epochs(&chain, operator, Address::ZERO, epoch).await?);
    let document = json!({
        "operator": operator,
        "registered": registration.registered,
        "index": registration.known.then_some(registration.index),
        "stake": stake.to_string(),
        "balance_wei": balance.to_string(),
        "owed_wei": owed.to_string(),
        "epoch": epoch,
    });
    let text = rows(&[
        ("operator", operator.to_string()),
        ("registered", if registration.registered { "yes" } else { "no: run `keeper operator register`" }.to_owned()),
        ("stake", coin(stake)),
        ("balance", coin(balance)),
        ("earned, unclaimed", coin(owed)),
    ]);
    answer(global, document, &text);
    Ok(if registration.registered { Exit::Success } else { Exit::NotFound })
}

pub(super) async fn claim(global: &Global, args: &ClaimArgs) -> Result<Exit> {
    let settings = global.settings()?;
    let password = global.password(&settings, false)?;
    let wallet = Keystore::at(&global.paths()?.keystores()).open_wallet(&password)?;
    let chain = Chain::connect(global, &settings).await?;
    let operator = wallet.address();
    let to = args.to.unwrap_or(operator);
    let owing = owing_epochs(&chain, operator, args.token, newest_epoch(&chain).await?).await?;
    let refunds = refunds(&chain, operator, args.token).await?;
    let mut transactions = Vec::new();
    let mut amount = U256::ZERO;
    if !owing.is_empty() || !refunds.is_zero() {
        let sender = chain.sender(wallet).await?;
        // The first call takes the refunds too, so one is made also when there is nothing else.
        let most = EPOCHS_PER_CALL as usize;
        for part in 0..owing.len().div_ceil(most).max(1) {
            let part = owing.iter().skip(part * most).take(most);
            let epochs = part.map(|(epoch, _)| *epoch).collect();
            let call = JobManager::claimCall { token: args.token, epochs, to };
            let receipt =
                sender.send("claim the earnings", chain.network.contracts.job_manager, &call, U256::ZERO).await?;
            let claimed = receipt.logs.iter().filter_map(|log| log.log_decode::<JobManager::Claimed>().ok());
            amount += claimed.map(|log| log.inner.data.amount).sum::<U256>();
            transactions.push(receipt.tx);
        }
    }
    let document = json!({
        "operator": operator,
        "token": args.token,
        "to": to,
        "amount": amount.to_string(),
        "epochs": owing.len(),
        "transactions": transactions,
    });
    let text = if transactions.is_empty() {
        "nothing to claim\n".to_owned()
    } else {
        format!("claimed {} from {} epochs for {to}\n", money(args.token, amount), owing.len())
    };
    answer(global, document, &text);
    Ok(Exit::Success)
}

/// Leaves an empty journal behind for a key that was never registered and so never signed. From the registration on, a
/// missing journal means a lost one, and `keeper join` refuses to go on without it.
fn begin_journal(chain: &Chain, paths: &Paths, bls: &SecretKey) -> Result<()> {
    let identity = Identity::new(&bls.public_key().to_bytes(), chain.network.domain_separator());
    match Journal::open(&paths.journal(), identity, Missing::Create) {
        // A keeper runs here already; it has made the journal.
        Err(journal::Error::InUse { .. }) => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

/// What a proof of possession signs: `IKeeperRegistry.possessionDigest`. Computed here, not asked of a node: a lying one
/// could have a proof signed for another operator.
fn possession_digest(chain_id: u64, registry: Address, operator: Address, bls_key: &[u8], peer_key: [u8; 32]) -> B256 {
    keccak256((U256::from(chain_id), registry, operator, keccak256(bls_key), B256::from(peer_key)).abi_encode())
}

fn registering(
    chain: &Chain,
    operator: Address,
    bls: &SecretKey,
    peer_key: [u8; 32],
) -> LocalAllocationManager::registerForOperatorSetsCall {
    let network = &chain.network;
    let key = bls.public_key().to_chain_bytes();
    let registry = network.contracts.keeper_registry;
    let digest = possession_digest(network.chain_id, registry, operator, &key, peer_key);
    let proof = bls.prove_possession(digest.as_slice()).to_chain_bytes();
    let data = (key.to_vec(), proof.to_vec(), FixedBytes(peer_key)).abi_encode_params();
    LocalAllocationManager::registerForOperatorSetsCall {
        operator,
        params: registration_params(network.contracts.service_manager, data),
    }
}

fn registration_params(avs: Address, data: Vec<u8>) -> IAllocationManager::RegisterParams {
    IAllocationManager::RegisterParams { avs, operatorSetIds: vec![OPERATOR_SET], data: data.into() }
}

fn operator_set(chain: &Chain) -> IAllocationManager::OperatorSet {
    IAllocationManager::OperatorSet { avs: chain.network.contracts.service_manager, id: OPERATOR_SET }
}

/// `magnitude`: the part of the deposit that is to back this network, [`WHOLE_DEPOSIT`] for all of it.
fn allocate(
    operator: Address,
    set: IAllocationManager::OperatorSet,
    strategy: Address,
    magnitude: u64,
) -> LocalAllocationManager::modifyAllocationsCall {
    let allocation = IAllocationManager::AllocateParams {
        operatorSet: set,
        strategies: vec![strategy],
        newMagnitudes: vec![magnitude],
    };
    LocalAllocationManager::modifyAllocationsCall { operator, params: vec![allocation] }
}

async fn allocated(
    chain: &Chain,
    operator: Address,
    set: &IAllocationManager::OperatorSet,
    block: BlockId,
) -> Result<U256, ChainError> {
    let contracts = &chain.network.contracts;
    let manager = LocalAllocationManager::new(contracts.allocation_manager, &chain.provider);
    let question = manager.getAllocatedStake(set.clone(), vec![operator], vec![contracts.strategy]);
    let stake = question.block(block).call().await?;
    Ok(stake.first().and_then(|row| row.first()).copied().unwrap_or_default())
}

/// The index an operator got, by the registry's word in the receipt: the node that is asked next may not have it yet.
fn registered_as(receipt: &Receipt, registry: Address, operator: Address) -> Result<u16> {
    let logs = receipt.logs.iter().filter(|log| log.address() == registry);
    let events = logs.filter_map(|log| log.log_decode::<KeeperRegistry::OperatorRegistered>().ok());
    let ours = events.map(|log| log.inner.data).find(|event| event.operator == operator);
    let missing = || anyhow!("transaction {} succeeded, but left no OperatorRegistered behind", receipt.tx);
    Ok(ours.ok_or_else(missing).exit(Exit::Chain)?.index)
}

pub(super) async fn read_registration(chain: &Chain, operator: Address) -> Result<Registration> {
    Ok(registration(&chain.provider, chain.network.contracts.keeper_registry, operator).await?)
}

/// The number of the newest epoch: no more than there can have been. It is one node's word, and each is asked about.
async fn newest_epoch(chain: &Chain) -> Result<u32, ChainError> {
    let registry = KeeperRegistry::new(chain.network.contracts.keeper_registry, &chain.provider);
    let newest = registry.currentEpoch().call().await?;
    let (deployed, now) = chain.lifetime().await?;
    let most = most_epochs(deployed, now, chain.network.epoch_seconds);
    if u64::from(newest) > most {
        let detail = format!("it shows epoch {newest}, though there were {most} at most since the deployment");
        return Err(ChainError::unbelievable("too_many_epochs", detail));
    }
    Ok(newest)
}

/// How many epochs there can have been from a block to another one: each begins in a block of its own, and so many seconds
/// after the one before. Two to spare: the node that told the epoch may be a block or two ahead.
fn most_epochs(from: Head, to: Head, epoch_seconds: u64) -> u64 {
    let blocks = to.number.saturating_sub(from.number);
    let lengths = to.timestamp.saturating_sub(from.timestamp) / epoch_seconds.max(1);
    blocks.min(lengths).saturating_add(3)
}

/// The epochs an operator has something left in, and how much. Whole stretches are asked about first, and only those
/// that owe something are looked at closer: most epochs of a long-lived operator are claimed.
async fn owing_epochs(chain: &Chain, operator: Address, token: Address, newest: u32) -> Result<Vec<(u32, U256)>> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let mut owing = Vec::new();
    let mut next = Some(1_u32);
    while let Some(first) = next.filter(|first| *first <= newest) {
        let mut stretches = vec![(first, newest.min(first.saturating_add(EPOCHS_PER_CALL - 1)))];
        next = first.checked_add(EPOCHS_PER_CALL);
        while let Some((first, last)) = stretches.pop() {
            let owed =
                manager.owed(operator, token, (first..=last).collect()).call().await.map_err(ChainError::from)?;
            if owed.is_zero() {
                continue;
            }
            if first == last {
                owing.push((first, owed));
                continue;
            }
            let middle = first + (last - first) / 2;
            stretches.push((middle + 1, last));
            stretches.push((first, middle));
        }
    }
    Ok(owing)
}

/// Gas of settlements that jobs refund, in wei; they do so in the chain's coin alone.
async fn refunds(chain: &Chain, operator: Address, token: Address) -> Result<U256> {
    if !token.is_zero() {
        return Ok(U256::ZERO);
    }
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    Ok(manager.refunds(operator).call().await.map_err(ChainError::from)?)
}

fn total(owing: &[(u32, U256)]) -> U256 {
    owing.iter().map(|(_, owed)| *owed).sum()
}

#[cfg(test)]
mod tests;
