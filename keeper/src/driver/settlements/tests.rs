use alloy::primitives::{Address, B256};
use consensus::task::{InstanceKey, JobId};

use super::*;

fn task(run: u64) -> Task {
    Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(run) }
}

fn settled(run: u64, block: u64) -> Settled {
    Settled {
        block,
        timestamp: block,
        tx: B256::ZERO,
        task_id: B256::ZERO,
        job_id: 1,
        job_version: 1,
        instance_key: InstanceKey::from_run(run).0,
        status: 0,
        seconds_late: 2,
        anchor_number: block - 1,
        outcome_hash: B256::ZERO,
        delivered: true,
        submitter: Address::ZERO,
    }
}

#[test]
fn what_an_orphaned_block_settled_is_forgotten() {
    let mut settlements = Settlements::default();
    settlements.insert(task(1), settled(1, 10));
    settlements.insert(task(2), settled(2, 11));
    settlements.insert(task(1), settled(1, 12));
    let block = |settlements: &Settlements, run| settlements.get(&task(run)).map(|settled| settled.block);
    assert_eq!(block(&settlements, 1), Some(12), "the newest counts");
    assert_eq!(settlements.rewind(11), [], "a node showed a second settlement that was none: the first one stands");
    assert_eq!((block(&settlements, 1), block(&settlements, 2)), (Some(10), Some(11)));
    assert_eq!(settlements.rewind(9), [task(2), task(1)]);
    assert_eq!((block(&settlements, 1), block(&settlements, 2)), (None, None));
}

#[test]
fn beyond_the_limit_the_oldest_goes() {
    let mut settlements = Settlements::default();
    for run in 0..SETTLED_MAX as u64 + 10 {
        settlements.insert(task(run), settled(run, 1 + run));
    }
    assert_eq!((settlements.settled.len(), settlements.by_block.len()), (SETTLED_MAX, SETTLED_MAX));
    assert!(settlements.get(&task(9)).is_none() && settlements.get(&task(10)).is_some());
}
