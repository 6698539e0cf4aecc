//! Every message field at its limits and beyond, from the wrong sender, for the wrong window, epoch and chain, out of
//! order: each gets the verdict with the reason that names what is wrong.

use consensus::certificate::batch_root;
use consensus::evidence::Evidence;
use consensus::fault::Reason::*;
use consensus::fault::Verdict::{self, *};
use consensus::message::{Assignment, BATCHES_MAX, CertificateMessage, Channel, Finding, Partial, sign};
use consensus::report::BATCH_MAX;
use consensus::task::ATTEMPTS_MAX;
use consensus::{Input, codec};
use serde_bytes::{ByteArray, ByteBuf};

use crate::bench::*;

#[test]
fn assignments() {
    let mut bench = Bench::new();
    let good = bench.assignment(vec![batch(&[1])]);
    let leader = bench.leader.0;
    let many = |count: usize| (0..count as u64).collect::<Vec<u64>>();
    let changed = |change: &dyn Fn(&mut Assignment)| {
        let mut assignment = good.clone();
        change(&mut assignment);
        assignment
    };
    let cases: Vec<(Verdict, Assignment)> = vec![
        (Ignore(OutOfWindow), changed(&|a| a.window += 4)),
        (Ignore(UnknownContext), changed(&|a| a.window += 3)),
        (Reject(OutOfBounds), changed(&|a| a.number = 8)),
        (Reject(OutOfBounds), changed(&|a| a.batches.clear())),
        (Reject(OutOfBounds), changed(&|a| a.batches = vec![batch(&[1]); BATCHES_MAX + 1])),
        (Reject(OutOfBounds), changed(&|a| a.batches[0].tasks.clear())),
        (Reject(OutOfBounds), changed(&|a| a.batches[0] = batch(&many(BATCH_MAX + 1)))),
        (Reject(OutOfBounds), changed(&|a| a.batches[0] = batch(&[1, 1]))),
        (Reject(OutOfBounds), changed(&|a| a.batches[0].attempt = ATTEMPTS_MAX)),
        (Ignore(OutOfWindow), changed(&|a| a.window = u64::MAX)),
        (Ignore(OutOfWindow), changed(&|a| a.window = 0)),
        (Ignore(NotLeader), changed(&|a| a.stage = u8::MAX)),
        (Ignore(NotLeader), changed(&|a| a.leader = (leader + 1) % 5)),
        (Ignore(NotLeader), changed(&|a| a.leader = u16::MAX)),
    ];
    for (expected, case) in cases {
        assert_eq!(bench.verdict(Channel::Assignments, bench.resigned(case, &DOMAIN, leader)), expected);
    }
    for bytes in [bench.resigned(good.clone(), &OTHER_CHAIN, leader), bench.resigned(good.clone(), &DOMAIN, 0)] {
        assert_eq!(bench.verdict(Channel::Assignments, bytes), Reject(InvalidPeerSignature));
    }
    let good = codec::encode(&good);
    assert_eq!(bench.verdict(Channel::Assignments, good.clone()), Accept);
    assert_eq!(bench.verdict(Channel::Assignments, good.clone()), Ignore(Duplicate));
    let other = codec::encode(&bench.assignment(vec![batch(&[2])]));
    assert_eq!(bench.verdict(Channel::Assignments, other), Ignore(Conflicting));
    let full = bench.assignment_numbered(7, vec![batch(&many(BATCH_MAX))]);
    assert_eq!(bench.verdict(Channel::Assignments, codec::encode(&full)), Accept, "the limits themselves are allowed");
}

#[test]
fn partials() {
    let (mut bench, assignment) = Bench::assigned();
    let good = bench.partial(assignment, 1, 1);
    let by_another = bench.partial(assignment, 2, 1).signature;
    let elsewhere = secret(1).sign(OTHER_CHAIN.batch_digest(EPOCH, batch_root(&[bench.report(1)])).as_slice());
    let next_epoch = secret(1).sign(DOMAIN.batch_digest(EPOCH + 1, batch_root(&[bench.report(1)])).as_slice());
    let mut infinity = vec![0; 48];
    infinity[0] = 0xc0;
    let abstention = |keeper: u16, signer: u16| {
        let mut partial = Partial { keeper, findings: vec![Finding::abstained(3)], ..good.clone() };
        partial.signature = ByteBuf::from(sign(&peer(signer), partial.abstention_hash(&DOMAIN)));
        partial
    };
    let finding = good.findings[0].clone();
    let findings = |findings: Vec<Finding>| Partial { findings, ..good.clone() };
    let signature = |bytes: Vec<u8>| Partial { signature: ByteBuf::from(bytes), ..good.clone() };
    let cases: Vec<(Verdict, Partial)> = vec![
        (Reject(OutOfBounds), findings(vec![])),
        (Reject(OutOfBounds), findings(vec![finding.clone(); BATCH_MAX + 1])),
        (Reject(OutOfBounds), findings(vec![Finding { status: 3, ..finding.clone() }])),
        (Reject(OutOfBounds), findings(vec![Finding { detail: ByteBuf::from([1; 31]), ..finding.clone() }])),
        (Reject(OutOfBounds), findings(vec![Finding { detail: ByteBuf::new(), status: 255 }])),
        (Reject(OutOfBounds), findings(vec![Finding::abstained(3)])),
        (Reject(OutOfBounds), signature(vec![1; 47])),
        (Reject(OutOfBounds), signature(vec![1; 64])),
        (Reject(InvalidPoint), signature(vec![0xff; 48])),
        (Reject(InvalidPoint), signature(infinity)),
        (Reject(InvalidSignature), signature(by_another.into_vec())),
        (Reject(InvalidSignature), signature(elsewhere.to_bytes().to_vec())),
        (Reject(InvalidSignature), signature(next_epoch.to_bytes().to_vec())),
        (Reject(WrongBatch), findings(vec![finding.clone(); 2])),
        (Reject(WrongBatch), Partial { batch: 1, ..good.clone() }),
        (Reject(WrongBatch), Partial { batch: u8::MAX, ..good.clone() }),
        (Reject(NotMember), Partial { keeper: 5, ..good.clone() }),
        (Reject(NotMember), Partial { keeper: u16::MAX, ..good.clone() }),
        (Ignore(UnknownContext), Partial { assignment: ByteArray::new([9; 32]), ..good.clone() }),
        (Ignore(UnknownContext), Partial { root: ByteArray::new([9; 32]), ..good.clone() }),
        (Reject(InvalidPeerSignature), abstention(2, 1)),
        (Accept, abstention(2, 2)),
        (Ignore(Duplicate), abstention(2, 2)),
        (Accept, good.clone()),
        (Ignore(Duplicate), good.clone()),
        (Ignore(Conflicting), abstention(1, 1)),
        (Ignore(Conflicting), bench.partial(assignment, 1, 2)),
    ];
    for (place, (expected, case)) in cases.into_iter().enumerate() {
        assert_eq!(bench.verdict(Channel::Partials, codec::encode(&case)), expected, "case {place}");
    }
}

#[test]
fn certificates() {
    let (mut bench, _) = Bench::assigned();
    let good = bench.certificate(EPOCH, &[1, 2, 3, 4], &DOMAIN);
    let signers = |bits: &[u8]| CertificateMessage { signers: ByteBuf::from(bits), ..good.clone() };
    let mut infinity = [0; 48];
    infinity[0] = 0xc0;
    let mut twice = good.clone();
    twice.reports.push(twice.reports[0].clone());
    let mut status = good.clone();
    status.reports[0].status = 3;
    let mut outcome = good.clone();
    outcome.reports[0].outcome_hash = ByteArray::new([9; 32]);
    let cases: Vec<(Verdict, CertificateMessage)> = vec![
        (Reject(OutOfBounds), CertificateMessage { reports: vec![], ..good.clone() }),
        (Reject(OutOfBounds), CertificateMessage { reports: vec![good.reports[0].clone(); 257], ..good.clone() }),
        (Reject(OutOfBounds), twice),
        (Reject(OutOfBounds), status),
        (Reject(InvalidBitmap), signers(&[])),
        (Reject(InvalidBitmap), signers(&[0b11110, 0])),
        (Reject(InvalidBitmap), signers(&[0b111110])),
        (Reject(BelowQuorum), signers(&[0b01110])),
        (Reject(BelowQuorum), signers(&[0])),
        (Reject(InvalidPoint), CertificateMessage { signature: ByteArray::new(infinity), ..good.clone() }),
        (Reject(InvalidSignature), signers(&[0b11111])),
        (Reject(InvalidSignature), outcome),
        (Reject(InvalidSignature), bench.certificate(EPOCH, &[1, 2, 3, 4], &OTHER_CHAIN)),
        (Ignore(UnknownContext), bench.certificate(EPOCH + 1, &[1, 2, 3, 4], &DOMAIN)),
        (Ignore(UnknownContext), CertificateMessage { epoch: u32::MAX, ..good.clone() }),
        (Accept, good.clone()),
        (Ignore(Duplicate), good.clone()),
    ];
    for (place, (expected, case)) in cases.into_iter().enumerate() {
        assert_eq!(bench.verdict(Channel::Certificates, codec::encode(&case)), expected, "case {place}");
    }
}

#[test]
fn evidence_convicts_the_guilty_once_and_frames_nobody() {
    let (mut bench, _) = Bench::assigned();
    let good = bench.evidence(EPOCH, (1, 2), (3, 3));
    let mut framed = good.clone();
    framed.first.signers = ByteBuf::from([0b10]);
    framed.second.signers = ByteBuf::from([0b10]);
    let swapped = Evidence { epoch: EPOCH, first: good.second.clone(), second: good.first.clone() };
    let mut long = good.clone();
    long.first.proof = vec![ByteArray::new([0; 32]); 9];
    let mut cases: Vec<(Verdict, Evidence)> = [
        bench.evidence(EPOCH, (1, 1), (3, 3)),
        bench.evidence(EPOCH, (1, 2), (3, 2)),
        framed,
        swapped,
        long,
        Evidence { second: good.first.clone(), ..good.clone() },
    ]
    .map(|evidence| (Reject(InvalidEvidence), evidence))
    .into();
    cases.push((Ignore(UnknownContext), bench.evidence(EPOCH + 1, (1, 2), (3, 3))));
    cases.push((Accept, good.clone()));
    cases.push((Ignore(Duplicate), good));
    // Another proof against the same keeper on the same task brings nothing new.
    cases.push((Ignore(Duplicate), bench.evidence(EPOCH, (1, 4), (3, 3))));
    cases.push((Accept, bench.evidence(EPOCH, (1, 4), (2, 2))));
    for (place, (expected, case)) in cases.into_iter().enumerate() {
        assert_eq!(bench.verdict(Channel::Evidence, codec::encode(&case)), expected, "case {place}");
    }
}

/// The contract takes a proof only under the epoch of its anchor: what the keys of another one say of it convicts nobody.
#[test]
fn evidence_counts_under_the_epoch_of_its_anchor_alone() {
    for (active_from, expected) in [(19, Ignore(UnknownContext)), (18, Accept)] {
        let (mut bench, _) = Bench::assigned();
        bench.engine.handle(Input::Epoch(committee(EPOCH + 1, active_from)), bench.now);
        let evidence = bench.evidence(EPOCH + 1, (1, 2), (3, 3));
        assert_eq!(bench.verdict(Channel::Evidence, codec::encode(&evidence)), expected, "from {active_from} on");
        let earlier = bench.evidence(EPOCH, (1, 2), (3, 3));
        let other = if expected == Accept { Ignore(UnknownContext) } else { Accept };
        assert_eq!(bench.verdict(Channel::Evidence, codec::encode(&earlier)), other, "until {active_from}");
    }
}
