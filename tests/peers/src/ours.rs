//! This project's side: the real engine of a keeper that leads, from the partials of others to a certificate.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use anyhow::{Context, Result, ensure};
use consensus::anchor::BlockRef;
use consensus::bls::SecretKey;
use consensus::certificate::batch_root;
use consensus::committee::{Committee, KeeperIndex, Member, PeerKey, QUORUM_BPS};
use consensus::effect::Step;
use consensus::engine::{Config, JournalState};
use consensus::fault::Verdict;
use consensus::input::MessageTag;
use consensus::laws::GOSSIP_MAX;
use consensus::leader::{self, Window};
use consensus::message::{Assignment, Channel, Finding, Partial};
use consensus::report::{Domain, Report};
use consensus::task::{AnchorRule, DueTask, InstanceKey, JobId, Outcome, Status, Task};
use consensus::time::{Pace, Time};
use consensus::{Effect, Engine, Input, codec};
use ed25519_dalek::SigningKey;
use serde_bytes::{ByteArray, ByteBuf};

use crate::cpu_nanoseconds;

const DOMAIN: Domain = Domain { chain_id: 31337, task_manager: Address::repeat_byte(0x11) };
const PACE: Pace = Pace::of(Duration::from_secs(1), 0);
const CODE: B256 = B256::repeat_byte(0xcc);
const TABLE: B256 = B256::repeat_byte(5);
const EPOCH: u32 = 1;
/// When the engine starts, in Unix seconds; the task is due a few windows later.
const START: u64 = 1_000_000;
const DUE: u64 = START + 6;

/// A committee of keepers of equal stake, with all their keys.
pub(crate) struct Mesh {
    committee: Committee,
    secrets: Vec<SecretKey>,
    peer_keys: Vec<SigningKey>,
}

impl Mesh {
    /// A committee of `operators` keepers.
    pub(crate) fn new(operators: usize) -> Self {
        let entropy = |keeper: usize| [keeper as u8 + 1; 32];
        let secrets: Vec<SecretKey> = (0..operators).map(|keeper| SecretKey::generate(&entropy(keeper))).collect();
        let peer_keys: Vec<SigningKey> =
            (0..operators).map(|keeper| SigningKey::from_bytes(&entropy(keeper))).collect();
        let members = (0..operators).map(|keeper| Member {
            operator: operator(keeper),
            stake: 100,
            peer_key: peer(&peer_keys[keeper]),
            key: secrets[keeper].public_key(),
        });
        let committee = Committee::new(EPOCH, 1, TABLE, members.collect()).expect("stakes are small and positive");
        Self { committee, secrets, peer_keys }
    }

    /// Opens a task at its leader and hands it the partials of `quorum` other keepers. Returns the nanoseconds of CPU
    /// from the first of these to the certificate. The leader's own run of the job is still under way: what is counted
    /// is what others sign, as in the peer.
    pub(crate) fn aggregate(&self, task: u64, quorum: usize) -> Result<u64> {
        let blocks: Vec<BlockRef> = (START - 10..=DUE).map(|timestamp| block(timestamp, task)).collect();
        let due = due(task);
        let window = Window(PACE.window_of(DUE));
        let seed_block = last_up_to(&blocks, PACE.seed_limit(window.0));
        let seed = leader::seed(DOMAIN.separator(), TABLE, window, seed_block.hash);
        let leader = usize::from(leader::order(seed, &self.committee)[0].0);
        let (mut engine, assignment) = self.open(leader, &blocks, due)?;

        let anchor = last_up_to(&blocks, PACE.anchor_limit(DUE, 0));
        let others = (0..self.secrets.len()).filter(|&keeper| keeper != leader).take(quorum);
        let partials: Vec<Input> =
            others.map(|keeper| self.partial(keeper, assignment, due.task, anchor)).collect::<Result<_>>()?;
        ensure!(partials.len() == quorum, "{} keepers beside the leader are no quorum", partials.len());

        let now = Time::from_seconds(DUE);
        let mut effects = Vec::new();
        let start = cpu_nanoseconds()?;
        for partial in partials {
            effects.extend(engine.handle(partial, now));
        }
        let spent = cpu_nanoseconds()? - start;
        ensure!(effects.contains(&Effect::Report(due.task, Step::Certified)), "no certificate: {effects:?}");
        let accepted = |effect: &&Effect| matches!(effect, Effect::Judge { verdict: Verdict::Accept, .. });
        ensure!(effects.iter().filter(accepted).count() == quorum, "not every partial was accepted: {effects:?}");
        Ok(spent)
    }

    /// The engine of the window's leader at the moment the task is due, and the hash of the assignment it has made.
    fn open(&self, leader: usize, blocks: &[BlockRef], due: DueTask) -> Result<(Engine, B256)> {
        let mut engine = Engine::new(Config {
            domain: DOMAIN,
            pace: PACE,
            anchor_age: 100,
            operator: operator(leader),
            secret: self.secrets[leader].clone(),
            peer_key: self.peer_keys[leader].clone(),
            seed: [7; 32],
            journal: JournalState::New,
        });
        let mut effects = engine.handle(Input::Epoch(self.committee.clone()), Time::from_seconds(START - 10));
        effects.extend(engine.handle(Input::Due(due), Time::from_seconds(START - 10)));
        for &block in blocks {
            effects.extend(engine.handle(Input::Head(block), Time::from_seconds(block.timestamp)));
        }
        let assignment = effects.iter().find_map(|effect| match effect {
            Effect::Broadcast { channel: Channel::Assignments, bytes } => Some(bytes),
            _ => None,
        });
        let bytes = assignment.context("the leader assigned nothing")?;
        let assignment: Assignment = codec::decode(bytes, consensus::message::ASSIGNMENT_LIMIT)?;
        Ok((engine, assignment.hash(&DOMAIN)))
    }

    /// A keeper's partial as it comes: straight where there are so many of them.
    fn partial(&self, keeper: usize, assignment: B256, task: Task, anchor: BlockRef) -> Result<Input> {
        let outcome = Outcome {
            status: Status::Call,
            data: Bytes::from_static(b"done"),
            state_after: B256::ZERO,
            transcript: B256::ZERO,
        };
        let outcome_hash = outcome.hash(CODE);
        let report =
            Report { task, anchor: anchor.into(), input_set: B256::ZERO, status: outcome.status, outcome_hash };
        let root = batch_root(&[report]);
        let signature = self.secrets[keeper].sign(DOMAIN.batch_digest(EPOCH, root).as_slice());
        let index = KeeperIndex(u16::try_from(keeper)?);
        let partial = Partial {
            assignment: ByteArray::new(assignment.0),
            batch: 0,
            keeper: index.0,
            root: ByteArray::new(root.0),
            findings: vec![Finding::reported(outcome.status, outcome_hash)],
            execution_tag: ByteArray::new(keccak256(index.0.to_be_bytes()).0),
            signature: ByteBuf::from(signature.to_bytes()),
        };
        let (message, from) = (MessageTag(keeper as u64), peer(&self.peer_keys[keeper]));
        let (channel, bytes) = (Channel::Partials, codec::encode(&partial));
        Ok(match self.secrets.len() > GOSSIP_MAX {
            true => Input::Straight { message, from, bytes },
            false => Input::Received { message, from, channel, bytes },
        })
    }
}

fn due(task: u64) -> DueTask {
    let task = Task { job: JobId(1), version: 1, instance: InstanceKey::from_run(task) };
    let deadline = PACE.deadline(DUE);
    DueTask { task, due: DUE, deadline, anchor: AnchorRule::ByTime, rank: 0, code_hash: CODE, quorum_bps: QUORUM_BPS, callback_gas: 100_000, observes: false }
}

/// A block of a chain of its own for each task, so that leaders differ.
fn block(timestamp: u64, task: u64) -> BlockRef {
    let hash = keccak256([timestamp.to_be_bytes(), task.to_be_bytes()].concat());
    BlockRef { number: timestamp - START + 11, hash, timestamp }
}

fn last_up_to(blocks: &[BlockRef], limit: u64) -> BlockRef {
    *blocks.iter().rfind(|block| block.timestamp <= limit).expect("blocks begin before the start")
}

fn operator(keeper: usize) -> Address {
    Address::repeat_byte(keeper as u8 + 1)
}

fn peer(key: &SigningKey) -> PeerKey {
    PeerKey(key.verifying_key().to_bytes())
}
