//! What keepers do, by hand: the harness drives each contract right, whatever the mesh does.

use alloy::primitives::{Address, Bytes, U256};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use tests::unchanged::abi::{Log, Resolver, Upkeep};
use tests::unchanged::{Check, Contract, Deed, Due, Stir, resolvers, upkeeps};

use super::Bench;

/// Runs of each.
const RUNS: usize = 10;
/// Gas of a check, the protocol's.
const CHECK_GAS: u64 = 10_000_000;
/// Steps of a few seconds after which a contract is due, at the latest.
const STEPS: usize = 40;

#[tokio::test]
#[ignore = "needs contracts that tests/run.sh unchanged compiles"]
async fn each_is_performed_ten_times_by_hand() {
    let _alone = tests::alone().await;
    let mut bench = Bench::start().await.unwrap();
    let mut contracts = upkeeps(&mut bench.workshop).await.unwrap();
    contracts.extend(resolvers(&mut bench.workshop).await.unwrap());
    for (number, contract) in contracts.iter().enumerate() {
        let caller = Address::repeat_byte(0xa0 + u8::try_from(number).unwrap());
        drive(&mut bench, contract, caller).await.with_context(|| contract.name).unwrap();
    }
}

async fn drive(bench: &mut Bench, contract: &Contract, caller: Address) -> Result<()> {
    if let Some(admission) = contract.admission(caller) {
        bench.workshop.perform("letting the caller in", &admission).await?;
    }
    if let Stir::Once(deed) = &contract.stir {
        bench.workshop.perform("what makes it due", deed).await?;
    }
    let (mut gas, mut seen) = (0, 0);
    for run in 0..RUNS {
        if let Stir::Again(deed) = &contract.stir {
            bench.workshop.perform("what makes it due", deed).await?;
        }
        let (data, log) = due(bench, contract, seen).await.with_context(|| format!("run {run}"))?;
        seen = log.unwrap_or_default();
        let deed = Deed { to: contract.target, data };
        if contract.admit.is_some() {
            let other = bench.workshop.act_as(Address::repeat_byte(0xff), &deed, u64::from(contract.gas) + 100_000);
            ensure!(!other.await?.status(), "anybody may perform it");
        }
        let receipt = bench.workshop.act_as(caller, &deed, u64::from(contract.gas) + 100_000).await?;
        ensure!(receipt.status(), "run {run} fails: {receipt:?}");
        gas = gas.max(receipt.gas_used);
        let performed = contract.performed(&bench.workshop.provider).await?;
        ensure!(performed == run + 1, "{performed} times after {} runs", run + 1);
    }
    eprintln!("{}: {gas} gas at most", contract.name);
    Ok(())
}

/// Lets time pass until the contract is due; gives what it is called with, and the block of its log.
async fn due(bench: &Bench, contract: &Contract, seen: u64) -> Result<(Bytes, Option<u64>)> {
    let provider = &bench.workshop.provider;
    for _ in 0..STEPS {
        match &contract.due {
            Due::Log { emitter, topic0 } => {
                let filter = tests::unchanged::logs(*emitter, *topic0).from_block(seen + 1);
                if let Some(log) = provider.get_logs(&filter).await?.first() {
                    let block = log.block_number.context("a log of no block")?;
                    return Ok((check_log(provider, contract, log).await?, Some(block)));
                }
            }
            Due::Condition { target, call } => {
                let holds = view(provider, *target, call.clone()).await;
                if holds.is_ok_and(|answer| answer.get(..32).is_some_and(|word| word.iter().any(|byte| *byte != 0)))
                    && let Some(data) = check(provider, contract).await?
                {
                    return Ok((data, None));
                }
            }
        }
        bench.pass(3).await?;
    }
    anyhow::bail!("not due after {STEPS} steps")
}

/// A view as keepers ask for it: from nobody.
async fn view(provider: &DynProvider, to: Address, data: Bytes) -> Result<Bytes> {
    let request = TransactionRequest::default().to(to).input(data.into()).gas_limit(CHECK_GAS);
    Ok(provider.call(request).await?)
}

async fn check(provider: &DynProvider, contract: &Contract) -> Result<Option<Bytes>> {
    Ok(match &contract.check {
        Check::Upkeep { check_data } => {
            let call = Upkeep::checkUpkeepCall { checkData: check_data.clone() }.abi_encode();
            let answer = view(provider, contract.target, call.into()).await?;
            let answer = Upkeep::checkUpkeepCall::abi_decode_returns(&answer)?;
            answer.upkeepNeeded.then(|| perform(answer.performData))
        }
        // It may have changed its mind since.
        Check::Resolver { resolver, call } => {
            let answer = view(provider, *resolver, call.clone()).await.ok();
            let answer = answer.map(|answer| Resolver::checkerCall::abi_decode_returns(&answer)).transpose()?;
            answer.filter(|answer| answer.canExec).map(|answer| answer.execPayload)
        }
    })
}

async fn check_log(provider: &DynProvider, contract: &Contract, log: &alloy::rpc::types::Log) -> Result<Bytes> {
    let Check::Upkeep { check_data } = &contract.check else { anyhow::bail!("resolvers are shown no log") };
    let shown = Log {
        index: U256::from(log.log_index.context("no index")?),
        timestamp: U256::from(log.block_timestamp.context("no time")?),
        txHash: log.transaction_hash.context("no transaction")?,
        blockNumber: U256::from(log.block_number.context("no block")?),
        blockHash: log.block_hash.context("no block")?,
        source: log.address(),
        topics: log.topics().to_vec(),
        data: log.data().data.clone(),
    };
    let call = Upkeep::checkLogCall { log: shown, checkData: check_data.clone() }.abi_encode();
    let answer = Upkeep::checkLogCall::abi_decode_returns(&view(provider, contract.target, call.into()).await?)?;
    ensure!(answer.upkeepNeeded, "its log does not make it due");
    Ok(perform(answer.performData))
}

fn perform(data: Bytes) -> Bytes {
    Upkeep::performUpkeepCall { performData: data }.abi_encode().into()
}
