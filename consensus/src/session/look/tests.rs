use alloy_primitives::Bytes;
use serde_bytes::ByteArray;

use super::*;
use crate::anchor::BlockRef;
use crate::committee::KeeperIndex;
use crate::facts::tests::{DOMAIN, block, committee, due, facts, signing, task};
use crate::message::{Listed, input_set};
use crate::outbox::tests::texts;
use crate::session::Event;
use crate::task::{DueTask, Status};

fn at(second: u64) -> Time {
    Time::from_seconds(second)
}

/// A task of a job that looks outside, due at second 1,000, under way.
fn looking() -> (Session, Facts, Outbox) {
    let (facts, mut outbox) = (facts(0, 1_200), Outbox::default());
    let mut session = Session::new(DueTask { observes: true, ..due(1, 1_000) }, at(900));
    session.handle(Event::Look, &facts, at(1_000), &mut outbox);
    (session, facts, outbox)
}

fn anchor() -> BlockRef {
    block(998)
}

/// What keeper `k` saw.
fn seen(k: u16, value: u8) -> (Observation, B256) {
    let place = (task(1), 0, anchor().into());
    let observation = Observation::signed(&DOMAIN, &signing(k), place, (1, KeeperIndex(k)), vec![value]);
    let digest = observation.digest(&DOMAIN);
    (observation, digest)
}

fn hear(session: &mut Session, k: u16, value: u8, facts: &Facts, outbox: &mut Outbox) {
    let (observation, digest) = seen(k, value);
    let heard = (&observation, digest, codec::encode(&observation));
    session.take_observation(heard, &committee(1, 1, 5), facts, at(1_001), outbox);
}

fn outcome() -> Outcome {
    let data = Bytes::from_static(b"decided");
    Outcome { status: Status::Call, data, state_after: B256::ZERO, transcript: B256::ZERO }
}

#[test]
fn a_try_begins_with_a_look_which_is_signed_and_sent_once() {
    let (mut session, facts, mut outbox) = looking();
    let begun = ["begun 0", "started", "observe 0 at 998", "at 1008000 session"];
    assert_eq!(texts(&mut outbox), begun);
    let saw = Event::Observed(0, anchor().hash, Ok(Bytes::from_static(&[7])));
    session.handle(saw.clone(), &facts, at(1_001), &mut outbox);
    assert_eq!(texts(&mut outbox), ["send observation"]);
    session.handle(saw, &facts, at(1_001), &mut outbox);
    session.handle(Event::Observed(0, block(7).hash, Ok(Bytes::new())), &facts, at(1_001), &mut outbox);
    session.handle(Event::Observed(1, anchor().hash, Ok(Bytes::new())), &facts, at(1_001), &mut outbox);
    let done = Event::Executed(0, anchor().hash, Ok(outcome()));
    session.handle(done, &facts, at(1_001), &mut outbox);
    assert!(texts(&mut outbox).is_empty(), "twice, elsewhere, another try, and what is no run of it");
    let (mut session, facts, mut outbox) = looking();
    texts(&mut outbox);
    let nothing = Event::Observed(0, anchor().hash, Err(Abstention::NothingSeen));
    session.handle(nothing, &facts, at(1_001), &mut outbox);
    assert_eq!(texts(&mut outbox), ["abstained(nothingseen)"]);
}

#[test]
fn a_leaders_stage_opens_when_enough_has_been_heard() {
    let (mut session, facts, mut outbox) = looking();
    let pace = facts.pace();
    for k in 1..4 {
        hear(&mut session, k, 7, &facts, &mut outbox);
    }
    assert_eq!((session.opens(0, &pace), session.listed(0, at(2_000)).len()), (Time(u64::MAX), 0));
    hear(&mut session, 4, 7, &facts, &mut outbox);
    let ready = at(1_001).plus(crate::time::GATHER);
    assert_eq!(session.opens(0, &pace), ready);
    assert!(texts(&mut outbox).contains(&format!("at {} window 500", ready.0)));
    assert_eq!((session.listed(0, at(1_001)).len(), session.listed(0, ready).len()), (0, 4));
}

#[test]
fn what_is_listed_is_decided_on_once_and_reported_on_its_set() {
    let (mut session, facts, mut outbox) = looking();
    let members = [(1, 7), (2, 8), (3, 9), (4, 10)];
    let listed: Vec<Listed> =
        members.map(|(k, value)| Listed { keeper: k, digest: ByteArray::new(seen(k, value).1.0) }).to_vec();
    let hash = input_set(&listed, &DOMAIN);
    for (k, value) in &members[..3] {
        hear(&mut session, *k, *value, &facts, &mut outbox);
    }
    assert_eq!(session.missing(0, &listed), Some(vec![3]));
    assert_eq!(session.missing(1, &listed), None, "it has not begun");
    hear(&mut session, 4, 10, &facts, &mut outbox);
    assert_eq!(session.missing(0, &listed), Some(vec![]));
    texts(&mut outbox);
    let set = session.undecided(0, hash, (&listed, &committee(1, 1, 5))).unwrap();
    assert_eq!(set.seen.iter().map(|seen| seen.bytes[0]).collect::<Vec<_>>(), [7, 8, 9, 10]);
    session.handle(Event::Agreed(0, set), &facts, at(1_002), &mut outbox);
    assert_eq!(texts(&mut outbox), ["decide 0 on 4"]);
    assert!(session.undecided(0, hash, (&listed, &committee(1, 1, 5))).is_none());
    let other = Event::Decided(0, B256::repeat_byte(9), Ok(outcome()));
    session.handle(other, &facts, at(1_002), &mut outbox);
    assert!(texts(&mut outbox).is_empty(), "nobody asked for that set");
    session.handle(Event::Decided(0, hash, Ok(outcome())), &facts, at(1_002), &mut outbox);
    assert_eq!(texts(&mut outbox), ["executed"]);
    let Some(Attempt::Reported { report, .. }) = session.said(0, hash) else { panic!("{:?}", session.said(0, hash)) };
    assert_eq!((report.input_set, report.anchor.number), (hash, 998));
    assert!(session.said(0, B256::ZERO).is_none(), "there is no report without a set");
    // Once it is on chain nobody needs what was seen, and a reorganisation below its anchor takes all of it back.
    assert!(session.observed_bytes() > 0);
    session.handle(Event::Settled(1_003), &facts, at(1_003), &mut outbox);
    assert_eq!(session.observed_bytes(), 0);
    session.handle(Event::Rewound(997), &facts, at(1_004), &mut outbox);
    assert!(session.said(0, hash).is_none());
}
