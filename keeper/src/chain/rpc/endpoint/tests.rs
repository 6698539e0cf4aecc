use super::{Endpoint, Phase, Place, Seen};
use std::time::{Duration, Instant};

fn failed() -> Seen {
    Seen::Failed("broken".to_owned())
}

fn limited(seconds: Option<u64>) -> Seen {
    Seen::Limited { pause: seconds.map(Duration::from_secs), why: "slow down".to_owned() }
}

#[test]
fn what_is_seen_decides_who_is_asked() {
    let now = Instant::now();
    let later = now + Duration::from_secs(2);
    let contradicting = || Seen::Compared(Place::Contradicting(5));
    // What was seen, and the rank now and two seconds later.
    let cases: [(Vec<Seen>, Option<u8>, Option<u8>); 14] = [
        (vec![], Some(0), Some(0)),
        (vec![Seen::RightChain, Seen::Answered], Some(0), Some(0)),
        (vec![Seen::RightChain, failed()], Some(1), Some(1)),
        (vec![failed(), Seen::RightChain], Some(0), Some(0)),
        (vec![Seen::OtherChain(5)], Some(3), Some(3)),
        (vec![Seen::OtherChain(5), Seen::RightChain], Some(0), Some(0)),
        (vec![Seen::OtherChain(5), failed()], Some(1), Some(1)),
        (vec![Seen::RightChain, limited(None)], None, Some(0)),
        (vec![Seen::RightChain, limited(Some(30))], None, None),
        (vec![Seen::RightChain, limited(Some(30)), Seen::Answered], Some(0), Some(0)),
        (vec![Seen::RightChain, Seen::Compared(Place::Lagging(9))], Some(2), Some(2)),
        (vec![Seen::Compared(Place::Lagging(9)), Seen::Compared(Place::Level)], Some(0), Some(0)),
        (vec![contradicting()], None, None),
        (vec![Seen::Compared(Place::Level), contradicting()], Some(0), Some(0)),
    ];
    for (seen, at_once, afterwards) in cases {
        let mut endpoint = Endpoint::default();
        let told = format!("{seen:?}");
        seen.into_iter().for_each(|seen| endpoint.on(seen, now));
        assert_eq!(endpoint.rank(now).map(|(rank, _)| rank), at_once, "{told}");
        assert_eq!(endpoint.rank(later).map(|(rank, _)| rank), afterwards, "{told}, later");
    }
}

#[test]
fn a_contradiction_counts_the_second_time_and_until_it_is_over() {
    let now = Instant::now();
    let mut endpoint = Endpoint::default();
    endpoint.on(Seen::Compared(Place::Level), now);
    endpoint.on(Seen::Compared(Place::Contradicting(7)), now);
    assert_eq!(endpoint.place(), Place::Level, "a reorganisation may be on its way");
    endpoint.on(Seen::Compared(Place::Contradicting(8)), now);
    assert_eq!(endpoint.place(), Place::Contradicting(8));
    for seen in [failed(), Seen::RightChain, Seen::Answered] {
        endpoint.on(seen, now);
        assert_eq!(endpoint.rank(now), None, "no outage washes it off");
    }
    endpoint.on(Seen::Compared(Place::Level), now);
    assert!(endpoint.rank(now).is_some());
}

#[test]
fn pauses_grow_by_themselves_and_are_capped() {
    let now = Instant::now();
    let mut endpoint = Endpoint::default();
    let mut pauses = Vec::new();
    for _ in 0..9 {
        endpoint.on(limited(None), now);
        let Phase::Limited(until) = endpoint.phase() else { panic!("limited") };
        pauses.push((until - now).as_secs());
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    endpoint.on(limited(Some(86_400)), now);
    assert_eq!(endpoint.limited_until(now), Some(now + Duration::from_secs(300)), "no day, whatever it says");
    endpoint.on(Seen::Answered, now);
    endpoint.on(limited(None), now);
    assert_eq!(endpoint.limited_until(now), Some(now + Duration::from_secs(1)));
}

#[test]
fn the_score_falls_with_failures_and_recovers_with_answers() {
    let now = Instant::now();
    let mut endpoint = Endpoint::default();
    for _ in 0..100 {
        endpoint.on(Seen::Refused("no".repeat(1_000)), now);
    }
    assert_eq!(endpoint.rank(now), Some((0, 16)));
    assert!(endpoint.last_error().is_some_and(|error| error.len() <= 300));
    for _ in 0..16 {
        endpoint.on(Seen::Answered, now);
    }
    assert_eq!(endpoint.rank(now), Some((0, 0)));
    assert_eq!(endpoint.counts(), (16, 100));
}

#[test]
fn its_chain_id_is_asked_first_and_after_every_failure_but_not_after_a_pause() {
    let now = Instant::now();
    let mut endpoint = Endpoint::default();
    let mut after = |seen| {
        endpoint.on(seen, now);
        endpoint.is_unverified()
    };
    assert!(after(limited(None)), "limited at the first question: nobody knows its chain");
    assert!(after(Seen::Answered));
    assert!(!after(Seen::RightChain));
    assert!(!after(limited(None)) && !after(Seen::Answered));
    assert!(after(failed()));
    assert!(!after(Seen::RightChain));
    assert!(after(Seen::OtherChain(5)) && after(limited(None)) && after(Seen::Answered));
}
