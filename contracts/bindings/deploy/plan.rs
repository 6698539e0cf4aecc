//! Which contracts are created, in which order, and where they will stand.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::{SolCall, SolConstructor};

use super::{ChainKind, DeployConfig, DeployError, Examples, Staking, Timelock};
use crate::network::Contracts;
use crate::{
    Challenger, Counter, ERC1967Proxy, Feed, JobManager, KeeperRegistry, LocalAllocationManager, ServiceManager,
    TaskManager, TimelockController,
};

/// A contract to be created, with its constructor's arguments behind its code.
pub(super) struct Creation {
    pub(super) name: &'static str,
    pub(super) code: Bytes,
}

/// The creations in nonce order and the addresses they will have.
pub(super) struct Plan {
    first_is_allocation_manager: bool,
    /// Who will own the contracts.
    pub(super) owner: Address,
    provable_blocks: u32,
    anchor_age: u64,
    /// Implementations behind the proxies: registry, jobs, tasks, service, challenger.
    code: [Address; 5],
    pub(super) contracts: Contracts,
    pub(super) examples: Examples,
}

impl Plan {
    pub(super) fn new(config: &DeployConfig, chain: ChainKind, nonce: u64) -> Result<Self, DeployError> {
        let (provable_blocks, anchor_age) = (config.provable_blocks(chain)?, config.anchor_age(chain)?);
        let mut nonces = nonce..;
        let mut next = || config.deployer.create(nonces.next().unwrap_or(u64::MAX));
        // the stand-in is its own strategy: there is no token behind local deposits
        let staking = config.staking.unwrap_or_else(|| {
            let local = next();
            Staking { allocation_manager: local, strategy: local }
        });
        let owner = if config.timelock.is_some() { next() } else { config.deployer };
        let code = [next(), next(), next(), next(), next()];
        let [keeper_registry, job_manager, task_manager, service_manager, challenger] =
            [next(), next(), next(), next(), next()];
        let Staking { allocation_manager, strategy } = staking;
        Ok(Self {
            first_is_allocation_manager: config.staking.is_none(),
            owner,
            provable_blocks,
            anchor_age,
            code,
            contracts: Contracts {
                keeper_registry,
                job_manager,
                task_manager,
                service_manager,
                challenger,
                allocation_manager,
                strategy,
            },
            examples: Examples { counter: next(), feed: next() },
        })
    }

    pub(super) fn creations(&self, config: &DeployConfig) -> Vec<Creation> {
        let owner = self.owner;
        let initialize = KeeperRegistry::initializeCall { owner }.abi_encode();
        let challenger_ = self.contracts.challenger;
        let service = ServiceManager::initializeCall { owner, challenger_, metadataURI: String::new() }.abi_encode();
        let mut list = Vec::new();
        if self.first_is_allocation_manager {
            list.push(Creation { name: "LocalAllocationManager", code: LocalAllocationManager::BYTECODE.clone() });
        }
        list.extend(config.timelock.map(timelock));
        list.extend(self.implementations(config));
        let guardian = config.guardian;
        let jobs = JobManager::initializeCall {
            owner,
            guardian,
            leastFee_: U256::from(config.least_fee).saturating_to(),
            deposit: U256::from(config.listing_deposit).saturating_to(),
        };
        let tasks = TaskManager::initializeCall { owner, guardian }.abi_encode();
        let starts = [initialize.clone(), jobs.abi_encode(), tasks, service, initialize];
        let names = [
            "KeeperRegistry proxy",
            "JobManager proxy",
            "TaskManager proxy",
            "ServiceManager proxy",
            "Challenger proxy",
        ];
        for ((name, implementation), data) in names.into_iter().zip(self.code).zip(starts) {
            let constructor = ERC1967Proxy::constructorCall { implementation, _data: data.into() };
            list.push(creation(name, &ERC1967Proxy::BYTECODE, &constructor));
        }
        if config.examples {
            list.push(Creation { name: "Counter", code: Counter::BYTECODE.clone() });
            list.push(Creation { name: "Feed", code: Feed::BYTECODE.clone() });
        }
        list
    }

    pub(super) fn implementations(&self, config: &DeployConfig) -> [Creation; 5] {
        let of = &self.contracts;
        [
            creation(
                "KeeperRegistry",
                &KeeperRegistry::BYTECODE,
                &KeeperRegistry::constructorCall {
                    serviceManager_: of.service_manager,
                    epochSeconds_: config.epoch_seconds,
                    minimumStake_: U256::from(config.minimum_stake).saturating_to(),
                },
            ),
            creation(
                "JobManager",
                &JobManager::BYTECODE,
                &JobManager::constructorCall {
                    taskManager_: of.task_manager,
                    registry_: of.keeper_registry,
                    serviceManager_: of.service_manager,
                    notice: config.notice_seconds,
                    tip_: U256::from(config.tip),
                },
            ),
            creation(
                "TaskManager",
                &TaskManager::BYTECODE,
                &TaskManager::constructorCall {
                    registry_: of.keeper_registry,
                    jobManager_: of.job_manager,
                    maxAnchorAge_: U256::from(self.anchor_age),
                },
            ),
            creation(
                "ServiceManager",
                &ServiceManager::BYTECODE,
                &ServiceManager::constructorCall {
                    allocationManager_: of.allocation_manager,
                    registry_: of.keeper_registry,
                    strategy_: of.strategy,
                    blocks: config.slashable_blocks,
                },
            ),
            creation(
                "Challenger",
                &Challenger::BYTECODE,
                &Challenger::constructorCall {
                    taskManager_: of.task_manager,
                    registry_: of.keeper_registry,
                    serviceManager_: of.service_manager,
                    provableBlocks_: U256::from(self.provable_blocks),
                    reward_: U256::from(config.reward),
                    bond_: U256::from(config.bond),
                },
            ),
        ]
    }
}

/// Nobody administers it from outside: its own roles change by announcements too.
fn timelock(wanted: Timelock) -> Creation {
    let constructor = TimelockController::constructorCall {
        minDelay: U256::from(wanted.delay_seconds),
        proposers: vec![wanted.proposer],
        executors: vec![Address::ZERO], // anybody
        admin: Address::ZERO,
    };
    creation("TimelockController", &TimelockController::BYTECODE, &constructor)
}

fn creation(name: &'static str, bytecode: &Bytes, constructor: &impl SolConstructor) -> Creation {
    Creation { name, code: [bytecode.as_ref(), &constructor.abi_encode()].concat().into() }
}
