use std::time::Duration;

use super::super::admission::Change;
use super::{Facts, Post, Standing, last_tasks};
use consensus::time::Pace;

const MINE: [u8; 32] = [1; 32];

/// An operator outside of epoch 7, which is active from block 100.
fn outside(latest: Option<Change>) -> Facts {
    Facts { epoch: Some((7, 100)), index: None, latest, peer_key: MINE, finishing: false, ejected: None }
}

fn registered(block: u64, key: [u8; 32]) -> Option<Change> {
    Some(Change { block, peer_key: Some(key) })
}

fn left(block: u64) -> Option<Change> {
    Some(Change { block, peer_key: None })
}

#[test]
fn an_operator_comes_counts_and_leaves() {
    assert_eq!(Standing::of(&outside(None)), Standing::Unregistered);
    assert_eq!(Standing::of(&outside(registered(100, MINE))), Standing::Waiting);
    assert_eq!(Standing::of(&outside(registered(99, MINE))), Standing::Waiting, "later in the block of the epoch");
    let inside = |latest| Facts { index: Some(3), ..outside(latest) };
    assert_eq!(Standing::of(&inside(registered(99, MINE))), Standing::Serving { index: 3, epoch: 7 });
    assert_eq!(Standing::of(&inside(left(105))), Standing::Leaving { index: 3, epoch: 7 });
    assert_eq!(Standing::of(&Facts { finishing: true, ..outside(left(99)) }), Standing::Finishing(7));
    assert_eq!(Standing::of(&outside(left(99))), Standing::Left(7));
}

#[test]
fn a_registered_operator_that_does_not_count_learns_why() {
    assert_eq!(Standing::of(&outside(registered(98, MINE))), Standing::NotCounted(7));
    assert_eq!(Standing::of(&outside(registered(98, [2; 32]))), Standing::OtherKeys);
    let before_the_first_epoch = Facts { epoch: None, ..outside(registered(98, MINE)) };
    assert_eq!(Standing::of(&before_the_first_epoch), Standing::Waiting);
}

#[test]
fn a_convicted_operator_is_told_so_until_it_registers_anew() {
    let convicted = |latest| Facts { ejected: Some(99), index: Some(3), ..outside(latest) };
    assert_eq!(
        Standing::of(&convicted(left(99))),
        Standing::Ejected(99),
        "its row is there still, and counts for nothing"
    );
    assert_eq!(Standing::of(&convicted(left(120))), Standing::Leaving { index: 3, epoch: 7 }, "that was another time");
    assert_eq!(Standing::of(&convicted(registered(105, MINE))), Standing::Serving { index: 3, epoch: 7 });
    let check = Standing::Ejected(99).check();
    assert!(!check.ok && check.message.contains("keeper keys rotate"), "{check:?}");
    let mut post = Post::default();
    post.eject(99);
    post.rewind(99);
    assert_eq!(post.ejected(), Some(99));
    post.rewind(98);
    assert_eq!(post.ejected(), None, "the block is gone");
}

#[test]
fn whoever_does_not_sign_is_told_what_to_do() {
    let signs = [Standing::Serving { index: 3, epoch: 7 }, Standing::Leaving { index: 3, epoch: 7 }];
    assert!(signs.iter().all(|standing| standing.check().ok));
    let verb = |standing: Standing, verb: &str| {
        let check = standing.check();
        assert!(!check.ok && check.message.contains(verb), "{check:?}");
    };
    verb(Standing::Unregistered, "keeper operator register");
    verb(Standing::Left(7), "keeper operator register");
    verb(Standing::NotCounted(7), "keeper operator status");
    verb(Standing::OtherKeys, "data directory");
    verb(Standing::Waiting, "next epoch");
    verb(Standing::Finishing(7), "last tasks");
}

#[test]
fn a_change_is_told_once_and_another_epoch_is_none() {
    let mut post = Post::default();
    assert!(post.note(Standing::Waiting, 0).is_none(), "nothing is known before the first block");
    assert!(post.note(Standing::Waiting, 5).is_some_and(|check| !check.ok));
    assert!(post.note(Standing::Waiting, 6).is_none());
    assert!(post.note(Standing::Serving { index: 3, epoch: 7 }, 7).is_some_and(|check| check.ok));
    assert!(post.note(Standing::Serving { index: 3, epoch: 8 }, 9).is_none());
    assert!(post.note(Standing::Leaving { index: 3, epoch: 8 }, 10).is_some());
    let pace = Pace::of(Duration::from_secs(1), 0);
    let last = 10 + last_tasks(&pace);
    assert!(post.is_finishing(last, &pace) && !post.is_finishing(last + 1, &pace));
}
