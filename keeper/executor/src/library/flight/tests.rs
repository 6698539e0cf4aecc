use super::*;

#[test]
fn a_failure_rests_longer_each_time_up_to_ten_minutes() {
    let mut now = Instant::now();
    let mut flight = Flight::default();
    assert_eq!(flight.resting(now), None);
    let mut pauses = Vec::new();
    for _ in 0..11 {
        let (reason, for_good) = flight.failed(Setback::ForNow(Abstain::CodeHashMismatch), now);
        assert_eq!((reason, for_good), (Abstain::CodeHashMismatch, false));
        let begun = now;
        while flight.resting(now).is_some() {
            now += Duration::from_secs(1);
        }
        pauses.push((now - begun).as_secs());
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
}

#[test]
fn a_url_whose_content_never_changes_is_not_asked_again() {
    let now = Instant::now();
    let mut flight = Flight::default();
    assert_eq!(flight.failed(Setback::OfThisUrl(Abstain::CodeHashMismatch), now).0, Abstain::CodeHashMismatch);
    assert_eq!(flight.resting(now + Duration::from_secs(1_000_000)), Some(Abstain::CodeHashMismatch));
}

#[test]
fn what_fails_for_good_is_over() {
    let invalid = Abstain::CodeInvalid("no component".into());
    assert_eq!(Flight::default().failed(Setback::ForGood(invalid.clone()), Instant::now()), (invalid, true));
}

/// A machine without memory once made code that it could not compile at that moment be refused for good.
#[test]
fn what_may_be_the_machines_fault_is_for_good_only_the_second_time() {
    let now = Instant::now();
    let mut flight = Flight::default();
    let (first, for_good) = flight.failed(Setback::Suspect("no memory".into()), now);
    assert_eq!((first.name(), for_good), ("host_failure", false));
    assert_eq!(flight.resting(now), Some(first));
    assert!(!flight.failed(Setback::ForNow(Abstain::Busy), now).1);
    let (second, for_good) = flight.failed(Setback::Suspect("no memory".into()), now);
    assert!(matches!(&second, Abstain::CodeInvalid(why) if why.contains("no memory")), "{second}");
    assert!(for_good);
}
