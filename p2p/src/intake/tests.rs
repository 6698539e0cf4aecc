use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{Accounts, Charge, Kind, paying_controls};

fn count(accounts: &mut Accounts, peer: PeerId, (number, bytes): (usize, usize), now: Instant) -> [usize; 3] {
    let mut counts = [0; 3];
    for _ in 0..number {
        counts[accounts.charge(peer, Kind::Message, bytes, now) as usize] += 1;
    }
    counts
}

#[test]
fn a_peer_has_a_burst_of_messages_and_of_bytes_to_itself() {
    let (mut accounts, peer, now) = (Accounts::default(), PeerId::random(), Instant::now());
    assert_eq!(count(&mut accounts, peer, (3000, 100), now), [2048, 952, 0]);
    assert_eq!(count(&mut accounts, PeerId::random(), (100, 65_536), now), [64, 36, 0], "bytes count as well");
    assert_eq!(count(&mut accounts, PeerId::random(), (10, 65_536), now), [10, 0, 0], "others are not touched");
    assert_eq!(count(&mut accounts, peer, (600, 100), now + Duration::from_secs(1))[0], 512);
}

#[test]
fn only_more_than_twice_the_rate_is_a_flood() {
    let rate = |messages: usize, bytes: usize| {
        let (mut accounts, peer, mut now) = (Accounts::default(), PeerId::random(), Instant::now());
        let mut counts = [0; 3];
        for _ in 0..600 {
            now += Duration::from_millis(100);
            let these = count(&mut accounts, peer, (messages, bytes), now);
            (0..3).for_each(|kind| counts[kind] += these[kind]);
        }
        counts
    };
    assert_eq!(rate(50, 1000)[1..], [0, 0], "what a mesh peer of 64 keepers passes on");
    let [_, over, floods] = rate(95, 1000);
    assert!(over > 0 && floods == 0, "load alone is dropped and costs nothing: {over} and {floods}");
    // 55 messages of 56 KiB a second.
    let [paid, _, floods] = rate(6, 57_344);
    assert!(floods >= 15, "{floods} floods in a minute");
    assert!(paid * 57_344 < 70 << 20, "a minute's worth and a burst, not {paid}");
}

/// Two minutes of 400 new messages a second, of which so many in a hundred are accepted after half a second; how many are
/// taken.
fn taken(accepted: usize) -> usize {
    let (mut accounts, peer, began) = (Accounts::default(), PeerId::random(), Instant::now());
    let mut waiting = std::collections::VecDeque::new();
    let mut taken = 0;
    for turn in 0..120 * 400 {
        let now = began + Duration::from_secs(1) * turn / 400;
        if accounts.charge(peer, Kind::Message, 300, now) == Charge::Paid {
            accounts.lend(peer, now);
            taken += 1;
            waiting.push_back((now, taken % 100 < accepted));
        }
        while waiting.front().is_some_and(|(since, _)| now >= *since + Duration::from_millis(500)) {
            if waiting.pop_front().is_some_and(|(_, accepted)| accepted) {
                accounts.repay(&peer);
            }
        }
    }
    taken
}

#[test]
fn what_is_of_no_use_is_heard_less_and_what_is_accepted_as_before() {
    assert_eq!(taken(100), 120 * 400);
    assert_eq!(taken(85), 120 * 400, "what an honest peer is too late with");
    assert!(taken(0) < 10_000, "gossipsub remembers each for two minutes: {}", taken(0));
    let (mut accounts, peer, now) = (Accounts::default(), PeerId::random(), Instant::now());
    (0..3000).for_each(|_| accounts.lend(peer, now));
    assert_eq!(accounts.charge(peer, Kind::Message, 1, now), Charge::Over);
    assert_eq!(accounts.charge(peer, Kind::Control, 1, now), Charge::Paid, "what is not remembered needs no credit");
    assert_eq!(accounts.charge(peer, Kind::Message, 1, now + Duration::from_secs(20)), Charge::Paid, "it comes back");
}

#[test]
fn coming_back_fills_no_bucket_and_the_memory_is_bounded() {
    let (mut accounts, peer, now) = (Accounts::default(), PeerId::random(), Instant::now());
    count(&mut accounts, peer, (2048, 1), now);
    for _ in 0..5000 {
        assert_eq!(accounts.charge(PeerId::random(), Kind::Message, 1, now), Charge::Paid);
    }
    assert_eq!(accounts.0.len(), super::MOST_PEERS);
    assert_eq!(accounts.charge(peer, Kind::Message, 1, now), Charge::Over);
}

#[test]
fn a_frame_pays_for_what_is_in_it_and_an_empty_one_is_not_free() {
    assert_eq!(paying_controls(1, 1), 0, "a message");
    assert_eq!(paying_controls(3, 0), 2, "two offers");
    assert_eq!(paying_controls(3, 5), 2);
    assert_eq!(paying_controls(1, 0), 1, "nothing at all");
    assert_eq!(paying_controls(0, 1), 0);
}
