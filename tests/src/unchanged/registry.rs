//! Chainlink's registries of upkeeps, from its own package, with upkeeps registered and funded in them.

use alloy::primitives::aliases::{U24, U96};
use alloy::primitives::{Address, Bytes, U256, utils::parse_ether};
use alloy::sol_types::{SolCall, SolValue};
use anyhow::{Context, Result};

use super::Workshop;
use super::abi::{AutomationRegistry, BillingConfig23, Link, OnchainConfig21, OnchainConfig23, Registry21, Registry23};
use super::chainlink::{link, mint};

/// What registries demand on most chains.
const CHECK_GAS: u32 = 10_000_000;
const PERFORM_GAS: u32 = 5_000_000;
const BYTES: u32 = 5_000;
/// Wei for a gas, and what coins are worth: LINK in wei and in hundred-millionths of a dollar, the chain's own in the latter.
const FAST_GAS: u64 = 2_000_000_000;
const LINK_WEI: u64 = 5_000_000_000_000_000;
const LINK_USD: u64 = 1_500_000_000;
const NATIVE_USD: u64 = 300_000_000_000;
/// One fault is borne by four nodes.
const FAULTY: u8 = 1;

/// Which registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `KeeperRegistry 2.1.0`.
    V2_1,
    /// `AutomationRegistry 2.3.0`.
    V2_3,
}

/// A registry, configured: its owner is the workshop's.
#[derive(Clone, Copy, Debug)]
pub struct Registry {
    /// Which one.
    pub version: Version,
    /// Where it is.
    pub address: Address,
    link: Address,
}

/// An upkeep as it is registered.
#[derive(Clone, Debug, Default)]
pub struct Registered {
    /// What is performed.
    pub target: Address,
    /// Gas it may use.
    pub gas: u32,
    /// What its check is handed.
    pub check_data: Bytes,
    /// Of a log trigger; empty: custom logic.
    pub log: Bytes,
    /// What nodes read of it off chain.
    pub offchain: Bytes,
}

impl Registry {
    /// Deploys and configures one.
    ///
    /// # Errors
    /// When a part does not come up.
    pub async fn start(workshop: &mut Workshop, version: Version) -> Result<Self> {
        let link = link(workshop).await?;
        let address = match version {
            Version::V2_1 => deploy_21(workshop, link).await?,
            Version::V2_3 => deploy_23(workshop, link).await?,
        };
        Ok(Self { version, address, link })
    }

    /// Registers an upkeep, whose admin is the workshop's owner, and funds it with ten LINK.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn register(&self, workshop: &mut Workshop, upkeep: &Registered) -> Result<U256> {
        let admin = workshop.owner.account;
        let upkeep = upkeep.clone();
        let trigger = u8::from(!upkeep.log.is_empty());
        let call = match self.version {
            Version::V2_1 => Registry21::registerUpkeepCall {
                target: upkeep.target,
                gasLimit: upkeep.gas,
                admin,
                triggerType: trigger,
                checkData: upkeep.check_data,
                triggerConfig: upkeep.log,
                offchainConfig: upkeep.offchain,
            }
            .abi_encode(),
            Version::V2_3 => Registry23::registerUpkeepCall {
                target: upkeep.target,
                gasLimit: upkeep.gas,
                admin,
                triggerType: trigger,
                billingToken: self.link,
                checkData: upkeep.check_data,
                triggerConfig: upkeep.log,
                offchainConfig: upkeep.offchain,
            }
            .abi_encode(),
        };
        let receipt = workshop.act("an upkeep", self.address, call).await?;
        let id = receipt.decoded_log::<AutomationRegistry::UpkeepRegistered>().context("not registered")?.id;
        let amount = parse_ether("10")?;
        mint(workshop, self.link, admin, amount).await?;
        let fund = Link::transferAndCallCall { to: self.address, amount, data: id.abi_encode().into() };
        workshop.act("funds of the upkeep", self.link, fund.abi_encode()).await?;
        Ok(id)
    }

    /// Makes a call that its owner, or the upkeep's admin, makes.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn act(&self, workshop: &mut Workshop, call: &impl SolCall) -> Result<()> {
        workshop.act("a change of the upkeep", self.address, call.abi_encode()).await?;
        Ok(())
    }
}

fn nodes() -> Vec<Address> {
    (1..=3 * FAULTY + 1).map(Address::repeat_byte).collect()
}

async fn feed(workshop: &mut Workshop, decimals: u64, answer: u64) -> Result<Address> {
    workshop.deploy("MockV3Aggregator", (U256::from(decimals), U256::from(answer)).abi_encode_params()).await
}

async fn deploy_21(workshop: &mut Workshop, link: Address) -> Result<Address> {
    let link_native = feed(workshop, 18, LINK_WEI).await?;
    let fast_gas = feed(workshop, 0, FAST_GAS).await?;
    let forwarder = workshop.deploy("AutomationForwarderLogic", Vec::new()).await?;
    let mode = U256::ZERO;
    let arguments = (mode, link, link_native, fast_gas, forwarder).abi_encode_params();
    let mut address = workshop.deploy("KeeperRegistryLogicB2_1", arguments).await?;
    for part in ["KeeperRegistryLogicA2_1", "KeeperRegistry2_1"] {
        address = workshop.deploy(part, address.abi_encode()).await?;
    }
    let call = Registry21::setConfigTypeSafeCall {
        signers: nodes(),
        transmitters: nodes(),
        f: FAULTY,
        onchainConfig: OnchainConfig21 {
            paymentPremiumPPB: 200_000_000,
            flatFeeMicroLink: 0,
            checkGasLimit: CHECK_GAS,
            stalenessSeconds: U24::ZERO,
            gasCeilingMultiplier: 2,
            minUpkeepSpend: U96::ZERO,
            maxPerformGas: PERFORM_GAS,
            maxCheckDataSize: BYTES,
            maxPerformDataSize: BYTES,
            maxRevertDataSize: BYTES,
            fallbackGasPrice: U256::from(FAST_GAS),
            fallbackLinkPrice: U256::from(LINK_WEI),
            transcoder: Address::ZERO,
            registrars: Vec::new(),
            upkeepPrivilegeManager: workshop.owner.account,
        },
        offchainConfigVersion: 0,
        offchainConfig: Bytes::new(),
    };
    workshop.act("the registry's configuration", address, call.abi_encode()).await?;
    Ok(address)
}

async fn deploy_23(workshop: &mut Workshop, link: Address) -> Result<Address> {
    let link_usd = feed(workshop, 8, LINK_USD).await?;
    let native_usd = feed(workshop, 8, NATIVE_USD).await?;
    let fast_gas = feed(workshop, 0, FAST_GAS).await?;
    let forwarder = workshop.deploy("AutomationForwarderLogic", Vec::new()).await?;
    let chain = workshop.deploy("ChainModuleBase", Vec::new()).await?;
    // No upkeep is paid in coin, so what wraps it is asked nothing.
    let (on_chain, wrapped) = (U256::ZERO, link);
    let reader = Address::ZERO;
    let arguments = (link, link_usd, native_usd, fast_gas, forwarder, reader, on_chain, wrapped).abi_encode_params();
    let mut address = workshop.deploy("AutomationRegistryLogicC2_3", arguments).await?;
    for part in ["AutomationRegistryLogicB2_3", "AutomationRegistryLogicA2_3", "AutomationRegistry2_3"] {
        address = workshop.deploy(part, address.abi_encode()).await?;
    }
    let call = Registry23::setConfigTypeSafeCall {
        signers: nodes(),
        transmitters: nodes(),
        f: FAULTY,
        onchainConfig: OnchainConfig23 {
            checkGasLimit: CHECK_GAS,
            maxPerformGas: PERFORM_GAS,
            maxCheckDataSize: BYTES,
            transcoder: Address::ZERO,
            reorgProtectionEnabled: true,
            stalenessSeconds: U24::ZERO,
            maxPerformDataSize: BYTES,
            maxRevertDataSize: BYTES,
            upkeepPrivilegeManager: workshop.owner.account,
            gasCeilingMultiplier: 2,
            financeAdmin: workshop.owner.account,
            fallbackGasPrice: U256::from(FAST_GAS),
            fallbackLinkPrice: U256::from(LINK_USD),
            fallbackNativePrice: U256::from(NATIVE_USD),
            registrars: Vec::new(),
            chainModule: chain,
        },
        offchainConfigVersion: 0,
        offchainConfig: Bytes::new(),
        billingTokens: vec![link],
        billingConfigs: vec![BillingConfig23 {
            gasFeePPB: 200_000_000,
            flatFeeMilliCents: U24::ZERO,
            priceFeed: link_usd,
            decimals: 18,
            fallbackPrice: U256::from(LINK_USD),
            minSpend: U96::ZERO,
        }],
    };
    workshop.act("the registry's configuration", address, call.abi_encode()).await?;
    Ok(address)
}
