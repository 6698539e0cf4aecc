//! What keepers send each other. Shapes only; the rules stand with the parts that use them.

#[cfg(feature = "simulation")]
use alloy_primitives::B512;
use alloy_primitives::{B256, keccak256};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use crate::bls::SIGNATURE_BYTES;
use crate::codec::{self, CodecError};
use crate::committee::{KeeperIndex, PeerKey};
use crate::evidence::Evidence;
use crate::leader::{Stage, Window};
use crate::report::{Anchor, Domain, Report};
use crate::task::{InstanceKey, JobId, Status, Task};

/// Most tasks in one batch.
pub const BATCH_MAX: usize = 256;
/// Most batches in one assignment.
pub const BATCHES_MAX: usize = 64;
/// Most assignments a leader may send for one (window, stage).
pub const ASSIGNMENTS_MAX: u8 = 8;
/// Most attempts at one task.
pub const ATTEMPTS_MAX: u8 = 8;

/// Largest partial, in bytes.
pub const PARTIAL_LIMIT: usize = 12 * 1024;
/// Largest certificate, in bytes.
pub const CERTIFICATE_LIMIT: usize = 48 * 1024;
/// Largest assignment, in bytes.
pub const ASSIGNMENT_LIMIT: usize = 64 * 1024;
/// Largest evidence, in bytes.
pub const EVIDENCE_LIMIT: usize = 16 * 1024;
/// Largest question of the want protocol, in bytes.
pub const WANT_LIMIT: usize = 1024;
/// Largest answer of the want protocol, in bytes.
pub const HAVE_LIMIT: usize = 128 * 1024;

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
        }
        keccak256(bytes)
    }

    /// Whether the signature is `key`'s.
    pub fn is_signed_by(&self, domain: &Domain, key: PeerKey) -> bool {
        is_signed_by(self.hash(domain), &self.signature, key)
    }

    /// Whether every count is within its limit and nothing is listed twice in one batch.
    pub fn is_well_formed(&self) -> bool {
        let counts = self.number < ASSIGNMENTS_MAX && (1..=BATCHES_MAX).contains(&self.batches.len());
        counts
            && self.batches.iter().all(|batch| {
                let mut tasks: Vec<Task> = batch.tasks.iter().map(|&task| task.into()).collect();
                tasks.sort_unstable();
                tasks.dedup();
                batch.attempt < ATTEMPTS_MAX
                    && (1..=BATCH_MAX).contains(&batch.tasks.len())
                    && tasks.len() == batch.tasks.len()
            })
    }
}

/// Signs `hash` with a peer key.
pub fn sign(key: &SigningKey, hash: B256) -> [u8; 64] {
    #[cfg(feature = "simulation")]
    if crate::bls::simulated::is_on() {
        return B512::from_slice(&[key.verifying_key().as_bytes(), hash.as_slice()].concat()).0;
    }
    key.sign(hash.as_slice()).to_bytes()
}

/// Whether `signature` is the ed25519 signature of `hash` by `key`; small-order keys and malleable forms are refused.
pub fn is_signed_by(hash: B256, signature: &[u8; 64], key: PeerKey) -> bool {
    #[cfg(feature = "simulation")]
    if crate::bls::simulated::is_on() {
        return signature[..32] == key.0 && signature[32..] == *hash;
    }
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    VerifyingKey::from_bytes(&key.0).is_ok_and(|key| key.verify_strict(hash.as_slice(), &signature).is_ok())
}

/// One keeper's signature on a batch, with what it says of each entry, so that the receiver can rebuild the root and a
/// split shows which task differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// Hash of the assignment that lists the batch.
    pub assignment: ByteArray<32>,
    /// The batch's position in it.
    pub batch: u8,
    /// The sender's index in the committee of the batch's epoch.
    pub keeper: u16,
    /// Merkle root it signs, zero if it abstains. A receiver that arrives at another root from the findings sees another
    /// chain: the signature is not wrong then, it is about blocks the receiver does not have.
    pub root: ByteArray<32>,
    /// One finding per task of the batch, in its order.
    pub findings: Vec<Finding>,
    /// keccak256(keeper index, transcript roots): shown to be true or copied once the outcome is on chain.
    pub execution_tag: ByteArray<32>,
    /// Compressed BLS signature (48 bytes) on the batch; if the sender abstains on any task, the ed25519 signature
    /// (64 bytes) of its peer key over [`Partial::abstention_hash`] instead, so that nobody can abstain for another.
    pub signature: ByteBuf,
}

/// What a keeper says of one task: status number and outcome hash (32 bytes), or [`Finding::ABSTAIN`] and a reason
/// number (1 byte).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// 0 call, 1 skip, 2 job error, 255 abstains.
    pub status: u8,
    /// Outcome hash, or the reason's number.
    pub detail: ByteBuf,
}

impl Finding {
    /// Status number of an abstention.
    pub const ABSTAIN: u8 = 255;

    /// A finding that will be signed for.
    pub fn reported(status: Status, outcome_hash: B256) -> Self {
        Self { status: status as u8, detail: ByteBuf::from(outcome_hash.to_vec()) }
    }

    /// An abstention for the reason of this number.
    pub fn abstained(reason: u8) -> Self {
        Self { status: Self::ABSTAIN, detail: ByteBuf::from([reason]) }
    }

    /// Status and outcome hash; `None` if it abstains or is malformed.
    pub fn report(&self) -> Option<(Status, B256)> {
        let hash: [u8; 32] = self.detail.as_slice().try_into().ok()?;
        Some((Status::from_number(self.status)?, B256::from(hash)))
    }

    /// Whether it is an abstention in the right form.
    pub fn abstains(&self) -> bool {
        self.status == Self::ABSTAIN && self.detail.len() == 1
    }
}

impl Partial {
    /// Whether counts, findings and the signature's length agree with each other.
    pub fn is_well_formed(&self) -> bool {
        let abstains = self.findings.iter().any(Finding::abstains);
        (1..=BATCH_MAX).contains(&self.findings.len())
            && self.findings.iter().all(|finding| finding.abstains() || finding.report().is_some())
            && self.signature.len() == if abstains { 64 } else { SIGNATURE_BYTES }
    }

    /// Whether the sender abstains on any task, and so signs none.
    pub fn abstains(&self) -> bool {
        self.findings.iter().any(Finding::abstains)
    }

    /// What an abstaining keeper's peer key signs: keccak256 over a tag, the domain and all fields but the signature.
    pub fn abstention_hash(&self, domain: &Domain) -> B256 {
        let mut bytes = Vec::with_capacity(128 + 34 * self.findings.len());
        bytes.extend_from_slice(b"KeeperMesh abstention");
        bytes.extend_from_slice(domain.separator().as_slice());
        bytes.extend_from_slice(&*self.assignment);
        bytes.push(self.batch);
        bytes.extend_from_slice(&self.keeper.to_be_bytes());
        bytes.extend_from_slice(&*self.execution_tag);
        for finding in &self.findings {
            bytes.push(finding.status);
            bytes.push(u8::try_from(finding.detail.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(&finding.detail);
        }
        keccak256(bytes)
    }
}

/// A certificate as it travels: true or not by itself, whoever sends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateMessage {
    /// Epoch of the committee.
    pub epoch: u32,
    /// The reports, in the order of the Merkle leaves.
    pub reports: Vec<ReportMessage>,
    /// Bitmap of the signers, as long as the committee needs.
    pub signers: ByteBuf,
    /// Compressed aggregate, 48 bytes.
    pub signature: ByteArray<48>,
}

/// A report as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportMessage {
    /// The task.
    pub task: PlannedTask,
    /// Anchor block number.
    pub anchor_number: u64,
    /// Anchor block hash.
    pub anchor_hash: ByteArray<32>,
    /// Input set, zero for none.
    pub input_set: ByteArray<32>,
    /// Status number.
    pub status: u8,
    /// Outcome hash.
    pub outcome_hash: ByteArray<32>,
}

impl From<&Report> for ReportMessage {
    fn from(report: &Report) -> Self {
        Self {
            task: report.task.into(),
            anchor_number: report.anchor.number,
            anchor_hash: ByteArray::new(report.anchor.hash.0),
            input_set: ByteArray::new(report.input_set.0),
            status: report.status as u8,
            outcome_hash: ByteArray::new(report.outcome_hash.0),
        }
    }
}

impl ReportMessage {
    /// The report it stands for; `None` for a status that does not exist.
    pub fn report(&self) -> Option<Report> {
        Some(Report {
            task: self.task.into(),
            anchor: Anchor { number: self.anchor_number, hash: B256::from(self.anchor_hash.into_array()) },
            input_set: B256::from(self.input_set.into_array()),
            status: Status::from_number(self.status)?,
            outcome_hash: B256::from(self.outcome_hash.into_array()),
        })
    }
}

/// Asks a peer for what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Want {
    /// An assignment, by its hash.
    Assignment(ByteArray<32>),
    /// Partials of one batch.
    Partials {
        /// Hash of the assignment.
        assignment: ByteArray<32>,
        /// The batch's position in it.
        batch: u8,
        /// Bitmap of the signers whose partials are held already.
        known: ByteBuf,
    },
    /// Everything remembered that one keeper has signed: what a keeper asks about itself when it starts.
    SignedBy(u16),
}

/// The answer to a [`Want`]; messages in their gossip encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Have {
    /// The answering keeper's newest block.
    pub head: u64,
    /// The assignments that were asked for, or that the partials belong to.
    pub assignments: Vec<ByteBuf>,
    /// Partials the asker lacks.
    pub partials: Vec<ByteBuf>,
    /// The certificate of the batch that was asked for, which makes its partials needless.
    pub certificate: Option<ByteBuf>,
}

/// The kinds of gossip, one topic each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// [`Assignment`]s.
    Assignments,
    /// [`Partial`]s.
    Partials,
    /// [`CertificateMessage`]s.
    Certificates,
    /// [`Evidence`].
    Evidence,
}

/// A decoded gossip message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A leader's plan.
    Assignment(Assignment),
    /// A keeper's signature.
    Partial(Partial),
    /// A quorum's signature.
    Certificate(CertificateMessage),
    /// Proof of two contradicting signatures.
    Evidence(Evidence),
}

impl Message {
    /// Reads a message of the given channel.
    pub fn decode(channel: Channel, bytes: &[u8]) -> Result<Self, CodecError> {
        Ok(match channel {
            Channel::Assignments => Self::Assignment(codec::decode(bytes, ASSIGNMENT_LIMIT)?),
            Channel::Partials => Self::Partial(codec::decode(bytes, PARTIAL_LIMIT)?),
            Channel::Certificates => Self::Certificate(codec::decode(bytes, CERTIFICATE_LIMIT)?),
            Channel::Evidence => Self::Evidence(codec::decode(bytes, EVIDENCE_LIMIT)?),
        })
    }
}

#[cfg(test)]
mod tests;
