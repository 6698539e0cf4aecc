//! Jobs that are broken or hostile: each is named with its reason, none holds up another, no keeper falls.

use std::time::Duration;

use alloy::primitives::{B256, Bytes};
use bootstrap::swarm::api::Job;
use bootstrap::swarm::{JobRequest, RHYTHM, Swarm, code_hash};
use bootstrap::wait::until;
use tests::hostile::{ENDLESS, TRAP, component};
use tests::{keepers, settled};

const PATIENCE: Duration = Duration::from_secs(90);
const EVERY: u64 = 2;
/// Status of a settled job error.
const JOB_ERROR: u8 = 2;

/// A component that calls the target without calldata would be refused by it; skipping is the simplest good outcome.
const GOOD: &str = "(call $skip (i32.const 4096) (i32.const 13))";

#[tokio::test]
async fn bad_jobs_are_named_and_hold_up_nobody() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    let start = (bootstrap::swarm::ledger::unix_ms() / 1000 + 6).next_multiple_of(RHYTHM);
    let target = swarm.target();
    let request = |name: &str, url: String, code_hash: B256| JobRequest {
        name: name.to_owned(),
        url,
        code_hash,
        params: Bytes::new(),
        target,
        start,
        every: EVERY,
    };
    let served = |name: &str, code: Vec<u8>| {
        let hash = code_hash(&code);
        request(name, swarm.code_server().serve(name, code), hash)
    };
    let requests = [
        served("good", component(GOOD)),
        served("trap", component(TRAP)),
        served("endless", component(ENDLESS)),
        request("wrong hash", swarm.code_server().url("good"), B256::repeat_byte(7)),
        request("dead url", "http://127.0.0.1:1/none.wasm".to_owned(), B256::repeat_byte(8)),
        served("too large", vec![0; 5 << 20]),
        served("garbage", b"no component at all".to_vec()),
    ];
    let jobs = swarm.list(&requests).await.unwrap();
    let id = |name: &str| jobs.iter().find(|job| job.name == name).unwrap().id;

    for (name, word) in
        [("wrong hash", "hash"), ("dead url", "127.0.0.1:1"), ("too large", "4"), ("garbage", "component")]
    {
        for keeper in &swarm.keepers {
            until(&format!("{} to say what is wrong with job {name}", keeper.name()), PATIENCE, || async {
                let known: Vec<Job> = keeper.get("/v1/jobs").await.map_err(|error| format!("{error:#}"))?;
                let job = known.into_iter().find(|job| job.id == id(name)).ok_or_else(|| "unknown".to_owned())?;
                if !job.ready && job.reason.contains(word) { Ok(()) } else { Err(format!("{job:?}")) }
            })
            .await
            .unwrap();
        }
    }
    let (good, trap, endless) = (id("good"), id("trap"), id("endless"));
    settled(&mut swarm, "good tasks, and hostile ones as job errors", PATIENCE, |tasks| {
        let errors = |job| tasks.iter().any(|each| each.job_id == job && each.status == JOB_ERROR);
        tasks.iter().filter(|each| each.job_id == good).count() >= 5 && errors(trap) && errors(endless)
    })
    .await
    .unwrap();
    swarm.follower().look(|ledger| {
        let mut runs: Vec<u64> =
            ledger.settlements.iter().filter(|each| each.job_id == good).map(|each| each.run).collect();
        runs.sort_unstable();
        assert_eq!(runs, (0..runs.len() as u64).collect::<Vec<_>>(), "the good job lost runs");
        let settled = |name| ledger.settlements.iter().any(|each| each.job_id == id(name));
        for name in ["wrong hash", "dead url", "too large", "garbage"] {
            assert!(!settled(name), "job {name} settled something");
        }
    });
    swarm.check_alive().unwrap();
    swarm.stop().await;
}
