use serde_bytes::{ByteArray, ByteBuf};

use super::*;
use crate::bls::sign;
use crate::certificate::batch_root;
use crate::codec;
use crate::committee::QUORUM_BPS;
use crate::facts::tests::{DOMAIN, committee, secret, signing, task};
use crate::laws::Kept;
use crate::message::MessageTag;
use crate::report::Anchor;
use crate::task::Status;

const NOW: Time = Time(1_000_000);

/// Five keepers of equal stake, and a batch of tasks pinned to one block.
struct Bench {
    count: Count,
    basis: Basis,
}

fn bench(jobs: u64) -> Bench {
    let anchor = Anchor { number: 20, hash: B256::repeat_byte(2) };
    let basis = Basis {
        input_set: B256::ZERO,
        tasks: (0..jobs).map(task).collect(),
        anchors: vec![anchor; jobs as usize],
        committee: Arc::new(committee(3, 10, 7)),
        quorum_bps: QUORUM_BPS,
        laws: Arc::new(Kept),
    };
    Bench { count: Count::default(), basis }
}

fn found(outcome: u8) -> Finding {
    Finding::reported(Status::Call, B256::repeat_byte(outcome))
}

/// A keeper's partial on the batch, truly signed.
fn partial(bench: &Bench, keeper: u16, findings: &[Finding]) -> Partial {
    let mut partial = Partial {
        assignment: ByteArray::new([1; 32]),
        batch: 0,
        keeper,
        root: ByteArray::new([0; 32]),
        findings: findings.to_vec(),
        execution_tag: ByteArray::new([0; 32]),
        signature: ByteBuf::new(),
    };
    partial.signature = match bench.basis.reports(findings) {
        Some(reports) => {
            partial.root = ByteArray::new(batch_root(&reports).0);
            let digest = DOMAIN.batch_digest(3, batch_root(&reports));
            ByteBuf::from(secret(keeper).sign(digest.as_slice()).to_bytes())
        }
        None => ByteBuf::from(sign(&signing(keeper), partial.abstention_hash(&DOMAIN))),
    };
    partial
}

fn take(bench: &mut Bench, partial: &Partial) -> Fate {
    bench.count.take(partial, &codec::encode(partial), Source::Gossip(MessageTag(1)), &bench.basis, &DOMAIN, NOW)
}

fn hear(bench: &mut Bench, keeper: u16, findings: &[Finding]) {
    let partial = partial(bench, keeper, findings);
    take(bench, &partial);
    bench.count.verify(|| 5);
}

fn rejected(reason: Reason) -> Fate {
    Fate::Judged(Verdict::Reject(reason))
}

#[test]
fn four_of_five_make_a_certificate() {
    let mut bench = bench(2);
    for keeper in 0..4 {
        assert!(bench.count.certify(&bench.basis).is_none());
        hear(&mut bench, keeper, &[found(1), found(2)]);
    }
    let certificate = bench.count.certify(&bench.basis).unwrap();
    assert_eq!(certificate.verify(&bench.basis.committee, &DOMAIN, QUORUM_BPS), Ok(()));
    assert!(!bench.count.is_complete(&bench.basis));
    hear(&mut bench, 4, &[found(1), found(2)]);
    assert!(bench.count.is_complete(&bench.basis) && bench.count.certify(&bench.basis).unwrap().signers.count() == 5);
}

#[test]
fn partials_that_cannot_be_right_are_rejected_by_name() {
    let mut bench = bench(2);
    let good = partial(&bench, 0, &[found(1), found(2)]);
    let stranger = Partial { keeper: 5, ..good.clone() };
    assert_eq!(take(&mut bench, &stranger), rejected(Reason::NotMember));
    let short = Partial { findings: vec![found(1)], ..good.clone() };
    assert_eq!(take(&mut bench, &short), rejected(Reason::WrongBatch));
    let mut infinity = vec![0; 48];
    infinity[0] = 0xc0;
    let infinity = Partial { signature: ByteBuf::from(infinity), ..good.clone() };
    assert_eq!(take(&mut bench, &infinity), rejected(Reason::InvalidPoint));
    let abstaining = partial(&bench, 0, &[found(1), Finding::abstained(3)]);
    let for_another = Partial { keeper: 1, ..abstaining };
    assert_eq!(take(&mut bench, &for_another), rejected(Reason::InvalidPeerSignature));
    assert_eq!(bench.count.heard().count(), 0);
}

#[test]
fn a_tampered_partial_is_rejected_once_its_signature_is_checked() {
    let mut bench = bench(1);
    let honest = partial(&bench, 0, &[found(1)]);
    let other = partial(&bench, 1, &[found(9)]);
    let tampered = Partial { findings: vec![found(9)], root: other.root, ..honest.clone() };
    assert_eq!(take(&mut bench, &tampered), Fate::Pending);
    let verdicts: Vec<Verdict> = bench.count.verify(|| 5).iter().map(|verified| verified.verdict).collect();
    assert_eq!(verdicts, [Verdict::Reject(Reason::InvalidSignature)]);
    assert_eq!(take(&mut bench, &honest), Fate::Pending, "and does not stand in the honest one's way");
}

#[test]
fn a_partial_about_another_chain_is_nobodys_fault() {
    let mut bench = bench(1);
    let there = partial(&bench, 0, &[found(1)]);
    for anchor in &mut bench.basis.anchors {
        anchor.hash = B256::repeat_byte(0x77);
    }
    assert_eq!(
        take(&mut bench, &there),
        Fate::Early(Awaits::Basis(there.key())),
        "it may be this keeper that lags behind"
    );
    assert_eq!(bench.count.heard().count(), 0);
}

#[test]
fn a_second_word_in_one_batch_is_told() {
    let mut bench = bench(1);
    hear(&mut bench, 0, &[found(1)]);
    let again = partial(&bench, 0, &[found(1)]);
    assert_eq!(take(&mut bench, &again), Fate::Judged(Verdict::Ignore(Reason::Duplicate)));
    let second = partial(&bench, 0, &[found(2)]);
    assert_eq!(take(&mut bench, &second), Fate::Pending);
    let verified = bench.count.verify(|| 5);
    assert_eq!(verified[0].verdict, Verdict::Ignore(Reason::Conflicting));
    let said = verified[0].said.clone().unwrap();
    assert_eq!((said.signer, said.leaves.reports[0].outcome_hash), (KeeperIndex(0), B256::repeat_byte(2)));
}

#[test]
fn a_split_batch_is_hopeless_and_says_what_a_quorum_would_sign() {
    let mut bench = bench(3);
    for keeper in 0..4 {
        hear(&mut bench, keeper, &[found(1), found(10 + keeper as u8), found(3)]);
        // Three roots of one keeper each: the two silent ones can lift none of them to four.
        assert_eq!(bench.count.is_hopeless(&bench.basis), keeper >= 2);
    }
    assert_eq!(bench.count.agreed(&bench.basis), [task(0), task(2)]);
}

#[test]
fn abstentions_split_a_batch_too() {
    let mut bench = bench(2);
    for keeper in 0..2 {
        hear(&mut bench, keeper, &[found(1), Finding::abstained(2)]);
    }
    assert!(bench.count.is_hopeless(&bench.basis), "two of five will sign nothing of it");
    assert!(bench.count.agreed(&bench.basis).is_empty(), "two keepers are no quorum");
    for keeper in 2..5 {
        hear(&mut bench, keeper, &[found(1), found(2)]);
    }
    assert_eq!(bench.count.agreed(&bench.basis), [task(0)]);
}

#[test]
fn agreement_is_joint() {
    // Each task has four keepers behind it, but no four keepers stand behind both.
    let mut bench = bench(2);
    hear(&mut bench, 0, &[found(9), found(2)]);
    hear(&mut bench, 1, &[found(1), found(9)]);
    for keeper in 2..5 {
        hear(&mut bench, keeper, &[found(1), found(2)]);
    }
    assert!(bench.count.is_hopeless(&bench.basis));
    assert_eq!(bench.count.agreed(&bench.basis).len(), 1);
}
