use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{Asked, Rests};

#[test]
fn the_number_of_requests_runs_out_and_refills() {
    let (mut asked, peer, now) = (Asked::default(), PeerId::random(), Instant::now());
    let granted = |asked: &mut Asked, now| (0..100).filter(|_| asked.charge(peer, 1, now)).count();
    assert_eq!(granted(&mut asked, now), 32);
    assert!(asked.charge(PeerId::random(), 1, now), "another peer has its own");
    assert_eq!(granted(&mut asked, now + Duration::from_secs(1)), 8);
}

#[test]
fn long_answers_use_the_budget_up_and_what_is_over_is_owed() {
    let (mut asked, peer, now) = (Asked::default(), PeerId::random(), Instant::now());
    for number in 0..16 {
        assert!(asked.charge(peer, 1024, now), "question {number}");
        asked.answered(&peer, 131_072, now);
    }
    assert!(!asked.charge(peer, 1, now), "two MiB were sent");
    assert!(asked.charge(peer, 1, now + Duration::from_secs(1)), "half a MiB a second comes back");
}

#[test]
fn remembered_peers_are_bounded_and_the_greediest_is_kept() {
    let (mut asked, greedy, now) = (Asked::default(), PeerId::random(), Instant::now());
    while asked.charge(greedy, 1, now) {}
    for _ in 0..5000 {
        assert!(asked.charge(PeerId::random(), 1, now));
    }
    assert_eq!(asked.0.len(), super::MOST_PEERS);
    assert!(!asked.charge(greedy, 1, now));
}

#[test]
fn pauses_double_up_to_eight_seconds_and_end_with_an_answer() {
    let (mut rests, peer, mut now) = (Rests::default(), PeerId::random(), Instant::now());
    assert_eq!(rests.left(&peer, now), None);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        rests.failed(peer, now);
        rests.failed(peer, now);
        let pause = rests.left(&peer, now).expect("it rests");
        pauses.push(pause.as_millis());
        now += pause;
        assert_eq!(rests.left(&peer, now), None);
    }
    assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 8000, 8000]);
    rests.answered(&peer);
    rests.failed(peer, now);
    assert_eq!(rests.left(&peer, now), Some(Duration::from_millis(250)));
}
