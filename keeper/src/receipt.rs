//! A receipt: what settled of one task, with everything that shows it, in one file that needs nobody's word.
//!
//! ```text
//!   terms ── code hash ──┐
//!   outcome data ────────┼─► outcome hash ─┐
//!   transcript, state ───┘                 ├─► report (leaf) ── proof ──► root ─► digest ◄── epoch, domain
//!   task, anchor, input hash, status ──────┘                                        │
//!   operator table ─► sum of the signers' keys, their stake ───── aggregate signature
//!        └─► table root, which the chain has
//! ```
//!
//! What stands above is checked without a chain ([`check`]); where it settled, and whose table that is, the chain knows
//! (`cli/cert`); what the job gives, whoever runs it again (`cli/replay.rs`).

mod check;
mod file;
mod table;

use alloy::primitives::{Address, B256, Bytes};
use consensus::bls::{SIGNATURE_BYTES, Signature};
use consensus::committee::SignerSet;
use consensus::report::{Anchor, Domain, Report};
use consensus::task::{InstanceKey, JobId, Outcome, Status, Task};
use contracts::terms::ended;
use serde::{Deserialize, Serialize};

use crate::jobs::tape::Tape;
pub use check::{Proven, Refusal, check};
pub use file::{Unreadable, read_from};
pub use table::chunks_of;

/// Version of the format.
pub const SCHEMA: u32 = 1;

/// One settled task. Byte strings are hexadecimal in the file, stakes decimal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`SCHEMA`].
    pub schema: u32,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The contract that settled it: what is signed is bound to both.
    pub task_manager: Address,
    /// Which task.
    pub task: TaskPart,
    /// The block all that it read is pinned to.
    pub anchor: AnchorPart,
    /// Hash of the agreed observations; zero for jobs that do not look outside.
    pub input_hash: B256,
    /// What the run gave.
    pub outcome: OutcomePart,
    /// What the job asked for in that version: `abi.encode(JobParams)`.
    pub terms: Bytes,
    /// Hash of the report on the task, a leaf of the batch.
    pub report: B256,
    /// The batch that was signed.
    pub batch: BatchPart,
    /// Who signed it.
    pub certificate: CertificatePart,
    /// The operators of the epoch.
    pub committee: CommitteePart,
    /// Where it settled.
    pub settlement: SettlementPart,
    /// The run made again when the receipt was: what it was told and read, and what it used. `null` where nobody could.
    pub run: Option<Tape>,
}

/// A task by all its names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskPart {
    /// keccak256(abi.encode(job, version, instance)).
    pub id: B256,
    /// Number of the job.
    pub job: u64,
    /// Version of the job.
    pub version: u32,
    /// Which run of it.
    pub instance: B256,
    /// The same as a number, where it is one.
    pub run: Option<u64>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorPart {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// What a run gave. Of what is not a call the chain has the hash alone: the rest is there where the run was made again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomePart {
    /// call, skip or error.
    pub status: String,
    /// keccak256(abi.encode(keccak256(data), code hash, state root, transcript root)).
    pub hash: B256,
    /// Calldata for the target, or the reason as text.
    pub data: Option<Bytes>,
    /// sha256 of the job's code; zero where it has none.
    pub code_hash: B256,
    /// Root of the job's state after the run; zero where it has none.
    pub state_after_root: Option<B256>,
    /// Commitment to all that the run read; zero where that was nothing.
    pub transcript_root: Option<B256>,
}

/// The batch of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchPart {
    /// Whose keys signed it.
    pub epoch: u32,
    /// Merkle root of its reports.
    pub root: B256,
    /// Siblings from the report up to the root.
    pub proof: Vec<B256>,
    /// What was signed: the EIP-712 digest of Batch(epoch, root).
    pub digest: B256,
}

/// A quorum's word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificatePart {
    /// Bitmap of the signers, bit i % 8 of byte i / 8, as long as the committee needs.
    pub signers: Bytes,
    /// Sum of their signatures, a compressed G1 point of 48 bytes.
    pub signature: Bytes,
    /// Stake of the signers.
    #[serde(with = "file::decimal")]
    pub signed_stake: u128,
}

/// The operator table of an epoch, as its hash on chain commits to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitteePart {
    /// First block that can be an anchor under it.
    pub active_from: u64,
    /// Hash of the table on chain.
    pub table_root: B256,
    /// Sum of all stakes.
    #[serde(with = "file::decimal")]
    pub total_stake: u128,
    /// The contracts that hold the keys, one for every 64 rows.
    pub key_chunks: Vec<Address>,
    /// The rows, by index.
    pub members: Vec<MemberPart>,
}

/// A row of the table. One without stake only keeps the indices of the others in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberPart {
    /// The operator's account.
    pub operator: Address,
    /// Stake counted in the epoch.
    #[serde(with = "file::decimal")]
    pub stake: u128,
    /// BLS key as on chain: x.c0, x.c1, y.c0, y.c1 of 48 bytes each.
    pub bls_key: Bytes,
}

/// Where a task settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementPart {
    /// The transaction.
    pub transaction: B256,
    /// Number of its block.
    pub block: u64,
    /// Who sent it.
    pub submitter: Address,
    /// Whether the target took the outcome.
    pub delivered: bool,
    /// Seconds from the due moment to it, by the contract's count.
    pub late_seconds: u64,
}

impl Receipt {
    /// Whose signatures count.
    #[must_use]
    pub const fn domain(&self) -> Domain {
        Domain { chain_id: self.chain_id, task_manager: self.task_manager }
    }

    /// The task.
    #[must_use]
    pub const fn task(&self) -> Task {
        let TaskPart { job, version, instance, .. } = self.task;
        Task { job: JobId(job), version, instance: InstanceKey(instance) }
    }

    /// The report that it is about; `None` for a status that does not exist.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        Some(Report {
            task: self.task(),
            anchor: Anchor { number: self.anchor.number, hash: self.anchor.hash },
            input_set: self.input_hash,
            status: status_of(&self.outcome.status)?,
            outcome_hash: self.outcome.hash,
        })
    }

    /// What the run gave, as far as it is known.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        let OutcomePart { data, state_after_root, transcript_root, .. } = &self.outcome;
        let (state_after, transcript) = ((*state_after_root)?, (*transcript_root)?);
        Some(Outcome { status: status_of(&self.outcome.status)?, data: data.clone()?, state_after, transcript })
    }

    /// The file's text.
    ///
    /// # Panics
    /// Never: there is nothing in it that JSON cannot say.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("numbers, texts and lists of them") + "\n"
    }
}

/// The word for a status: that of `keeper job test`.
#[must_use]
pub const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Call => "call",
        Status::Skip => "skip",
        Status::JobError => "error",
    }
}

/// The status with this name.
fn status_of(name: &str) -> Option<Status> {
    [ended::CALL, ended::SKIP, ended::JOB_ERROR]
        .into_iter()
        .filter_map(Status::from_number)
        .find(|status| status_name(*status) == name)
}

/// The compressed form of a signature as the contract takes it (96 bytes: x, y). One x has two points, and one flag tells
/// them apart: the one that gives the same y again is it.
#[must_use]
pub fn compressed(signature: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
    const COMPRESSED: u8 = 0x80;
    const LARGER: u8 = 0x20;
    let x: [u8; SIGNATURE_BYTES] = signature.get(..SIGNATURE_BYTES)?.try_into().ok()?;
    [COMPRESSED, COMPRESSED | LARGER].into_iter().find_map(|flags| {
        let mut bytes = x;
        bytes[0] |= flags;
        let point = Signature::from_bytes(&bytes).ok()?;
        (point.to_chain_bytes()[..] == *signature).then_some(bytes)
    })
}

/// The bitmap of a committee of `size` in the words of a certificate on chain; `None` for bits beyond it.
#[must_use]
pub fn bitmap(words: &[alloy::primitives::U256], size: usize) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes::<32>()).collect();
    let (kept, rest) = bytes.split_at_checked(size.div_ceil(8))?;
    let is_clean = rest.iter().all(|byte| *byte == 0) && SignerSet::from_bytes(kept, size).is_some();
    is_clean.then(|| kept.to_vec())
}

#[cfg(test)]
mod tests;
