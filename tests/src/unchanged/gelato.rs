//! Gelato: resolvers written from the public interface, and its registry of tasks, Automate, from its own package.

use alloy::primitives::{Address, B256, Bytes, U256, b256};
use alloy::providers::Provider;
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use anyhow::{Context, Result};

use super::abi::{AutomateTasks, ModuleData, Resolver, Tally};
use super::{Check, Contract, Due, Stir, Workshop, logs};

/// Where proxies of its make keep the admin's address: `eip1967.proxy.admin`.
const ADMIN_SLOT: B256 = b256!("b53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103");
/// Gas of a call.
const GAS: u32 = 100_000;

/// One that changes its mind, and one that burns gas; each with a target that takes calls from its dedicated sender alone.
///
/// # Errors
/// When one does not come up.
pub async fn resolvers(workshop: &mut Workshop) -> Result<Vec<Contract>> {
    let mut made = Vec::new();
    for name in ["Fickle", "GasBurner"] {
        let resolver = workshop.deploy(name, Vec::new()).await?;
        let target = workshop.deploy("Tally", Vec::new()).await?;
        let call = Bytes::from(Resolver::checkerCall {}.abi_encode());
        made.push(Contract {
            name,
            target,
            due: Due::Condition { target: resolver, call: call.clone() },
            check: Check::Resolver { resolver, call },
            gas: GAS,
            admit: Some(|sender| Tally::setDedicatedSenderCall { sender }.abi_encode().into()),
            stir: Stir::Never,
            performed: logs(target, Tally::Ticked::SIGNATURE_HASH),
        });
    }
    Ok(made)
}

/// A registry of tasks.
#[derive(Clone, Copy, Debug)]
pub struct Automate {
    /// Where it is.
    pub address: Address,
}

impl Automate {
    /// Numbers of its modules: by a resolver, at times (of old), from a sender of its own, once, by code off chain, by a trigger.
    pub const RESOLVER: u8 = 0;
    /// See [`Self::RESOLVER`].
    pub const TIME: u8 = 1;
    /// See [`Self::RESOLVER`].
    pub const PROXY: u8 = 2;
    /// See [`Self::RESOLVER`].
    pub const SINGLE_EXEC: u8 = 3;
    /// See [`Self::RESOLVER`].
    pub const WEB3_FUNCTION: u8 = 4;
    /// See [`Self::RESOLVER`].
    pub const TRIGGER: u8 = 5;

    /// Version 5, as it was: its modules are for resolvers, senders of one's own, and single runs.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn real(workshop: &mut Workshop) -> Result<Self> {
        let owner = workshop.owner.account;
        let address = workshop.deploy("Automate", (owner, owner).abi_encode_params()).await?;
        let proxy = workshop.deploy("AutomateProxy", address.abi_encode()).await?;
        let factory = workshop.deploy("AutomateProxyFactory", (address, proxy).abi_encode_params()).await?;
        let module = workshop.deploy("ProxyModule", factory.abi_encode()).await?;
        // It stands behind a proxy elsewhere, whose constructor writes this.
        let admin = (address, ADMIN_SLOT, B256::left_padding_from(owner.as_slice()));
        let _: bool = workshop.provider.raw_request("anvil_setStorageAt".into(), admin).await?;
        // The package has the proxy's module alone; at a task's end the one for times is asked too, and this answers for it.
        let modules = vec![Self::RESOLVER, Self::TIME, Self::PROXY, Self::SINGLE_EXEC];
        let module_addresses = vec![module; modules.len()];
        let call = AutomateTasks::setModuleCall { modules, moduleAddresses: module_addresses };
        workshop.act("the modules", address, call.abi_encode()).await?;
        Ok(Self { address })
    }

    /// What says the same of tasks as version 7 does, whatever their modules.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn stand_in(workshop: &mut Workshop) -> Result<Self> {
        Ok(Self { address: workshop.deploy("AutomateStandIn", Vec::new()).await? })
    }

    /// Creates a task that is paid in advance; `modules` are numbers and what belongs to them.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn create(
        &self,
        workshop: &mut Workshop,
        target: Address,
        data: impl Into<Bytes>,
        modules: &[(u8, Vec<u8>)],
    ) -> Result<B256> {
        let call = AutomateTasks::createTaskCall {
            execAddress: target,
            execData: data.into(),
            moduleData: ModuleData {
                modules: modules.iter().map(|(number, _)| *number).collect(),
                args: modules.iter().map(|(_, data)| data.clone().into()).collect(),
            },
            feeToken: Address::ZERO,
        };
        let receipt = workshop.act("a task", self.address, call.abi_encode()).await?;
        let logs = receipt.logs().iter().filter(|log| log.address() == self.address);
        let created = logs.filter_map(|log| log.log_decode::<AutomateTasks::TaskCreated>().ok()).next();
        Ok(created.context("no task was created")?.inner.data.taskId)
    }

    /// Ends a task.
    ///
    /// # Errors
    /// When it refuses.
    pub async fn cancel(&self, workshop: &mut Workshop, task: B256) -> Result<()> {
        let call = AutomateTasks::cancelTaskCall { taskId: task };
        workshop.act("a task's end", self.address, call.abi_encode()).await?;
        Ok(())
    }

    /// What the module for resolvers takes.
    #[must_use]
    pub fn resolver(resolver: Address, call: Bytes) -> (u8, Vec<u8>) {
        (Self::RESOLVER, (resolver, call).abi_encode_params())
    }

    /// What the module for triggers takes: again and again, with milliseconds as the SDK writes them.
    #[must_use]
    pub fn every(start: u64, interval: u64) -> (u8, Vec<u8>) {
        let config = (U256::from(start), U256::from(interval)).abi_encode_params();
        (Self::TRIGGER, (U256::ZERO, Bytes::from(config)).abi_encode_params())
    }

    /// The same by a pattern.
    #[must_use]
    pub fn cron(pattern: &str) -> (u8, Vec<u8>) {
        let config = pattern.to_owned().abi_encode();
        (Self::TRIGGER, (U256::from(1), Bytes::from(config)).abi_encode_params())
    }

    /// The same by logs.
    #[must_use]
    pub fn event(emitter: Address, topics: Vec<Vec<B256>>, confirmations: u64) -> (u8, Vec<u8>) {
        let config = (emitter, topics, U256::from(confirmations)).abi_encode_params();
        (Self::TRIGGER, (U256::from(2), Bytes::from(config)).abi_encode_params())
    }

    /// The same in each block.
    #[must_use]
    pub fn block() -> (u8, Vec<u8>) {
        (Self::TRIGGER, (U256::from(3), Bytes::new()).abi_encode_params())
    }
}
