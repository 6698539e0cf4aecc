use std::time::Instant;

use ed25519_dalek::SigningKey;
use serde_bytes::ByteArray;

use super::super::message::{Link, short};
use super::super::picture::{MeshView, State};
use super::*;
use crate::view::Operator;

const SEPARATOR: B256 = B256::repeat_byte(0x5e);
const NOW: Time = Time(1_763_900_000_000);
/// This keeper's boot number.
const BOOT: u64 = 77;

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number + 1; 32])
}

fn public(number: u8) -> [u8; 32] {
    key(number).verifying_key().to_bytes()
}

fn operator(number: u8) -> Address {
    Address::repeat_byte(number + 1)
}

/// Keeper 0's company, in a registry of so many.
fn company(members: u8) -> Company {
    let mut company = Company::new(SEPARATOR, public(0), (NOW, BOOT));
    company.register((0..members).map(|number| (public(number), operator(number))));
    company
}

fn heartbeat(at: Time) -> Heartbeat {
    Heartbeat { boot: 1, stamp_ms: at.0, version: "0.1.0".to_owned(), head: 100, ..Heartbeat::default() }
}

fn said(number: u8, heartbeat: Heartbeat) -> Vec<u8> {
    heartbeat.seal(&SEPARATOR, &key(number))
}

fn after(ms: u64) -> Time {
    Time(NOW.0 + ms)
}

#[test]
fn each_heartbeat_gets_the_verdict_that_fits_it() {
    let mut company = company(3);
    let mut judged = |bytes: &[u8], now: Time| company.hear(bytes, now);
    let good = said(1, heartbeat(NOW));
    assert_eq!(judged(&good, NOW), Verdict::Accept);
    assert_eq!(judged(&good, NOW), Verdict::Ignore(Reason::Duplicate));
    assert_eq!(judged(&said(1, heartbeat(Time(NOW.0 - 1))), after(9_000)), Verdict::Ignore(Reason::Duplicate));
    assert_eq!(judged(&said(1, heartbeat(after(1_000))), after(1_000)), Verdict::Ignore(Reason::OverLimit));
    assert_eq!(judged(&said(1, heartbeat(after(10_000))), after(10_000)), Verdict::Accept);
    assert_eq!(judged(&said(9, heartbeat(NOW)), NOW), Verdict::Ignore(Reason::NotMember));
    let early = Time(NOW.0 - millis(WINDOW) - 1);
    assert_eq!(judged(&said(2, heartbeat(early)), NOW), Verdict::Ignore(Reason::OutOfWindow));
    assert_eq!(judged(&said(2, heartbeat(after(millis(WINDOW) + 1))), NOW), Verdict::Ignore(Reason::OutOfWindow));
    let wild = Heartbeat { region: "\n".to_owned(), ..heartbeat(NOW) };
    assert_eq!(judged(&said(2, wild), NOW), Verdict::Reject(Reason::OutOfBounds));
    let foreign = heartbeat(NOW).seal(&B256::ZERO, &key(2));
    assert_eq!(judged(&foreign, NOW), Verdict::Reject(Reason::InvalidPeerSignature));
    assert_eq!(judged(&[0xa0], NOW), Verdict::Reject(Reason::Malformed));
    assert_eq!(judged(&[0; super::super::HEARTBEAT_LIMIT + 1], NOW), Verdict::Reject(Reason::TooLarge));
    assert_eq!(company.tally(), Tally { accepted: 2, ignored: 6, rejected: 4 });
}

/// What anybody says in another's name uses up nothing of that other's.
#[test]
fn nobody_speaks_for_another_nor_uses_up_its_share() {
    let mut company = company(3);
    let mut forged = heartbeat(after(60_000));
    forged.peer_key = ByteArray::new(public(1));
    for _ in 0..100 {
        let bytes = consensus::codec::encode(&forged);
        assert_eq!(company.hear(&bytes, NOW), Verdict::Reject(Reason::InvalidPeerSignature));
    }
    assert_eq!(company.hear(&said(1, heartbeat(NOW)), NOW), Verdict::Accept);
}

#[test]
fn a_flood_of_one_keeper_is_let_through_at_its_pace() {
    let mut company = company(2);
    let verdicts = (0..1_000).map(|number| company.hear(&said(1, heartbeat(after(number * 10))), after(number * 10)));
    assert_eq!(verdicts.filter(|verdict| *verdict == Verdict::Accept).count(), 4, "one in three seconds");
}

#[test]
fn what_is_kept_is_what_the_registry_holds() {
    let mut company = company(3);
    company.hear(&said(1, heartbeat(NOW)), NOW);
    company.hear(&said(2, heartbeat(NOW)), NOW);
    company.register([(public(2), operator(2))]);
    assert_eq!(company.members.keys().collect::<Vec<_>>(), [&public(2)]);
    let many = (0..=u16::MAX).map(|number| {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&number.to_be_bytes());
        (key, Address::ZERO)
    });
    company.register(many);
    assert_eq!(company.registered.len(), MEMBERS_MAX);
}

#[test]
fn clocks_are_compared_with_the_median_and_one_that_was_set_back_may_begin_anew() {
    let mut company = company(6);
    assert_eq!(company.clock_ahead_ms(NOW), None);
    for (number, ahead) in [(1, 0), (2, 4_000), (3, 5_000), (4, 5_500), (5, 200_000)] {
        company.hear(&said(number, heartbeat(after(ahead))), NOW);
    }
    assert_eq!(company.clock_ahead_ms(NOW), Some(-5_000), "this clock is behind");
    assert_eq!(company.clock_ahead_ms(after(40_000)), None, "nobody is heard any more");
    // Keeper 5 sets its clock right.
    assert_eq!(company.hear(&said(5, heartbeat(after(30_000))), after(30_000)), Verdict::Ignore(Reason::Duplicate));
    assert_eq!(company.hear(&said(5, heartbeat(after(61_000))), after(61_000)), Verdict::Accept);
}

#[test]
fn a_head_that_stands_while_the_others_go_on_is_stalled_and_another_block_is_seen() {
    let mut company = company(4);
    let hash = B256::repeat_byte(0xaa);
    let with = |head: u64, hash: B256, at: Time| Heartbeat { head, head_hash: ByteArray::new(hash.0), ..heartbeat(at) };
    company.note_own_head(130, hash, NOW);
    for second in (0..=30).step_by(10) {
        let now = after(second * 1_000);
        company.hear(&said(1, with(100, hash, now)), now);
        company.hear(&said(2, with(100 + second, hash, now)), now);
        company.hear(&said(3, with(100 + second, B256::ZERO, now)), now);
    }
    let now = after(30_000);
    let median = company.median_head(now);
    assert_eq!(median, Some(130));
    let stalled: Vec<bool> = company.fresh(now).map(|member| company.is_stalled(member, median, now)).collect();
    assert_eq!(stalled.iter().filter(|stalled| **stalled).count(), 1);
    assert_eq!(company.same_and_other_block(now), (1, 1));
    assert!(!company.is_own_stalled(median, now), "it is where the others are");
    company.note_own_head(129, hash, NOW);
    assert!(company.is_own_stalled(median, now) && !company.is_own_stalled(median, after(29_999)));
    assert!(!company.is_own_stalled(None, now));
    assert_eq!(company.hear(&[], now), Verdict::Reject(Reason::Malformed));
}

#[test]
fn another_process_with_this_key_is_noticed_and_an_older_one_is_not() {
    let mut company = company(2);
    let own = |boot: u64, at: Time| said(0, Heartbeat { boot, ..heartbeat(at) });
    for (boot, at) in [(BOOT, after(60_000)), (1, after(20_000)), (1, Time(NOW.0 - 5_000))] {
        assert_eq!(company.hear(&own(boot, at), after(60_000)), Verdict::Ignore(Reason::Duplicate));
        assert!(!company.has_twin(after(60_000)), "boot {boot}");
    }
    let mut unsigned = Heartbeat { boot: 1, ..heartbeat(after(60_000)) };
    unsigned.peer_key = ByteArray::new(public(0));
    company.hear(&consensus::codec::encode(&unsigned), after(60_000));
    assert!(!company.has_twin(after(60_000)));
    company.hear(&own(1, after(60_000)), after(60_000));
    assert!(company.has_twin(after(60_000)) && !company.has_twin(after(121_000)));
}

#[test]
fn the_picture_shows_everybody_as_it_is_heard() {
    let mut company = company(4);
    let link = Link { peer: short(&public(0)), rtt_ms: Some(9) };
    let unknown = Link { peer: 5, rtt_ms: None };
    company.hear(&said(1, Heartbeat { links: vec![link, unknown], ..heartbeat(NOW) }), NOW);
    let red = Heartbeat { failing: vec!["nodes".to_owned()], head: 90, ..heartbeat(NOW) };
    company.hear(&said(2, red), NOW);
    let mut own = heartbeat(NOW);
    own.peer_key = ByteArray::new(public(0));
    let operators = [Operator { operator: operator(1), peer_key: public(1), index: Some(3) }];
    let picture = MeshView::of(&company, &operators, &own, after(1_000));
    let states: Vec<State> = picture.keepers.iter().map(|keeper| keeper.state).collect();
    assert_eq!(states, [State::Fine, State::Fine, State::Failing, State::Silent]);
    let first = &picture.keepers[1];
    assert_eq!((first.index, first.heard_ms_ago, first.links.len()), (Some(3), Some(1_000), 1));
    assert_eq!((first.links[0].operator.as_str(), first.links[0].rtt_ms), (&*operator(0).to_string(), Some(9)));
    assert!(picture.keepers[0].own && picture.operator == operator(0).to_string());
    let later = MeshView::of(&company, &operators, &own, after(50_000));
    assert_eq!((later.count(State::Late), later.count(State::Silent)), (2, 1));
    let text = serde_json::to_value(&picture).unwrap();
    assert_eq!(text["keepers"][2]["failing"][0], "nodes");
    assert_eq!(text["keepers"][3]["state"], "silent");
    assert_eq!(serde_json::from_value::<MeshView>(text).unwrap(), picture);
}

/// What a mesh of 64 costs a keeper: 6.3 heartbeats a second, each with 63 links. Printed with `--nocapture`.
#[test]
fn a_mesh_of_64_costs_less_than_a_hundredth_of_a_core() {
    let mut company = company(64);
    let links: Vec<Link> = (1..64).map(|number| Link { peer: short(&public(number)), rtt_ms: Some(20) }).collect();
    let full = |at: Time| Heartbeat {
        failing: vec!["nodes".to_owned()],
        region: "eu-central".to_owned(),
        runway_seconds: Some(9_000_000),
        links: links.clone(),
        ..heartbeat(at)
    };
    let bytes: Vec<Vec<u8>> = (1..64).map(|number| said(number, full(NOW))).collect();
    let size = bytes[0].len();
    assert!(size < 1_536, "{size} bytes");
    let begun = Instant::now();
    for message in &bytes {
        assert_eq!(company.hear(message, NOW), Verdict::Accept);
    }
    let each = begun.elapsed() / 63;
    // 63 in ten seconds.
    let share = each.as_secs_f64() * 6.3;
    eprintln!("a heartbeat of 64 keepers: {size} bytes, judged in {each:?}: {:.3} % of a core", share * 100.0);
    // As tests are built, without optimisation of the curve; `cargo bench` is not needed to see that it is little.
    assert!(share < 0.02, "{share}");
}
