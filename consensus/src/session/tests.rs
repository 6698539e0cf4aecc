use super::*;
use crate::task::{InstanceKey, JobId, Task};

const PACE: Pace = Pace { block_seconds: 1, confirmations: 0 };

fn session(due: u64) -> Session {
    let task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(0) };
    let deadline = PACE.attempt_due(due, ATTEMPTS_MAX);
    Session::new(DueTask { task, due, deadline, code_hash: B256::ZERO, quorum_bps: 0, callback_gas: 0 })
}

fn chain(up_to: u64) -> ChainView {
    let mut chain = ChainView::default();
    (900..=up_to).for_each(|second| {
        chain.push(BlockRef { number: second, hash: B256::with_last_byte(second as u8), timestamp: second });
    });
    chain
}

fn at(second: u64) -> Time {
    Time::from_seconds(second)
}

#[test]
fn an_attempt_starts_when_it_is_due_and_its_anchor_is_certain() {
    let session = session(1_000);
    // lag = 2 blocks: the anchor is block 998, certain once block 999 is held.
    assert_eq!(session.next_start(at(999), &PACE, &chain(1_000)), None, "not due");
    assert_eq!(session.next_start(at(1_000), &PACE, &chain(998)), None, "not certain");
    let (attempt, anchor) = session.next_start(at(1_000), &PACE, &chain(999)).unwrap();
    assert_eq!((attempt, anchor.number), (0, 998));
}

#[test]
fn later_attempts_have_later_anchors_and_each_starts_once() {
    let mut session = session(1_000);
    let mut started = Vec::new();
    for second in 1_000..1_100 {
        if let Some((attempt, anchor)) = session.next_start(at(second), &PACE, &chain(1_200)) {
            session.attempts.insert(attempt, Attempt::Running(anchor));
            started.push((second, attempt, anchor.number));
        }
    }
    let expected: Vec<_> = (0..8).map(|r| (1_000 + 8 * r, r as u8, 998 + 8 * r)).collect();
    assert_eq!(started, expected, "eight attempts, four windows of 2 s apart");
}

#[test]
fn a_settled_or_certified_task_is_not_tried_again() {
    let mut session = session(1_000);
    session.settled = Some(5);
    assert_eq!(session.next_start(at(1_000), &PACE, &chain(1_000)), None);
    session.settled = None;
    session.certified = Some(at(1_001));
    assert_eq!(session.next_start(at(1_008), &PACE, &chain(1_010)), None, "its certificate has its chance first");
    let after = Time(at(1_001).0 + 4 * PACE.stage());
    assert!(session.next_start(after, &PACE, &chain(1_100)).is_some());
}

#[test]
fn a_reorganisation_takes_back_the_tries_above_it() {
    let mut session = session(1_000);
    let (attempt, anchor) = session.next_start(at(1_000), &PACE, &chain(1_000)).unwrap();
    session.attempts.insert(attempt, Attempt::Running(anchor));
    session.rewind(998);
    assert!(session.attempts.contains_key(&0), "the anchor stands");
    session.rewind(997);
    assert!(session.attempts.is_empty());
}

#[test]
fn the_next_look_is_at_the_next_attempt_or_the_deadline() {
    let session = session(1_000);
    assert_eq!(session.next_wake(at(900), &PACE), at(1_000));
    assert_eq!(session.next_wake(at(1_000), &PACE), at(1_008));
    assert_eq!(session.next_wake(at(1_060), &PACE), session.deadline());
    assert_eq!(session.deadline(), at(1_064));
}
