//! Every message field at its limits and beyond, from the wrong sender, for the wrong window, epoch and chain, out of
//! order: each gets the verdict with the reason that names what is wrong.

use alloy_primitives::{Address, B256};
use consensus::anchor::BlockRef;
use consensus::bls::{SecretKey, aggregate_signatures};
use consensus::certificate::{Certificate, batch_root};
use consensus::committee::{Committee, KeeperIndex, Member, PeerKey, SignerSet};
use consensus::engine::{Config, Engine, JournalState};
use consensus::evidence::{Evidence, of_partial};
use consensus::fault::Reason::*;
use consensus::fault::Verdict::{self, *};
use consensus::leader::{Stage, Window};
use consensus::message::{
    Assignment, BATCHES_MAX, CertificateMessage, Channel, Finding, MessageTag, Partial, PlannedBatch, PlannedTask, sign,
};
use consensus::report::{Anchor, BATCH_MAX, Domain, Report};
use consensus::task::{AnchorRule, DueTask, InstanceKey, JobId, Status, Task};
use consensus::time::{HOLD, Pace, Time, VERIFY_DELAY};
use consensus::{Effect, Input, codec};
use ed25519_dalek::SigningKey;
use serde_bytes::{ByteArray, ByteBuf};

const START: u64 = 1_000_000;
const PACE: Pace = Pace { block_seconds: 1, confirmations: 0 };
const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };
const OTHER_CHAIN: Domain = Domain { chain_id: 1, task_manager: Address::repeat_byte(0x11) };
const EPOCH: u32 = 1;

fn secret(keeper: u16) -> SecretKey {
    SecretKey::generate(&[keeper as u8 + 1; 32])
}

fn peer(keeper: u16) -> SigningKey {
    SigningKey::from_bytes(&[keeper as u8 + 1; 32])
}

fn task(job: u64) -> Task {
    Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(0) }
}

/// All five, from a block on.
fn committee(epoch: u32, active_from: u64) -> Committee {
    let members = (0..5).map(|k| Member {
        operator: Address::repeat_byte(k as u8 + 1),
        stake: 100,
        peer_key: PeerKey(peer(k).verifying_key().to_bytes()),
        key: secret(k).public_key(),
    });
    Committee::new(epoch, active_from, B256::repeat_byte(5), members.collect()).unwrap()
}

/// Keeper 0 of five, with one task due at the start, and the leader who has assigned it.
struct Bench {
    engine: Engine,
    now: Time,
    tags: u64,
    window: u64,
    stage: u8,
    leader: KeeperIndex,
    anchor: Anchor,
}

impl Bench {
    fn new() -> Self {
        let mut engine = Engine::new(Config {
            domain: DOMAIN,
            pace: PACE,
            operator: Address::repeat_byte(1),
            secret: secret(0),
            peer_key: peer(0),
            seed: [7; 32],
            journal: JournalState::New,
        });
        let now = Time::from_seconds(START);
        engine.handle(Input::Epoch(committee(EPOCH, 1)), now);
        let block =
            |number: u64| BlockRef { number, hash: B256::repeat_byte(number as u8), timestamp: START - 20 + number };
        (1..=20).for_each(|number| drop(engine.handle(Input::Head(block(number)), now)));
        let view = engine.window(now, 0).unwrap();
        let (stage, &leader) = (0..).zip(&view.order).find(|(_, index)| index.0 != 0).unwrap();
        // The task becomes known last, so that keeper 0 does not assign it first if it leads.
        let anchor = block(18).into();
        Self { engine, now, tags: 0, window: view.window, stage, leader, anchor }
    }

    fn learn(&mut self) {
        let due = DueTask {
            task: task(1),
            due: START,
            deadline: PACE.attempt_due(START, 8),
            anchor: AnchorRule::ByTime,
            code_hash: B256::ZERO,
            quorum_bps: 0,
            callback_gas: 100_000,
        };
        self.engine.handle(Input::Due(due), self.now);
    }

    /// The one verdict a message gets, at once, when signatures are checked, or when its time is up.
    fn verdict(&mut self, channel: Channel, bytes: Vec<u8>) -> Verdict {
        self.tags += 1;
        let message = MessageTag(self.tags);
        let from = PeerKey(peer(4).verifying_key().to_bytes());
        let mut effects = self.engine.handle(Input::Received { message, from, channel, bytes }, self.now);
        for wait in [VERIFY_DELAY, HOLD] {
            self.now = self.now.plus(wait);
            effects.extend(self.engine.handle(Input::Tick, self.now));
        }
        let verdicts: Vec<Verdict> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Judge { message: judged, verdict } if *judged == message => Some(*verdict),
                _ => None,
            })
            .collect();
        assert_eq!(verdicts.len(), 1, "every message gets one verdict: {verdicts:?}");
        verdicts[0]
    }

    fn assignment(&self, batches: Vec<PlannedBatch>) -> Assignment {
        self.assignment_numbered(0, batches)
    }

    fn assignment_numbered(&self, number: u8, batches: Vec<PlannedBatch>) -> Assignment {
        let place = (Window(self.window), Stage(self.stage), number);
        Assignment::signed(&DOMAIN, &peer(self.leader.0), place, self.leader, batches)
    }

    fn resigned(&self, mut assignment: Assignment, domain: &Domain, signer: u16) -> Vec<u8> {
        assignment.signature = ByteArray::new(sign(&peer(signer), assignment.hash(domain)));
        codec::encode(&assignment)
    }

    /// With the task known, and assigned alone.
    fn assigned() -> (Self, B256) {
        let mut bench = Self::new();
        bench.learn();
        let assignment = bench.assignment_numbered(1, vec![batch(&[1])]);
        let hash = assignment.hash(&DOMAIN);
        assert_eq!(bench.verdict(Channel::Assignments, codec::encode(&assignment)), Accept);
        (bench, hash)
    }

    fn report(&self, outcome: u8) -> Report {
        let outcome_hash = B256::repeat_byte(outcome);
        Report { task: task(1), anchor: self.anchor, input_set: B256::ZERO, status: Status::Call, outcome_hash }
    }

    fn partial(&self, assignment: B256, keeper: u16, outcome: u8) -> Partial {
        let root = batch_root(&[self.report(outcome)]);
        let signature = secret(keeper).sign(DOMAIN.batch_digest(EPOCH, root).as_slice());
        Partial {
            assignment: ByteArray::new(assignment.0),
            batch: 0,
            keeper,
            root: ByteArray::new(root.0),
            findings: vec![Finding::reported(Status::Call, B256::repeat_byte(outcome))],
            execution_tag: ByteArray::new([0; 32]),
            signature: ByteBuf::from(signature.to_bytes()),
        }
    }

    fn certificate(&self, epoch: u32, signers: &[u16], domain: &Domain) -> CertificateMessage {
        let reports = vec![self.report(1)];
        let digest = domain.batch_digest(epoch, batch_root(&reports));
        let signatures: Vec<_> = signers.iter().map(|&k| secret(k).sign(digest.as_slice())).collect();
        let signature = aggregate_signatures(&signatures).unwrap();
        let signers: SignerSet = signers.iter().map(|&k| KeeperIndex(k)).collect();
        CertificateMessage::new(&Certificate { epoch, reports, signers, signature }, 5)
    }

    fn evidence(&self, epoch: u32, outcomes: (u8, u8), signers: (u16, u16)) -> Evidence {
        let statement = |outcome: u8, signer: u16| {
            let reports = [self.report(outcome)];
            let signature = secret(signer).sign(DOMAIN.batch_digest(epoch, batch_root(&reports)).as_slice());
            of_partial(&reports, 0, 5, KeeperIndex(signer), signature).unwrap()
        };
        Evidence::new(epoch, statement(outcomes.0, signers.0), statement(outcomes.1, signers.1)).unwrap()
    }
}

fn batch(jobs: &[u64]) -> PlannedBatch {
    PlannedBatch { attempt: 0, tasks: jobs.iter().map(|&job| PlannedTask::from(task(job))).collect() }
}

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
        (Reject(OutOfBounds), changed(&|a| a.batches[0].attempt = 8)),
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
