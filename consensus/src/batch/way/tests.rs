use super::*;
use crate::laws::Kept;

const STAGE: Duration = Duration::from_secs(3);
const NOW: Time = Time(1_000_000);

#[derive(Debug)]
struct Stubborn;

impl Laws for Stubborn {
    fn falls_back(&self) -> bool {
        false
    }
}

fn terms(members: usize) -> Terms<'static> {
    Terms { members, stage: STAGE, laws: &Kept }
}

fn peer(number: u8) -> PeerKey {
    PeerKey([number; 32])
}

fn leaders(links: [Link; 3]) -> Vec<Leader> {
    (1..).zip(links).map(|(number, link)| Leader { peer: peer(number), link }).collect()
}

fn said(links: [Link; 3], members: usize) -> (Way, To) {
    let mut way = Way::Unsaid;
    let to = way.handle(Event::Said(&leaders(links)), terms(members), NOW);
    (way, to)
}

fn straight() -> Way {
    said([Link::Up, Link::Up, Link::Up], 9).0
}

#[test]
fn up_to_eight_gossip_and_more_go_straight_to_whoever_leads() {
    use Link::{Down, Own, Up};
    let all = To::Leaders(vec![peer(1), peer(2), peer(3)]);
    for (links, members, to) in [
        ([Up, Up, Up], 8, To::All),
        ([Up, Up, Up], 9, all.clone()),
        ([Up, Up, Up], 256, all),
        ([Up, Own, Up], 9, To::Leaders(vec![peer(1), peer(3)])),
        ([Down, Up, Up], 9, To::Leaders(vec![peer(2), peer(3)])),
        ([Own, Down, Up], 9, To::Leaders(vec![peer(3)])),
        ([Down, Up, Down], 9, To::All),
        ([Own, Down, Down], 9, To::All),
        ([Down, Down, Down], 9, To::All),
    ] {
        let (way, sent) = said(links, members);
        assert_eq!(sent, to, "{links:?} of {members}");
        assert_eq!(way == Way::Gossiped, to == To::All);
    }
    let mut way = Way::Unsaid;
    assert_eq!(way.handle(Event::Said(&[]), terms(64), NOW), To::All, "nobody knows who leads");
}

#[test]
fn it_is_said_once() {
    let mut way = straight();
    assert_eq!(way.handle(Event::Said(&leaders([Link::Up; 3])), terms(9), NOW), To::Nobody);
    let mut way = Way::Gossiped;
    assert_eq!(way.handle(Event::Said(&leaders([Link::Up; 3])), terms(9), NOW), To::Nobody);
}

#[test]
fn a_stage_without_a_quorum_has_it_gossiped_once() {
    let mut way = straight();
    let looked = |has_quorum| Event::Looked { has_quorum };
    assert_eq!(way.patience(STAGE, NOW), Some(NOW.plus(STAGE)));
    let before = Time(NOW.0 + 2_999);
    assert_eq!(way.handle(looked(false), terms(9), before), To::Nobody);
    assert_eq!(way.handle(looked(true), terms(9), NOW.plus(STAGE)), To::Nobody, "a certificate is there");
    assert_eq!(way.handle(looked(false), terms(9), NOW.plus(STAGE)), To::AllAfterAll);
    assert_eq!((way.clone(), way.patience(STAGE, NOW)), (Way::Gossiped, None));
    assert_eq!(way.handle(looked(false), terms(9), NOW.plus(2 * STAGE)), To::Nobody);
    let mut way = Way::Unsaid;
    assert_eq!(way.handle(looked(false), terms(9), NOW.plus(STAGE)), To::Nobody, "nothing is said yet");
}

#[test]
fn leaders_that_do_not_take_it_have_it_gossiped_at_once() {
    let mut way = straight();
    assert_eq!(way.handle(Event::Unsent(peer(3)), terms(9), NOW), To::Nobody, "two have it");
    assert_eq!(way.handle(Event::Unsent(peer(3)), terms(9), NOW), To::Nobody, "the same again");
    assert_eq!(way.handle(Event::Unsent(peer(7)), terms(9), NOW), To::Nobody, "who is that?");
    assert_eq!(way.handle(Event::Unsent(peer(2)), terms(9), NOW), To::AllAfterAll, "one alone has it");
    let mut way = straight();
    assert_eq!(
        way.handle(Event::Unsent(peer(1)), terms(9), NOW),
        To::AllAfterAll,
        "the first one is there and refuses"
    );
    assert_eq!(way.handle(Event::Unsent(peer(2)), terms(9), NOW), To::Nobody);
    let (mut way, _) = said([Link::Own, Link::Up, Link::Up], 9);
    assert_eq!(way.handle(Event::Unsent(peer(2)), terms(9), NOW), To::Nobody, "it leads itself, and the third has it");
}

#[test]
fn a_clock_that_is_set_back_does_not_stretch_the_stage() {
    let mut way = straight();
    let earlier = Time(NOW.0 - 500_000);
    assert_eq!(way.patience(STAGE, earlier), Some(earlier.plus(STAGE)));
    assert_eq!(way.handle(Event::Looked { has_quorum: false }, terms(9), earlier), To::Nobody);
}

#[test]
fn the_planted_bug_is_where_the_rule_is() {
    let mut way = straight();
    let terms = Terms { laws: &Stubborn, ..terms(9) };
    assert_eq!(way.handle(Event::Looked { has_quorum: false }, terms, NOW.plus(STAGE)), To::Nobody);
    assert_eq!(way.handle(Event::Unsent(peer(1)), terms, NOW), To::Nobody);
}
