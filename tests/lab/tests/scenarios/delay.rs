//! Wires as they are across a continent, and worse than most: 50 ms one way, and of a hundred packets five are lost.

use std::time::Duration;

use lab::Order;

use crate::town::{Wires, amiss, list_calls, settle_in, settled};

const TASKS: u64 = 100;
const JOBS: u64 = 10;
/// Seconds between the runs of each.
const INTERVAL: u32 = 10;

#[tokio::test]
#[ignore = "needs network namespaces: tests/lab.sh"]
async fn a_hundred_tasks_settle_on_slow_wires_that_lose() {
    let mut wires = Wires::lay(5).unwrap();
    wires.order(&Order::Delay(Duration::from_millis(50), Duration::from_millis(10))).unwrap();
    wires.order(&Order::Loss(5)).unwrap();
    let mut swarm = settle_in().await.unwrap();
    let jobs = list_calls(&mut swarm, JOBS, INTERVAL).await.unwrap();
    // Runs of all jobs up to the hundredth, and as long again as they take.
    let last = jobs.iter().filter_map(|job| job.due(TASKS / JOBS - 1)).max().unwrap();
    let span = Duration::from_secs(u64::from(INTERVAL) * TASKS / JOBS);
    settled(&mut swarm, "a hundred tasks", 2 * span + Duration::from_secs(30), |tasks| amiss(&jobs, tasks, last))
        .await
        .unwrap();
    let late = swarm.follower().look(|ledger| {
        let mut late: Vec<u64> = ledger
            .settlements
            .iter()
            .filter_map(|task| {
                let job = jobs.iter().find(|job| job.id == task.job_id)?;
                Some(task.seen_ms.saturating_sub(1000 * job.due(task.run)?))
            })
            .collect();
        late.sort_unstable();
        late
    });
    eprintln!(
        "{} tasks, none missed; due to settled: p50 {} ms, most {:?} ms",
        late.len(),
        late[late.len() / 2],
        late.last()
    );
    swarm.stop().await;
}
