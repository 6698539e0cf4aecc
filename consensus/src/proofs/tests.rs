use alloy_primitives::B256;

use super::*;
use crate::bls::aggregate_signatures;
use crate::certificate::batch_root;
use crate::facts::tests::{DOMAIN, block, committee, due, facts, secret, task};
use crate::outbox::tests::texts;
use crate::task::Status;
use crate::time::Time;

/// The second of the block that all reports are pinned to.
const ANCHOR: u64 = 998;

fn report(job: u64, outcome: u8) -> Report {
    let outcome_hash = B256::repeat_byte(outcome);
    let anchor = block(ANCHOR).into();
    Report { task: task(job), anchor, input_set: B256::ZERO, status: Status::Call, outcome_hash }
}

fn sign(reports: &[Report], signer: u16) -> Signature {
    secret(signer).sign(DOMAIN.batch_digest(1, batch_root(reports)).as_slice())
}

/// What proves that a keeper gave a job these two outcomes.
fn evidence(job: u64, outcomes: (u8, u8), signer: u16) -> Evidence {
    let statement = |outcome: u8| {
        let reports = [report(job, outcome)];
        of_partial(&reports, 0, 5, KeeperIndex(signer), sign(&reports, signer)).unwrap()
    };
    Evidence::new(1, statement(outcomes.0), statement(outcomes.1)).unwrap()
}

fn certificate(epoch: u32, outcome: u8, signers: &[u16]) -> Arc<Certificate> {
    let reports = vec![report(1, outcome)];
    let signatures: Vec<_> = signers.iter().map(|&signer| sign(&reports, signer)).collect();
    let signature = aggregate_signatures(&signatures).unwrap();
    let signers = signers.iter().map(|&signer| KeeperIndex(signer)).collect();
    Arc::new(Certificate { epoch, reports, signers, signature })
}

/// Sessions that know of job 1 alone.
fn sessions(facts: &Facts) -> Sessions {
    let mut sessions = Sessions::default();
    assert!(sessions.learn(due(1, 1_000), facts, Time::from_seconds(990), &mut Outbox::default()));
    sessions
}

fn considered(proofs: &mut Proofs, evidence: &Evidence, facts: &Facts) -> (Verdict, Vec<String>) {
    let mut outbox = Outbox::default();
    let verdict = proofs.consider(evidence, facts, &sessions(facts), &mut outbox);
    (verdict, texts(&mut outbox))
}

fn blame(keeper: u16) -> String {
    format!("blame {:?}", Fault::Equivocation(KeeperIndex(keeper)))
}

#[test]
fn a_proof_is_kept_once_for_its_task_and_the_guilty() {
    let (mut proofs, facts) = (Proofs::default(), facts(0, 1_200));
    let first = considered(&mut proofs, &evidence(1, (1, 2), 3), &facts);
    assert_eq!(first, (Verdict::Accept, vec![blame(3), "keep".to_owned()]));
    let again = considered(&mut proofs, &evidence(1, (1, 4), 3), &facts);
    assert_eq!(again, (Verdict::Ignore(Reason::Duplicate), Vec::new()), "it is convicted already");
    assert_eq!(considered(&mut proofs, &evidence(1, (1, 2), 4), &facts).0, Verdict::Accept);
    assert_eq!(considered(&mut proofs, &evidence(2, (1, 2), 3), &facts).0, Verdict::Accept);
}

#[test]
fn what_proves_nothing_is_turned_away_and_leaves_nothing() {
    let (mut proofs, facts) = (Proofs::default(), facts(0, 1_200));
    let good = evidence(1, (1, 2), 3);
    let elsewhen = Evidence { epoch: 2, ..good.clone() };
    assert_eq!(considered(&mut proofs, &elsewhen, &facts), (Verdict::Ignore(Reason::UnknownContext), Vec::new()));
    let other = evidence(1, (1, 2), 4);
    let mut forged = good.clone();
    forged.first.signature = other.first.signature;
    let same = Evidence { second: good.first.clone(), ..good };
    for bad in [forged, same] {
        let turned_away = (Verdict::Reject(Reason::InvalidEvidence), Vec::new());
        assert_eq!(considered(&mut proofs, &bad, &facts), turned_away, "{bad:?}");
    }
    assert!(proofs.0.is_empty());
}

/// Contradictions about tasks that never were cost their signer nothing: they are no more than its own share, and give way to one
/// that the contract would take.
#[test]
fn a_keeper_fills_its_own_share_with_inventions_and_no_other() {
    let (mut proofs, facts) = (Proofs::default(), facts(0, 1_200));
    for job in 0..EVIDENCE_EACH as u64 {
        assert_eq!(considered(&mut proofs, &evidence(100 + job, (1, 2), 3), &facts).0, Verdict::Accept);
    }
    let over = (Verdict::Ignore(Reason::OverLimit), Vec::new());
    assert_eq!(considered(&mut proofs, &evidence(9_999, (1, 2), 3), &facts), over);
    assert_eq!(
        considered(&mut proofs, &evidence(9_999, (1, 2), 4), &facts).0,
        Verdict::Accept,
        "another keeper's share"
    );
    assert_eq!(considered(&mut proofs, &evidence(1, (1, 2), 3), &facts).0, Verdict::Accept, "a task that is known");
    assert_eq!(proofs.of_keeper(KeeperIndex(3)).count(), EVIDENCE_EACH);
    assert_eq!(considered(&mut proofs, &evidence(1, (1, 2), 3), &facts).0, Verdict::Ignore(Reason::Duplicate));
}

#[test]
fn a_proof_of_a_block_that_has_not_come_is_none_yet() {
    let (mut proofs, mut facts) = (Proofs::default(), facts(0, ANCHOR - AHEAD_BLOCKS - 1));
    let early = (Verdict::Ignore(Reason::UnknownContext), Vec::new());
    assert_eq!(considered(&mut proofs, &evidence(1, (1, 2), 3), &facts), early);
    facts.push(block(ANCHOR - AHEAD_BLOCKS));
    assert_eq!(considered(&mut proofs, &evidence(1, (1, 2), 3), &facts).0, Verdict::Accept);
}

#[test]
fn what_an_earlier_run_kept_is_taken_back_if_it_is_a_proof() {
    let (mut proofs, facts, mut outbox) = (Proofs::default(), facts(0, 1_200), Outbox::default());
    proofs.restore(b"no proof", &facts, &Sessions::default(), &mut outbox);
    assert!(texts(&mut outbox).is_empty());
    proofs.restore(&codec::encode(&evidence(1, (1, 2), 3)), &facts, &Sessions::default(), &mut outbox);
    assert_eq!(texts(&mut outbox), [blame(3), "keep".to_owned()]);
}

#[test]
fn a_proof_is_said_again_until_its_anchor_is_too_old() {
    let (mut proofs, mut facts, mut outbox) = (Proofs::default(), facts(0, 1_200), Outbox::default());
    proofs.consider(&evidence(1, (1, 2), 3), &facts, &Sessions::default(), &mut outbox);
    outbox.take();
    for (head, said) in [(ANCHOR + EVIDENCE_BLOCKS, true), (ANCHOR + EVIDENCE_BLOCKS + 1, false)] {
        facts.push(block(head));
        proofs.repeat(&facts, &mut outbox);
        assert_eq!(texts(&mut outbox).contains(&"send evidence".to_owned()), said, "at block {head}");
    }
    assert!(proofs.0.is_empty());
}

#[test]
fn two_certificates_convict_whoever_signed_both_and_say_so_once() {
    let (mut proofs, facts, mut outbox) = (Proofs::default(), facts(0, 1_200), Outbox::default());
    let mut sessions = sessions(&facts);
    let (one, other) = (certificate(1, 1, &[0, 1, 2, 3]), certificate(1, 2, &[1, 2, 3, 4]));
    proofs.note_certificate(&one, &facts, &mut sessions, &mut outbox);
    proofs.note_certificate(&one, &facts, &mut sessions, &mut outbox);
    assert!(texts(&mut outbox).is_empty());
    proofs.note_certificate(&other, &facts, &mut sessions, &mut outbox);
    let convicted = [blame(1), blame(2), blame(3), "keep".to_owned(), "send evidence".to_owned()];
    assert_eq!(texts(&mut outbox), convicted);
    proofs.note_certificate(&other, &facts, &mut sessions, &mut outbox);
    assert!(texts(&mut outbox).is_empty());
}

#[test]
fn certificates_of_two_epochs_or_of_an_unknown_task_convict_nobody() {
    let (mut proofs, mut facts, mut outbox) = (Proofs::default(), facts(0, 1_200), Outbox::default());
    facts.enter_epoch(committee(2, 1_100, 6));
    let mut known = sessions(&facts);
    proofs.note_certificate(&certificate(1, 1, &[0, 1, 2, 3]), &facts, &mut known, &mut outbox);
    proofs.note_certificate(&certificate(2, 2, &[0, 1, 2, 3]), &facts, &mut known, &mut outbox);
    let mut none = Sessions::default();
    for outcome in [1, 2] {
        proofs.note_certificate(&certificate(1, outcome, &[0, 1, 2, 3]), &facts, &mut none, &mut outbox);
    }
    assert!(texts(&mut outbox).is_empty() && proofs.0.is_empty());
}

#[test]
fn a_second_word_is_blamed_even_if_the_first_is_no_longer_at_hand_to_prove_it() {
    let (mut proofs, facts, mut outbox) = (Proofs::default(), facts(0, 1_200), Outbox::default());
    let (mut sessions, batches) = (sessions(&facts), Batches::default());
    let mut said_in = |batch: u8, outcome: u8, signer: u16, is_alone: bool| {
        let said = Leaves::of(vec![report(1, outcome)]);
        let key = BatchKey { assignment: B256::repeat_byte(1), batch };
        let signature = sign(&said.reports, signer).into();
        let statement = Statement { key, signer: KeeperIndex(signer), said: &said, signature, is_alone };
        proofs.note_said(&statement, &facts, &mut sessions, &batches, &mut outbox);
        texts(&mut outbox)
    };
    assert!(said_in(0, 1, 3, true).is_empty());
    assert!(said_in(1, 1, 3, true).is_empty(), "the same in two batches is fine");
    assert!(said_in(0, 2, 4, true).is_empty(), "two keepers may differ");
    assert!(said_in(1, 2, 3, false).is_empty(), "what was verified in a sum blames nobody without a proof");
    assert_eq!(said_in(1, 2, 3, true), [blame(3)]);
}
