use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use consensus::certificate::batch_root;
use consensus::merkle;
use consensus::report::{Anchor, Report};
use consensus::task::{InstanceKey, JobId, Outcome, Status, Task};
use contracts::ITaskManager::{Batch, Certificate};
use contracts::SettledTask;
use contracts::TaskManager::settleCall;
use proptest::prelude::*;

use super::{certificates, certified};
use crate::chain::{Settlement, convert};

const CODE: B256 = B256::repeat_byte(0xcc);

fn task(job: u64) -> Task {
    Task { job: JobId(job), version: 2, instance: InstanceKey::from_run(job * 3) }
}

/// A batch as keepers certify it: calls and skips by turns, at two anchors.
fn batch(count: u64) -> (Vec<Report>, Vec<Outcome>) {
    let row = |job: u64| {
        let status = if job.is_multiple_of(2) { Status::Call } else { Status::Skip };
        let outcome = Outcome {
            status,
            data: Bytes::from(vec![7; job as usize]),
            state_after: B256::ZERO,
            transcript: B256::repeat_byte(job as u8),
        };
        let anchor = Anchor { number: 100 + job % 2, hash: B256::repeat_byte(1 + (job % 2) as u8) };
        let outcome_hash = outcome.hash(CODE);
        (Report { task: task(job), anchor, input_set: B256::ZERO, status, outcome_hash }, outcome)
    };
    (1..=count).map(row).unzip()
}

/// The calldata of a settlement as this program sends it.
fn sent(count: u64) -> (settleCall, Vec<Report>) {
    let (reports, outcomes) = batch(count);
    let certificate = consensus::certificate::Certificate {
        epoch: 9,
        reports: reports.clone(),
        signers: [consensus::committee::KeeperIndex(2)].into_iter().collect(),
        signature: consensus::bls::SecretKey::generate(&[1; 32]).sign(b"it"),
    };
    let settlement = consensus::effect::Settlement {
        key: consensus::message::BatchKey { assignment: B256::ZERO, batch: 0 },
        certificate,
        code_hashes: vec![CODE; outcomes.len()],
        callback_gas: vec![1; outcomes.len()],
        outcomes,
        committee_size: 5,
        takeover: false,
    };
    let Settlement { certificate, batch, .. } = convert::settlement(&settlement, Vec::new());
    (settleCall { certificate, batch }, reports)
}

/// What the chain says once it has settled.
fn settled(report: &Report) -> SettledTask {
    SettledTask {
        task_id: report.task.id().0,
        job_id: report.task.job.0,
        job_version: report.task.version,
        instance_key: report.task.instance.0,
        anchor_number: report.anchor.number,
        seconds_late: 0,
        status: report.status as u8,
        delivered: true,
        outcome_hash: report.outcome_hash,
        submitter: Address::ZERO,
    }
}

fn proves(statement: &contracts::IChallenger::Statement, report: &Report, root: B256) {
    assert_eq!(statement.report, convert::report(report));
    let climbed = statement.proof.iter().fold(report.leaf(), |node, sibling| merkle::parent(node, *sibling));
    assert_eq!(climbed, root);
}

#[test]
fn every_report_of_a_settlement_is_shown_with_a_proof_of_it() {
    for count in [1, 2, 5, 16] {
        let (call, reports) = sent(count);
        let root = batch_root(&reports);
        for report in &reports {
            let found = certified(&call.abi_encode(), &settled(report)).unwrap();
            assert_eq!((found.epoch, &found.statement.signers[..]), (9, &[U256::from(4)][..]));
            proves(&found.statement, report, root);
        }
    }
}

/// Parts of a batch name what they leave out by its leaves.
#[test]
fn a_part_of_a_batch_shows_what_it_brings() {
    let (mut call, reports) = sent(5);
    call.batch.leaves = reports.iter().map(Report::leaf).collect();
    for brought in [1, 3] {
        call.batch.leaves[brought] = B256::ZERO;
    }
    let calls = [reports[1], reports[3]];
    call.batch.entries = vec![call.batch.entries[1].clone(), call.batch.entries[3].clone()];
    for report in &calls {
        let found = certified(&call.abi_encode(), &settled(report)).unwrap();
        proves(&found.statement, report, batch_root(&reports));
    }
    let other = certified(&call.abi_encode(), &settled(&reports[0])).unwrap_err();
    assert!(other.contains("no such report of this run"), "{other}");
}

/// A batch may hold a task at several anchors, of which one settled; and what it settled first may have been shown alone.
#[test]
fn what_settled_is_told_from_what_did_not() {
    let (call, reports) = sent(3);
    let mut other = reports[1];
    other.anchor.number += 1;
    for wrong in [
        other,
        Report { outcome_hash: B256::repeat_byte(9), ..reports[1] },
        Report { status: Status::JobError, ..reports[1] },
    ] {
        let error = certified(&call.abi_encode(), &settled(&wrong)).unwrap_err();
        assert!(error.contains("no such report"), "{error}");
    }
    let found = certified(&call.abi_encode(), &settled(&reports[1])).unwrap();
    assert_eq!(found.root, batch_root(&reports));
    let (two, _) = sent(5);
    let shown: Vec<_> = certificates(&[call.abi_encode(), two.abi_encode()].concat()).collect();
    assert_eq!(shown.len(), 2);
    let again = found.with(Certificate { epoch: 4, signature: Bytes::from_static(b"x"), signers: Vec::new() });
    assert_eq!((again.epoch, again.root, &again.statement.report), (4, found.root, &found.statement.report));
    assert_eq!(&again.statement.signature[..], b"x");
}

/// As a contract that settles several batches in one transaction is called: `bytes[]`.
#[test]
fn calls_that_a_contract_hands_on_are_found() {
    let (one, reports) = sent(2);
    let (other, others) = sent(5);
    let calls: Vec<Bytes> = vec![one.abi_encode().into(), other.abi_encode().into()];
    let input = [&[1, 2, 3, 4][..], &alloy::sol_types::SolValue::abi_encode(&calls)].concat();
    let found = certified(&input, &settled(&others[4])).unwrap();
    proves(&found.statement, &others[4], batch_root(&others));
    let found = certified(&input, &settled(&reports[0])).unwrap();
    proves(&found.statement, &reports[0], batch_root(&reports));
}

#[test]
fn calldata_that_makes_no_sense_says_what_is_wrong() {
    let (good, reports) = sent(4);
    type Spoil = fn(&mut Batch);
    let table: [(&str, Spoil); 6] = [
        ("without an anchor", |batch| batch.anchors.clear()),
        ("without its outcome", |batch| batch.deliveries.clear()),
        ("status that does not exist", |batch| batch.entries[0].run |= U256::from(3)),
        ("leaves do not fit", |batch| batch.leaves = vec![B256::ZERO]),
        ("leaves do not fit", |batch| batch.leaves = vec![B256::ZERO; 5]),
        ("more than 256", |batch| batch.entries = vec![batch.entries[0].clone(); 257]),
    ];
    for (words, spoil) in table {
        let mut call = good.clone();
        spoil(&mut call.batch);
        let error = certified(&call.abi_encode(), &settled(&reports[1])).unwrap_err();
        assert!(error.contains(words), "{words}: {error}");
    }
    let nothing = certified(&[1, 2, 3], &settled(&reports[0])).unwrap_err();
    assert!(nothing.contains("does not hold"), "{nothing}");
    let empty = Certificate { epoch: 0, signature: Bytes::new(), signers: Vec::new() };
    let batch = Batch { anchors: Vec::new(), entries: Vec::new(), deliveries: Vec::new(), leaves: Vec::new() };
    let error = certified(&settleCall { certificate: empty, batch }.abi_encode(), &settled(&reports[0])).unwrap_err();
    assert!(error.contains("no such report of this run"), "{error}");
}

proptest! {
    #[test]
    fn arbitrary_calldata_never_panics(flip in 0usize..4_000, byte in any::<u8>(), cut in 0usize..4_000) {
        let (call, reports) = sent(3);
        let mut input = call.abi_encode();
        let place = flip % input.len();
        input[place] = byte;
        input.truncate(input.len() - cut % input.len());
        let _ = certified(&input, &settled(&reports[0]));
    }
}
