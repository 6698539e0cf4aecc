use alloy::primitives::{Address, B256, Bytes, Uint};
use contracts::terms::{ActionTerms, Terms, TriggerTerms, WasmTerms};

use super::*;
use crate::chain::JobEvent;

const PACE: Pace = Pace { block_seconds: 1, confirmations: 0, ahead_ms: 0 };

fn created(job_id: u64, start: u64, interval: u32) -> JobEvent {
    let code = WasmTerms { code_url: String::new(), code_hash: B256::ZERO, params: Bytes::new() };
    let terms = Terms {
        trigger: TriggerTerms::Interval { start, interval },
        action: ActionTerms::Wasm(code),
        target: Address::ZERO,
        callback_gas: 0,
        token: Address::ZERO,
        fee: Uint::from(1),
        quorum_bps: 0,
        punctual_seconds: 0,
    };
    let params = terms.params();
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
