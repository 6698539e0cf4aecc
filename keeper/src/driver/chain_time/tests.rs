use super::*;

/// Blocks of one second from a chain whose time is `ahead` milliseconds ahead of the clock, each seen `delay(n)` after it
/// was made, in the middle of its second.
fn watched(ahead: i64, delay: impl Fn(u64) -> u64, blocks: u64) -> ChainTime {
    let mut time = ChainTime::new(1);
    follow(&mut time, ahead, delay, blocks);
    time
}

fn follow(time: &mut ChainTime, ahead: i64, delay: impl Fn(u64) -> u64, blocks: u64) {
    for block in 0..blocks {
        let made = 1_000_000_500 + block * 1_000;
        let timestamp = made.saturating_add_signed(ahead) / 1_000;
        time.newest(timestamp, made + delay(block), true);
    }
}

#[test]
fn a_clock_that_is_right_is_believed_however_late_blocks_are_seen() {
    assert_eq!(watched(0, |_| 20, 50).ahead_ms(), 0);
    assert_eq!(watched(0, |block| block * 37 % 1_900, 50).ahead_ms(), 0);
    assert_eq!(watched(0, |block| if block % 5 < 3 { 9_000 } else { 100 }, 50).ahead_ms(), 0, "some very late ones");
}

#[test]
fn the_chain_is_followed_wherever_its_time_is() {
    for ahead in [-45_000, 45_000, 3_600_000, -3_600_000, -7_000] {
        let found = watched(ahead, |block| 30 + block % 3 * 50, 6).ahead_ms();
        assert!((found - ahead).abs() <= 1_000, "{ahead} was taken for {found}");
        let time = watched(ahead, |_| 30, 6);
        assert_eq!(time.is_apart(), ahead.unsigned_abs() > APART_MS);
    }
}

#[test]
fn what_was_taken_stays_until_the_chain_contradicts_it() {
    let mut time = watched(-45_000, |_| 30, 6);
    let taken = time.ahead_ms();
    follow(&mut time, -45_000, |block| block * 61 % 900, 40);
    assert_eq!(time.ahead_ms(), taken, "it does not tremble");
    follow(&mut time, 0, |_| 30, 6);
    assert_eq!(time.ahead_ms(), 0, "the clock was set");
}

#[test]
fn one_block_dated_wrongly_moves_nothing() {
    let mut time = watched(0, |_| 30, 6);
    time.newest(2_000_000, 1_000_007_000, true);
    assert_eq!(time.ahead_ms(), 0);
    follow(&mut time, 0, |_| 30, 3);
    assert_eq!(time.ahead_ms(), 0);
}

#[test]
fn a_chain_set_back_is_followed_with_its_next_block() {
    let mut time = watched(3_600_000, |_| 30, 6);
    time.rewound();
    assert!((time.ahead_ms() - 3_600_000).abs() < 1_000, "until then nobody knows");
    follow(&mut time, 0, |_| 30, 1);
    assert_eq!(time.ahead_ms(), 0);
}

#[test]
fn an_old_block_says_only_that_the_chain_is_not_further_back() {
    let mut time = ChainTime::new(12);
    time.newest(1_000_000, 1_003_600_000, false);
    assert_eq!(time.ahead_ms(), 0, "an hour old: a chain that makes blocks on demand, or a node that is behind");
    time.newest(1_007_200, 1_003_600_000, false);
    assert!((time.ahead_ms() - 3_600_000).abs() <= 12_000, "{}", time.ahead_ms());
}

#[test]
fn a_confirmed_block_from_the_future_moves_it_at_once() {
    let mut time = watched(0, |_| 30, 6);
    time.head(1_000_010, Time(1_000_009_000));
    assert_eq!(time.ahead_ms(), 0, "a second ahead is how some chains date");
    time.head(1_003_610, Time(1_000_010_000));
    assert_eq!(time.ahead_ms(), 3_600_000);
}

#[test]
fn nonsense_overflows_nothing() {
    let mut time = ChainTime::new(u64::MAX);
    for (timestamp, seen) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX, u64::MAX)] {
        time.newest(timestamp, seen, true);
        time.newest(timestamp, seen, false);
        time.head(timestamp, Time(seen));
        time.rewound();
    }
}

#[test]
fn a_clock_that_is_set_moves_the_difference_and_nothing_else() {
    for by_ms in [3_600_000, -3_600_000, 1_500] {
        let mut time = watched(0, |_| 30, 6);
        time.clock_set(by_ms);
        assert_eq!(time.ahead_ms(), -by_ms);
        // A block that was seen by the clock as it was before says nothing against it.
        time.newest(1_000_006, 1_000_006_530, true);
        follow(&mut time, -by_ms, |_| 30, 1);
        assert!((time.ahead_ms() + by_ms).abs() <= 1_000, "{by_ms}: {}", time.ahead_ms());
        follow(&mut time, -by_ms, |_| 30, 6);
        assert!((time.ahead_ms() + by_ms).abs() <= 1_000, "{by_ms}: {}", time.ahead_ms());
    }
    let mut wrong = watched(3_600_000, |_| 30, 6);
    wrong.clock_set(3_600_000);
    assert!(!wrong.is_apart(), "the clock was wrong, and is set");
    wrong.clock_set(i64::MIN);
    wrong.clock_set(i64::MIN);
    follow(&mut wrong, 0, |_| 30, 6);
}
