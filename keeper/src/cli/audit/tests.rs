use alloy::primitives::{Address, B256};

use super::*;

fn settled(count: u64) -> Vec<(SettledTask, B256)> {
    let task = |number: u64| SettledTask {
        task_id: keccak256(number.to_be_bytes()),
        job_id: 1,
        job_version: 1,
        instance_key: InstanceKey::from_run(number).0,
        anchor_number: number,
        seconds_late: 0,
        status: 0,
        delivered: true,
        outcome_hash: B256::ZERO,
        submitter: Address::ZERO,
    };
    (0..count).map(|number| (task(number), B256::ZERO)).collect()
}

fn anchors(drawn: &[(SettledTask, B256)]) -> Vec<u64> {
    drawn.iter().map(|(task, _)| task.anchor_number).collect()
}

#[test]
fn one_seed_draws_one_sample_whatever_order_the_tasks_come_in() {
    let first = anchors(&sample(settled(100), 10, 7));
    assert_eq!(first.len(), 10);
    assert!(first.is_sorted());
    let mut turned = settled(100);
    turned.reverse();
    assert_eq!(anchors(&sample(turned, 10, 7)), first);
    assert_ne!(anchors(&sample(settled(100), 10, 8)), first);
}

#[test]
fn over_many_seeds_every_task_is_drawn() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..200 {
        seen.extend(anchors(&sample(settled(50), 5, seed)));
    }
    assert_eq!(seen.len(), 50);
    assert_eq!(anchors(&sample(settled(3), 10, 1)), [0, 1, 2], "all there are");
}
