use super::*;
use crate::bls::{SecretKey, aggregate_signatures};
use crate::certificate::batch_root;
use crate::committee::tests::committee_of;
use crate::report::Anchor;
use crate::task::{InstanceKey, JobId, Status, Task};

const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: alloy_primitives::Address::repeat_byte(0x11) };

fn report(job: u64, outcome: u8) -> Report {
    Report {
        task: Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(7) },
        anchor: Anchor { number: 40, hash: B256::repeat_byte(4) },
        input_set: B256::ZERO,
        status: Status::Call,
        outcome_hash: B256::repeat_byte(outcome),
    }
}

fn statement(reports: &[Report], position: usize, signers: &[u8], epoch: u32) -> Statement {
    let digest = DOMAIN.batch_digest(epoch, batch_root(reports));
    let signatures: Vec<_> =
        signers.iter().map(|&k| SecretKey::generate(&[k + 1; 32]).sign(digest.as_slice())).collect();
    let set = signers.iter().map(|&k| KeeperIndex(u16::from(k))).collect();
    Statement::new(reports, position, 4, set, aggregate_signatures(&signatures).unwrap()).unwrap()
}

fn guilty(evidence: &Evidence) -> Result<Vec<u16>, EvidenceError> {
    let committee = committee_of(&[1, 1, 1, 1]);
    evidence.verify(&committee, &DOMAIN).map(|set| set.iter().map(|index| index.0).collect())
}

#[test]
fn two_partials_of_one_keeper_convict_it() {
    let one = statement(&[report(1, 1), report(2, 2)], 0, &[2], 3);
    let other = statement(&[report(1, 9)], 0, &[2], 3);
    assert_eq!(guilty(&Evidence::new(3, one, other).unwrap()), Ok(vec![2]));
}

#[test]
fn two_certificates_convict_the_intersection() {
    let one = statement(&[report(1, 1), report(2, 2), report(3, 3)], 1, &[0, 1, 2], 3);
    let other = statement(&[report(2, 5), report(3, 3)], 0, &[1, 2, 3], 3);
    assert_eq!(guilty(&Evidence::new(3, one, other).unwrap()), Ok(vec![1, 2]));
}

#[test]
fn honest_keepers_cannot_be_framed() {
    let good = statement(&[report(1, 1)], 0, &[2], 3);
    let by_another = statement(&[report(1, 9)], 0, &[1], 3);
    let nobody = Evidence::new(3, good.clone(), by_another.clone()).unwrap();
    assert_eq!(guilty(&nobody), Err(EvidenceError::NobodyGuilty));
    let mut claimed = by_another;
    claimed.signers = good.signers.clone();
    assert_eq!(guilty(&Evidence::new(3, good.clone(), claimed).unwrap()), Err(EvidenceError::Signature));
    // The same report in two batches is allowed.
    let again = statement(&[report(1, 1), report(2, 2)], 0, &[2], 3);
    assert_eq!(guilty(&Evidence::new(3, good.clone(), again).unwrap()), Err(EvidenceError::NoConflict));
    // So are different tasks, other anchors, other input sets.
    for change in [
        |report: &mut Report| report.task.job = JobId(5),
        |report: &mut Report| report.anchor.hash = B256::repeat_byte(8),
        |report: &mut Report| report.input_set = B256::repeat_byte(8),
    ] {
        let mut other = report(1, 9);
        change(&mut other);
        let other = statement(&[other], 0, &[2], 3);
        assert_eq!(guilty(&Evidence::new(3, good.clone(), other).unwrap()), Err(EvidenceError::NoConflict));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let one = statement(&[report(1, 1)], 0, &[2], 3);
    let other = statement(&[report(1, 9)], 0, &[2], 3);
    let evidence = Evidence::new(3, one.clone(), other.clone()).unwrap();
    let swapped = Evidence { epoch: 3, first: evidence.second.clone(), second: evidence.first.clone() };
    assert_eq!(guilty(&swapped), Err(EvidenceError::NoConflict));
    assert_eq!(guilty(&Evidence { epoch: 4, ..evidence.clone() }), Err(EvidenceError::Epoch));
    let mut stray = evidence.clone();
    stray.first.signers = ByteBuf::from([0x24]);
    assert_eq!(guilty(&stray), Err(EvidenceError::Malformed));
    let mut empty = evidence.clone();
    empty.first.signers = ByteBuf::from([0]);
    assert_eq!(guilty(&empty), Err(EvidenceError::Malformed));
    let mut long = evidence.clone();
    long.first.proof = vec![ByteArray::new([0; 32]); 9];
    assert_eq!(guilty(&long), Err(EvidenceError::Malformed));
    let signed_elsewhere = Evidence::new(3, one, statement(&[report(1, 9)], 0, &[2], 4)).unwrap();
    assert_eq!(guilty(&signed_elsewhere), Err(EvidenceError::Signature));
}
