//! Jobs that are broken or hostile: each is named with its reason, none holds up another, no keeper falls.

use std::time::Duration;

use alloy::primitives::{B256, Bytes};
use bootstrap::swarm::api::{Job, Run};
use bootstrap::swarm::{JobRequest, RHYTHM, Swarm, code_hash};
use bootstrap::wait::until;
use contracts::terms::{ActionTerms, TriggerTerms, WasmTerms, ended};
use tests::hostile::{ENDLESS, TRAP, component};
use tests::{keepers, settled};

const PATIENCE: Duration = Duration::from_secs(90);
const EVERY: u32 = 2;
/// A run that burns all its fuel costs a second or so of CPU on every keeper, and here all keepers share one machine.
const ENDLESS_EVERY: u32 = 30;
/// Runs of the good job that must settle, from the first one on.
const GOOD_RUNS: u64 = 6;
/// The named reason why a job's code cannot run, by the job's name.
const REASONS: [(&str, &str); 4] = [
    ("wrong hash", "code_hash_mismatch:"),
    ("dead url", "code_unavailable:"),
    ("too large", "code_too_large:"),
    ("garbage", "code_invalid:"),
];

/// A component that calls the target without calldata would be refused by it; skipping is the simplest good outcome.
const GOOD: &str = "(call $skip (i32.const 4096) (i32.const 13))";

#[tokio::test]
async fn bad_jobs_are_named_and_hold_up_nobody() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    let start = (bootstrap::swarm::ledger::unix_ms() / 1000 + 6).next_multiple_of(RHYTHM);
    let target = swarm.target();
    let request = |name: &str, code_url: String, code_hash: B256| JobRequest {
        name: name.to_owned(),
        trigger: TriggerTerms::Interval { start, interval: EVERY },
        action: ActionTerms::Wasm(WasmTerms { code_url, code_hash, params: Bytes::new() }),
        target,
        creator: None,
    };
    let served = |name: &str, code: Vec<u8>| {
        let hash = code_hash(&code);
        request(name, swarm.code_server().serve(name, code), hash)
    };
    let requests = [
        served("good", component(GOOD)),
        served("trap", component(TRAP)),
        JobRequest {
            trigger: TriggerTerms::Interval { start, interval: ENDLESS_EVERY },
            ..served("endless", component(ENDLESS))
        },
        request("wrong hash", swarm.code_server().url("good"), B256::repeat_byte(7)),
        request("dead url", "http://127.0.0.1:1/none.wasm".to_owned(), B256::repeat_byte(8)),
        served("too large", vec![0; 5 << 20]),
        served("garbage", b"no component at all".to_vec()),
    ];
    let jobs = swarm.list(&requests).await.unwrap();
    let id = |name: &str| jobs.iter().find(|job| job.name == name).unwrap().id;

    for (name, reason) in REASONS {
        for keeper in &swarm.keepers {
            until(&format!("{} to say what is wrong with job {name}", keeper.name()), PATIENCE, || async {
                let known: Vec<Job> = keeper.get("/v1/jobs").await.map_err(|error| format!("{error:#}"))?;
                let job = known.into_iter().find(|job| job.id == id(name)).ok_or_else(|| "unknown".to_owned())?;
                if !job.ready && job.reason.starts_with(reason) { Ok(()) } else { Err(format!("{job:?}")) }
            })
            .await
            .unwrap();
        }
    }
    let (good, trap, endless) = (id("good"), id("trap"), id("endless"));
    settled(&mut swarm, "good tasks, and trapped ones as job errors", PATIENCE, |tasks| {
        let trapped = tasks.iter().any(|each| each.job_id == trap && each.status == ended::JOB_ERROR);
        trapped && (0..GOOD_RUNS).all(|run| tasks.iter().any(|each| (each.job_id, each.run) == (good, run)))
    })
    .await
    .unwrap();
    endless_is_named(&swarm, endless).await;
    swarm.follower().look(|ledger| {
        for (name, _) in REASONS {
            assert!(ledger.settlements.iter().all(|each| each.job_id != id(name)), "job {name} settled something");
        }
    });
    swarm.check_alive().unwrap();
    swarm.stop().await;
}

/// Out of fuel, certified as a job error; or stopped by the watchdog where the machine was too busy to burn the fuel.
async fn endless_is_named(swarm: &Swarm, job: u64) {
    for keeper in &swarm.keepers {
        until(&format!("{} to say how the endless job ended", keeper.name()), PATIENCE, || async {
            let runs: Vec<Run> = keeper.get("/v1/runs").await.map_err(|error| format!("{error:#}"))?;
            let reasons: Vec<String> =
                runs.into_iter().filter(|run| run.job_id == job).map(|run| run.state + " " + &run.reason).collect();
            let named = |reason: &String| reason.contains("out of fuel") || reason.contains("timeout:");
            if reasons.iter().any(named) { Ok(()) } else { Err(format!("{reasons:?}")) }
        })
        .await
        .unwrap();
    }
}
