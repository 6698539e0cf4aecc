//! Reads at one moment: an epoch's committee, our own registration, the contracts' constants.

use super::logs::EpochLog;
use super::rpc::ChainProvider;
use super::{ChainConfig, ChainError, EpochSnapshot, MemberRow};
use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, keccak256};
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use contracts::{JobManager, KeeperRegistry, TaskManager};

/// Length of a BLS key on chain: a G2 point, x.c0, x.c1, y.c0, y.c1 of 48 bytes each.
const BLS_KEY_BYTES: usize = 192;

/// What the registry holds of one operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Place in every committee and bit in every bitmap of signers.
    pub index: u16,
    /// Whether the operator takes part in the epochs to come.
    pub registered: bool,
    /// Whether the operator was ever registered; keys of a known operator are its own for ever.
    pub known: bool,
    /// Raw ed25519 public key of the peer.
    pub peer_key: [u8; 32],
    /// keccak256 of the 192-byte BLS key.
    pub bls_key_hash: B256,
}

impl Registration {
    /// Whether the operator runs with the keys it registered.
    #[must_use]
    pub fn matches(&self, peer_key: &[u8; 32], bls_key: &[u8]) -> bool {
        self.known && self.peer_key == *peer_key && self.bls_key_hash == keccak256(bls_key)
    }
}

/// Blocks of which a chain knows the hashes (EVM's BLOCKHASH): no anchor is older.
const KNOWN_HASHES: u64 = 256;

/// Highest tip a network gives back, in wei: no chain we know asks for as much. It is offered at least, so that a node whose
/// word nobody can check at the start must not name any.
const TIP_MAX: u128 = 100_000_000_000;

/// Constants of the deployed contracts, read once at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constants {
    /// EIP-712 domain separator; what is computed and what the contract says are the same.
    pub domain_separator: B256,
    /// Seconds that a pause, cancel or withdrawal is announced ahead.
    pub notice_seconds: u32,
    /// Shortest time between two epochs.
    pub epoch_seconds: u32,
    /// Wei above the base fee that the contract gives back for a gas, at most.
    pub tip: u128,
    /// How many blocks an anchor may lie back.
    pub anchor_age: u64,
}

/// Checks that each of our contracts has code.
///
/// # Errors
/// [`ChainError::MissingContract`], or the nodes give no answer.
pub async fn check_contracts(provider: &ChainProvider, config: &ChainConfig) -> Result<(), ChainError> {
    for (key, address) in config.network.contracts.named() {
        // The strategy is only a name where stake is the local stand-in's.
        if key == "strategy" {
            continue;
        }
        if provider.get_code_at(address).await?.is_empty() {
            let (head, deployed) = (provider.get_block_number().await?, config.network.deploy_block);
            if head < deployed {
                let detail =
                    format!("it is at block {head}, the contracts are of block {deployed}: it is still syncing");
                return Err(ChainError::unbelievable("node_before_deployment", detail));
            }
            let (chain_id, network_file) = (config.network.chain_id, config.network_file.clone());
            return Err(ChainError::MissingContract { key, address, chain_id, network_file });
        }
    }
    Ok(())
}

/// Reads the contracts' constants and compares the signing domain with our own.
///
/// # Errors
/// [`ChainError::WrongDomain`], a missing contract, or the nodes give no answer.
pub async fn constants(provider: &ChainProvider, config: &ChainConfig) -> Result<Constants, ChainError> {
    check_contracts(provider, config).await?;
    let task_manager = TaskManager::new(config.network.contracts.task_manager, provider);
    let job_manager = JobManager::new(config.network.contracts.job_manager, provider);
    let keeper_registry = KeeperRegistry::new(config.network.contracts.keeper_registry, provider);
    let (domain, notice, epoch) = (
        task_manager.domainSeparator().call().await?,
        job_manager.noticeSeconds().call().await?,
        keeper_registry.epochSeconds().call().await?,
    );
    let computed = config.network.domain_separator();
    if domain != computed {
        let (address, network_file) = (config.network.contracts.task_manager, config.network_file.clone());
        return Err(ChainError::WrongDomain { address, on_chain: domain, computed, network_file });
    }
    let tip = job_manager.tip().call().await?.saturating_to();
    if tip > TIP_MAX {
        let detail = format!("tip is {tip} wei, more than {TIP_MAX} is never offered");
        return Err(ChainError::unbelievable("wrong_constants", detail));
    }
    let anchor_age = task_manager.maxAnchorAge().call().await?.saturating_to();
    if !(1..=KNOWN_HASHES).contains(&anchor_age) {
        let detail = format!("maxAnchorAge is {anchor_age}, the contract takes 1 to {KNOWN_HASHES}");
        return Err(ChainError::unbelievable("wrong_constants", detail));
    }
    Ok(Constants { domain_separator: domain, notice_seconds: notice, epoch_seconds: epoch, tip, anchor_age })
}

/// What the registry holds of an operator now.
///
/// # Errors
/// The nodes give no answer, or one that does not decode.
pub async fn registration(
    provider: &ChainProvider,
    keeper_registry: Address,
    operator: Address,
) -> Result<Registration, ChainError> {
    let info = KeeperRegistry::new(keeper_registry, provider).operatorInfo(operator).call().await?;
    Ok(Registration {
        index: info.index,
        registered: info.registered,
        known: info.known,
        peer_key: info.peerKey.0,
        bls_key_hash: info.keyHash,
    })
}

/// The block in which an operator that counts no more was ejected; `None` if it left by itself.
///
/// # Errors
/// The node gives no answer, or no logs.
pub async fn ejection(
    provider: &ChainProvider,
    keeper_registry: Address,
    operator: Address,
) -> Result<Option<u64>, ChainError> {
    let moved = KeeperRegistry::new(keeper_registry, provider).operatorInfo(operator).call().await?.movedAt;
    let filter = Filter::new()
        .address(keeper_registry)
        .event_signature(KeeperRegistry::OperatorEjected::SIGNATURE_HASH)
        .topic1(operator.into_word())
        .from_block(moved)
        .to_block(moved);
    Ok((!provider.get_logs(&filter).await?.is_empty()).then_some(moved))
}

/// The committee of a logged epoch, read at the block of the log, or at the newest one where the node does not keep old
/// state: the contract keeps tables and keys for ever.
///
/// # Errors
/// The nodes give no answer, or a committee that is not the logged one.
pub(crate) async fn load_epoch(
    provider: &ChainProvider,
    keeper_registry: Address,
    log: &EpochLog,
) -> Result<EpochSnapshot, ChainError> {
    let contract = KeeperRegistry::new(keeper_registry, provider);
    let call = contract.committee(log.epoch);
    let rows = match call.clone().block(BlockId::from(log.block_hash)).call().await.map_err(ChainError::from) {
        Err(ChainError::Refused(_)) => call.block(BlockId::latest()).call().await?,
        answer => answer?,
    };
    let wrong = |detail: String| ChainError::unbelievable("wrong_committee", format!("epoch {}: {detail}", log.epoch));
    if rows.len() != usize::from(log.size) {
        return Err(wrong(format!("{} rows, {} were logged", rows.len(), log.size)));
    }
    let mut members = Vec::with_capacity(rows.len());
    for row in rows {
        if row.blsKey.len() != BLS_KEY_BYTES {
            return Err(wrong(format!("the BLS key of {} has {} bytes", row.operator, row.blsKey.len())));
        }
        members.push(MemberRow {
            operator: row.operator,
            stake: row.stake.to(),
            peer_key: row.peerKey.0,
            bls_key: row.blsKey.to_vec(),
        });
    }
    let total = members.iter().map(|member| member.stake).fold(0_u128, u128::saturating_add);
    if total != log.total_stake {
        return Err(wrong(format!("the stakes sum up to {total}, {} was logged", log.total_stake)));
    }
    Ok(EpochSnapshot {
        block: log.block,
        epoch: log.epoch,
        active_from: log.active_from,
        members,
        table_root: log.table_root,
    })
}
