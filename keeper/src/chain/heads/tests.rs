use super::{Fit, HELD_BLOCKS, HeldHeads, Pace};
use crate::chain::Head;
use alloy::primitives::B256;
use std::time::{Duration, Instant};

fn head(number: u64) -> Head {
    let hash = |number: u64| B256::left_padding_from(&number.wrapping_add(1).to_be_bytes());
    Head { number, hash: hash(number), parent: hash(number.wrapping_sub(1)), timestamp: number }
}

#[test]
fn a_block_fits_only_on_its_parent() {
    let mut held = HeldHeads::default();
    assert_eq!(held.fit(&head(9)).expect("anything fits on nothing"), Fit::Next);
    held.push(head(9));
    assert_eq!(held.fit(&head(10)).expect("it follows"), Fit::Next);
    let orphan = Head { parent: B256::ZERO, ..head(10) };
    assert_eq!(held.fit(&orphan).expect("the number follows"), Fit::Reorganised);
    assert_eq!(held.fit(&head(11)).expect_err("a gap").reason(), "not_consecutive");
    assert_eq!(held.fit(&head(9)).expect_err("a repetition").reason(), "not_consecutive");
    let old = Head { timestamp: 3, ..head(10) };
    assert_eq!(held.fit(&old).expect_err("older than its parent").reason(), "time_runs_back");
    let mut last = HeldHeads::default();
    last.push(head(u64::MAX - 1));
    assert_eq!(last.fit(&head(3)).expect_err("another number").reason(), "not_consecutive");
}

#[test]
fn only_the_newest_blocks_are_held() {
    let mut held = HeldHeads::default();
    for number in 5..5 + HELD_BLOCKS + 20 {
        held.push(head(number));
    }
    assert_eq!(held.first(), Some(head(25)));
    assert_eq!(held.get(24), None);
    assert_eq!(held.get(25), Some(head(25)));
    assert_eq!(held.get(5 + HELD_BLOCKS + 20), None);
    held.truncate(30);
    assert_eq!(held.last(), Some(head(30)));
    held.truncate(0);
    assert_eq!(held.last(), None);
}

#[test]
fn questions_are_asked_often_only_when_a_block_is_due() {
    let start = Instant::now();
    let after = |pace: &Pace, milliseconds| pace.wait(start + Duration::from_millis(milliseconds));
    let mut pace = Pace::new(Duration::from_secs(1));
    assert_eq!(pace.wait(start), Duration::from_millis(200));
    pace.block_seen(start);
    assert_eq!(after(&pace, 0), Duration::from_millis(200));
    assert_eq!(after(&pace, 850), Duration::from_millis(50));
    assert_eq!(after(&pace, 1_500), Duration::from_millis(50));
    assert_eq!(after(&pace, 2_000), Duration::from_millis(200));
    let mut slow = Pace::new(Duration::from_secs(12));
    slow.block_seen(start);
    assert_eq!(after(&slow, 0), Duration::from_secs(2));
    assert_eq!(after(&slow, 12_000), Duration::from_millis(500));
    let mut absurd = Pace::new(Duration::MAX);
    absurd.block_seen(start);
    assert_eq!(after(&absurd, 0), Duration::from_secs(2));
    let mut short = Pace::new(Duration::from_millis(250));
    short.block_seen(start);
    assert_eq!(after(&short, 0), Duration::from_millis(100));
    assert_eq!(after(&short, 150), Duration::from_millis(50));
    assert_eq!(after(&short, 250), Duration::from_millis(25), "a block of a quarter of a second is no whole one late");
}

#[test]
fn the_first_block_held_is_the_child_of_the_last_one_of_history() {
    let mut held = HeldHeads::default();
    held.begin_after(head(9));
    assert_eq!(held.end_of_history(), Some(head(9)));
    assert_eq!(held.fit(&head(10)).expect("it follows"), Fit::Next);
    let orphan = Head { parent: B256::ZERO, ..head(10) };
    assert_eq!(held.fit(&orphan).expect("the number follows"), Fit::Reorganised);
    assert_eq!(held.fit(&head(12)).expect_err("a gap").reason(), "not_consecutive");
    held.push(head(10));
    assert_eq!(held.end_of_history(), None, "blocks above it are held");
    held.truncate(9);
    assert_eq!(held.end_of_history(), Some(head(9)));
    held.truncate(8);
    assert_eq!(held.end_of_history(), None, "it is void");
    for number in 10..10 + HELD_BLOCKS + 5 {
        held.push(head(number));
    }
    held.truncate(14);
    assert_eq!(held.end_of_history(), Some(head(14)), "the block below the oldest one held");
}
