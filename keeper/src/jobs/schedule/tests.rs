use std::time::Duration;

use alloy::primitives::{Address, B256, Bytes, Uint};
use contracts::terms::{ActionTerms, Limits, Terms, TriggerTerms, WasmTerms};

use super::*;
use crate::chain::JobEvent;

const PACE: Pace = Pace::of(Duration::from_secs(1), 0);

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
        limits: Limits::default(),
    };
    let params = terms.params();
    let (owner, forwarder) = (Address::ZERO, Address::ZERO);
    JobEvent::Created { job_id, owner, forwarder, params: Box::new(params), active_from: start }
}

/// Takes in that a job is listed and can pay.
fn list(book: &mut JobBook, block: u64, event: &JobEvent) {
    assert!(book.apply(block, event));
    book.apply(block, &JobEvent::Covered { job_id: event.job_id(), covered: true });
}

/// All that is told at `seconds`, as (job, due).
fn told(schedule: &mut Schedule, book: &JobBook, seconds: u64) -> Vec<(u64, u64)> {
    let tasks = std::iter::from_fn(|| schedule.take(book, seconds, u64::MAX, &PACE));
    tasks.map(|due| (due.task.job.0, due.due)).collect()
}

#[test]
fn each_run_is_told_once_and_those_of_a_job_anew_when_it_changed() {
    let mut book = JobBook::default();
    list(&mut book, 1, &created(1, 1_000, 10));
    let mut schedule = Schedule::default();
    schedule.job_changed(1);
    let all = [(1, 1_000), (1, 1_010), (1, 1_020)];
    assert_eq!(told(&mut schedule, &book, 1_015), all, "what can be tried still, and ahead");
    assert_eq!(told(&mut schedule, &book, 1_015), []);
    assert_eq!(told(&mut schedule, &book, 1_020), [], "nothing new within the windows ahead");
    assert_eq!(told(&mut schedule, &book, 1_024), [(1, 1_030)]);
    list(&mut book, 2, &created(2, 1_027, 100));
    schedule.job_changed(2);
    assert_eq!(told(&mut schedule, &book, 1_024), [(2, 1_027)]);
    schedule.all_changed();
    assert_eq!(told(&mut schedule, &book, 1_024).len(), 5, "all in reach again");
}

#[test]
fn a_job_that_is_paused_gone_or_over_is_not_told() {
    let mut book = JobBook::default();
    list(&mut book, 1, &created(1, 1_000, 10));
    list(&mut book, 1, &created(2, 1_000, 10));
    let mut schedule = Schedule::default();
    schedule.all_changed();
    assert_eq!(told(&mut schedule, &book, 994), [(1, 1_000), (2, 1_000)]);
    book.apply(2, &JobEvent::Paused { job_id: 1, inactive_from: 1_012 });
    schedule.job_changed(1);
    book.rewind(0);
    schedule.job_changed(2);
    schedule.job_changed(1);
    assert_eq!(told(&mut schedule, &book, 1_050), [], "both are gone");
    list(&mut book, 1, &created(1, 1_000, 10));
    book.apply(2, &JobEvent::Paused { job_id: 1, inactive_from: 1_012 });
    schedule.job_changed(1);
    assert_eq!(told(&mut schedule, &book, 1_030), [(1, 1_000), (1, 1_010)]);
    assert!(schedule.pages.is_empty() && schedule.entries == 0);
}

#[test]
fn what_found_no_room_comes_again_and_nothing_of_its_job_overtakes_it() {
    let mut book = JobBook::default();
    list(&mut book, 1, &created(1, 1_000, 1));
    list(&mut book, 1, &created(2, 1_001, 1_000));
    let mut schedule = Schedule::default();
    schedule.all_changed();
    let first = schedule.take(&book, 1_000, u64::MAX, &PACE).unwrap();
    schedule.put_off(&first, 1_000);
    assert_eq!(told(&mut schedule, &book, 1_000), [(2, 1_001)]);
    assert_eq!(told(&mut schedule, &book, 1_001)[..2], [(1, 1_000), (1, 1_001)]);
}

/// 10,000 jobs of ten minutes: in an hour each is looked at six times, and a tick in which none is due looks at none.
#[test]
fn a_tick_costs_what_is_told_in_it() {
    let mut book = JobBook::default();
    let mut schedule = Schedule::default();
    for id in 0..10_000 {
        list(&mut book, 1, &created(id, 100_000 + id % 600, 600));
        schedule.job_changed(id);
    }
    let mut tasks = 0;
    for tick in 0..36_000 {
        let seconds = 99_990 + tick / 10;
        while schedule.take(&book, seconds, u64::MAX, &PACE).is_some() {
            tasks += 1;
        }
        let untouched = schedule.pages.first_key_value().is_some_and(|(second, _)| *second > seconds);
        assert!(untouched && schedule.entries == 10_000, "none is held twice, none is looked at before its time");
    }
    let expected: u64 = (0..10_000).map(|id| 1 + (3_595 - id % 600) / 600).sum();
    assert_eq!(tasks, expected, "each run once");
}

/// A job that changes leaves an entry on the page of before; in the end it has one.
#[test]
fn what_a_job_has_left_on_a_page_is_struck_out_or_is_what_it_stands_for_now() {
    let mut book = JobBook::default();
    list(&mut book, 1, &created(1, 1_000, 10));
    let mut schedule = Schedule::default();
    schedule.job_changed(1);
    assert_eq!(told(&mut schedule, &book, 1_000), [(1, 1_000)]);
    for (block, start) in [(2, 1_010), (3, 1_013), (4, 1_020)] {
        let JobEvent::Created { params, .. } = created(1, start, 10) else { unreachable!("it lists a job") };
        let version = u32::try_from(block).unwrap();
        book.apply(block, &JobEvent::Updated { job_id: 1, version, params, active_from: start });
        schedule.job_changed(1);
        assert_eq!(told(&mut schedule, &book, 1_001), []);
    }
    assert_eq!(schedule.entries, 3, "where two fall together they are one");
    assert_eq!(told(&mut schedule, &book, 1_007), []);
    assert_eq!(told(&mut schedule, &book, 1_014), [(1, 1_020)]);
    assert_eq!(told(&mut schedule, &book, 1_100).len(), 8);
    assert_eq!(schedule.entries, 1);
}

/// What nobody settled while all stood still is tried for as long as the contract would take it.
#[test]
fn what_has_not_settled_is_told_for_an_hour_or_as_far_back_as_is_known() {
    let first = |interval: u32, known_from: u64| {
        let mut book = JobBook::default();
        list(&mut book, 1, &created(1, 10_000, interval));
        let mut schedule = Schedule::default();
        schedule.all_changed();
        schedule.take(&book, 20_000, known_from, &PACE).map(|due| 20_000 - due.due)
    };
    assert_eq!(PACE.reach_seconds(), 64);
    assert_eq!(first(200, 0), Some(3_600), "the hour in which it may settle");
    assert_eq!(first(200, 19_000), Some(1_000), "what settled before that is not known");
    assert_eq!(first(8, u64::MAX), Some(64), "what is remembered");
    assert_eq!(first(10, 0), Some(320), "the runs that the contract keeps account of");
    assert_eq!(first(1, 0), Some(64), "what is remembered, though it be more");
}

#[test]
fn a_job_that_cannot_pay_is_not_told_until_it_can() {
    let mut book = JobBook::default();
    book.apply(1, &created(1, 1_000, 10));
    let mut schedule = Schedule::default();
    let cover = |book: &mut JobBook, schedule: &mut Schedule, covered| {
        book.apply(2, &JobEvent::Covered { job_id: 1, covered });
        schedule.job_changed(1);
    };
    schedule.job_changed(1);
    assert_eq!(told(&mut schedule, &book, 1_015), []);
    cover(&mut book, &mut schedule, true);
    assert_eq!(told(&mut schedule, &book, 1_015), [(1, 1_000), (1, 1_010), (1, 1_020)]);
    cover(&mut book, &mut schedule, false);
    assert_eq!(told(&mut schedule, &book, 1_100), []);
    cover(&mut book, &mut schedule, true);
    assert!(told(&mut schedule, &book, 1_100).contains(&(1, 1_100)), "what is not too old");
}
