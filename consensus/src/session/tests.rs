//! Every arm of a task's life: phase x event -> phase + outbox.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes};

use super::*;
use crate::bls::SecretKey;
use crate::certificate::Certificate;
use crate::committee::{KeeperIndex, SignerSet};
use crate::facts::tests::{block, due, facts, task};
use crate::outbox::tests::texts;
use crate::report::Anchor;
use crate::task::Status;

const NOTHING: &[&str] = &[];

fn at(second: u64) -> Time {
    Time::from_seconds(second)
}

fn key(number: u8) -> BatchKey {
    BatchKey { assignment: B256::repeat_byte(1), batch: number }
}

fn outcome(text: &'static str) -> Outcome {
    let data = Bytes::from_static(text.as_bytes());
    Outcome { status: Status::Call, data, state_after: B256::ZERO, transcript: B256::ZERO }
}

fn executed(attempt: u8, second: u64) -> Event {
    Event::Executed(attempt, block(second).hash, Ok(outcome("done")))
}

/// A task due at second 1,000, tried 8, 24 and 56 s later again, given up at 1,064 and forgotten 30 s later, after some events.
fn session(events: &[(u64, Event)]) -> Session {
    let facts = facts(0, 1_200);
    let mut session = Session::new(due(1, 1_000), at(900));
    for (second, event) in events {
        session.handle(event.clone(), &facts, at(*second), &mut Outbox::default());
    }
    session
}

fn open() -> Session {
    session(&[])
}

fn running() -> Session {
    session(&[(990, Event::Planned(key(0), 0)), (1_000, Event::Look)])
}

fn reported() -> Session {
    session(&[(1_000, Event::Look), (1_001, executed(0, 998))])
}

fn certified() -> Session {
    session(&[(1_001, Event::Certified)])
}

fn settled() -> Session {
    session(&[(1_003, Event::Settled(1_003))])
}

fn settled_and_certified() -> Session {
    session(&[(1_001, Event::Certified), (1_003, Event::Settled(1_003))])
}

fn expired() -> Session {
    session(&[(1_064, Event::Look)])
}

fn settled_in(block: u64, certified: Option<u64>) -> Phase {
    Phase::Settled { block, certified: certified.map(at) }
}

/// Hands one event to a session; checks where it is then and what it gave back.
#[track_caller]
fn step(mut session: Session, (second, event): (u64, Event), phase: Phase, said: &[&str]) -> Session {
    let mut outbox = Outbox::default();
    session.handle(event, &facts(0, 1_200), at(second), &mut outbox);
    assert_eq!(texts(&mut outbox), said);
    assert_eq!(session.phase(), phase);
    session
}

#[test]
fn looking() {
    let since = Phase::Certified { since: at(1_001) };
    let gone = Phase::Expired { certified: None };
    step(open(), (999, Event::Look), Phase::Open, &["at 1000000 session"]);
    let first = ["started", "execute 0 at 998", "at 1008000 session"];
    step(open(), (1_000, Event::Look), Phase::Open, &first);
    let second = ["started", "execute 1 at 1006", "opened 1 in 504", "at 1024000 session"];
    step(open(), (1_008, Event::Look), Phase::Open, &second);
    step(running(), (1_004, Event::Look), Phase::Open, &["at 1008000 session"]);
    let again = ["started", "execute 1 at 1006", "look at batch", "opened 1 in 504", "at 1024000 session"];
    step(running(), (1_008, Event::Look), Phase::Open, &again);
    // A certificate has its chance for four stages of three seconds; then the next try is in place.
    let waits = ["with next block session", "at 1024000 session"];
    step(certified(), (1_008, Event::Look), since, &waits);
    step(certified(), (1_013, Event::Look), since, &second);
    step(open(), (1_064, Event::Look), gone, &["expired", "at 1094000 session"]);
    let certified_once = Phase::Expired { certified: Some(at(1_001)) };
    step(certified(), (1_064, Event::Look), certified_once, &["expired", "at 1094000 session"]);
    step(open(), (1_094, Event::Look), gone, &["expired", "task ended"]);
    step(expired(), (1_070, Event::Look), gone, &["at 1094000 session"]);
    step(expired(), (1_094, Event::Look), gone, &["task ended"]);
    step(settled(), (1_008, Event::Look), settled_in(1_003, None), &["at 1094000 session"]);
    step(settled(), (1_094, Event::Look), settled_in(1_003, None), &["task ended"]);
}

#[test]
fn an_anchor_that_is_not_certain_is_waited_for() {
    let (mut session, mut outbox) = (open(), Outbox::default());
    session.handle(Event::Look, &facts(0, 998), at(1_000), &mut outbox);
    assert_eq!(texts(&mut outbox), ["with next block session", "at 1008000 session"]);
}

#[test]
fn who_is_no_member_runs_nothing_and_keeps_count_all_the_same() {
    let (mut session, mut outbox) = (open(), Outbox::default());
    session.handle(Event::Planned(key(0), 0), &facts(7, 1_200), at(1_000), &mut outbox);
    session.handle(Event::Look, &facts(7, 1_200), at(1_000), &mut outbox);
    assert_eq!(texts(&mut outbox), ["look at batch", "at 1008000 session"]);
    assert_eq!(session.attempt(0), Some(&Attempt::Running { anchor: block(998) }));
}

#[test]
fn later_attempts_have_later_anchors_and_each_starts_once() {
    let (facts, mut session, mut outbox) = (facts(0, 1_200), open(), Outbox::default());
    let mut started = Vec::new();
    for second in 990..1_100 {
        session.handle(Event::Look, &facts, at(second), &mut outbox);
        let executions = texts(&mut outbox).into_iter().filter(|text| text.starts_with("execute"));
        started.extend(executions.map(|text| format!("{second}: {text}")));
    }
    let starts = [1_000, 1_008, 1_024, 1_056];
    let expected = starts.iter().enumerate().map(|(r, start)| format!("{start}: execute {r} at {}", start - 2));
    assert_eq!(
        started,
        expected.collect::<Vec<_>>(),
        "the first pause is four windows of 2 s, and each is twice the one before"
    );
}

#[test]
fn executing() {
    let done = step(running(), (1_001, executed(0, 998)), Phase::Open, &["executed", "look at batch"]);
    let Some(Attempt::Reported { report, .. }) = done.attempt(0) else {
        panic!("{:?}", done.attempt(0));
    };
    assert_eq!((report.anchor.number, report.outcome_hash), (998, outcome("done").hash(due(1, 1_000).code_hash)));
    let report = *report;
    let twice = Event::Executed(0, block(998).hash, Ok(outcome("another")));
    let done = step(done, (1_002, twice), Phase::Open, NOTHING);
    assert!(matches!(done.attempt(0), Some(Attempt::Reported { report: kept, .. }) if *kept == report));
    step(running(), (1_001, executed(0, 997)), Phase::Open, NOTHING);
    step(running(), (1_001, executed(1, 998)), Phase::Open, NOTHING);
    step(open(), (1_001, executed(0, 998)), Phase::Open, NOTHING);
    let nothing = Event::Executed(0, block(998).hash, Err(Abstention::Timeout));
    let left = step(running(), (1_001, nothing), Phase::Open, &["abstained(timeout)", "look at batch"]);
    assert_eq!(left.attempt(0), Some(&Attempt::Abstained(block(998), Abstention::Timeout)));
    let refused = step(reported(), (1_001, Event::Refused(0, B256::ZERO)), Phase::Open, NOTHING);
    let Some(Attempt::Refused { report: refused, .. }) = refused.attempt(0) else {
        panic!("{:?}", refused.attempt(0));
    };
    assert_eq!(*refused, report, "what it found stays what it found");
    step(running(), (1_001, Event::Refused(0, B256::ZERO)), Phase::Open, NOTHING);
}

#[test]
fn standing_in_batches() {
    let planned = step(open(), (990, Event::Planned(key(3), 0)), Phase::Open, NOTHING);
    assert_eq!(planned.batches().collect::<Vec<_>>(), [key(3)]);
    let dropped = step(planned, (990, Event::Dropped(key(3))), Phase::Open, NOTHING);
    assert_eq!(dropped.batches().count(), 0);
}

#[test]
fn certifying() {
    let since = Phase::Certified { since: at(1_001) };
    step(open(), (1_001, Event::Certified), since, &["certified"]);
    step(certified(), (1_005, Event::Certified), since, NOTHING);
    step(settled(), (1_005, Event::Certified), settled_in(1_003, Some(1_005)), &["certified"]);
    step(settled_and_certified(), (1_005, Event::Certified), settled_in(1_003, Some(1_001)), NOTHING);
    let late = Phase::Expired { certified: Some(at(1_070)) };
    let late_one = step(expired(), (1_070, Event::Certified), late, &["certified"]);
    step(late_one, (1_071, Event::Certified), late, NOTHING);
}

#[test]
fn settling() {
    let settled_once = ["settled", "at 1094000 session"];
    step(open(), (1_003, Event::Settled(1_003)), settled_in(1_003, None), &settled_once);
    step(certified(), (1_003, Event::Settled(1_003)), settled_in(1_003, Some(1_001)), &settled_once);
    let late = ["settled", "at 1100000 session"];
    let late = step(expired(), (1_070, Event::Settled(1_069)), settled_in(1_069, None), &late);
    step(late, (1_099, Event::Look), settled_in(1_069, None), &["at 1100000 session"]);
    step(settled(), (1_004, Event::Settled(1_004)), settled_in(1_004, None), NOTHING);
}

#[test]
fn a_reorganisation_takes_back_what_its_blocks_held() {
    let looks = "at 1005000 session";
    step(open(), (1_005, Event::Rewound(1_002)), Phase::Open, &[looks]);
    step(settled(), (1_005, Event::Rewound(1_003)), settled_in(1_003, None), &[looks]);
    step(settled(), (1_005, Event::Rewound(1_002)), Phase::Open, &["reopened", looks]);
    let gone = Phase::Expired { certified: None };
    step(expired(), (1_005, Event::Rewound(1_002)), gone, &[looks]);
    let stays = step(running(), (1_005, Event::Rewound(998)), Phase::Open, &[looks, "at 1005000 batch"]);
    assert!(stays.attempt(0).is_some(), "the anchor stands");
    let lost = step(running(), (1_005, Event::Rewound(997)), Phase::Open, &[looks, "at 1005000 batch"]);
    assert_eq!(lost.attempt(0), None);
    // Whatever it has come to: a read that failed at an orphaned block may work at the one in its place.
    let nothing = Event::Executed(0, block(998).hash, Err(Abstention::ChainReadFailed));
    let abstained = session(&[(1_000, Event::Look), (1_001, nothing)]);
    let refused = session(&[(1_000, Event::Look), (1_001, executed(0, 998)), (1_001, Event::Refused(0, B256::ZERO))]);
    for ended in [reported(), abstained, refused] {
        let stays = step(ended.clone(), (1_005, Event::Rewound(998)), Phase::Open, &[looks]);
        assert!(stays.attempt(0).is_some(), "the anchor stands");
        let lost = step(ended, (1_005, Event::Rewound(997)), Phase::Open, &[looks]);
        assert_eq!(lost.attempt(0), None);
    }
}

#[test]
fn a_certificate_outlives_a_reorganisation_that_leaves_its_anchor() {
    let anchor = Anchor { number: 998, hash: block(998).hash };
    let report = Report {
        task: task(1),
        anchor,
        input_set: B256::ZERO,
        status: Status::Call,
        outcome_hash: B256::repeat_byte(1),
    };
    let signature = SecretKey::generate(&[1; 32]).sign(b"anything");
    let certificate = |report: Report| {
        Arc::new(Certificate { epoch: 1, reports: vec![report], signers: SignerSet::default(), signature })
    };
    let first = certificate(report);
    let with_certificate = |mut session: Session| {
        assert!(session.note_certificate(&report, &first).is_none() && session.knows_certified(&report));
        session
    };
    let since = Phase::Certified { since: at(1_001) };
    step(with_certificate(certified()), (1_005, Event::Rewound(998)), since, &["at 1005000 session"]);
    step(with_certificate(certified()), (1_005, Event::Rewound(997)), Phase::Open, &["at 1005000 session"]);
    let reopened = ["reopened", "at 1005000 session"];
    step(with_certificate(settled_and_certified()), (1_005, Event::Rewound(999)), since, &reopened);
    // One at a block that was orphaned before stands for nothing, though its number lies below.
    let orphan = Report { anchor: Anchor { number: 998, hash: B256::repeat_byte(9) }, ..report };
    let at_orphan = certificate(orphan);
    let mut session = certified();
    session.note_certificate(&orphan, &at_orphan);
    step(session, (1_005, Event::Rewound(998)), Phase::Open, &["at 1005000 session"]);
    // A second certificate at the anchor that says something else comes back with the first.
    let other = Report { outcome_hash: B256::repeat_byte(2), ..report };
    let mut session = with_certificate(open());
    assert_eq!(session.note_certificate(&other, &certificate(other)), Some(first.clone()));
    assert!(!session.knows_certified(&other));
}

#[test]
fn a_second_word_of_a_keeper_comes_back_with_the_batch_of_the_first() {
    let mut session = open();
    let (anchor, keeper, leaf) = (block(998).hash, KeeperIndex(2), B256::repeat_byte(1));
    let word = |leaf, batch| Word { leaf, key: key(batch), is_alone: true };
    let (first, second) = (word(leaf, 0), word(B256::repeat_byte(2), 1));
    assert_eq!(session.note_said((anchor, B256::ZERO), keeper, first), None);
    assert_eq!(session.note_said((anchor, B256::ZERO), keeper, word(leaf, 1)), None, "the same in another batch");
    assert_eq!(session.note_said((block(999).hash, B256::ZERO), keeper, second), None, "at another anchor");
    assert_eq!(session.note_said((anchor, B256::ZERO), KeeperIndex(3), second), None, "another keeper");
    assert_eq!(session.note_said((anchor, B256::ZERO), keeper, second), Some(first));
    assert_eq!(session.note_said((anchor, B256::ZERO), keeper, second), Some(first), "the first one stays");
}

/// A colluder could say something first that is right only in a sum, and be caught with two words of which one is nobody's.
#[test]
fn a_word_that_was_verified_alone_takes_the_place_of_one_that_was_not() {
    let mut session = open();
    let (basis, keeper) = ((block(998).hash, B256::ZERO), KeeperIndex(2));
    let word = |leaf, is_alone| Word { leaf: B256::repeat_byte(leaf), key: key(leaf), is_alone };
    assert_eq!(session.note_said(basis, keeper, word(1, false)), None);
    assert_eq!(session.note_said(basis, keeper, word(2, false)), Some(word(1, false)));
    assert_eq!(session.note_said(basis, keeper, word(3, true)), Some(word(1, false)));
    assert_eq!(session.note_said(basis, keeper, word(4, true)), Some(word(3, true)));
}
