use super::*;

const ETHER: u128 = 1_000_000_000_000_000_000;

fn at(second: u64) -> Time {
    Time::from_seconds(7_200_000 + second)
}

#[test]
fn a_wallet_lasts_as_long_as_what_it_spent_lately_says() {
    let mut runway = Runway::default();
    runway.note(10 * ETHER, at(0));
    runway.note(9 * ETHER, at(300));
    assert_eq!(runway.seconds(at(300)), None, "not watched for long enough");
    runway.note(8 * ETHER, at(1_000));
    assert_eq!((runway.spent(), runway.seconds(at(1_000))), (2 * ETHER, Some(4_000)));
    // What comes in is no spending, and makes it last longer.
    runway.note(80 * ETHER, at(1_000));
    assert_eq!((runway.spent(), runway.seconds(at(1_000))), (2 * ETHER, Some(40_000)));
}

#[test]
fn what_was_spent_more_than_a_day_ago_is_forgotten() {
    let mut runway = Runway::default();
    runway.note(100 * ETHER, at(0));
    runway.note(50 * ETHER, at(1_800));
    for hour in 1..=24 {
        runway.note(50 * ETHER, at(hour * 3_600));
    }
    assert_eq!((runway.spent(), runway.seconds(at(24 * 3_600))), (0, None));
    runway.note(49 * ETHER, at(25 * 3_600));
    assert_eq!(runway.spent(), ETHER);
    // 23 whole hours are watched, and this one just began.
    assert_eq!(runway.seconds(at(25 * 3_600)), Some(49 * 23 * 3_600));
    assert!(runway.slots.len() <= 24);
}

#[test]
fn a_clock_that_is_set_back_begins_anew_and_no_balance_is_too_large() {
    let mut runway = Runway::default();
    runway.note(u128::MAX, at(90_000));
    runway.note(0, at(91_000));
    assert_eq!(runway.seconds(at(91_000)), Some(0));
    runway.note(u128::MAX, at(0));
    assert_eq!((runway.spent(), runway.seconds(at(90_000))), (0, None));
    runway.note(1, at(700));
    runway.note(u128::MAX, at(700));
    assert_eq!(runway.seconds(at(700)), Some(1), "cut to what fits");
}
