//! What a job that waits for logs costs a keeper on a chain full of others: a measurement of `tests/bench.sh logs`.

use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolEvent};
use bootstrap::swarm::anvil::mined;
use bootstrap::swarm::ledger::unix_ms;
use bootstrap::swarm::numbers::Numbers;
use bootstrap::swarm::{JobRequest, JobSet, Options, Swarm};
use bootstrap::wait::until;
use contracts::terms::{ActionTerms, CallTerms, LogTerms, TriggerTerms};
use contracts::{Counter, Ringer};
use tests::workers::usage;
use tests::{keepers, settled};

/// Logs of others in a block: so many that the block's own filter tells nothing.
const FOREIGN: u64 = 2_000;
const GAS: u64 = 12_000_000;
/// How long each of the two is watched, in seconds.
const WATCHED: u64 = 60;
/// What is asked: they cost a keeper at most this part of a core.
const MOST: f64 = 0.02;
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
#[ignore = "a measurement: tests/bench.sh logs"]
async fn two_thousand_foreign_logs_a_block_cost_a_keeper_two_percent_of_a_core() {
    let _alone = tests::alone().await;
    let options = Options { rough: false, jobs: JobSet::All, ..keepers(4) };
    let mut swarm = Swarm::start(options).await.unwrap();
    let ours = swarm.deployed().stirred.unwrap().ringer;
    let foreign = deploy(&mut swarm).await;
    list(&mut swarm, ours).await;
    rings_once(&mut swarm, ours, 1).await;
    let quiet = watch(&mut swarm, None).await;
    rings_once(&mut swarm, ours, 2).await;
    let loud = watch(&mut swarm, Some(foreign)).await;
    rings_once(&mut swarm, ours, 3).await;
    eprintln!(
        "a keeper that looks for logs: {:.2} % of a core, {:.2} % with {FOREIGN} foreign logs a block",
        quiet * 100.0,
        loud * 100.0
    );
    assert!(loud - quiet < MOST, "they cost {:.2} % of a core", (loud - quiet) * 100.0);
    swarm.stop().await;
}

/// Another ringer, which nobody waits for.
async fn deploy(swarm: &mut Swarm) -> Address {
    let (provider, from) = (swarm.anvil().provider().clone(), swarm.anvil().faucet());
    let call = Ringer::deploy_builder(provider.clone()).from(from).gas(GAS);
    let tx = Numbers::default().send(&provider, from, |nonce| call.clone().nonce(nonce)).await.unwrap();
    mined(&provider, tx, "a ringer").await.unwrap().contract_address.unwrap()
}

/// A job that counts the rings of one ringer.
async fn list(swarm: &mut Swarm, emitter: Address) {
    let topics = [Ringer::Rang::SIGNATURE_HASH, B256::ZERO, B256::ZERO, B256::ZERO];
    let request = JobRequest {
        name: "log".to_owned(),
        trigger: TriggerTerms::Log(LogTerms { emitter, filter: 1, topics, confirmations: 0, most_per_block: 16 }),
        action: ActionTerms::Call(CallTerms { calldata: Counter::incrementCall {}.abi_encode().into() }),
        target: swarm.target(),
        creator: None,
    };
    swarm.list(&[request]).await.unwrap();
}

/// Rings, and waits for what comes of it: so many in all.
async fn rings_once(swarm: &mut Swarm, ringer: Address, all: usize) {
    let (provider, from) = (swarm.anvil().provider().clone(), swarm.anvil().faucet());
    let ringer = Ringer::new(ringer, provider.clone());
    let call = ringer.ring(U256::from(1)).from(from).gas(GAS);
    Numbers::default().send(&provider, from, |nonce| call.clone().nonce(nonce)).await.unwrap();
    settled(swarm, "what a ring makes due", PATIENCE, |tasks| tasks.len() == all).await.unwrap();
}

/// The part of a core that a keeper takes, the mean of all, while somebody else rings in every block or nobody does.
async fn watch(swarm: &mut Swarm, foreign: Option<Address>) -> f64 {
    let (provider, from) = (swarm.anvil().provider().clone(), swarm.anvil().faucet());
    let ringer = foreign.map(|at| Ringer::new(at, provider.clone()));
    let mut numbers = Numbers::default();
    let (before, began) = (used(swarm), unix_ms());
    let first = newest(swarm);
    for block in first..first + WATCHED {
        if let Some(ringer) = &ringer {
            let call = ringer.ring(U256::from(FOREIGN)).from(from).gas(GAS);
            numbers.send(&provider, from, |nonce| call.clone().nonce(nonce)).await.unwrap();
        }
        until("the next block", PATIENCE, || {
            let newest = newest(swarm);
            async move { if newest > block { Ok(()) } else { Err(format!("block {newest} is the newest")) } }
        })
        .await
        .unwrap();
    }
    let took = Duration::from_millis(unix_ms() - began).as_secs_f64();
    let count = swarm.keepers.len() as f64;
    if let Some(ringer) = &ringer {
        let rings: U256 = ringer.rings().call().await.unwrap();
        let each = rings.to::<u64>() as f64 / (newest(swarm) - first) as f64;
        eprintln!("{each:.0} foreign logs a block");
        assert!(each > FOREIGN as f64 * 0.9, "the chain did not take them");
    }
    (used(swarm) - before).as_secs_f64() / took / count
}

fn newest(swarm: &Swarm) -> u64 {
    swarm.follower().look(|ledger| ledger.block)
}

/// What all keepers have used of a core so far.
fn used(swarm: &Swarm) -> Duration {
    swarm.keepers.iter().map(|keeper| usage(keeper).unwrap().time).sum()
}
