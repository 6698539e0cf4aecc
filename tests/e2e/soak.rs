//! A keeper's memory does not grow with the tasks it has seen.

use std::time::Duration;

use alloy::primitives::Bytes;
use bootstrap::swarm::{JobRequest, RHYTHM, Swarm, code_hash};
use tests::hostile::component;
use tests::{keepers, settled};

const JOBS: usize = 5;
const FIRST: usize = 200;
const LAST: usize = 1000;
/// The bound: bytes of resident memory per task.
const MOST_PER_TASK: f64 = 4096.0;
const SKIP: &str = "(call $skip (i32.const 4096) (i32.const 13))";

#[tokio::test]
#[ignore = "takes five minutes; tests/bench.sh soak"]
async fn resident_memory_grows_by_less_than_4_kib_per_task() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(5)).await.unwrap();
    eprintln!("idle keeper: {} KiB resident", resident(&swarm).iter().max().unwrap() / 1024);
    let code = component(SKIP);
    let (hash, url) = (code_hash(&code), swarm.code_server().serve("skip.wasm", code));
    let start = (bootstrap::swarm::ledger::unix_ms() / 1000 + 6).next_multiple_of(RHYTHM);
    let target = swarm.target();
    let requests: Vec<_> = (0..JOBS)
        .map(|number| JobRequest {
            name: format!("skip {number}"),
            url: url.clone(),
            code_hash: hash,
            params: Bytes::new(),
            target,
            start,
            every: 1,
        })
        .collect();
    swarm.list(&requests).await.unwrap();
    let patience = Duration::from_secs(120);
    settled(&mut swarm, "the first tasks", patience, |tasks| tasks.len() >= FIRST).await.unwrap();
    let before = resident(&swarm);
    settled(&mut swarm, "the last tasks", patience * 4, |tasks| tasks.len() >= LAST).await.unwrap();
    let after = resident(&swarm);
    for (keeper, (before, after)) in swarm.keepers.iter().zip(before.iter().zip(&after)) {
        let slope = (*after as f64 - *before as f64) / (LAST - FIRST) as f64;
        eprintln!("{}: {} KiB, then {} KiB: {slope:.0} B per task", keeper.name(), before / 1024, after / 1024);
        assert!(slope < MOST_PER_TASK, "{} grows by {slope:.0} B per task", keeper.name());
    }
    swarm.stop().await;
}

/// Resident memory of each keeper in bytes, from /proc.
fn resident(swarm: &Swarm) -> Vec<u64> {
    let of = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    };
    swarm.keepers.iter().map(|keeper| of(keeper.node().unwrap().pid)).collect()
}
