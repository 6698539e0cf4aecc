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
    settlements.rewind(11);
    assert!(settlements.get(&task(1)).is_none(), "its second settlement was the one that stood");
    assert_eq!(settlements.get(&task(2)).map(|settled| settled.block), Some(11));
    settlements.rewind(10);
    assert!(settlements.get(&task(2)).is_none());
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
