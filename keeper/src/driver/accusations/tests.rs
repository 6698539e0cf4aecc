use alloy::primitives::{Address, B256, Bytes, U256};
use consensus::bls::SecretKey;
use consensus::committee::{Committee, Member, PeerKey};
use contracts::{IChallenger, ReportLib};

use super::{ACCUSATIONS_MAX, Accusations, PAUSE_MAX, SETTLED_BLOCKS, UNDER_WAY_MAX, rank};
use crate::chain::{Accusation, AccusationResult};

fn accusation(number: u64) -> Accusation {
    let statement = IChallenger::Statement {
        report: ReportLib::Report::default(),
        proof: Vec::new(),
        signers: vec![U256::from(4)],
        signature: Bytes::new(),
    };
    Accusation {
        key: B256::from(U256::from(number)),
        epoch: 1,
        first: statement.clone(),
        second: statement,
        task_id: B256::ZERO,
        guilty: vec![2],
    }
}

fn failed() -> AccusationResult {
    AccusationResult::Failed { why: "no answer".to_owned() }
}

#[test]
fn keepers_wait_one_block_longer_than_the_one_before_them() {
    let key = SecretKey::generate(&[7; 32]).public_key();
    let operator = |index: u8| Address::repeat_byte(index + 1);
    let member = |index: u8| {
        let stake = if index == 3 { 0 } else { 10 };
        Member { operator: operator(index), stake, peer_key: PeerKey([index; 32]), key }
    };
    let committee = Committee::new(1, 1, B256::ZERO, (0..6).map(member).collect()).unwrap();
    for number in 0..20 {
        let about = accusation(number);
        let mut ranks: Vec<u64> = [0, 1, 4, 5].map(|index| rank(&about, &committee, operator(index))).into();
        ranks.sort_unstable();
        assert_eq!(ranks, [0, 1, 2, 3], "without the guilty one and the one without stake");
    }
    let firsts = (0..20).map(|number| rank(&accusation(number), &committee, operator(0)));
    assert!(firsts.collect::<std::collections::BTreeSet<_>>().len() > 1, "the order differs from proof to proof");
}

#[test]
fn a_proof_is_let_go_when_it_was_seen_on_chain_twice() {
    let mut open = Accusations::default();
    open.insert(accusation(1));
    open.insert(accusation(1));
    assert!(open.take_due(100, |_| 2).is_empty(), "two others come first");
    assert!(open.take_due(101, |_| 9).is_empty(), "its place stays what it was");
    assert_eq!(open.take_due(102, |_| 9).len(), 1);
    assert!(open.take_due(103, |_| 0).is_empty(), "it is under way");
    let key = accusation(1).key;
    assert!(!open.end(key, &AccusationResult::Mined { tx: B256::ZERO }, 103));
    assert_eq!(open.take_due(104, |_| 0).len(), 1, "looks whether that was all");
    assert!(!open.end(key, &AccusationResult::Proven, 104), "it may be orphaned");
    assert!(open.take_due(104 + SETTLED_BLOCKS - 1, |_| 0).is_empty());
    assert_eq!(open.take_due(104 + SETTLED_BLOCKS, |_| 0).len(), 1);
    assert!(open.end(key, &AccusationResult::Proven, 200));
    assert!(open.take_due(1_000, |_| 0).is_empty());
}

#[test]
fn failures_and_refusals_are_tried_again_with_growing_pauses_until_it_is_too_late() {
    let mut open = Accusations::default();
    open.insert(accusation(1));
    let key = accusation(1).key;
    let mut head = 10;
    for pause in [2, 4, 8, 16, PAUSE_MAX, PAUSE_MAX] {
        assert_eq!(open.take_due(head, |_| 0).len(), 1);
        let refused = AccusationResult::Refused { reason: "UnknownEpoch".to_owned() };
        assert!(!open.end(key, &if pause % 4 == 0 { refused } else { failed() }, head));
        assert!(open.take_due(head + pause - 1, |_| 0).is_empty());
        head += pause;
    }
    assert_eq!(open.take_due(head, |_| 0).len(), 1);
    assert!(open.end(key, &AccusationResult::TooLate, head));
    assert!(open.is_empty());
}

#[test]
fn the_work_is_bounded() {
    let mut open = Accusations::default();
    for number in 0..2 * ACCUSATIONS_MAX as u64 {
        open.insert(accusation(number));
    }
    assert_eq!(open.open.len(), ACCUSATIONS_MAX);
    assert_eq!(open.take_due(5, |_| 0).len(), UNDER_WAY_MAX);
    assert!(open.take_due(5, |_| 0).is_empty());
    open.end(accusation(0).key, &failed(), 5);
    assert_eq!(open.take_due(5, |_| 0).len(), 1, "the next one gets its place");
}
