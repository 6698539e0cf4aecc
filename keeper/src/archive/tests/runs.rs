//! What is known of a task.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use consensus::task::{Abstention, InstanceKey, JobId, Status, Task};
use consensus::time::Time;
use proptest::prelude::*;

use super::*;
use crate::archive::{Run, WORDS_MAX, row};

const ME: Address = OWNER.operator;

fn told(changes: &[(u64, Change)]) -> Run {
    let mut run = Run::default();
    for (second, change) in changes {
        run.apply(&entry(task(1, 1), *second, change.clone()));
    }
    run
}

fn life() -> Vec<(u64, Change)> {
    vec![
        (0, Change::Due { due: START + 10 }),
        (10, Change::Started { attempt: 0, anchor: 7, leader: Some(ME) }),
        (11, Change::Ran { result: Ok(Status::Call), reason: String::new() }),
        (11, Change::Signed),
        (12, Change::Certified),
        (12, Change::Sent),
        (13, Change::Paid { gas: 61_000 }),
        (12, Change::Settled(settlement(12, ME))),
    ]
}

#[test]
fn a_task_goes_through_its_states() {
    let states = ["waiting", "running", "executed", "signed", "certified", "certified", "certified", "settled"];
    let life = life();
    for (count, state) in (1..).zip(states) {
        assert_eq!(told(&life[..count]).state(START + 12), state, "after {:?}", life[count - 1]);
    }
    let run = told(&life);
    assert_eq!((run.attempts, run.anchor, run.leader, run.gas_of(ME)), (1, Some(7), Some(ME), Some(61_000)));
    assert_eq!((run.signed, run.settled), (Some(Time::from_seconds(START + 11)), Some(settlement(12, ME))));
}

#[test]
fn what_is_told_again_after_a_start_changes_nothing() {
    let life = life();
    let again = [&life[..], &life[..]].concat();
    assert_eq!(told(&again), told(&life));
}

#[test]
fn gas_of_a_batch_that_another_keeper_settled_is_not_this_task_s() {
    let mut life = life();
    life.pop();
    life.push((12, Change::Settled(settlement(12, Address::repeat_byte(9)))));
    assert_eq!(told(&life).gas_of(ME), None);
}

#[test]
fn a_reorganisation_undoes_a_settlement_and_nothing_else() {
    let undone = [life(), vec![(14, Change::Undelivered { why: "x".to_owned() }), (15, Change::Reopened)]].concat();
    let run = told(&undone);
    assert_eq!((run.state(START + 15), run.reopened, run.settled), ("reopened", 1, None));
    assert!(run.undelivered.is_empty() && run.certified.is_some());
    let again = [undone, vec![(15, Change::Reopened), (20, Change::Settled(settlement(20, ME)))]].concat();
    let run = told(&again);
    assert_eq!((run.state(START + 20), run.reopened), ("settled", 1), "the second word of it was about nothing");
}

#[test]
fn what_is_late_was_not_missed_after_all() {
    let missed = [(0, Change::Due { due: START }), (3_600, Change::Expired)];
    assert!(told(&missed).is_missed());
    let settled = [&missed[..], &[(3_601, Change::Settled(settlement(3_601, ME)))]].concat();
    let run = told(&settled);
    assert!(!run.is_missed() && run.expired.is_some());
    assert_eq!(run.state(START + 9_000), "settled");
}

/// The keeper did not run when the reorganisation came, and heard of no other settlement since.
#[test]
fn what_expires_has_not_settled_whatever_was_seen_before() {
    let run = told(&[life(), vec![(3_700, Change::Expired)]].concat());
    assert!(run.is_missed() && run.settled.is_none());
    assert_eq!((run.state(START + 3_700), run.reopened), ("expired", 1));
}

#[test]
fn an_end_that_nobody_saw_is_unknown() {
    let run = told(&life()[..4]);
    assert_eq!(run.state(START + 10 + 3_600), "signed");
    assert_eq!(run.state(START + 10 + 3_661), "unknown");
}

#[test]
fn a_task_that_only_the_chain_told_has_its_due_moment_from_there() {
    let run = told(&[(12, Change::Settled(settlement(12, ME)))]);
    assert_eq!(run.due, Some(START + 10));
}

#[test]
fn why_a_run_gave_nothing_is_kept_as_far_as_it_fits() {
    let ran = |result, reason: &str| told(&[(1, Change::Ran { result, reason: reason.to_owned() })]);
    let busy = ran(Err(Abstention::Busy), "");
    assert_eq!((busy.result.as_str(), busy.reason.as_str()), ("abstain", "busy"));
    assert_eq!(ran(Err(Abstention::Busy), "busy: 16 runs").reason, "busy: 16 runs");
    assert_eq!(ran(Ok(Status::Skip), &"ü".repeat(5_000)).reason.chars().count(), WORDS_MAX);
    let skipped = told(&[(1, Change::Ineligible { reason: "Escrow".to_owned() })]);
    assert_eq!(skipped.reason, "the contract skipped it: Escrow");
}

/// Everything that can happen, with numbers as large as they come.
fn changes() -> impl Strategy<Value = Change> {
    let settled = (any::<[u64; 4]>(), any::<[u8; 32]>(), any::<[u8; 20]>(), any::<u8>(), any::<bool>());
    prop_oneof![
        any::<u64>().prop_map(|due| Change::Due { due }),
        (any::<u8>(), any::<u64>(), any::<Option<[u8; 20]>>()).prop_map(|(attempt, anchor, leader)| {
            Change::Started { attempt, anchor, leader: leader.map(Address::from) }
        }),
        (any::<bool>(), any::<String>()).prop_map(|(skips, reason)| {
            Change::Ran { result: if skips { Ok(Status::Skip) } else { Err(Abstention::Timeout) }, reason }
        }),
        Just(Change::Signed),
        Just(Change::Certified),
        Just(Change::Sent),
        any::<u64>().prop_map(|gas| Change::Paid { gas }),
        settled.prop_map(|([block, timestamp, seconds_late, anchor], tx, submitter, status, delivered)| {
            let (tx, submitter) = (B256::from(tx), Address::from(submitter));
            Change::Settled(Settlement { block, timestamp, seconds_late, anchor, tx, submitter, status, delivered })
        }),
        any::<String>().prop_map(|why| Change::Undelivered { why }),
        any::<String>().prop_map(|reason| Change::Ineligible { reason }),
        any::<String>().prop_map(|why| Change::Refused { why }),
        any::<String>().prop_map(|words| Change::Voices { words }),
        Just(Change::Reopened),
        Just(Change::Expired),
    ]
}

/// What the file holds of a number: as much as fits.
fn cut(number: u64) -> u64 {
    number.min(i64::MAX as u64)
}

fn as_kept(mut run: Run) -> Run {
    let moment = |time: Option<Time>| time.map(|time| Time(cut(time.0)));
    run.due = run.due.map(cut);
    run.anchor = run.anchor.map(cut);
    run.gas = run.gas.map(cut);
    (run.first_started, run.last_started) = (moment(run.first_started), moment(run.last_started));
    (run.signed, run.certified) = (moment(run.signed), moment(run.certified));
    (run.sent, run.expired) = (moment(run.sent), moment(run.expired));
    run.settled = run.settled.map(|settled| Settlement {
        block: cut(settled.block),
        timestamp: cut(settled.timestamp),
        seconds_late: cut(settled.seconds_late),
        anchor: cut(settled.anchor),
        ..settled
    });
    run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_happens_comes_back_from_the_file_as_it_was(
        job: u64, version: u32, instance: [u8; 32], moments in prop::collection::vec((any::<u64>(), changes()), 1..12)
    ) {
        let (_directory, path) = place();
        // However far apart its moments are.
        let bounds = Bounds { age: Duration::MAX, ..Bounds::default() };
        let mut archive = Archive::open(&path, OWNER, bounds).unwrap();
        let task = Task { job: JobId(job), version, instance: InstanceKey(instance.into()) };
        let mut expected = Run::default();
        for (at, change) in moments {
            let entry = Entry { task, at: Time(at), change };
            // What stands in the file is what the next thing happens to.
            expected = as_kept(expected);
            expected.apply(&entry);
            archive.write(&[entry]).unwrap();
        }
        let kept = row::load(archive.connection(), &task).unwrap().unwrap_or_default();
        prop_assert_eq!(&kept, &as_kept(expected));
        prop_assert!(!kept.state(START).is_empty());
        let found = Reader::open(&path).unwrap().newest(JobId(job), 10, false).unwrap();
        prop_assert!(found.iter().all(|found| found.task == task && found.run == kept));
    }
}
