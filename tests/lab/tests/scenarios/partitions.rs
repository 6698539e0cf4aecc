//! Seven keepers of equal stake, of which five are a quorum, and wires that are cut again and again.

use std::time::Duration;

use anyhow::Result;
use bootstrap::swarm::Swarm;
use bootstrap::swarm::ledger::unix_ms;
use lab::Order;

use crate::certificates::Certificates;
use crate::town::{Wires, amiss, blocks, list_calls, settle_in, settled};

const CYCLES: usize = 20;
/// How long wires stay cut, in blocks of a second.
const CUT_FOR: u64 = 10;
/// From healing to the first task that settles.
const SETTLES_WITHIN: Duration = Duration::from_secs(15);
/// From healing until everything that was due meanwhile has settled.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(60);

/// A cut, by what is said about it.
fn cut(wires: &mut Wires, cycle: usize) -> Result<&'static str> {
    match cycle % 3 {
        0 => wires.part(&[&[0, 1, 2], &[3, 4, 5, 6]]).map(|()| "3 | 4"),
        1 => wires.part(&[&[0, 1], &[2, 3], &[4, 5, 6]]).map(|()| "2 | 2 | 3"),
        _ => wires.order(&Order::Cut(vec![0, 1, 2], vec![3, 4, 5, 6])).map(|()| "3 > 4, one way"),
    }
}

#[tokio::test]
#[ignore = "needs network namespaces: tests/lab.sh"]
async fn partitions_never_split_a_result_and_tasks_settle_soon_after_healing() {
    let mut wires = Wires::lay(18).unwrap();
    let mut swarm = settle_in().await.unwrap();
    swarm.list_examples().await.unwrap();
    list_calls(&mut swarm, 2, 4).await.unwrap();
    let first = |count: usize| if count >= 6 { Ok(()) } else { Err(format!("{count} tasks have settled")) };
    settled(&mut swarm, "the first settlements", Duration::from_secs(120), |tasks| first(tasks.len())).await.unwrap();

    let (mut certificates, mut slowest) = (Certificates::default(), 0);
    for cycle in 0..CYCLES {
        let what = cut(&mut wires, cycle).unwrap();
        blocks(&mut swarm, CUT_FOR).await.unwrap();
        wires.order(&Order::Heal).unwrap();
        let healed = unix_ms();
        let after = settles_again(&mut swarm, healed).await.unwrap();
        slowest = slowest.max(after);
        certify(&mut swarm, &mut certificates, healed).await.unwrap();
        eprintln!("cycle {cycle}: {what}; the first task {after} ms after healing, {} reports seen", certificates.seen);
    }
    eprintln!("{CYCLES} cycles, {} reports certified, slowest {slowest} ms after healing", certificates.seen);
    assert!(certificates.seen > CYCLES, "too few certificates were at hand to tell");
    swarm.stop().await;
}

/// Waits for the first settlement in a block after the wires were healed; returns the milliseconds to it.
async fn settles_again(swarm: &mut Swarm, healed: u64) -> Result<u64> {
    settled(swarm, "a settlement after healing", SETTLES_WITHIN, |tasks| {
        let newest = tasks.iter().map(|task| task.seen_ms).max().unwrap_or_default();
        if newest > healed { Ok(()) } else { Err(format!("the newest was {} ms before it", healed - newest)) }
    })
    .await?;
    let first = swarm
        .follower()
        .look(|ledger| ledger.settlements.iter().map(|task| task.seen_ms).filter(|seen| *seen > healed).min());
    Ok(first.unwrap_or(healed) - healed)
}

/// Waits until all that was due before healing has settled once, and looks at what was certified for it.
async fn certify(swarm: &mut Swarm, certificates: &mut Certificates, healed: u64) -> Result<()> {
    let jobs = swarm.jobs().to_vec();
    let moment = healed / 1000;
    settled(swarm, "all that was due before healing", CAUGHT_UP_WITHIN, |tasks| amiss(&jobs, tasks, moment)).await?;
    let earlier = healed.saturating_sub(1000 * CUT_FOR);
    let tasks = swarm
        .follower()
        .look(|ledger| ledger.settlements.iter().filter(|task| task.seen_ms > earlier).cloned().collect::<Vec<_>>());
    certificates.collect(swarm, &tasks).await
}
