use alloy::primitives::{Address, B256};

use super::{Admission, CHANGES_MAX, COMMITTEES_MAX};
use crate::chain::{EpochSnapshot, MemberRow};

fn operator(number: u8) -> Address {
    Address::repeat_byte(number)
}

fn key(number: u8) -> [u8; 32] {
    [number; 32]
}

/// An epoch of the numbered operators, written at `block` and active from the one after it.
fn epoch(block: u64, members: &[(u8, u128)]) -> EpochSnapshot {
    let row = |&(number, stake)| MemberRow {
        operator: operator(number),
        stake,
        peer_key: key(number),
        bls_key: vec![0; 192],
    };
    let members = members.iter().map(row).collect();
    EpochSnapshot { block, epoch: 1, active_from: block + 1, members, table_root: B256::ZERO }
}

fn keys(numbers: &[u8]) -> Option<Vec<[u8; 32]>> {
    Some(numbers.iter().map(|number| key(*number)).collect())
}

#[test]
fn an_operator_is_admitted_from_its_registration_on_and_told_once() {
    let mut admission = Admission::default();
    assert_eq!(admission.news(1), keys(&[]), "an empty registry is news too");
    assert_eq!(admission.news(2), None);
    admission.operator(3, operator(1), Some(key(1)));
    assert_eq!(admission.news(3), keys(&[1]));
    assert_eq!(admission.news(4), None);
    admission.operator(5, operator(2), Some(key(2)));
    admission.operator(5, operator(1), Some(key(9)));
    assert_eq!(admission.news(5), keys(&[2, 9]), "a new key takes the place of the old one");
}

#[test]
fn whoever_left_stays_while_a_committee_counts_on_it() {
    let mut admission = Admission::default();
    admission.operator(1, operator(1), Some(key(1)));
    admission.operator(1, operator(2), Some(key(2)));
    admission.epoch(&epoch(2, &[(1, 5), (2, 5)]));
    assert_eq!(admission.news(2), keys(&[1, 2]));
    admission.operator(10, operator(2), None);
    assert_eq!(admission.news(10), None, "it is in the current committee");
    admission.epoch(&epoch(20, &[(1, 5), (2, 0)]));
    assert_eq!(admission.news(20), None, "the next committee is announced");
    assert_eq!(admission.news(21), None, "its last anchors can still settle");
    admission.epoch(&epoch(40, &[(1, 6), (2, 0)]));
    assert_eq!(admission.news(40), None);
    assert_eq!(admission.news(41), keys(&[1]), "two epochs on, nobody needs it");
}

#[test]
fn an_orphaned_block_takes_back_what_it_said() {
    let mut admission = Admission::default();
    admission.operator(1, operator(1), Some(key(1)));
    admission.operator(1, operator(2), Some(key(2)));
    assert_eq!(admission.news(1), keys(&[1, 2]));
    admission.operator(5, operator(2), None);
    admission.operator(5, operator(3), Some(key(3)));
    admission.epoch(&epoch(5, &[(4, 1)]));
    assert_eq!(admission.news(5), keys(&[1, 3, 4]));
    admission.rewind(4);
    assert_eq!(admission.news(5), keys(&[1, 2]));
    admission.rewind(0);
    admission.operator(1, operator(1), Some(key(1)));
    assert_eq!(admission.news(5), keys(&[1]), "told anew from the start");
}

#[test]
fn an_orphaned_return_leaves_the_departure() {
    let mut admission = Admission::default();
    admission.operator(1, operator(1), Some(key(1)));
    admission.operator(2, operator(1), None);
    admission.operator(5, operator(1), Some(key(9)));
    assert_eq!(admission.news(5), keys(&[9]), "back with a new key");
    admission.rewind(4);
    assert_eq!(admission.news(5), keys(&[]));
    admission.rewind(1);
    assert_eq!(admission.news(5), keys(&[1]), "its first registration still stands");
    for block in 6..200 {
        admission.operator(block, operator(1), Some(key(1)));
    }
    assert_eq!(admission.operators[&operator(1)].len(), CHANGES_MAX);
}

#[test]
fn committees_are_bounded() {
    let mut admission = Admission::default();
    for block in 0..100 {
        admission.epoch(&epoch(block, &[(1, 1)]));
    }
    assert_eq!(admission.committees.len(), COMMITTEES_MAX);
}

#[test]
fn leaving_without_having_come_is_nothing() {
    let mut admission = Admission::default();
    admission.operator(1, operator(1), None);
    assert_eq!(admission.news(1), keys(&[]));
}
