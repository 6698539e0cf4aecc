use alloy::primitives::{Address, B256, Bytes, Uint};
use alloy::sol_types::SolValue;

use super::*;
use crate::chain::{JobEvent, JobParams};

const PACE: Pace = Pace { block_seconds: 1, confirmations: 0 };

fn created(job_id: u64, start: u64, interval: u32) -> JobEvent {
    let params = JobParams {
        trigger: 0,
        triggerData: Bytes::from((start, interval).abi_encode()),
        action: 0,
        codeUrl: String::new(),
        codeHash: B256::ZERO,
        params: Bytes::new(),
        target: Address::ZERO,
        callbackGas: 0,
        token: Address::ZERO,
        fee: Uint::from(1),
        quorumBps: 0,
        punctualSeconds: 0,
    };
    JobEvent::Created { job_id, owner: Address::ZERO, forwarder: Address::ZERO, params: Box::new(params) }
}

#[test]
fn each_stretch_of_time_is_told_once_and_anew_when_the_book_changed() {
    let mut book = JobBook::default();
    book.apply(1, &created(1, 1_000, 10));
    let mut schedule = Schedule::default();
    let dues = |due: Vec<DueTask>| due.into_iter().map(|due| due.due).collect::<Vec<_>>();
    assert_eq!(dues(schedule.take(&book, 1_015, &PACE)), [1_000, 1_010, 1_020], "what can be tried still, and ahead");
    assert!(schedule.take(&book, 1_015, &PACE).is_empty());
    assert!(schedule.take(&book, 1_020, &PACE).is_empty(), "nothing new within the windows ahead");
    assert_eq!(dues(schedule.take(&book, 1_024, &PACE)), [1_030]);
    book.apply(2, &created(2, 1_027, 100));
    schedule.again();
    assert!(dues(schedule.take(&book, 1_024, &PACE)).contains(&1_027));
}
