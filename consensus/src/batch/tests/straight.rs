//! Partials that go straight (rule 21), in a committee that is small enough for the other tests.

use super::*;
use crate::committee::PeerKey;
use crate::message::MessageTag;

#[derive(Debug)]
struct Straight;

impl Laws for Straight {
    fn goes_straight(&self, _: usize) -> bool {
        true
    }
}

/// The keeper at this place in the line, linked to all others, with its outcomes at hand.
fn linked(place: usize) -> Bench {
    let mut bench = executed(place, 1);
    bench.facts = facts_under(Arc::new(Straight), bench.line[place].0, 1_100);
    (0..5).for_each(|other| bench.facts.link(peer(&bench, other)));
    bench
}

fn peer(bench: &Bench, place: usize) -> PeerKey {
    let committee = bench.facts.committee_at(1_000).expect("there is one");
    committee.member(bench.line[place]).expect("it has stake").peer_key
}

/// A keeper has looked, and the journal has answered: what it says.
fn speaks(bench: &mut Bench) -> Vec<String> {
    bench.look(1_001_000);
    bench.persisted(1_001_000, JournalAnswer::Recorded)
}

fn straight(bench: &mut Bench, signer: usize, place: usize, now: u64) -> Fate {
    let (partial, from) = (bench.partial(signer, place, &[finding(1)]), peer(bench, place));
    bench.take_from(&partial, Source::Straight(MessageTag(place as u64), from), now).0
}

fn ignored(reason: Reason) -> Fate {
    Fate::Judged(Verdict::Ignore(reason))
}

#[test]
fn its_own_goes_to_the_first_three_in_turn() {
    for (place, said) in [(0, "send straight to 2"), (2, "send straight to 2"), (3, "send straight to 3")] {
        assert_eq!(speaks(&mut linked(place)), [said, "look at batch"], "place {place}");
    }
    let mut bench = linked(3);
    bench.batch.place.leader = bench.line[2];
    assert_eq!(
        speaks(&mut bench),
        ["send straight to 2", "look at batch"],
        "it comes next after the one that assigned"
    );
    let mut alone = linked(3);
    (0..2).for_each(|other| alone.facts.unlink(peer(&alone, other)));
    assert_eq!(speaks(&mut alone), ["send partial", "look at batch"], "it reaches one of them");
}

#[test]
fn without_a_quorum_it_is_gossiped_after_a_stage_and_with_one_it_is_not() {
    let stage = facts(0, 1_100).pace().stage();
    let mut bench = linked(4);
    speaks(&mut bench);
    assert!(bench.look(1_001_000).contains(&"at 1004000 batch".to_owned()), "a stage is {stage:?}");
    assert!(!bench.look(1_003_999).contains(&"fall back".to_owned()));
    assert_eq!(bench.look(1_004_000)[0], "fall back");
    assert!(!bench.look(1_008_000).contains(&"fall back".to_owned()), "once");
    let mut source = spoken(0, 1);
    [1, 2, 3].into_iter().for_each(|place| drop(source.take(place, &[finding(1)], 1_001_500)));
    source.look(1_001_500);
    let mut bench = linked(4);
    speaks(&mut bench);
    bench.look(1_001_000);
    bench.batch.adopt_certificate(&source.certificate(), at(1_001_600), &mut bench.outbox);
    assert!(!bench.look(1_004_000).contains(&"fall back".to_owned()));
}

#[test]
fn a_leader_that_does_not_take_it_has_it_gossiped() {
    let mut bench = linked(4);
    speaks(&mut bench);
    let (first, last) = (peer(&bench, 0), peer(&bench, 2));
    bench.batch.unsent(last, &bench.facts, at(1_001_010), &mut bench.outbox);
    assert!(texts(&mut bench.outbox).is_empty());
    bench.batch.unsent(first, &bench.facts, at(1_001_010), &mut bench.outbox);
    assert_eq!(texts(&mut bench.outbox), ["fall back"]);
}

#[test]
fn a_leader_adds_what_comes_straight_and_looks_once() {
    let mut bench = linked(1);
    speaks(&mut bench);
    assert_eq!(straight(&mut bench, 0, 0, 1_001_100), Fate::Pending);
    assert_eq!(straight(&mut bench, 2, 2, 1_001_100), Fate::Pending);
    assert!(bench.look(1_001_105).contains(&"at 1001125 batch".to_owned()), "nobody waits for it to be passed on");
    assert_eq!(straight(&mut bench, 3, 3, 1_001_110), Fate::Pending);
    let said = bench.look(1_001_110);
    assert_eq!(said.iter().filter(|text| text.ends_with("Accept")).count(), 3, "a quorum does not wait: {said:?}");
    assert!(said.contains(&"certified by 4".to_owned()) && bench.phase() == "certified");
    assert_eq!(bench.batch.partials_beyond(&[0]).count(), 1, "its own alone is good alone");
    assert!(bench.batch.partial_of(bench.line[2]).is_some(), "its signer may have its own");
    assert_eq!(straight(&mut bench, 3, 3, 1_001_120), ignored(Reason::Duplicate));
    // The last one is not waited with either.
    assert_eq!(straight(&mut bench, 4, 4, 1_001_130), Fate::Pending);
    assert!(bench.look(1_001_130).contains(&"judge 4 Accept".to_owned()));
}

/// Whoever gossips what it sent straight before is passed on, and counts once.
#[test]
fn what_comes_on_both_ways_counts_once_and_is_passed_on() {
    let mut bench = linked(1);
    speaks(&mut bench);
    for place in [2, 3] {
        assert_eq!(straight(&mut bench, place, place, 1_001_100), Fate::Pending);
    }
    bench.look(1_001_125);
    assert_eq!(bench.batch.partials_beyond(&[0]).count(), 1);
    assert_eq!(bench.take(2, &[finding(1)], 1_001_130).0, Fate::Pending, "it was verified in a sum only");
    let said = bench.look(1_001_135);
    assert_eq!(said[0], "judge 2 Accept");
    assert_eq!(bench.batch.partials_beyond(&[0]).count(), 2, "now it is good alone");
    assert_eq!(bench.take(2, &[finding(1)], 1_001_140).0, ignored(Reason::Duplicate));
    // One that was verified alone need not be looked at again.
    assert_eq!(straight(&mut bench, 0, 0, 1_001_150), Fate::Pending);
    bench.look(1_001_175);
    assert_eq!(bench.take(0, &[finding(1)], 1_001_180).0, Fate::Judged(Verdict::Accept));
    assert_eq!(bench.phase(), "certified");
    // The other way round.
    let mut bench = linked(1);
    speaks(&mut bench);
    bench.take(2, &[finding(1)], 1_001_100);
    bench.look(1_001_105);
    assert_eq!(straight(&mut bench, 2, 2, 1_001_110), ignored(Reason::Duplicate));
    // Both at once.
    assert_eq!(straight(&mut bench, 3, 3, 1_001_120), Fate::Pending);
    assert_eq!(straight(&mut bench, 3, 3, 1_001_120), ignored(Reason::Duplicate));
    assert_eq!(bench.take(3, &[finding(1)], 1_001_120).0, Fate::Pending);
    let said = bench.look(1_001_125);
    assert_eq!(said.iter().filter(|text| *text == "judge 3 Accept").count(), 2, "{said:?}");
    assert_eq!(bench.batch.count.heard().count(), 3);
}

#[test]
fn what_comes_straight_must_be_the_senders_own_and_to_one_that_leads() {
    let mut bench = linked(1);
    speaks(&mut bench);
    let (partial, stranger) = (bench.partial(2, 2, &[finding(1)]), peer(&bench, 3));
    let of_another = Source::Straight(MessageTag(1), stranger);
    assert_eq!(bench.take_from(&partial, of_another, 1_001_100).0, ignored(Reason::NotSender));
    let mut other = linked(4);
    speaks(&mut other);
    assert_eq!(straight(&mut other, 2, 2, 1_001_100), ignored(Reason::Misdirected));
    assert_eq!(other.batch.count.heard().count(), 1);
    // Who does not know who leads yet waits for it.
    let mut early = linked(1);
    let partial = early.partial(2, 2, &[finding(1)]);
    let from = peer(&early, 2);
    early.facts = facts(early.line[1].0, 990);
    let fate = early.take_from(&partial, Source::Straight(MessageTag(1), from), 1_001_100).0;
    assert_eq!(fate, Fate::Early(Awaits::Line));
}

#[test]
fn a_wrong_one_is_its_senders_fault_and_no_other_is_lost_for_it() {
    let mut bench = linked(1);
    speaks(&mut bench);
    assert_eq!(straight(&mut bench, 3, 2, 1_001_100), Fate::Pending, "signed by another");
    for place in [0, 3, 4] {
        assert_eq!(straight(&mut bench, place, place, 1_001_100), Fate::Pending);
    }
    let said = bench.look(1_001_100);
    assert!(said.contains(&"judge 2 Reject(InvalidSignature)".to_owned()), "{said:?}");
    assert!(said.contains(&"certified by 4".to_owned()));
    let mut broken = bench.partial(2, 2, &[finding(1)]);
    broken.signature[0] = 0;
    let from = Source::Straight(MessageTag(9), peer(&bench, 2));
    assert_eq!(bench.take_from(&broken, from, 1_001_200).0, Fate::Judged(Verdict::Reject(Reason::InvalidPoint)));
    assert_eq!(straight(&mut bench, 2, 2, 1_001_300), Fate::Pending, "its true one is as welcome as before");
}

#[test]
fn who_abstains_says_so_straight_too() {
    let mut bench = linked(1);
    bench.tell(1, SessionEvent::Executed(0, anchor().hash, Err(Abstention::Timeout)));
    let partial = bench.partial(3, 3, &[Finding::abstained(4)]);
    let source = Source::Straight(MessageTag(3), peer(&bench, 3));
    assert_eq!(bench.take_from(&partial, source, 1_001_100).0, Fate::Judged(Verdict::Accept));
    let gossip = Source::Gossip(MessageTag(4));
    assert_eq!(bench.take_from(&partial, gossip, 1_001_100).0, Fate::Judged(Verdict::Accept), "and is passed on");
    assert_eq!(bench.batch.partials_beyond(&[0]).count(), 1);
}
