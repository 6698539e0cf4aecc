//! Keeper 0 of five before one task, and what the others may send it.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use consensus::anchor::BlockRef;
use consensus::bls::{SecretKey, aggregate_signatures};
use consensus::certificate::{Certificate, batch_root};
use consensus::committee::{Committee, KeeperIndex, Member, PeerKey, SignerSet};
use consensus::engine::{Config, Engine, JournalState};
use consensus::evidence::{Evidence, of_partial};
use consensus::fault::Verdict::{self, Accept};
use consensus::leader::{Stage, Window};
use consensus::message::{
    Assignment, CertificateMessage, Channel, Finding, MessageTag, Partial, PlannedBatch, PlannedTask, Source, sign,
};
use consensus::report::{Anchor, Domain, Report};
use consensus::task::{AnchorRule, DueTask, InstanceKey, JobId, Status, Task};
use consensus::time::{HOLD, Pace, Time, VERIFY_DELAY};
use consensus::{Effect, Input, codec};
use ed25519_dalek::SigningKey;
use serde_bytes::{ByteArray, ByteBuf};

pub(crate) const START: u64 = 1_000_000;
pub(crate) const PACE: Pace = Pace::of(Duration::from_secs(1), 0);
pub(crate) const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };
pub(crate) const OTHER_CHAIN: Domain = Domain { chain_id: 1, task_manager: Address::repeat_byte(0x11) };
pub(crate) const EPOCH: u32 = 1;

pub(crate) fn secret(keeper: u16) -> SecretKey {
    SecretKey::generate(&[keeper as u8 + 1; 32])
}

pub(crate) fn peer(keeper: u16) -> SigningKey {
    SigningKey::from_bytes(&[keeper as u8 + 1; 32])
}

pub(crate) fn peer_key(keeper: u16) -> PeerKey {
    PeerKey(peer(keeper).verifying_key().to_bytes())
}

/// The verdicts among effects.
pub(crate) fn judged(effects: &[Effect]) -> Vec<(Source, Verdict)> {
    let verdict = |effect: &Effect| match effect {
        Effect::Judge { source, verdict } => Some((*source, *verdict)),
        _ => None,
    };
    effects.iter().filter_map(verdict).collect()
}

pub(crate) fn task(job: u64) -> Task {
    Task { job: JobId(job), version: 1, instance: InstanceKey::from_run(0) }
}

/// All five, from a block on.
pub(crate) fn committee(epoch: u32, active_from: u64) -> Committee {
    let members = (0..5).map(|k| Member {
        operator: Address::repeat_byte(k as u8 + 1),
        stake: 100,
        peer_key: peer_key(k),
        key: secret(k).public_key(),
    });
    Committee::new(epoch, active_from, B256::repeat_byte(5), members.collect()).unwrap()
}

/// Keeper 0 of five, with one task due at the start, and the leader who has assigned it.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) now: Time,
    tags: u64,
    pub(crate) window: u64,
    pub(crate) stage: u8,
    pub(crate) leader: KeeperIndex,
    pub(crate) anchor: Anchor,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let mut engine = Engine::new(Config {
            domain: DOMAIN,
            pace: PACE,
            anchor_age: 100,
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

    pub(crate) fn learn(&mut self) {
        let due = DueTask {
            task: task(1),
            due: START,
            deadline: PACE.deadline(START),
            anchor: AnchorRule::ByTime,
            rank: 0,
            code_hash: B256::ZERO,
            quorum_bps: 0,
            callback_gas: 100_000,
            observes: false,
        };
        self.engine.handle(Input::Due(due), self.now);
    }

    /// The one verdict a message gets, at once, when signatures are checked, or when its time is up.
    pub(crate) fn verdict(&mut self, channel: Channel, bytes: Vec<u8>) -> Verdict {
        self.tags += 1;
        let message = MessageTag(self.tags);
        let verdicts = self.verdicts(Input::Received { message, from: peer_key(4), channel, bytes });
        let of_message: Vec<_> = verdicts.iter().filter(|(source, _)| *source == Source::Gossip(message)).collect();
        assert_eq!(of_message.len(), 1, "every message gets one verdict: {verdicts:?}");
        of_message[0].1
    }

    /// All verdicts that an input leads to, until what is held has had its time.
    pub(crate) fn verdicts(&mut self, input: Input) -> Vec<(Source, Verdict)> {
        let mut effects = self.engine.handle(input, self.now);
        for wait in [VERIFY_DELAY, HOLD] {
            self.now = self.now.plus(wait);
            effects.extend(self.engine.handle(Input::Tick, self.now));
        }
        judged(&effects)
    }

    pub(crate) fn assignment(&self, batches: Vec<PlannedBatch>) -> Assignment {
        self.assignment_numbered(0, batches)
    }

    pub(crate) fn assignment_numbered(&self, number: u8, batches: Vec<PlannedBatch>) -> Assignment {
        let place = (Window(self.window), Stage(self.stage), number);
        Assignment::signed(&DOMAIN, &peer(self.leader.0), place, self.leader, batches)
    }

    pub(crate) fn resigned(&self, mut assignment: Assignment, domain: &Domain, signer: u16) -> Vec<u8> {
        assignment.signature = ByteArray::new(sign(&peer(signer), assignment.hash(domain)));
        codec::encode(&assignment)
    }

    /// With the task known, and assigned alone.
    pub(crate) fn assigned() -> (Self, B256) {
        let mut bench = Self::new();
        bench.learn();
        let assignment = bench.assignment_numbered(1, vec![batch(&[1])]);
        let hash = assignment.hash(&DOMAIN);
        assert_eq!(bench.verdict(Channel::Assignments, codec::encode(&assignment)), Accept);
        (bench, hash)
    }

    pub(crate) fn report(&self, outcome: u8) -> Report {
        let outcome_hash = B256::repeat_byte(outcome);
        Report { task: task(1), anchor: self.anchor, input_set: B256::ZERO, status: Status::Call, outcome_hash }
    }

    pub(crate) fn partial(&self, assignment: B256, keeper: u16, outcome: u8) -> Partial {
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

    pub(crate) fn certificate(&self, epoch: u32, signers: &[u16], domain: &Domain) -> CertificateMessage {
        let reports = vec![self.report(1)];
        let digest = domain.batch_digest(epoch, batch_root(&reports));
        let signatures: Vec<_> = signers.iter().map(|&k| secret(k).sign(digest.as_slice())).collect();
        let signature = aggregate_signatures(&signatures).unwrap();
        let signers: SignerSet = signers.iter().map(|&k| KeeperIndex(k)).collect();
        CertificateMessage::new(&Certificate { epoch, reports, signers, signature }, 5)
    }

    pub(crate) fn evidence(&self, epoch: u32, outcomes: (u8, u8), signers: (u16, u16)) -> Evidence {
        let statement = |outcome: u8, signer: u16| {
            let reports = [self.report(outcome)];
            let signature = secret(signer).sign(DOMAIN.batch_digest(epoch, batch_root(&reports)).as_slice());
            of_partial(&reports, 0, 5, KeeperIndex(signer), signature).unwrap()
        };
        Evidence::new(epoch, statement(outcomes.0, signers.0), statement(outcomes.1, signers.1)).unwrap()
    }
}

pub(crate) fn batch(jobs: &[u64]) -> PlannedBatch {
    PlannedBatch {
        inputs: Vec::new(),
        attempt: 0,
        tasks: jobs.iter().map(|&job| PlannedTask::from(task(job))).collect(),
    }
}
