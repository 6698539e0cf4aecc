use alloy::primitives::{Address, B256};
use consensus::bls::SecretKey;
use consensus::codec;
use consensus::committee::{KeeperIndex, Member, PeerKey};
use consensus::message::{Finding, PARTIAL_LIMIT};
use consensus::report::{Anchor, Report};
use consensus::task::{InstanceKey, JobId, Status, Task};
use serde_bytes::{ByteArray, ByteBuf};

use super::*;

fn committee(size: u8) -> Committee {
    let member = |number: u8| Member {
        operator: Address::repeat_byte(number + 1),
        stake: 1_000,
        peer_key: PeerKey([number; 32]),
        key: SecretKey::generate(&[number + 1; 32]).public_key(),
    };
    Committee::new(1, 1, B256::ZERO, (0..size).map(member).collect()).unwrap()
}

fn partial(keeper: u16, root: u8, reason: Option<u8>) -> Vec<u8> {
    let finding = reason.map_or_else(|| Finding::reported(Status::Call, B256::ZERO), Finding::abstained);
    codec::encode(&Partial {
        assignment: ByteArray::new([7; 32]),
        batch: 0,
        keeper,
        root: ByteArray::new([root; 32]),
        findings: vec![finding],
        execution_tag: ByteArray::new([0; 32]),
        signature: ByteBuf::from(vec![0; if reason.is_some() { 64 } else { 48 }]),
    })
}

#[test]
fn who_signed_who_abstained_and_who_was_not_heard_is_told_once_it_is_quiet() {
    let (mut voices, committee, now) = (Voices::default(), committee(5), Time(1_000_000));
    voices.said(Channel::Partials, &partial(0, 1, None), now);
    for (number, bytes) in [partial(1, 1, None), partial(2, 9, None), partial(3, 0, Some(6))].iter().enumerate() {
        voices.heard(number as u64, Channel::Partials, bytes);
        voices.judged(number as u64, true, now);
    }
    assert!(voices.take_due(&committee, Time(now.0 + 1_999)).is_empty());
    let told = voices.take_due(&committee, Time(now.0 + 2_000));
    let words =
        "2 of 5 signed; abstained: 0x0404…0404 busy; signed another result: 0x0303…0303; not heard: 0x0505…0505";
    assert_eq!(told.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>(), [words]);
    assert!(voices.take_due(&committee, Time(now.0 + 9_000)).is_empty(), "once");
    voices.said(Channel::Partials, &partial(4, 1, None), Time(now.0 + 9_000));
    assert_eq!(voices.take_due(&committee, Time(now.0 + 11_000)).len(), 1, "and again with what came since");
}

/// Where partials go straight to those who lead, the others hear of them by the certificate.
#[test]
fn whoever_is_in_the_certificate_has_signed() {
    let (mut voices, committee, now) = (Voices::default(), committee(5), Time(1_000_000));
    let task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(0) };
    let anchor = Anchor { number: 9, hash: B256::ZERO };
    let (input_set, outcome_hash) = (B256::ZERO, B256::ZERO);
    let reports = vec![Report { task, anchor, input_set, status: Status::Call, outcome_hash }];
    let mut mine: Partial = codec::decode(&partial(0, 1, None), PARTIAL_LIMIT).unwrap();
    mine.root = ByteArray::new(batch_root(&reports).0);
    voices.said(Channel::Partials, &codec::encode(&mine), now);
    let signers = [0, 1, 2, 4].map(KeeperIndex).into_iter().collect();
    let signature = SecretKey::generate(&[1; 32]).sign(b"any");
    voices.certified(&Certificate { epoch: 1, reports, signers, signature });
    let told = voices.take_due(&committee, Time(now.0 + 2_000));
    let words = "4 of 5 signed; not heard: 0x0404…0404";
    assert_eq!(told.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>(), [words]);
}

#[test]
fn what_is_not_accepted_or_no_partial_counts_for_nothing_and_all_is_bounded() {
    let (mut voices, now) = (Voices::default(), Time(1_000_000));
    voices.heard(1, Channel::Partials, &partial(1, 1, None));
    voices.judged(1, false, now);
    voices.heard(2, Channel::Partials, &[1, 2, 3]);
    voices.heard(3, Channel::Certificates, &partial(1, 1, None));
    voices.judged(3, true, now);
    assert!(voices.batches.is_empty() && voices.waiting.is_empty());
    for number in 0..10_000 {
        voices.heard(number, Channel::Partials, &partial(1, 1, None));
    }
    assert_eq!(voices.waiting.len(), WAITING_MAX);
    for number in 0..1_000_u16 {
        let key = BatchKey { assignment: B256::from(alloy::primitives::U256::from(number)), batch: 0 };
        voices.note(key, 0, Word::Abstained(200), Time(now.0 + u64::from(number)));
    }
    assert_eq!(voices.batches.len(), BATCHES_MAX);
    assert!(voices.take_due(&committee(1), Time(now.0 + 99_000)).len() <= TOLD_MAX);
}

#[test]
fn the_longest_words_stay_short() {
    let said = (0..200_u16)
        .map(|keeper| (keeper, if keeper % 2 == 0 { Word::Abstained(4) } else { Word::Signed([keeper as u8; 32]) }));
    let words = words(&said.collect(), &committee(210));
    assert!(words.chars().count() <= 300, "{words}");
    assert!(words.contains("and 96 more") && words.contains("not heard"), "{words}");
}

#[test]
fn reasons_have_their_numbers() {
    for reason in REASONS {
        assert_eq!(reason_name(reason as u8), reason.name());
    }
}
