//! What comes too early: what it waits for makes it good, nothing else has it looked at, and nobody pays with it for others.

use alloy_primitives::B256;
use consensus::anchor::BlockRef;
use consensus::fault::Reason::*;
use consensus::fault::Verdict::{self, *};
use consensus::message::{Channel, Have, MessageTag, Partial, Source};
use consensus::{Effect, Input, codec};
use serde_bytes::ByteBuf;

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
