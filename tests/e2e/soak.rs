//! A keeper's memory does not grow with the tasks it has seen.
//!
//! Keepers remember a task for two to three minutes after it ended; at the pace of the example jobs (1.2 tasks a second)
//! that memory is full before the first measurement.

use std::time::Duration;

use bootstrap::swarm::Swarm;
use tests::{keepers, settled};

const FIRST: usize = 200;
const LAST: usize = 1000;
const STEP: usize = 100;
/// The bound: bytes of resident memory per task.
const MOST_PER_TASK: f64 = 4096.0;

#[tokio::test]
#[ignore = "takes a quarter of an hour; tests/bench.sh soak"]
async fn resident_memory_grows_by_less_than_4_kib_per_task() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(5)).await.unwrap();
    eprintln!("idle keeper: {} KiB resident", resident(&swarm).iter().max().unwrap() / 1024);
    swarm.list_examples().await.unwrap();
    let patience = Duration::from_secs(300);
    settled(&mut swarm, "the first tasks", patience, |tasks| tasks.len() >= FIRST).await.unwrap();
    let before = resident(&swarm);
    let mut after = before.clone();
    for goal in (FIRST + STEP..=LAST).step_by(STEP) {
        settled(&mut swarm, "more tasks", patience, |tasks| tasks.len() >= goal).await.unwrap();
        after = resident(&swarm);
        eprintln!("{goal} tasks: {:?} KiB", after.iter().map(|bytes| bytes / 1024).collect::<Vec<_>>());
    }
    for (keeper, (before, after)) in swarm.keepers.iter().zip(before.iter().zip(&after)) {
        let slope = (*after as f64 - *before as f64) / (LAST - FIRST) as f64;
        eprintln!("{}: {} KiB, then {} KiB: {slope:.0} B per task", keeper.name(), before / 1024, after / 1024);
        assert!(slope < MOST_PER_TASK, "{} grows by {slope:.0} B per task", keeper.name());
    }
    swarm.stop().await;
}

/// Resident memory of each keeper in bytes.
fn resident(swarm: &Swarm) -> Vec<u64> {
    swarm.keepers.iter().map(|keeper| tests::workers::resident(keeper.node().unwrap().pid).unwrap()).collect()
}
