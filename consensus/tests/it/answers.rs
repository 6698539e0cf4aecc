//! Whom the verdict on a message of an answer names: the peer that gave the answer, however late the verdict comes.

use consensus::fault::Reason::*;
use consensus::fault::Verdict::{self, *};
use consensus::message::{Channel, Have, MessageTag, Partial, Source};
use consensus::{Input, codec};
use serde_bytes::{ByteArray, ByteBuf};

use crate::bench::{Bench, DOMAIN, batch, judged, peer_key};

fn answer(partials: &[Partial]) -> Input {
    let partials = partials.iter().map(|partial| ByteBuf::from(codec::encode(partial))).collect();
    Input::Answered { from: peer_key(3), bytes: codec::encode(&Have { partials, ..Have::default() }) }
}

fn of_answer(verdict: Verdict) -> (Source, Verdict) {
    (Source::Answer(peer_key(3)), verdict)
}

#[test]
fn an_answer_that_cannot_be_read_is_its_peers_fault() {
    let junk = Input::Answered { from: peer_key(3), bytes: vec![1, 2, 3] };
    assert_eq!(Bench::new().verdicts(junk), [of_answer(Reject(Malformed))]);
    let long = Input::Answered { from: peer_key(3), bytes: vec![0; 200_000] };
    assert_eq!(Bench::new().verdicts(long), [of_answer(Reject(TooLarge))]);
    let nothing = Input::Answered { from: peer_key(3), bytes: codec::encode(&Have::default()) };
    assert_eq!(Bench::new().verdicts(nothing), [], "who has nothing to say is at no fault");
}

#[test]
fn an_answer_is_read_up_to_the_first_message_that_is_rejected() {
    let (mut bench, hash) = Bench::assigned();
    let good = bench.partial(hash, 1, 1);
    let stranger = Partial { keeper: 9, ..good.clone() };
    let other_batch = Partial { batch: 7, ..good.clone() };
    let verdicts = bench.verdicts(answer(&[other_batch, stranger.clone(), good.clone()]));
    assert_eq!(verdicts, [of_answer(Reject(WrongBatch))], "one fault, and nothing behind it is looked at");
    let verdicts = bench.verdicts(answer(&[good, stranger]));
    assert_eq!(verdicts, [of_answer(Reject(NotMember)), of_answer(Accept)], "what stood before it counts");
}

#[test]
fn a_false_signature_in_an_answer_is_its_peers_fault_when_it_is_checked() {
    let (mut bench, hash) = Bench::assigned();
    let (good, other) = (bench.partial(hash, 1, 1), bench.partial(hash, 2, 1));
    let forged = Partial { signature: other.signature.clone(), ..good };
    let at_once = judged(&bench.engine.handle(answer(&[forged, other]), bench.now));
    assert_eq!(at_once, [], "signatures are checked together, a little later");
    assert_eq!(bench.verdicts(Input::Tick), [of_answer(Reject(InvalidSignature)), of_answer(Accept)]);
}

#[test]
fn a_message_of_an_answer_that_is_held_and_rejected_later_is_its_peers_fault() {
    let mut bench = Bench::new();
    bench.learn();
    let assignment = bench.assignment_numbered(1, vec![batch(&[1])]);
    let early = bench.partial(assignment.hash(&DOMAIN), 1, 1);
    let wrong = Partial { batch: 7, ..early.clone() };
    let at_once = judged(&bench.engine.handle(answer(&[wrong, early]), bench.now));
    assert_eq!(at_once, [], "its assignment may come yet");
    let (message, bytes) = (MessageTag(1_000), codec::encode(&assignment));
    let gossip = Input::Received { message, from: peer_key(4), channel: Channel::Assignments, bytes };
    let expected = [(Source::Gossip(message), Accept), of_answer(Reject(WrongBatch)), of_answer(Accept)];
    assert_eq!(bench.verdicts(gossip), expected);
}

#[test]
fn what_may_be_right_elsewhere_is_nobodys_fault() {
    let mut bench = Bench::new();
    let mut unknown = bench.partial(alloy_primitives::B256::repeat_byte(9), 1, 1);
    assert_eq!(bench.verdicts(answer(&[unknown.clone()])), [of_answer(Ignore(UnknownContext))]);
    unknown.root = ByteArray::new([0; 32]);
    assert_eq!(bench.verdicts(answer(&[unknown])), [of_answer(Ignore(UnknownContext))]);
}
