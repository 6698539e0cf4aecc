mod begins;

use std::time::Duration;

use alloy::primitives::{B256, Bytes, aliases::U96};
use consensus::task::{AnchorRule, DueTask, InstanceKey, JobId};
use contracts::terms::{ActionTerms, ConditionTerms, Limits, LogTerms, TriggerTerms, WasmTerms};

use super::*;
use crate::jobs::trigger::Run;

const PACE: Pace = Pace::of(Duration::from_secs(1), 0);

fn params(start: u64, interval: u32) -> JobParams {
    let code = WasmTerms { code_url: "data:,".to_owned(), code_hash: B256::repeat_byte(7), params: Bytes::new() };
    let terms = Terms {
        trigger: TriggerTerms::Interval { start, interval },
        action: ActionTerms::Wasm(code),
        target: Address::ZERO,
        callback_gas: 9,
        token: Address::ZERO,
        fee: U96::ZERO,
        quorum_bps: 6_667,
        punctual_seconds: 0,
        limits: Limits::default(),
    };
    terms.params()
}

fn listed(job_id: u64, params: JobParams) -> JobEvent {
    listed_from(job_id, params, 0)
}

fn listed_from(job_id: u64, params: JobParams, active_from: u64) -> JobEvent {
    let (owner, forwarder) = (Address::ZERO, Address::ZERO);
    JobEvent::Created { job_id, owner, forwarder, params: Box::new(params), active_from }
}

fn created(job_id: u64, start: u64, interval: u32) -> JobEvent {
    listed(job_id, params(start, interval))
}

/// Takes in that a job is listed and can pay.
fn list(book: &mut JobBook, block: u64, event: &JobEvent) {
    assert!(book.apply(block, event));
    book.apply(block, &covered(event.job_id(), true));
}

fn covered(job_id: u64, covered: bool) -> JobEvent {
    JobEvent::Covered { job_id, covered }
}

fn updated(job_id: u64, version: u32, params: JobParams) -> JobEvent {
    updated_from(job_id, version, params, 0)
}

fn updated_from(job_id: u64, version: u32, params: JobParams, active_from: u64) -> JobEvent {
    JobEvent::Updated { job_id, version, params: Box::new(params), active_from }
}

/// The same terms with another trigger.
fn triggered(trigger: &TriggerTerms) -> JobParams {
    JobParams { trigger: trigger.number(), triggerData: trigger.data(), ..params(100, 10) }
}

/// The tasks of all jobs due from `from` to `to`.
fn due(book: &JobBook, from: u64, to: u64) -> Vec<DueTask> {
    let of_job = |job: &Job| {
        let runs = std::iter::successors(job.first_run(from), |run| job.run_after(run));
        let runs = runs.take_while(|run| run.due <= to);
        runs.map(|run| job.task(&run, &PACE).unwrap()).collect::<Vec<_>>()
    };
    book.jobs().flat_map(of_job).collect()
}

fn dues(book: &JobBook, from: u64, to: u64) -> Vec<(u64, u32, u64)> {
    due(book, from, to).iter().map(|due| (due.task.job.0, due.task.version, due.due)).collect()
}

#[test]
fn what_is_due_carries_the_terms_it_is_run_under() {
    let mut book = JobBook::default();
    list(&mut book, 1, &created(4, 100, 10));
    let due = due(&book, 105, 110);
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].task, Task { job: JobId(4), version: 1, instance: InstanceKey::from_run(1) });
    assert_eq!((due[0].due, due[0].quorum_bps, due[0].callback_gas), (110, 6_667, 9));
    assert_eq!(due[0].code_hash, B256::repeat_byte(7));
}

/// Run under the terms it had before, such a job would give results that nobody else gives.
#[test]
fn a_job_of_an_unknown_kind_is_never_due_until_its_terms_are_known() {
    let trigger = JobParams { trigger: u8::MAX, ..params(100, 10) };
    let action = JobParams { action: u8::MAX, ..params(100, 10) };
    let pattern = TriggerTerms::Cron { pattern: "0 0 30 2 *".to_owned() };
    let never = triggered(&pattern);
    let cut = JobParams { triggerData: Bytes::new(), ..params(100, 10) };
    for (strange, word) in [
        (trigger, "unknown_kind: trigger 255"),
        (action, "unknown_kind: action 255"),
        (cut, "bad_terms: the data of trigger 0"),
        (never, "bad_trigger: \"0 0 30 2 *\" never fires"),
        (params(100, 0), "bad_trigger: Interval"),
    ] {
        let mut book = JobBook::default();
        list(&mut book, 1, &listed(1, strange.clone()));
        list(&mut book, 1, &created(2, 100, 10));
        let why = book.job(1).unwrap().state().plan.as_ref().unwrap_err().to_string();
        assert!(why.starts_with(word), "{why}");
        assert_eq!(dues(&book, 0, 105), [(2, 1, 100)]);
        book.apply(2, &JobEvent::Paused { job_id: 2, inactive_from: 50 });
        book.apply(3, &updated(2, 2, strange));
        book.apply(4, &JobEvent::Paused { job_id: 2, inactive_from: 150 });
        book.apply(5, &JobEvent::Resumed { job_id: 2, version: 3, active_from: 200 });
        assert_eq!(dues(&book, 0, 1_000), []);
        book.apply(6, &updated(2, 4, params(300, 100)));
        assert_eq!(dues(&book, 0, 400), [(2, 4, 300), (2, 4, 400)]);
    }
}

#[test]
fn a_rewound_update_leaves_the_terms_from_before() {
    let mut book = JobBook::default();
    list(&mut book, 1, &created(1, 100, 10));
    let other = JobParams { callbackGas: 77, ..params(500, 20) };
    book.apply(9, &updated(1, 2, other));
    assert_eq!(due(&book, 500, 500)[0].callback_gas, 77);
    book.rewind(8);
    assert_eq!(dues(&book, 100, 110), [(1, 1, 100), (1, 1, 110)]);
    assert_eq!(due(&book, 500, 500)[0].callback_gas, 9);
}

#[test]
fn a_paused_job_is_due_up_to_the_notice_and_again_under_a_new_version() {
    let mut book = JobBook::default();
    list(&mut book, 1, &created(1, 100, 10));
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
    list(&mut book, 5, &created(1, 100, 10));
    list(&mut book, 6, &created(2, 100, 10));
    book.apply(7, &JobEvent::Cancelled { job_id: 1, inactive_from: 50 });
    assert!(book.rewind(7).is_empty());
    assert_eq!(book.rewind(5), [1, 2]);
    assert_eq!(dues(&book, 100, 100), [(1, 1, 100)]);
    assert!(book.job(2).is_none());
}

#[test]
fn a_settlement_is_late_a_full_stage_after_its_run_was_due() {
    let mut book = JobBook::default();
    list(&mut book, 5, &created(1, 100, 10));
    let task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(3) };
    let at = |timestamp| SettledAt { task, block: 9, timestamp, anchor: 7, submitter: Address::repeat_byte(1) };
    assert_eq!(book.late(&at(132), &PACE), None, "a stage is 3 s here");
    let late = book.late(&at(133), &PACE).unwrap();
    assert_eq!((late.block, late.due, late.anchor, late.submitter), (9, 130, 7, Address::repeat_byte(1)));
    let other = |task| SettledAt { task, ..at(1_000) };
    assert_eq!(book.late(&other(Task { version: 2, ..task }), &PACE), None, "another version has other due times");
    assert_eq!(book.late(&other(Task { job: JobId(2), ..task }), &PACE), None);
    let log = InstanceKey(B256::repeat_byte(0xee));
    assert_eq!(book.late(&other(Task { instance: log, ..task }), &PACE), None, "not a run number");
    let far = InstanceKey::from_run(u64::MAX);
    assert_eq!(book.late(&other(Task { instance: far, ..task }), &PACE), None, "due past the end of time");
}

#[test]
fn old_states_are_let_go() {
    let mut book = JobBook::default();
    list(&mut book, 1, &created(1, 100, 10));
    for block in 2..3_000 {
        book.apply(block, &JobEvent::Paused { job_id: 1, inactive_from: block });
    }
    assert!((512..=514).contains(&book.job(1).unwrap().states_kept()));
}

#[test]
fn events_of_unknown_jobs_are_ignored() {
    let mut book = JobBook::default();
    book.apply(1, &JobEvent::Paused { job_id: 9, inactive_from: 5 });
    assert_eq!(book.jobs().count(), 0);
}

/// What the book says of run 0 of job 1, version `version`, due at second 100, at block `anchor`.
fn standing(book: &JobBook, version: u32, anchor: u64) -> Result<u128, String> {
    let task = Task { job: JobId(1), version, instance: InstanceKey::from_run(0) };
    let due = DueTask {
        task,
        due: 100,
        deadline: 200,
        anchor: AnchorRule::ByTime,
        rank: 0,
        code_hash: B256::ZERO,
        quorum_bps: 0,
        callback_gas: 0,
        observes: false,
    };
    match book.standing(&due, anchor) {
        Standing::Runs(plan) => Ok(plan.terms.fee.to()),
        Standing::Not(why) => Err(why),
        Standing::Untold => Err("untold".to_owned()),
    }
}

fn priced(fee: u64) -> JobParams {
    JobParams { fee: U96::from(fee), ..params(100, 10_000) }
}

/// Job 1, listed in block 5 at a fee of 10, funded there, in a book that has begun before.
fn book_with_one() -> JobBook {
    let mut book = JobBook::default();
    book.head(1);
    list(&mut book, 5, &listed(1, priced(10)));
    book
}

#[test]
fn a_task_stands_as_its_job_stood_at_the_anchor() {
    let mut book = book_with_one();
    assert_eq!(standing(&book, 1, 4), Err("untold".to_owned()), "not listed by then");
    assert_eq!(standing(&book, 1, 5), Ok(10), "what the block as a whole has done to it");
    book.apply(8, &JobEvent::Paused { job_id: 1, inactive_from: 99 });
    book.apply(9, &covered(1, false));
    book.apply(12, &updated(1, 2, priced(9)));
    assert_eq!(standing(&book, 1, 7), Ok(10));
    assert!(standing(&book, 1, 8).is_err_and(|why| why.contains("not active")));
    assert!(standing(&book, 1, 12).is_err_and(|why| why.contains("version 2, not 1")));
    assert!(standing(&book, 2, 12).is_err_and(|why| why.contains("cannot pay")), "other terms bring no money");
    book.rewind(8);
    book.apply(9, &JobEvent::Paused { job_id: 1, inactive_from: 100 });
    assert_eq!(standing(&book, 1, 9), Ok(10), "due up to the pause");
}

#[test]
fn a_job_is_due_only_while_it_can_pay() {
    let mut book = JobBook::default();
    book.head(1);
    book.apply(5, &listed(1, priced(10)));
    assert_eq!(dues(&book, 0, 1_000), [], "listed without money");
    assert!(standing(&book, 1, 5).is_err_and(|why| why.contains("cannot pay")));
    book.apply(6, &covered(1, true));
    assert_eq!(dues(&book, 0, 1_000), [(1, 1, 100)]);
    book.apply(7, &covered(1, false));
    book.apply(7, &covered(1, true));
    assert_eq!(
        (standing(&book, 1, 7), book.job(1).unwrap().states_kept()),
        (Ok(10), 3),
        "as the block as a whole left it"
    );
    book.apply(8, &covered(1, false));
    assert_eq!(dues(&book, 0, 1_000), []);
    assert_eq!(book.job(1).unwrap().run_after(&Run::by_time(InstanceKey::from_run(0), 100)).map(|run| run.due), None);
    assert_eq!(standing(&book, 1, 7), Ok(10));
    book.apply(9, &updated(1, 2, priced(8)));
    assert!(standing(&book, 2, 9).is_err_and(|why| why.contains("cannot pay")), "until an event says so");
    book.apply(9, &covered(1, true));
    assert_eq!(standing(&book, 2, 9), Ok(8));
    assert_eq!(book.rewind(7), [1]);
    assert_eq!(dues(&book, 0, 1_000), [(1, 1, 100)], "what took its money was undone");
}

/// A digest of the history leaves out what a later event undid.
#[test]
fn what_was_before_the_first_block_is_known_by_its_newest_state_alone() {
    let mut book = JobBook::default();
    list(&mut book, 5, &listed(1, priced(10)));
    book.apply(20, &JobEvent::Paused { job_id: 1, inactive_from: 1_000 });
    assert_eq!(standing(&book, 1, 25), Ok(10));
    book.head(30);
    assert_eq!(standing(&book, 1, 19), Err("untold".to_owned()), "it may have been paused and resumed before");
    assert_eq!(standing(&book, 1, 20), Ok(10));
    book.apply(40, &JobEvent::Cancelled { job_id: 1, inactive_from: 50 });
    assert_eq!(standing(&book, 1, 39), Ok(10), "from then on all is known");
    assert!(standing(&book, 1, 40).is_err_and(|why| why.contains("not active")));
}

#[test]
fn a_full_book_says_so_and_gets_room_from_jobs_that_are_over() {
    let mut book = JobBook::default();
    for id in 0..JOBS_MAX as u64 {
        assert!(book.apply(1, &created(id, 100, 10)));
    }
    let one_more = created(u64::MAX, 100, 10);
    assert!(!book.apply(2, &one_more) && book.job(u64::MAX).is_none());
    book.apply(2, &JobEvent::Cancelled { job_id: 7, inactive_from: 500 });
    book.apply(2, &JobEvent::Paused { job_id: 8, inactive_from: 500 });
    assert_eq!(book.forget_over(500), Vec::<u64>::new(), "its last run may settle still");
    assert_eq!(book.forget_over(501), [7], "whatever is paused may come back");
    assert!(book.apply(3, &one_more) && book.count() == JOBS_MAX);
}
