use std::time::{Duration, Instant};

use libp2p::PeerId;

use super::{Answers, Asked, CODE, Rests, WORDS};

#[test]
fn the_number_of_requests_runs_out_and_refills() {
    let (mut asked, peer, now) = (Asked::new(WORDS, Instant::now()), PeerId::random(), Instant::now());
    let granted = |asked: &mut Asked, now| (0..100).filter(|_| asked.charge(peer, 1, now)).count();
    assert_eq!(granted(&mut asked, now), 32);
    assert!(asked.charge(PeerId::random(), 1, now), "another peer has its own");
    assert_eq!(granted(&mut asked, now + Duration::from_secs(1)), 8);
}

#[test]
fn long_answers_use_the_budget_up_and_what_is_over_is_owed() {
    let (mut asked, peer, now) = (Asked::new(WORDS, Instant::now()), PeerId::random(), Instant::now());
    for number in 0..16 {
        assert!(asked.charge(peer, 1024, now), "question {number}");
        asked.answered(&peer, 131_072, now);
    }
    assert!(!asked.charge(peer, 1, now), "two MiB were sent");
    assert!(asked.charge(peer, 1, now + Duration::from_secs(1)), "half a MiB a second comes back");
}

#[test]
fn remembered_peers_are_bounded_and_the_greediest_is_kept() {
    let (mut asked, greedy, now) = (Asked::new(WORDS, Instant::now()), PeerId::random(), Instant::now());
    while asked.charge(greedy, 1, now) {}
    for _ in 0..5000 {
        assert!(asked.charge(PeerId::random(), 1, now));
    }
    assert_eq!(asked.accounts.len(), super::MOST_PEERS);
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

/// Questions can be provoked: a message that names something unknown has this node ask for it.
#[test]
fn a_peer_that_has_answered_a_lot_is_not_asked_for_a_while() {
    let (mut answers, peer, now) = (Answers::new(WORDS), PeerId::random(), Instant::now());
    for number in 0..16 {
        assert_eq!(answers.wait(&peer, now), None, "answer {number}");
        answers.charge(peer, 131_072, now);
    }
    assert!(answers.wait(&peer, now).is_some(), "two MiB have come");
    assert_eq!(answers.wait(&PeerId::random(), now), None, "another peer has its own");
    // Eight that were under way meanwhile are owed: a MiB more.
    (0..8).for_each(|_| answers.charge(peer, 131_072, now));
    let wait = answers.wait(&peer, now).unwrap();
    assert!(wait > Duration::from_secs(2) && wait < Duration::from_millis(2_100), "{wait:?}");
    assert_eq!(answers.wait(&peer, now + wait), None);
}

#[test]
fn a_peer_is_given_two_of_the_longest_codes_at_once_and_a_quarter_of_a_mib_a_second() {
    let now = Instant::now();
    let (mut asked, peer) = (Asked::new(CODE, now), PeerId::random());
    let mut given = |from: Instant, seconds: u64| {
        let mut bytes = 0;
        for at in (0..=10 * seconds).map(|tenth| from + Duration::from_millis(100 * tenth)) {
            while asked.charge(peer, 40, at) {
                asked.answered(&peer, 128 * 1024, at);
                bytes += 128 * 1024;
            }
        }
        bytes
    };
    assert!((8 << 20..10 << 20).contains(&given(now, 0)));
    assert!((2 << 20..3 << 20).contains(&given(now, 10)));
}

/// What a keeper's line carries is for what is due, whoever fetches.
#[test]
fn all_peers_together_are_given_no_more_than_the_line_of_a_keeper_carries() {
    let now = Instant::now();
    let (mut asked, mut bytes) = (Asked::new(CODE, now), 0_u64);
    for _ in 0..64 {
        let peer = PeerId::random();
        while asked.charge(peer, 40, now) {
            asked.answered(&peer, 128 * 1024, now);
            bytes += 128 * 1024;
        }
    }
    assert!((64 << 20..65 << 20).contains(&bytes), "{bytes}");
    assert!(!asked.charge(PeerId::random(), 40, now));
    assert!(asked.charge(PeerId::random(), 40, now + Duration::from_secs(1)));
}
