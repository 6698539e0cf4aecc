use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{Admissions, GRACE, MOST_REFUSED, REFUSED_FOR, Refusal};
use crate::config::{Admission, Config, Role};

fn list(peers: &[PeerId]) -> BTreeSet<PeerId> {
    peers.iter().copied().collect()
}

fn replace(admissions: &mut Admissions, peers: &[PeerId], connected: &[PeerId], now: Instant) -> bool {
    admissions.replace(list(peers), connected.iter(), now)
}

#[test]
fn before_the_first_list_only_what_is_configured_is_admitted() {
    let (bootnode, sentry, other) = (PeerId::random(), PeerId::random(), PeerId::random());
    let address = format!("/ip4/203.0.113.7/tcp/7419/p2p/{bootnode}").parse().expect("well formed");
    let config = Config { bootnodes: vec![address], sentries: vec![sentry], ..Config::default() };
    let (mut admissions, now) = (Admissions::new(&config), Instant::now());
    for peer in [bootnode, sentry] {
        assert_eq!(admissions.check(&peer, now), Ok(()));
    }
    assert_eq!(admissions.check(&other, now), Err(Refusal::Early));
    assert!(replace(&mut admissions, &[], &[bootnode, sentry], now));
    assert_eq!(admissions.check(&other, now), Err(Refusal::Stranger));
    assert_eq!(admissions.take_left(now + GRACE), [], "bootnodes and sentries are on no list and stay");
    for peer in [bootnode, sentry] {
        assert_eq!(admissions.check(&peer, now), Ok(()));
        assert!(!admissions.is_registered(&peer));
    }
}

#[test]
fn a_bootnode_admits_everybody() {
    let now = Instant::now();
    for config in [
        Config { role: Role::Bootnode, ..Config::default() },
        Config { admission: Admission::Everybody, ..Config::default() },
    ] {
        assert_eq!(Admissions::new(&config).check(&PeerId::random(), now), Ok(()));
    }
}

#[test]
fn the_same_list_is_no_news() {
    let (mut admissions, now) = (Admissions::new(&Config::default()), Instant::now());
    let (one, other) = (PeerId::random(), PeerId::random());
    assert!(replace(&mut admissions, &[one, other], &[], now));
    assert!(!replace(&mut admissions, &[other, one, one], &[], now));
    assert!(replace(&mut admissions, &[one], &[], now));
}

#[test]
fn whoever_leaves_the_list_has_a_grace_that_no_later_list_prolongs() {
    let (mut admissions, now) = (Admissions::new(&Config::default()), Instant::now());
    let (leaver, back, stays) = (PeerId::random(), PeerId::random(), PeerId::random());
    let connected = [leaver, back, stays];
    replace(&mut admissions, &connected, &connected, now);
    replace(&mut admissions, &[stays], &connected, now);
    assert_eq!(admissions.check(&leaver, now), Err(Refusal::Stranger), "no new connections");
    assert_eq!(admissions.take_left(now + GRACE / 2), []);
    replace(&mut admissions, &[stays, back], &connected, now + GRACE / 2);
    assert_eq!(admissions.take_left(now + GRACE), [leaver]);
    assert_eq!(admissions.take_left(now + 10 * GRACE), [], "told once, and not of those who came back");
}

#[test]
fn offenders_are_refused_for_a_while_whoever_they_are() {
    let (mut admissions, now) = (Admissions::new(&Config::default()), Instant::now());
    let peer = PeerId::random();
    replace(&mut admissions, &[peer], &[], now);
    admissions.refuse(peer, now);
    let last = now + REFUSED_FOR - Duration::from_millis(1);
    assert_eq!(admissions.check(&peer, last), Err(Refusal::Offender));
    assert_eq!(admissions.check(&peer, now + REFUSED_FOR), Ok(()));
}

#[test]
fn remembered_offenders_are_bounded() {
    let (mut admissions, now) = (Admissions::new(&Config::default()), Instant::now());
    let peers: Vec<PeerId> = (0..MOST_REFUSED + 1).map(|_| PeerId::random()).collect();
    for (number, peer) in (0..).zip(&peers) {
        admissions.refuse(*peer, now + Duration::from_millis(number));
    }
    assert_eq!(admissions.offenders.len(), MOST_REFUSED);
    assert_eq!(admissions.check(&peers[0], now), Err(Refusal::Early), "the oldest makes room");
    assert_eq!(admissions.check(&peers[1], now), Err(Refusal::Offender));
}
