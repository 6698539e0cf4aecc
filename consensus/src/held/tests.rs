use alloy_primitives::B256;
use serde_bytes::{ByteArray, ByteBuf};

use super::*;
use crate::message::{BatchKey, CertificateMessage, MessageTag};
use crate::outbox::tests::texts;

const EPOCH: Awaits = Awaits::Epoch(7);
const NOTHING: [&str; 0] = [];

fn received_from(peer: u8, tag: u64) -> Received {
    let content = Message::Certificate(CertificateMessage {
        epoch: 1,
        reports: Vec::new(),
        signers: ByteBuf::new(),
        signature: ByteArray::new([0; 48]),
    });
    let (source, from, until) = (Source::Gossip(MessageTag(tag)), PeerKey([peer; 32]), Time(1_000 + tag));
    Received { source, from, content, bytes: Vec::new(), until, charged: false }
}

fn received(tag: u64) -> Received {
    received_from(1, tag)
}

/// The clock was set back by an hour: what was held before is let go of, and holds up nothing that came after.
#[test]
fn a_clock_that_is_set_back_keeps_nothing_for_longer() {
    let (mut held, mut outbox) = (Held::default(), Outbox::default());
    let hour = 3_600_000;
    held.hold(Received { until: Time(hour + 1_000), ..received(1) }, EPOCH, &mut outbox);
    held.hold(Received { until: Time(1_000), ..received(2) }, EPOCH, &mut outbox);
    texts(&mut outbox);
    held.expire(Time(0), &mut outbox);
    assert_eq!(texts(&mut outbox), ["judge 1 Ignore(UnknownContext)", "at 1000 held"]);
}

#[test]
fn what_is_held_is_ignored_when_its_time_is_up_and_wakes_for_the_next_one() {
    let (mut held, mut outbox) = (Held::default(), Outbox::default());
    [1, 2].into_iter().for_each(|tag| held.hold(received(tag), EPOCH, &mut outbox));
    assert_eq!(texts(&mut outbox), ["at 1001 held", "at 1002 held"]);
    held.expire(Time(5), &mut outbox);
    assert_eq!(texts(&mut outbox), ["at 1001 held"], "woken too early, it waits again");
    held.expire(Time(1_001), &mut outbox);
    assert_eq!(texts(&mut outbox), ["judge 1 Ignore(UnknownContext)", "at 1002 held"]);
    assert!(held.take_ready().is_none(), "time alone is no reason to look");
    held.expire(Time(1_002), &mut outbox);
    assert_eq!(texts(&mut outbox), ["judge 2 Ignore(UnknownContext)"]);
    assert!(held.messages.is_empty() && held.waiting.is_empty() && held.of_peer.is_empty());
}

#[test]
fn what_is_held_is_looked_at_again_when_just_what_it_waits_for_has_come() {
    let (mut held, mut outbox) = (Held::default(), Outbox::default());
    let batch = |batch| Awaits::Basis(BatchKey { assignment: B256::ZERO, batch });
    for (tag, awaits) in [(1, EPOCH), (2, batch(0)), (3, batch(1)), (4, Awaits::Line), (5, batch(0))] {
        held.hold(received(tag), awaits, &mut outbox);
    }
    outbox.take();
    held.came(Awaits::Assignment(B256::ZERO), Time(9), &mut outbox);
    assert_eq!(texts(&mut outbox), NOTHING, "nothing waits for it");
    held.came(batch(0), Time(9), &mut outbox);
    assert_eq!(texts(&mut outbox), ["at 9 held"]);
    let (place, first) = held.take_ready().unwrap();
    assert_eq!(first.source, received(2).source, "the oldest first");
    held.hold_again(place, first, batch(0));
    assert_eq!(held.take_ready().unwrap().1.source, received(5).source);
    assert!(held.take_ready().is_none(), "it waits for another one");
    held.came(batch(0), Time(9), &mut outbox);
    assert_eq!(held.take_ready().unwrap(), (place, Box::new(received(2))), "in its old place");
    assert_eq!(held.len(), 3);
}

/// Hears by gossip, or in an answer, of an assignment from a peer; whether that is asked for it.
fn asks(held: &mut Held, source: Source, peer: u8, hash: u8) -> bool {
    let (awaits, mut outbox) = (Awaits::Assignment(B256::repeat_byte(hash)), Outbox::default());
    held.hold(Received { source, ..received_from(peer, 1) }, awaits, &mut outbox);
    texts(&mut outbox).contains(&"ask a peer".to_owned())
}

#[test]
fn a_peer_is_asked_for_what_it_speaks_of_once_and_not_because_of_an_answer() {
    let (mut held, gossip) = (Held::default(), Source::Gossip(MessageTag(1)));
    assert!(!asks(&mut held, Source::Answer(PeerKey([1; 32])), 1, 1));
    assert!(asks(&mut held, gossip, 1, 1));
    assert!(!asks(&mut held, gossip, 1, 1), "the question is open");
    assert!(asks(&mut held, gossip, 2, 1), "another peer may answer");
    let asked = (2..=100).filter(|&hash| asks(&mut held, gossip, 1, hash)).count();
    assert_eq!(asked, QUESTIONS_MAX - 1, "only so many at a time");
    held.expire(Time(u64::MAX), &mut Outbox::default());
    assert!(asks(&mut held, gossip, 1, 1), "nobody has answered in time");
    held.came(Awaits::Assignment(B256::repeat_byte(1)), Time(9), &mut Outbox::default());
    held.take_ready();
    assert!(held.asked.is_empty() && held.asking.is_empty());
}

#[test]
fn what_is_held_is_bounded_and_no_peer_takes_every_place() {
    let (mut held, mut outbox) = (Held::default(), Outbox::default());
    (0..HELD_MAX as u64).for_each(|tag| held.hold(received(tag), EPOCH, &mut outbox));
    assert_eq!(held.len(), 341, "alone it gets a third");
    outbox.take();
    held.hold(received(9_999), EPOCH, &mut outbox);
    assert_eq!(texts(&mut outbox), ["judge 9999 Ignore(OverLimit)"]);
    for peer in 2..=255 {
        (0..HELD_MAX as u64).for_each(|tag| held.hold(received_from(peer, tag), EPOCH, &mut outbox));
    }
    assert_eq!(held.len(), HELD_MAX);
    held.expire(Time(u64::MAX), &mut outbox);
    assert!(held.len() == 0 && held.has_room_for(PeerKey([1; 32]), 1), "a place is free again");
}

/// A third of all places, at 64 KiB each, would be 21 MiB from one patient peer.
#[test]
fn what_is_held_is_bounded_in_bytes_too() {
    let (mut held, mut outbox) = (Held::default(), Outbox::default());
    let long = |peer, tag| Received { bytes: vec![0; 64 * 1024], ..received_from(peer, tag) };
    (0..HELD_MAX as u64).for_each(|tag| held.hold(long(1, tag), EPOCH, &mut outbox));
    assert_eq!(held.bytes, HELD_BYTES_MAX / 3, "alone it gets a third");
    for peer in 2..=255 {
        (0..HELD_MAX as u64).for_each(|tag| held.hold(long(peer, tag), EPOCH, &mut outbox));
        let is_served = held.of_peer.get(&PeerKey([peer; 32])).is_some_and(|(_, bytes)| *bytes >= SHARE_BYTES_MIN);
        assert!(is_served || held.bytes > HELD_BYTES_MAX - 64 * 1024, "{peer}");
    }
    assert_eq!(held.bytes, HELD_BYTES_MAX);
    held.came(EPOCH, Time(9), &mut outbox);
    let (place, first) = held.take_ready().unwrap();
    held.hold_again(place, first, EPOCH);
    assert_eq!(held.bytes, HELD_BYTES_MAX);
    held.expire(Time(u64::MAX), &mut outbox);
    assert!(held.bytes == 0 && held.of_peer.is_empty());
}
