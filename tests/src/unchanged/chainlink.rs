//! Upkeeps of Chainlink Automation, from its own package.

use alloy::primitives::{Address, Bytes, U256, aliases::U96, utils::parse_ether};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use anyhow::{Context, Result};

use super::abi::{
    Cron, CronFactory, CronReceiver, Link, LinkMonitor, LogUpkeepCounter, Monitor, Spender, Upkeep, UpkeepCounter,
};
use super::{Check, Contract, Deed, Due, Stir, Workshop, logs};

/// Gas of a call.
const GAS: u32 = 200_000;
/// Seconds or blocks, as it may be: they count for so long.
const RANGE: u64 = 1_000_000;
/// Seconds between two runs of what goes by time.
const EVERY: u64 = 2;
/// Jobs of one cron upkeep, each due every minute: ten runs in the same minute.
const CRON_JOBS: usize = 10;

/// All of them, deployed and with what they need, but for the callers that they let in.
///
/// # Errors
/// When one does not come up.
pub async fn upkeeps(workshop: &mut Workshop) -> Result<Vec<Contract>> {
    let link = link(workshop).await?;
    Ok(vec![
        eth_monitor(workshop, link).await?,
        erc20_monitor(workshop, link).await?,
        link_monitor(workshop, link).await?,
        cron(workshop).await?,
        counter(workshop).await?,
        log_counter(workshop).await?,
    ])
}

/// A LINK token that the workshop's owner may mint.
pub(super) async fn link(workshop: &mut Workshop) -> Result<Address> {
    let link = workshop.deploy("LinkToken", Vec::new()).await?;
    let minter = Link::grantMintRoleCall { minter: workshop.owner.account };
    workshop.act("the right to mint", link, minter.abi_encode()).await?;
    Ok(link)
}

pub(super) async fn mint(workshop: &mut Workshop, link: Address, account: Address, amount: U256) -> Result<()> {
    workshop.act("minting", link, Link::mintCall { account, amount }.abi_encode()).await?;
    Ok(())
}

/// Due while the condition holds that the contract itself tells.
fn by_condition(name: &'static str, target: Address) -> Contract {
    let call = Upkeep::checkUpkeepCall { checkData: Bytes::new() }.abi_encode().into();
    Contract {
        name,
        target,
        due: Due::Condition { target, call },
        check: Check::Upkeep { check_data: Bytes::new() },
        gas: GAS,
        admit: None,
        stir: Stir::Never,
        performed: logs(target, UpkeepCounter::PerformingUpkeep::SIGNATURE_HASH),
    }
}

/// As the monitors' owners do.
fn set_keeper_registry(caller: Address) -> Bytes {
    Monitor::setKeeperRegistryAddressCall { keeperRegistryAddress: caller }.abi_encode().into()
}

fn spend(spender: Address, giver: Address) -> Stir {
    Stir::Again(Deed { to: spender, data: Spender::spendCall { giver }.abi_encode().into() })
}

/// Below the first they are topped up, by (or to) the second.
fn levels() -> Result<[U96; 2]> {
    Ok([U96::from(parse_ether("0.001")?), U96::from(parse_ether("0.002")?)])
}

async fn eth_monitor(workshop: &mut Workshop, link: Address) -> Result<Contract> {
    let spender = workshop.deploy("Spender", link.abi_encode()).await?;
    let owner = workshop.owner.account;
    let target = workshop.deploy("EthBalanceMonitor", (owner, U256::from(1)).abi_encode_params()).await?;
    workshop.give(target, parse_ether("1")?).await?;
    let [least, top_up] = levels()?;
    let watch = Monitor::setWatchListCall { addresses: vec![spender], minBalances: vec![least], topUps: vec![top_up] };
    workshop.act("the watch list", target, watch.abi_encode()).await?;
    Ok(Contract {
        admit: Some(set_keeper_registry),
        stir: spend(spender, target),
        performed: logs(target, Monitor::TopUpSucceeded::SIGNATURE_HASH),
        ..by_condition("EthBalanceMonitor", target)
    })
}

async fn erc20_monitor(workshop: &mut Workshop, link: Address) -> Result<Contract> {
    let spender = workshop.deploy("Spender", link.abi_encode()).await?;
    let arguments = (link, workshop.owner.account, U256::from(1)).abi_encode_params();
    let target = workshop.deploy("ERC20BalanceMonitor", arguments).await?;
    mint(workshop, link, target, parse_ether("1")?).await?;
    let [least, top_up] = levels()?;
    let watch = Monitor::setWatchListCall { addresses: vec![spender], minBalances: vec![least], topUps: vec![top_up] };
    workshop.act("the watch list", target, watch.abi_encode()).await?;
    Ok(Contract {
        admit: Some(set_keeper_registry),
        stir: spend(spender, target),
        performed: logs(target, Monitor::TopUpSucceeded::SIGNATURE_HASH),
        ..by_condition("ERC20BalanceMonitor", target)
    })
}

/// Where it begins to look follows from a block's hash, so it watches three, one of which spends.
async fn link_monitor(workshop: &mut Workshop, link: Address) -> Result<Contract> {
    // Seconds to wait, how many it performs and checks at most, and for how many blocks it begins at the same one.
    let [wait, performed, checked, interval] = [1, 2, 3, 2].map(U256::from);
    let arguments = (workshop.owner.account, link, wait, performed, checked, interval).abi_encode_params();
    let target = workshop.deploy("LinkAvailableBalanceMonitor", arguments).await?;
    mint(workshop, link, target, parse_ether("1")?).await?;
    let mut spenders = Vec::new();
    for has in ["0", "1", "1"] {
        let spender = workshop.deploy("Spender", link.abi_encode()).await?;
        mint(workshop, link, spender, parse_ether(has)?).await?;
        spenders.push(spender);
    }
    let [least, top_up] = levels()?;
    let watch = LinkMonitor::setWatchListCall {
        addresses: spenders.clone(),
        minBalances: vec![least; 3],
        topUps: vec![top_up; 3],
        selectors: vec![0; 3],
    };
    workshop.act("the watch list", target, watch.abi_encode()).await?;
    Ok(Contract {
        stir: spend(spenders[0], target),
        performed: logs(target, LinkMonitor::TopUpSucceeded::SIGNATURE_HASH),
        ..by_condition("LinkAvailableBalanceMonitor", target)
    })
}

/// A cron upkeep runs a job once a minute at most, and one job a run: ten runs are ten jobs in one minute.
async fn cron(workshop: &mut Workshop) -> Result<Contract> {
    let library = workshop.deploy("Cron", Vec::new()).await?;
    let factory = workshop.deploy_with("CronUpkeepFactory", Vec::new(), &[("Cron", library)]).await?;
    let most = CronFactory::setMaxJobsCall { maxJobs: U256::from(CRON_JOBS) };
    workshop.act("the most jobs", factory, most.abi_encode()).await?;
    let made = workshop.act("a cron upkeep", factory, CronFactory::newCronUpkeepCall {}.abi_encode()).await?;
    let made = made.decoded_log::<CronFactory::NewCronUpkeepCreated>().context("no cron upkeep")?;
    let receiver = workshop.deploy("CronReceiver", Vec::new()).await?;
    let encoder = CronFactory::new(factory, workshop.provider.clone());
    let spec = encoder.encodeCronString("* * * * *".to_owned()).call().await?;
    let job = Cron::createCronJobFromEncodedSpecCall {
        target: receiver,
        handler: CronReceiver::handler1Call {}.abi_encode().into(),
        encodedCronSpec: spec,
    };
    for _ in 0..CRON_JOBS {
        workshop.act("a cron job", made.upkeep, job.abi_encode()).await?;
    }
    Ok(Contract {
        performed: logs(receiver, CronReceiver::Received1::SIGNATURE_HASH),
        ..by_condition("CronUpkeep", made.upkeep)
    })
}

/// One that is due again and again.
///
/// # Errors
/// When it does not come up.
pub async fn counter(workshop: &mut Workshop) -> Result<Contract> {
    let arguments = (U256::from(RANGE), U256::from(EVERY)).abi_encode_params();
    let target = workshop.deploy("UpkeepCounter", arguments).await?;
    Ok(by_condition("UpkeepCounter", target))
}

/// Each run logs what makes the next one due.
///
/// # Errors
/// When it does not come up.
pub async fn log_counter(workshop: &mut Workshop) -> Result<Contract> {
    let target = workshop.deploy("LogUpkeepCounter", U256::from(RANGE).abi_encode()).await?;
    Ok(Contract {
        due: Due::Log { emitter: target, topic0: LogUpkeepCounter::Trigger::SIGNATURE_HASH },
        stir: Stir::Once(Deed { to: target, data: LogUpkeepCounter::startCall {}.abi_encode().into() }),
        performed: logs(target, LogUpkeepCounter::PerformingUpkeep::SIGNATURE_HASH),
        ..by_condition("LogUpkeepCounter", target)
    })
}
