use super::{levels, majority};
use crate::chain::rpc::endpoint::Place::{self, Contradicting, Lagging, Level};
use alloy::primitives::B256;
use std::collections::{BTreeMap, BTreeSet};

fn by_node<T: Copy>(values: &[T]) -> BTreeMap<usize, T> {
    values.iter().copied().enumerate().collect()
}

#[test]
fn newest_blocks_show_who_lags() {
    let cases: [(&[u64], &[u64], &[Place]); 9] = [
        (&[], &[], &[]),
        (&[100], &[], &[Level]),
        (&[100, 98], &[], &[Level, Level]),
        (&[100, 95], &[99, 94], &[Level, Lagging(5)]),
        // At the start too, and though two of three lag.
        (&[100, 60, 60], &[], &[Level, Lagging(40), Lagging(40)]),
        // Two stand still, one goes on.
        (&[1_000, 60, 60], &[900, 60, 60], &[Level, Lagging(940), Lagging(940)]),
        // Two go on, one makes blocks up.
        (&[9_000_000, 61, 61], &[900, 60, 60], &[Contradicting(9_000_000), Level, Level]),
        (&[u64::MAX, 61, 61], &[900, 60, 60], &[Contradicting(u64::MAX), Level, Level]),
        // One against one: the higher one is believed.
        (&[9_000, 61], &[900, 60], &[Level, Lagging(8_939)]),
    ];
    for (heads, before, wanted) in cases {
        let places = levels(&by_node(heads), &by_node(before), &BTreeSet::new(), 4, None);
        assert_eq!(places, by_node(wanted), "{heads:?} after {before:?}");
    }
}

#[test]
fn who_made_blocks_up_is_not_believed_while_the_others_stand_still() {
    let cases: [(&[u64], Option<u64>, &[Place]); 4] = [
        (&[u64::MAX, 61, 61], None, &[Contradicting(u64::MAX), Level, Level]),
        // Back among the others, or nearly.
        (&[61, 61, 61], None, &[Level, Level, Level]),
        (&[120, 61, 61], None, &[Level, Lagging(59), Lagging(59)]),
        // Most other keepers are where it is.
        (&[1_000, 61, 61], Some(998), &[Level, Lagging(939), Lagging(939)]),
    ];
    for (heads, peers, wanted) in cases {
        let places = levels(&by_node(heads), &by_node(heads), &BTreeSet::from([0]), 4, peers);
        assert_eq!(places, by_node(wanted), "{heads:?}, peers at {peers:?}");
    }
}

/// Heads, heads before, what most keepers have, and the places that follow.
type BesidePeers = (&'static [u64], &'static [u64], u64, &'static [Place]);

#[test]
fn what_most_keepers_have_tells_who_is_right() {
    let cases: [BesidePeers; 4] = [
        // All of them lag alike.
        (&[60], &[59], 100, &[Lagging(40)]),
        (&[60, 60], &[59, 59], 100, &[Lagging(40), Lagging(40)]),
        // One against two that go on: the other keepers are where the one is.
        (&[1_000, 61, 61], &[900, 60, 60], 998, &[Level, Lagging(939), Lagging(939)]),
        // They were asked a moment ago.
        (&[103, 102], &[101, 100], 99, &[Level, Level]),
    ];
    for (heads, before, peers, wanted) in cases {
        let places = levels(&by_node(heads), &by_node(before), &BTreeSet::new(), 4, Some(peers));
        assert_eq!(places, by_node(wanted), "{heads:?} after {before:?}, peers at {peers}");
    }
}

#[test]
fn only_more_than_half_is_a_majority() {
    let [a, b, c] = [1, 2, 3].map(B256::repeat_byte);
    let cases: [(&[B256], Option<B256>); 6] = [
        (&[], None),
        (&[a], Some(a)),
        (&[a, b], None),
        (&[a, b, b], Some(b)),
        (&[a, a, b, b], None),
        (&[a, b, c], None),
    ];
    for (hashes, wanted) in cases {
        assert_eq!(majority(&by_node(hashes)), wanted, "{hashes:?}");
    }
}
