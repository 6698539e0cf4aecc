use alloy::primitives::Bytes;
use alloy::sol_types::SolValue;

use super::*;

const PACE: Pace = Pace { block_seconds: 1, confirmations: 0 };

fn created(job_id: u64, start: u64, interval: u32) -> JobEvent {
    let trigger_data = Bytes::from((start, interval).abi_encode());
    let params = JobParams { triggerData: trigger_data, quorumBps: 6667, ..empty_params() };
    JobEvent::Created { job_id, owner: Address::ZERO, forwarder: Address::ZERO, params: Box::new(params) }
}

fn empty_params() -> JobParams {
    JobParams {
        trigger: 0.try_into().unwrap(),
        triggerData: Bytes::new(),
        action: 0.try_into().unwrap(),
        codeUrl: String::new(),
        codeHash: B256::ZERO,
        params: Bytes::new(),
        target: Address::ZERO,
        callbackGas: 0,
        token: Address::ZERO,
        fee: alloy::primitives::Uint::ZERO,
        quorumBps: 0,
        punctualSeconds: 0,
    }
}

fn dues(book: &JobBook, from: u64, to: u64) -> Vec<(u64, u32, u64)> {
    book.due(from, to, &PACE).iter().map(|due| (due.task.job.0, due.task.version, due.due)).collect()
}

#[test]
fn an_interval_is_due_at_its_start_and_every_interval_after() {
    let trigger = Trigger::Interval { start: 100, interval: 7 };
    assert_eq!(trigger.runs(0, 114).collect::<Vec<_>>(), [(0, 100), (1, 107), (2, 114)]);
    assert_eq!(trigger.runs(101, 113).collect::<Vec<_>>(), [(1, 107)]);
    assert_eq!(trigger.runs(0, 99).count(), 0);
    let late = Trigger::Interval { start: u64::MAX - 1, interval: 7 };
    assert_eq!(late.runs(0, u64::MAX).collect::<Vec<_>>(), [(0, u64::MAX - 1)]);
}

#[test]
fn triggers_that_do_not_decode_are_not_run() {
    assert_eq!(Trigger::of(&empty_params()), None);
    let never = JobParams { triggerData: Bytes::from((5u64, 0u32).abi_encode()), ..empty_params() };
    assert_eq!(Trigger::of(&never), None);
    let cron = JobParams { trigger: 1.try_into().unwrap(), ..empty_params() };
    assert_eq!(Trigger::of(&cron), None);
}

#[test]
fn a_paused_job_is_due_up_to_the_notice_and_again_under_a_new_version() {
    let mut book = JobBook::default();
    book.apply(1, &created(1, 100, 10));
    book.apply(2, &JobEvent::Paused { job_id: 1, inactive_from: 120 });
    assert_eq!(dues(&book, 0, 200), [(1, 1, 100), (1, 1, 110), (1, 1, 120)]);
    book.apply(3, &JobEvent::Resumed { job_id: 1, version: 2, active_from: 150 });
    assert_eq!(dues(&book, 0, 160), [(1, 2, 150), (1, 2, 160)]);
    book.apply(4, &JobEvent::Cancelled { job_id: 1, inactive_from: 155 });
    assert_eq!(dues(&book, 0, 200), [(1, 2, 150)]);
}

#[test]
fn a_rewind_takes_back_what_happened_above_it() {
    let mut book = JobBook::default();
    book.apply(5, &created(1, 100, 10));
    book.apply(6, &created(2, 100, 10));
    book.apply(7, &JobEvent::Cancelled { job_id: 1, inactive_from: 50 });
    book.rewind(5);
    assert_eq!(dues(&book, 100, 100), [(1, 1, 100)]);
    assert!(book.job(2).is_none());
}

#[test]
fn a_settlement_is_late_a_full_stage_after_its_run_was_due() {
    let mut book = JobBook::default();
    book.apply(5, &created(1, 100, 10));
    let task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(3) };
    let at = |timestamp| SettledAt { task, block: 9, timestamp, anchor: 7, submitter: Address::repeat_byte(1) };
    let pace = Pace { block_seconds: 1, confirmations: 0 };
    assert_eq!(book.late(&at(132), &pace), None, "a stage is 3 s here");
    let late = book.late(&at(133), &pace).unwrap();
    assert_eq!((late.block, late.due, late.anchor, late.submitter), (9, 130, 7, Address::repeat_byte(1)));
    let other = |task| SettledAt { task, ..at(1_000) };
    assert_eq!(book.late(&other(Task { version: 2, ..task }), &pace), None, "another version has other due times");
    assert_eq!(book.late(&other(Task { job: JobId(2), ..task }), &pace), None);
    let log = InstanceKey(B256::repeat_byte(0xee));
    assert_eq!(book.late(&other(Task { instance: log, ..task }), &pace), None, "not a run number");
    let far = InstanceKey::from_run(u64::MAX);
    assert_eq!(book.late(&other(Task { instance: far, ..task }), &pace), None, "due past the end of time");
}

#[test]
fn old_states_are_let_go() {
    let mut book = JobBook::default();
    book.apply(1, &created(1, 100, 10));
    for block in 2..3_000 {
        book.apply(block, &JobEvent::Paused { job_id: 1, inactive_from: block });
    }
    assert!(book.job(1).unwrap().states.len() <= 514);
}

#[test]
fn events_of_unknown_jobs_are_ignored() {
    let mut book = JobBook::default();
    book.apply(1, &JobEvent::Paused { job_id: 9, inactive_from: 5 });
    assert_eq!(book.jobs().count(), 0);
}
