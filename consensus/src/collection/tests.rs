use alloy_primitives::Address;
use ed25519_dalek::{Signer, SigningKey};
use serde_bytes::{ByteArray, ByteBuf};

use super::*;
use crate::bls::SecretKey;
use crate::certificate::batch_root;
use crate::codec;
use crate::committee::tests::committee_of;
use crate::committee::{Member, PeerKey, QUORUM_BPS};
use crate::task::{InstanceKey, JobId, Status};
use crate::time::GRACE;

const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };
const NOW: Time = Time(1_000_000);

fn task(job: u64) -> Task {
    Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(1) }
}

fn peer_key(keeper: u16) -> SigningKey {
    SigningKey::from_bytes(&[keeper as u8 + 1; 32])
}

/// Five keepers of equal stake, and a batch of `jobs` tasks pinned to one block.
fn collection(jobs: u64) -> Collection {
    let plain = committee_of(&[100; 5]);
    let members = (0u16..).zip(plain.members()).map(|(keeper, member)| Member {
        peer_key: PeerKey(peer_key(keeper).verifying_key().to_bytes()),
        ..member.clone()
    });
    let committee = Committee::new(3, 10, plain.table_root(), members.collect()).unwrap();
    let key = BatchKey { assignment: B256::repeat_byte(1), batch: 0 };
    let mut collection =
        Collection::new(key, (0..jobs).map(task).collect(), 0, Place { window: 7, stage: 0, leader: KeeperIndex(0) });
    let anchor = Anchor { number: 20, hash: B256::repeat_byte(2) };
    collection.basis =
        Some(Basis { anchors: vec![anchor; jobs as usize], committee: Arc::new(committee), quorum_bps: QUORUM_BPS });
    collection
}

fn found(outcome: u8) -> Finding {
    Finding::reported(Status::Call, B256::repeat_byte(outcome))
}

/// A keeper's partial on the batch, truly signed.
fn partial(collection: &Collection, keeper: u16, findings: &[Finding]) -> Partial {
    let basis = collection.basis.as_ref().unwrap();
    let mut partial = Partial {
        assignment: ByteArray::new(collection.key.assignment.0),
        batch: 0,
        keeper,
        root: ByteArray::new([0; 32]),
        findings: findings.to_vec(),
        execution_tag: ByteArray::new([0; 32]),
        signature: ByteBuf::new(),
    };
    partial.signature = match reports(&collection.tasks, &basis.anchors, findings) {
        Some(reports) => {
            partial.root = ByteArray::new(batch_root(&reports).0);
            let digest = DOMAIN.batch_digest(3, batch_root(&reports));
            let secret = SecretKey::generate(&[keeper as u8 + 1; 32]);
            ByteBuf::from(secret.sign(digest.as_slice()).to_bytes())
        }
        None => ByteBuf::from(peer_key(keeper).sign(partial.abstention_hash(&DOMAIN).as_slice()).to_bytes()),
    };
    partial
}

fn take(collection: &mut Collection, partial: &Partial) -> Taken {
    collection.take(partial, &codec::encode(partial), None, &DOMAIN, NOW)
}

fn hear(collection: &mut Collection, keeper: u16, findings: &[Finding]) {
    let partial = partial(collection, keeper, findings);
    take(collection, &partial);
    collection.verify(|| 5);
}

fn rejected(reason: Reason) -> Taken {
    Taken::Judged(Verdict::Reject(reason))
}

#[test]
fn four_of_five_make_a_certificate() {
    let mut collection = collection(2);
    for keeper in 0..4 {
        assert!(collection.certify().is_none());
        hear(&mut collection, keeper, &[found(1), found(2)]);
    }
    let certificate = collection.certify().unwrap();
    let basis = collection.basis.as_ref().unwrap();
    assert_eq!(certificate.verify(&basis.committee, &DOMAIN, QUORUM_BPS), Ok(()));
    assert!(!collection.is_complete());
    hear(&mut collection, 4, &[found(1), found(2)]);
    assert!(collection.is_complete() && collection.certify().unwrap().signers.count() == 5);
}

#[test]
fn partials_that_cannot_be_right_are_rejected_by_name() {
    let mut collection = collection(2);
    let good = partial(&collection, 0, &[found(1), found(2)]);
    let stranger = Partial { keeper: 5, ..good.clone() };
    assert_eq!(take(&mut collection, &stranger), rejected(Reason::NotMember));
    let short = Partial { findings: vec![found(1)], ..good.clone() };
    assert_eq!(take(&mut collection, &short), rejected(Reason::WrongBatch));
    let mut infinity = vec![0; 48];
    infinity[0] = 0xc0;
    let infinity = Partial { signature: ByteBuf::from(infinity), ..good.clone() };
    assert_eq!(take(&mut collection, &infinity), rejected(Reason::InvalidPoint));
    let abstaining = partial(&collection, 0, &[found(1), Finding::abstained(3)]);
    let for_another = Partial { keeper: 1, ..abstaining };
    assert_eq!(take(&mut collection, &for_another), rejected(Reason::InvalidPeerSignature));
    assert_eq!(collection.heard().count(), 0);
}

#[test]
fn a_tampered_partial_is_rejected_once_its_signature_is_checked() {
    let mut collection = collection(1);
    let honest = partial(&collection, 0, &[found(1)]);
    let other = partial(&collection, 1, &[found(9)]);
    let tampered = Partial { findings: vec![found(9)], root: other.root, ..honest.clone() };
    assert_eq!(take(&mut collection, &tampered), Taken::Pending);
    let verdicts: Vec<Verdict> = collection.verify(|| 5).iter().map(|verified| verified.verdict).collect();
    assert_eq!(verdicts, [Verdict::Reject(Reason::InvalidSignature)]);
    assert_eq!(take(&mut collection, &honest), Taken::Pending, "and does not stand in the honest one's way");
}

#[test]
fn a_partial_about_another_chain_is_nobodys_fault() {
    let mut collection = collection(1);
    let there = partial(&collection, 0, &[found(1)]);
    for anchor in &mut collection.basis.as_mut().unwrap().anchors {
        anchor.hash = B256::repeat_byte(0x77);
    }
    assert_eq!(take(&mut collection, &there), Taken::TooEarly, "it may be this keeper that lags behind");
    assert_eq!(collection.heard().count(), 0);
}

#[test]
fn a_second_word_in_one_batch_is_told() {
    let mut collection = collection(1);
    hear(&mut collection, 0, &[found(1)]);
    let again = partial(&collection, 0, &[found(1)]);
    assert_eq!(take(&mut collection, &again), Taken::Judged(Verdict::Ignore(Reason::Duplicate)));
    let second = partial(&collection, 0, &[found(2)]);
    assert_eq!(take(&mut collection, &second), Taken::Pending);
    let verified = collection.verify(|| 5);
    assert_eq!(verified[0].verdict, Verdict::Ignore(Reason::Conflicting));
    let (signer, said, _) = verified[0].said.clone().unwrap();
    assert_eq!((signer, said.reports[0].outcome_hash), (KeeperIndex(0), B256::repeat_byte(2)));
}

#[test]
fn without_a_basis_it_is_too_early() {
    let mut collection = collection(1);
    let early = partial(&collection, 0, &[found(1)]);
    collection.basis = None;
    assert_eq!(take(&mut collection, &early), Taken::TooEarly);
}

#[test]
fn a_split_batch_is_hopeless_and_says_what_a_quorum_would_sign() {
    let mut collection = collection(3);
    for keeper in 0..4 {
        hear(&mut collection, keeper, &[found(1), found(10 + keeper as u8), found(3)]);
        // Three roots of one keeper each: the two silent ones can lift none of them to four.
        assert_eq!(collection.is_hopeless(), keeper >= 2);
    }
    assert_eq!(collection.agreed(), [task(0), task(2)]);
}

#[test]
fn abstentions_split_a_batch_too() {
    let mut collection = collection(2);
    for keeper in 0..2 {
        hear(&mut collection, keeper, &[found(1), Finding::abstained(2)]);
    }
    assert!(collection.is_hopeless(), "two of five will sign nothing of it");
    assert!(collection.agreed().is_empty(), "two keepers are no quorum");
    for keeper in 2..5 {
        hear(&mut collection, keeper, &[found(1), found(2)]);
    }
    assert_eq!(collection.agreed(), [task(0)]);
}

#[test]
fn agreement_is_joint() {
    // Each task has four keepers behind it, but no four keepers stand behind both.
    let mut collection = collection(2);
    hear(&mut collection, 0, &[found(9), found(2)]);
    hear(&mut collection, 1, &[found(1), found(9)]);
    for keeper in 2..5 {
        hear(&mut collection, keeper, &[found(1), found(2)]);
    }
    assert!(collection.is_hopeless());
    assert_eq!(collection.agreed().len(), 1);
}

#[test]
fn turns_pass_on_quickly_over_the_silent_and_slowly_over_the_others() {
    let mut collection = collection(1);
    for keeper in [0, 2, 3, 4] {
        hear(&mut collection, keeper, &[found(1)]);
    }
    let line = [1, 0, 2].map(KeeperIndex);
    collection.turn = Some(Turn { place: 0, opened: NOW, sent: false });
    let place =
        |collection: &mut Collection, at: u64| collection.advance_turn(NOW.plus(at), &line, 3_000).unwrap().place;
    assert_eq!(place(&mut collection, FAST_SKIP - 1), 0);
    assert_eq!(place(&mut collection, FAST_SKIP), 1, "keeper 1 has shown nothing");
    assert_eq!(place(&mut collection, FAST_SKIP + 2_999), 1);
    assert_eq!(place(&mut collection, FAST_SKIP + 3_000), 2);
    assert_eq!(place(&mut collection, FAST_SKIP + 6_000), 3, "and round again");
    let first = Turn { place: 0, opened: NOW, sent: false };
    assert_eq!(collection.submit_at(&first), NOW.plus(GRACE), "the first in line waits for further signers");
    assert_eq!(collection.submit_at(&Turn { place: 1, ..first }), NOW);
}
