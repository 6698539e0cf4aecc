//! The assignment: by which a leader opens the tasks of a window.

use alloy_primitives::{B256, keccak256};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::bls::sign;
use crate::committee::{KeeperIndex, MEMBERS_MAX};
use crate::leader::{Stage, Window};
use crate::report::{BATCH_MAX, Domain};
use crate::task::{ATTEMPTS_MAX, InstanceKey, JobId, Task, is_catch_up};

/// Largest assignment, in bytes.
pub const ASSIGNMENT_LIMIT: usize = 64 * 1024;
/// Most batches in one assignment.
pub const BATCHES_MAX: usize = 64;
/// Most assignments a leader may send for one (window, stage).
pub const ASSIGNMENTS_MAX: u8 = 8;

/// Names a planned batch: the assignment's hash and the batch's position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchKey {
    /// Hash of the assignment.
    pub assignment: B256,
    /// Position of the batch.
    pub batch: u8,
}

/// By which a leader opens the tasks of a window: which tasks are signed together, in which order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The window the tasks are due in.
    pub window: u64,
    /// The sender's place in the window's line of leaders.
    pub stage: u8,
    /// Counts the sender's assignments of this (window, stage), from 0.
    pub number: u8,
    /// The sender's index in the committee the leaders were drawn from.
    pub leader: u16,
    /// The batches; the position of one is its number.
    pub batches: Vec<PlannedBatch>,
    /// ed25519 signature of the leader's peer key over [`Assignment::hash`].
    pub signature: ByteArray<64>,
}

/// Tasks to be signed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedBatch {
    /// Which try at the tasks this is; it fixes their anchors.
    pub attempt: u8,
    /// The tasks, in the order of the Merkle leaves.
    pub tasks: Vec<PlannedTask>,
    /// What keepers saw that its only task is decided on, by keeper; none where the job does not look outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Listed>,
}

impl PlannedBatch {
    /// A batch of jobs that do not look outside.
    pub const fn of(attempt: u8, tasks: Vec<PlannedTask>) -> Self {
        Self { attempt, tasks, inputs: Vec::new() }
    }

    fn has_fit_inputs(&self) -> bool {
        let is_in_order = self.inputs.windows(2).all(|pair| pair[0].keeper < pair[1].keeper);
        self.inputs.is_empty() || (self.tasks.len() == 1 && self.inputs.len() <= MEMBERS_MAX && is_in_order)
    }
}

/// A task as it stands in an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTask {
    /// Job number.
    pub job: u64,
    /// Job version.
    pub version: u32,
    /// Instance key.
    pub instance: ByteArray<32>,
}

impl From<Task> for PlannedTask {
    fn from(task: Task) -> Self {
        Self { job: task.job.0, version: task.version, instance: ByteArray::new(task.instance.0.0) }
    }
}

impl From<PlannedTask> for Task {
    fn from(planned: PlannedTask) -> Self {
        let instance = InstanceKey(B256::from(planned.instance.into_array()));
        Self { job: JobId(planned.job), version: planned.version, instance }
    }
}

impl Assignment {
    /// Puts together and signs an assignment.
    pub fn signed(
        domain: &Domain,
        key: &SigningKey,
        (window, stage, number): (Window, Stage, u8),
        leader: KeeperIndex,
        batches: Vec<PlannedBatch>,
    ) -> Self {
        let signature = ByteArray::new([0; 64]);
        let mut assignment = Self { window: window.0, stage: stage.0, number, leader: leader.0, batches, signature };
        let hash = assignment.hash(domain);
        assignment.signature = ByteArray::new(sign(key, hash));
        assignment
    }

    /// What names an assignment and what its leader signs: keccak256 over a fixed layout of all fields but the
    /// signature (big-endian integers, counts before lists), under a tag and the network's domain.
    pub fn hash(&self, domain: &Domain) -> B256 {
        let mut bytes = Vec::with_capacity(96 + 48 * self.batches.iter().map(|batch| batch.tasks.len()).sum::<usize>());
        bytes.extend_from_slice(b"KeeperMesh assignment");
        bytes.extend_from_slice(domain.separator().as_slice());
        bytes.extend_from_slice(&self.window.to_be_bytes());
        bytes.extend_from_slice(&[self.stage, self.number]);
        bytes.extend_from_slice(&self.leader.to_be_bytes());
        bytes.extend_from_slice(&(self.batches.len() as u64).to_be_bytes());
        for batch in &self.batches {
            bytes.push(batch.attempt);
            bytes.extend_from_slice(&(batch.tasks.len() as u64).to_be_bytes());
            for task in &batch.tasks {
                bytes.extend_from_slice(&task.job.to_be_bytes());
                bytes.extend_from_slice(&task.version.to_be_bytes());
                bytes.extend_from_slice(&*task.instance);
            }
            bytes.extend_from_slice(&(batch.inputs.len() as u64).to_be_bytes());
            for listed in &batch.inputs {
                bytes.extend_from_slice(&listed.keeper.to_be_bytes());
                bytes.extend_from_slice(&*listed.digest);
            }
        }
        keccak256(bytes)
    }

    /// Whether every count is within its limit and nothing is listed twice in one batch.
    pub fn is_well_formed(&self) -> bool {
        let counts = self.number < ASSIGNMENTS_MAX && (1..=BATCHES_MAX).contains(&self.batches.len());
        counts
            && self.batches.iter().all(|batch| {
                let mut tasks: Vec<Task> = batch.tasks.iter().map(|&task| task.into()).collect();
                tasks.sort_unstable();
                tasks.dedup();
                (batch.attempt < ATTEMPTS_MAX || is_catch_up(batch.attempt))
                    && (1..=BATCH_MAX).contains(&batch.tasks.len())
                    && tasks.len() == batch.tasks.len()
                    && batch.has_fit_inputs()
            })
    }
}

/// An observation that a leader lists for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Who has made it.
    pub keeper: u16,
    /// [`super::Observation::digest`].
    pub digest: ByteArray<32>,
}

/// Names a set of observations, the `inputHash` of reports: keccak256 over a tag, the domain and the list, which stands in the
/// order of its keepers. Zero for no list.
pub fn input_set(listed: &[Listed], domain: &Domain) -> B256 {
    if listed.is_empty() {
        return B256::ZERO;
    }
    let mut bytes = Vec::with_capacity(64 + 34 * listed.len());
    bytes.extend_from_slice(b"KeeperMesh input set");
    bytes.extend_from_slice(domain.separator().as_slice());
    bytes.extend_from_slice(&(listed.len() as u64).to_be_bytes());
    for one in listed {
        bytes.extend_from_slice(&one.keeper.to_be_bytes());
        bytes.extend_from_slice(&*one.digest);
    }
    keccak256(bytes)
}
