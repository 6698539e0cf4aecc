use alloy::primitives::{U256, address, b256};

use super::*;
use crate::terms::ended;

const SUBMITTER: Address = address!("0x00000000000000000000000000000000000000aa");

fn fact(status: u8, delivered: bool) -> U256 {
    let high = U256::from(7) << 192 | U256::from(2) << 160 | U256::from(1234) << 96;
    high | U256::from(61) << 16 | U256::from(u64::from(delivered) << 8 | u64::from(status))
}

#[test]
fn a_call_is_taken_apart() {
    let (instance_key, outcome_hash) = (B256::with_last_byte(3), B256::repeat_byte(5));
    let event = TaskSettled {
        jobId: 7,
        submitter: SUBMITTER,
        fact: fact(0, true),
        instanceKey: instance_key,
        outcomeHash: outcome_hash,
    };
    let tasks = settled_tasks(&event.encode_log_data()).unwrap();
    let expected = SettledTask {
        task_id: keccak256((7_u64, 2_u32, instance_key).abi_encode()),
        job_id: 7,
        job_version: 2,
        instance_key,
        anchor_number: 1234,
        seconds_late: 61,
        status: ended::CALL,
        delivered: true,
        outcome_hash,
        submitter: SUBMITTER,
    };
    assert_eq!(tasks, [expected]);
}

#[test]
fn skips_come_together_and_half_ones_are_refused() {
    let mut words: Vec<B256> = Vec::new();
    for status in [ended::SKIP, ended::JOB_ERROR] {
        words.extend([fact(status, false).into(), B256::with_last_byte(status), B256::ZERO]);
    }
    let log = |words: Vec<B256>| TasksSkipped { submitter: SUBMITTER, words }.encode_log_data();
    let tasks = settled_tasks(&log(words.clone())).unwrap();
    assert_eq!(
        tasks.iter().map(|task| (task.status, task.delivered)).collect::<Vec<_>>(),
        [(ended::SKIP, false), (ended::JOB_ERROR, false)]
    );
    assert_eq!(tasks[1].instance_key, b256!("0x0000000000000000000000000000000000000000000000000000000000000002"));
    words.pop();
    assert!(settled_tasks(&log(words)).is_err());
}

#[test]
fn other_events_settle_nothing() {
    assert_eq!(settled_tasks(&LogData::new_unchecked(vec![B256::ZERO], [].into())).unwrap(), []);
}
