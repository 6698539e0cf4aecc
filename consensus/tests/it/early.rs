//! What comes too early: what it waits for makes it good, nothing else has it looked at, and nobody pays with it for others.

use alloy_primitives::B256;
use consensus::anchor::BlockRef;
use consensus::fault::Reason::*;
use consensus::fault::Verdict::{self, *};
use consensus::message::{Assignment, Channel, HAVE_LIMIT, Have, MessageTag, Partial, Source, Want};
use consensus::{Effect, Input, codec};
use serde_bytes::{ByteArray, ByteBuf};

use crate::bench::{Bench, DOMAIN, START, batch, judged, peer_key};

fn gossip(tag: u64, channel: Channel, bytes: Vec<u8>) -> Input {
    Input::Received { message: MessageTag(tag), from: peer_key(4), channel, bytes }
}

fn partial(tag: u64, partial: &Partial) -> Input {
    gossip(tag, Channel::Partials, codec::encode(partial))
}

fn verdict(tag: u64, verdict: Verdict) -> (Source, Verdict) {
    (Source::Gossip(MessageTag(tag)), verdict)
}

/// What a peer is answered that asks for the batch of an assignment.
fn certificate_of(bench: &Bench, assignment: &Assignment) -> Option<ByteBuf> {
    let assignment = ByteArray::new(assignment.hash(&DOMAIN).0);
    let want = Want::Partials { assignment, batch: 0, known: ByteBuf::from([0]) };
    codec::decode::<Have>(&bench.engine.answer(&codec::encode(&want)), HAVE_LIMIT).unwrap().certificate
}

#[test]
fn a_partial_about_a_block_that_comes_in_anothers_place_counts_then() {
    let (mut bench, assignment) = Bench::assigned();
    let block =
        |number: u64, hash: u8| BlockRef { number, hash: B256::repeat_byte(hash), timestamp: START - 20 + number };
    bench.anchor = block(18, 0x99).into();
    let there = bench.partial(assignment, 1, 1);
    assert_eq!(judged(&bench.engine.handle(partial(1, &there), bench.now)), []);
    bench.engine.handle(Input::Rewound(17), bench.now);
    [(18, 0x99), (19, 0x9a), (20, 0x9b)].into_iter().for_each(|(number, hash)| {
        bench.engine.handle(Input::Head(block(number, hash)), bench.now);
    });
    assert_eq!(bench.verdicts(Input::Tick), [verdict(1, Accept)]);
}

/// What a certificate is about may become known after it: the batch has it then, and asks nobody for its partials.
#[test]
fn a_certificate_that_came_before_its_batch_is_taken_up_by_it() {
    let mut bench = Bench::new();
    bench.learn();
    let certificate = codec::encode(&bench.certificate(1, &[1, 2, 3, 4], &DOMAIN));
    assert_eq!(bench.verdict(Channel::Certificates, certificate.clone()), Accept);
    let assignment = bench.assignment_numbered(1, vec![batch(&[1])]);
    assert_eq!(bench.verdict(Channel::Assignments, codec::encode(&assignment)), Accept);
    assert_eq!(certificate_of(&bench, &assignment), Some(ByteBuf::from(certificate.clone())));
    // There and back again: another block stands at its anchor for a while.
    let block =
        |number: u64, hash: u8| BlockRef { number, hash: B256::repeat_byte(hash), timestamp: START - 20 + number };
    for (hashes, expected) in [([0x99, 0x9a, 0x9b], None), ([18, 19, 20], Some(ByteBuf::from(certificate)))] {
        bench.engine.handle(Input::Rewound(17), bench.now);
        for (number, hash) in (18..).zip(hashes) {
            bench.engine.handle(Input::Head(block(number, hash)), bench.now);
        }
        assert_eq!(certificate_of(&bench, &assignment), expected);
    }
}

/// One of long ago could be sent again and again, by whichever quorum of its signers: it costs no signature check here, and is
/// passed on to nobody.
#[test]
fn a_certificate_of_tasks_that_nobody_remembers_is_ignored() {
    let mut bench = Bench::new();
    let quorums = [[1, 2, 3, 4], [0, 1, 2, 3], [0, 2, 3, 4]];
    for quorum in quorums {
        let certificate = codec::encode(&bench.certificate(1, &quorum, &DOMAIN));
        assert_eq!(bench.verdict(Channel::Certificates, certificate), Ignore(UnknownContext));
    }
    bench.learn();
    let certificate = codec::encode(&bench.certificate(1, &quorums[0], &DOMAIN));
    assert_eq!(bench.verdict(Channel::Certificates, certificate), Accept, "it is of use now");
}

/// Its tasks were certified by another batch of them: the answer to its question brings nothing new, and is what it lacks.
#[test]
fn a_certificate_that_is_known_is_taken_up_by_a_batch_that_lacks_it() {
    let mut bench = Bench::new();
    bench.learn();
    let assignments = [1, 2].map(|number| bench.assignment_numbered(number, vec![batch(&[1])]));
    for assignment in &assignments {
        assert_eq!(bench.verdict(Channel::Assignments, codec::encode(assignment)), Accept);
    }
    for keeper in 1..5 {
        let said = bench.partial(assignments[0].hash(&DOMAIN), keeper, 1);
        assert_eq!(bench.verdict(Channel::Partials, codec::encode(&said)), Accept);
    }
    let certificate = codec::encode(&bench.certificate(1, &[1, 2, 3, 4], &DOMAIN));
    assert_eq!(certificate_of(&bench, &assignments[0]), Some(ByteBuf::from(certificate.clone())));
    assert_eq!(certificate_of(&bench, &assignments[1]), None);
    assert_eq!(bench.verdict(Channel::Certificates, certificate.clone()), Ignore(Duplicate));
    assert_eq!(certificate_of(&bench, &assignments[1]), Some(ByteBuf::from(certificate)));
}

/// What waits for an assignment has cost nothing yet: it is paid for when it is about to.
#[test]
fn what_waited_for_its_assignment_is_charged_like_all_else() {
    let mut bench = Bench::new();
    bench.learn();
    let assignment = bench.assignment_numbered(1, vec![batch(&[1])]);
    let good = bench.partial(assignment.hash(&DOMAIN), 1, 1);
    for tag in 0..300 {
        let mut other = good.clone();
        other.execution_tag[..2].copy_from_slice(&(tag as u16).to_be_bytes());
        other.root[0] ^= 1;
        assert_eq!(judged(&bench.engine.handle(partial(tag, &other), bench.now)), []);
    }
    let effects = bench.engine.handle(gossip(999, Channel::Assignments, codec::encode(&assignment)), bench.now);
    let refused = judged(&effects).iter().filter(|(_, verdict)| *verdict == Ignore(OverLimit)).count();
    assert!(refused > 150, "a window's budget is 94 checks, {refused} were refused");
}

#[test]
fn an_answer_causes_no_question() {
    let (mut bench, _) = Bench::assigned();
    let questions = |effects: Vec<Effect>| effects.iter().filter(|effect| matches!(effect, Effect::Ask { .. })).count();
    let unknown = |hash: u8| bench.partial(B256::repeat_byte(hash), 1, 1);
    let partials: Vec<_> = (1..=60).map(|hash| ByteBuf::from(codec::encode(&unknown(hash)))).collect();
    let (again, bytes) = (unknown(1), codec::encode(&Have { partials, ..Have::default() }));
    assert_eq!(questions(bench.engine.handle(Input::Answered { from: peer_key(3), bytes }, bench.now)), 0);
    assert_eq!(questions(bench.engine.handle(partial(1, &again), bench.now)), 1, "what is said to all does, once");
    assert_eq!(questions(bench.engine.handle(partial(2, &again), bench.now)), 0);
}
