use super::*;

#[test]
fn a_failure_rests_longer_each_time_up_to_a_minute() {
    let mut now = Instant::now();
    let mut flight = Flight::default();
    assert_eq!(flight.resting(now), None);
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let (reason, for_good) = flight.failed(Setback::ForNow(Abstain::CodeHashMismatch), now);
        assert_eq!((reason, for_good), (Abstain::CodeHashMismatch, false));
        let begun = now;
        while flight.resting(now).is_some() {
            now += Duration::from_secs(1);
        }
        pauses.push((now - begun).as_secs());
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
}

#[test]
fn what_fails_for_good_or_is_killed_three_times_is_over() {
    let now = Instant::now();
    let invalid = Abstain::CodeInvalid("no component".into());
    assert_eq!(Flight::default().failed(Setback::ForGood(invalid.clone()), now), (invalid, true));
    let mut flight = Flight::default();
    for _ in 1..MAX_KILLS {
        let (reason, for_good) = flight.failed(Setback::Killed("killed".into()), now);
        assert_eq!((reason.name(), for_good), ("host_failure", false));
    }
    let (reason, for_good) = flight.failed(Setback::Killed("killed".into()), now);
    assert_eq!((reason.name(), for_good), ("code_invalid", true));
}
