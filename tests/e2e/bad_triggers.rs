//! Jobs whose triggers make no sense, or look at contracts that do harm: each is named, none holds up another.

use std::time::Duration;

use alloy::contract::RawCallBuilder;
use alloy::primitives::{Address, B256, Bytes};
use alloy::sol_types::SolCall;
use anyhow::{Context, Result, ensure};
use bootstrap::swarm::anvil::mined;
use bootstrap::swarm::api::Job;
use bootstrap::swarm::ledger::unix_ms;
use bootstrap::swarm::numbers::Numbers;
use bootstrap::swarm::{JobRequest, RHYTHM, Swarm};
use bootstrap::wait::until;
use contracts::Counter;
use contracts::terms::{ActionTerms, CallTerms, ConditionTerms, LogTerms, TriggerTerms};
use serde_json::Value;
use tests::hostile::contracts::{BOMBS, BURNS, FLIPS, FLOODS, REVERTS, creation};
use tests::{keepers, outcome, settled};

const PATIENCE: Duration = Duration::from_secs(120);
/// Runs of the good job that settle beside the others.
const GOOD_RUNS: u64 = 15;
const EVERY: u32 = 2;
/// Runs that settle of the condition that holds in every other block.
const HELD: usize = 3;
/// How late the good job may be at most, in milliseconds: a leader that fails and one that takes over are within it.
const LATEST_MS: u64 = 10_000;
/// Logs of a block that the flooded job wants at most, and blocks that are flooded.
const PER_BLOCK: u16 = 4;
const FLOODS_SENT: usize = 3;
/// What all say of a pattern that makes no sense.
const NAMED: [(&str, &str, &str); 2] =
    [("never", "bad_trigger: ", "\"0 0 30 2 *\" never fires"), ("garbage", "bad_trigger: ", "\"a\" names no month")];
/// What all say of a job that could be run and is never seen to be due, and what `keeper job why` calls that.
const UNSEEN: [(&str, &str, &str, &str); 4] = [
    ("far", "far_off: ", "block 1099511627775", "not_due"),
    ("burns", "condition_failed: ", "the call fails with 10000000 gas", "condition_failed"),
    ("bombs", "condition_failed: ", "it answers 1048576 bytes", "condition_failed"),
    ("reverts", "condition_failed: ", "revert", "condition_failed"),
];

#[tokio::test]
async fn bad_triggers_are_named_and_hold_up_nobody() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    let start = (unix_ms() / 1000 + 6).next_multiple_of(RHYTHM);
    let target = swarm.target();
    let request = |name: &str, trigger| JobRequest {
        name: name.to_owned(),
        trigger,
        action: ActionTerms::Call(CallTerms { calldata: Counter::incrementCall {}.abi_encode().into() }),
        target,
        creator: None,
    };
    let cron = |pattern: &str| TriggerTerms::Cron { pattern: pattern.to_owned() };
    let condition =
        |target| TriggerTerms::Condition(ConditionTerms { target, call: Bytes::from_static(b"due?"), cooldown: 1 });
    let [floods, burns, bombs, reverts, flips] = deployed(&mut swarm, [FLOODS, BURNS, BOMBS, REVERTS, FLIPS]).await;
    let everything =
        LogTerms { emitter: floods, filter: 0, topics: [B256::ZERO; 4], confirmations: 0, most_per_block: PER_BLOCK };
    let requests = [
        request("good", TriggerTerms::Interval { start, interval: EVERY }),
        request("never", cron("0 0 30 2 *")),
        request("garbage", cron("a b c d e")),
        request("far", TriggerTerms::Blocks { first: (1 << 40) - 1, every: u32::MAX }),
        request("flooded", TriggerTerms::Log(everything)),
        request("burns", condition(burns)),
        request("bombs", condition(bombs)),
        request("reverts", condition(reverts)),
        request("flips", condition(flips)),
    ];
    let jobs = swarm.list(&requests).await.unwrap();
    let id = |name: &str| jobs.iter().find(|job| job.name == name).unwrap().id;
    for (name, word, more) in NAMED {
        named(&swarm, name, id(name), (word, more, false)).await;
    }
    for (name, word, more, cause) in UNSEEN {
        named(&swarm, name, id(name), (word, more, true)).await;
        explained(&swarm, name, id(name), more, cause).await;
    }
    let mut flooded = Vec::new();
    for _ in 0..FLOODS_SENT {
        flooded.push(send(&mut swarm, Some(floods), Bytes::new()).await.unwrap().1);
    }
    flooded.dedup();
    let wanted = flooded.len() * usize::from(PER_BLOCK);
    let (good, logs, flips) = (id("good"), id("flooded"), id("flips"));
    settled(&mut swarm, "the good job's runs, the first logs of each block, and what held", PATIENCE, |tasks| {
        let is_there = |run| tasks.iter().any(|each| (each.job_id, each.run) == (good, run));
        let of = |job| tasks.iter().filter(|each| each.job_id == job).count();
        (0..GOOD_RUNS).all(is_there) && of(logs) >= wanted && of(flips) >= HELD
    })
    .await
    .unwrap();
    let never = ["never", "garbage", "far", "burns", "bombs", "reverts"].map(id);
    swarm.follower().look(|ledger| {
        let of = |job: u64| ledger.settlements.iter().filter(move |each| each.job_id == job);
        assert!(never.iter().all(|job| of(*job).count() == 0), "{:?}", ledger.settlements);
        assert_eq!(of(logs).count(), wanted, "the first {PER_BLOCK} logs of a block and no more");
        for each in of(good).filter(|each| each.run < GOOD_RUNS) {
            let due_ms = (start + each.run * u64::from(EVERY)) * 1_000;
            assert!(each.seen_ms < due_ms + LATEST_MS, "run {} settled late: {each:?}", each.run);
        }
    });
    held_to_its_anchor(&swarm, flips).await;
    let said = |words| outcome::said(swarm.directory(), words);
    assert!(said("logs made nobody due") >= swarm.keepers.len(), "each says what it dropped");
    assert_eq!(said("panicked"), 0);
    swarm.check_alive().unwrap();
    swarm.stop().await;
}

/// Contracts of these codes, in their order.
async fn deployed<const N: usize>(swarm: &mut Swarm, codes: [&str; N]) -> [Address; N] {
    let mut deployed = [Address::ZERO; N];
    for (address, code) in deployed.iter_mut().zip(codes) {
        *address = deploy(swarm, code).await.unwrap();
    }
    deployed
}

/// What has settled of the condition that holds in every other block: calls pinned to blocks in which it held, and skips pinned to
/// blocks in which it held no more.
async fn held_to_its_anchor(swarm: &Swarm, job: u64) {
    let keeper = &swarm.keepers[0];
    let settled = until("what held to be on record", PATIENCE, || async {
        let text = keeper.run(["job", "runs"], &["--json", "--limit", "1000", &job.to_string()]).await;
        let found: Value = serde_json::from_str(&text.map_err(|error| format!("{error:#}"))?).unwrap();
        let runs = found["runs"].as_array().unwrap().iter().filter(|run| !run["block"].is_null());
        let runs: Vec<Value> = runs.cloned().collect();
        if runs.len() >= HELD { Ok(runs) } else { Err(found.to_string()) }
    });
    for run in settled.await.unwrap() {
        let held = run["anchor"].as_u64().unwrap() % 2 == 1;
        assert_eq!(run["state"], if held { "settled" } else { "skipped" }, "{run}");
        assert!(run["result"] != "skip" || run["reason"] == "the condition does not hold", "{run}");
    }
}

/// The reason that each keeper gives for a job begins with this word and says this; and whether it could be run.
async fn named(swarm: &Swarm, name: &str, job: u64, (word, more, is_ready): (&str, &str, bool)) {
    for keeper in &swarm.keepers {
        until(&format!("{} to say what is wrong with job {name}", keeper.name()), PATIENCE, || async {
            let known: Vec<Job> = keeper.get("/v1/jobs").await.map_err(|error| format!("{error:#}"))?;
            let known = known.into_iter().find(|known| known.id == job).ok_or_else(|| "unknown".to_owned())?;
            let says_so = known.reason.starts_with(word) && known.reason.contains(more);
            if known.ready == is_ready && says_so { Ok(()) } else { Err(format!("{known:?}")) }
        })
        .await
        .unwrap();
    }
}

async fn explained(swarm: &Swarm, name: &str, job: u64, more: &str, cause: &str) {
    let said = swarm.keepers[0].run(["job", "why"], &[&job.to_string(), "--json"]).await.unwrap();
    let why: Value = serde_json::from_str(&said).unwrap();
    let what = why["what"].as_str().unwrap_or_default();
    assert!(why["cause"] == cause && what.contains(more) && why["mend"] != "", "{name}: {why}");
}

async fn deploy(swarm: &mut Swarm, code: &str) -> Result<Address> {
    send(swarm, None, creation(code)).await?.0.context("a contract has an address")
}

/// Sends something from the faucet: the contract it makes, and its block.
async fn send(swarm: &mut Swarm, to: Option<Address>, data: Bytes) -> Result<(Option<Address>, Option<u64>)> {
    let (provider, from) = (swarm.anvil().provider().clone(), swarm.anvil().faucet());
    let call = match to {
        Some(to) => RawCallBuilder::new_raw(&provider, data).to(to),
        None => RawCallBuilder::new_raw_deploy(&provider, data),
    };
    let call = call.from(from).gas(2_000_000);
    let tx = Numbers::default().send(&provider, from, |nonce| call.clone().nonce(nonce)).await?;
    let receipt = mined(&provider, tx, "what does harm").await?;
    ensure!(receipt.status(), "refused: {receipt:?}");
    Ok((receipt.contract_address, receipt.block_number))
}
