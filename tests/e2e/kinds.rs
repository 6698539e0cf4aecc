//! Kinds of jobs from end to end: listed with the command line, run by real keepers, settled on a real chain.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy::eips::BlockId;
use alloy::primitives::{Address, B256, U256, hex};
use alloy::providers::Provider;
use alloy::sol_types::SolCall;
use bootstrap::swarm::Swarm;
use bootstrap::wait::until;
use contracts::Counter;
use serde_json::Value;
use tests::{keepers, settled};

const PATIENCE: Duration = Duration::from_secs(120);
/// Money flags of every job here.
const MONEY: [&str; 4] = ["--fee", "1000gwei", "--fund", "1ether"];

#[tokio::test]
async fn a_job_that_is_due_once_settles_once_and_never_again() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    swarm.list_examples().await.unwrap();
    let code = keepers(4).code_dir().unwrap().join("counter.wasm");
    let (code, code_url) = (code.to_str().unwrap(), swarm.code_server().url("counter.wasm"));
    let moment = chain_time(&mut swarm).await + 12;
    let at = moment.to_string();
    let made = create(&swarm, &["--trigger", "once", "--at", &at, "--code-url", &code_url, "--code", code]).await;
    let (id, forwarder) = (made["id"].as_u64().unwrap(), made["forwarder"].as_str().unwrap().parse().unwrap());
    assert_eq!((&made["trigger"], &made["start"]), (&format!("once at {moment}").into(), &moment.into()));
    let shown = swarm.keepers[0].run(["job", "show"], &[&id.to_string()]).await.unwrap();
    assert!(shown.contains(&format!("once at {moment}")), "{shown}");

    let is_ours = |job: u64| job == id;
    settled(&mut swarm, "the one run", PATIENCE, |tasks| tasks.iter().any(|task| is_ours(task.job_id))).await.unwrap();
    // Whoever comes back reads the job's listing again, and its settlement.
    swarm.keepers[0].kill();
    swarm.keepers[0].join().unwrap();
    swarm.keepers[0].ready().await.unwrap();
    let before = swarm.follower().look(|ledger| ledger.settlements.len());
    settled(&mut swarm, "the other jobs to go on", PATIENCE, |tasks| tasks.len() >= before + 15).await.unwrap();
    swarm.follower().look(|ledger| {
        let ours: Vec<_> = ledger.settlements.iter().filter(|task| is_ours(task.job_id)).collect();
        assert!(matches!(ours[..], [task] if task.run == 0 && task.delivered), "{ours:?}");
    });
    let block = swarm.follower().look(|ledger| ledger.block);
    assert_eq!(counts_at(&mut swarm, forwarder, block).await, 1);
    for keeper in &swarm.keepers {
        assert_eq!(job(keeper, id).await["next_due"], Value::Null, "{}: it is over", keeper.name());
    }
    swarm.check_alive().unwrap();
    swarm.stop().await;
}

/// Nothing serves any code here: what an action `call` does is on chain alone.
#[tokio::test]
async fn jobs_without_code_call_their_target_from_their_own_forwarder() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    let call = ["--action", "call", "--calldata", &hex::encode_prefixed(Counter::incrementCall {}.abi_encode())];
    let moment = (chain_time(&mut swarm).await + 12).to_string();
    let again = create(&swarm, &[&call[..], &["--every", "2s", "--start", "now+10s"]].concat()).await;
    let once = create(&swarm, &[&call[..], &["--trigger", "once", "--at", &moment]].concat()).await;
    let thrice = ["--trigger", "blocks", "--every-blocks", "3", "--most-runs", "3"];
    let thrice = create(&swarm, &[&call[..], &thrice].concat()).await;
    let until = ["--every", "2s", "--start", "now+10s", "--until", "now+17s"];
    let until = create(&swarm, &[&call[..], &until].concat()).await;
    assert_eq!((&again["action"], &again["code_hash"]), (&"call".into(), &B256::ZERO.to_string().into()));
    let [(again, from), (once, from_once)] = [again, once]
        .map(|made| (made["id"].as_u64().unwrap(), made["forwarder"].as_str().unwrap().parse::<Address>().unwrap()));
    for keeper in &swarm.keepers {
        assert_eq!(job(keeper, again).await["action"], "call");
    }
    let [thrice, until] = [thrice, until].map(|made| made["id"].as_u64().unwrap());
    settled(&mut swarm, "six calls again and again, the one, and those that are limited", PATIENCE, |tasks| {
        let of = |job| tasks.iter().filter(|task| task.job_id == job).count();
        of(again) >= 6
            && of(once) >= 1
            && of(thrice) >= 3
            && of(until) >= 4
            && tasks.iter().any(|task| (task.job_id, task.run) == (again, 12))
    })
    .await
    .unwrap();
    swarm.keepers[0].run(["job", "pause"], &["--json", "--broadcast", &again.to_string()]).await.unwrap();
    let (seen, block) = swarm.follower().look(|ledger| {
        assert!(ledger.settlements.iter().all(|task| task.delivered), "{:?}", ledger.settlements);
        let of = |job| ledger.settlements.iter().filter(|task| task.job_id == job).count() as u64;
        let numbers = |job| {
            let ours = ledger.settlements.iter().filter(|task| task.job_id == job);
            ours.map(|task| task.run).collect::<BTreeSet<_>>()
        };
        // By then more runs would have been due of both: after the third, and after the moment.
        assert_eq!((of(thrice), numbers(thrice)), (3, (0..3).collect()));
        assert_eq!((of(until), numbers(until)), (4, (0..4).collect()));
        ([of(again), of(once)], ledger.block)
    });
    assert_eq!(seen[1], 1, "once");
    assert_eq!([counts_at(&mut swarm, from, block).await, counts_at(&mut swarm, from_once, block).await], seen);
    for keeper in &swarm.keepers {
        let job = job(keeper, again).await;
        assert_eq!((&job["ready"], &job["reason"]), (&true.into(), &"".into()), "{}: {job}", keeper.name());
    }
    swarm.check_alive().unwrap();
    swarm.stop().await;
}

/// The examples that come besides the basic ones: name, how its trigger is described, action.
const OTHERS: [(&str, &str, &str); 7] = [
    ("once", "once at ", "wasm"),
    ("call", "interval 2 s from ", "call"),
    ("cron", "cron * * * * *", "call"),
    ("blocks", "blocks, every 5 from ", "call"),
    ("log", "log of 0x", "upkeep"),
    ("condition", "condition of 0x", "call"),
    ("resolver", "interval 5 s from ", "resolver"),
];

#[tokio::test]
#[ignore = "takes two minutes"]
async fn one_example_of_every_kind_is_listed_and_proven() {
    let _alone = tests::alone().await;
    let outcome = tests::document::swarm(&["--once", "--json", "--jobs", "all", "--tasks", "60"]).await.unwrap();
    outcome.holds(60);
    let jobs = outcome.document["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 3 + OTHERS.len(), "{outcome:#?}");
    for (name, trigger, action) in OTHERS {
        let job = jobs.iter().find(|job| job["name"] == name).unwrap();
        assert!(job["trigger"].as_str().unwrap().starts_with(trigger), "{job}");
        assert_eq!(job["action"], action, "{job}");
        let [due, settled, skipped] = ["due", "settled", "skipped"].map(|key| job[key].as_i64().unwrap());
        assert!(settled >= 1 && due == settled + skipped, "{job}");
        assert_eq!(skipped > 0, matches!(name, "log" | "resolver"), "every second ring, every second run: {job}");
    }
}

/// Lists a job of the first keeper's, that calls the counter.
async fn create(swarm: &Swarm, flags: &[&str]) -> Value {
    let target = swarm.target().to_string();
    let flags = [&["--json", "--broadcast", "--target", &target], &MONEY[..], flags].concat();
    serde_json::from_str(&swarm.keepers[0].run(["job", "create"], &flags).await.unwrap()).unwrap()
}

async fn chain_time(swarm: &mut Swarm) -> u64 {
    let block = swarm.anvil().provider().get_block(BlockId::latest()).await.unwrap();
    block.unwrap().header.timestamp
}

/// How often the counter was called by a job's forwarder, up to a block.
async fn counts_at(swarm: &mut Swarm, forwarder: Address, block: u64) -> u64 {
    let counter = Counter::new(swarm.target(), swarm.anvil().provider().clone());
    let counts: U256 = counter.counts(forwarder).block(BlockId::number(block)).call().await.unwrap();
    counts.to()
}

/// What a keeper says of a job.
async fn job(keeper: &bootstrap::swarm::keepers::Keeper, id: u64) -> Value {
    until(&format!("{} to name job {id}", keeper.name()), PATIENCE, || async {
        let jobs: Vec<Value> = keeper.get("/v1/jobs").await.map_err(|error| format!("{error:#}"))?;
        jobs.into_iter().find(|job| job["id"] == id).ok_or_else(|| "not in its book".to_owned())
    })
    .await
    .unwrap()
}
