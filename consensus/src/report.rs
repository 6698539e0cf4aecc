//! What is signed. These functions mirror `contracts/src/libraries/ReportLib.sol`; vectors in `tests/vectors` hold
//! the two together.

use std::sync::{LazyLock, OnceLock};

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use alloy_sol_types::SolValue;

use crate::merkle;
use crate::ruling::Answer;
use crate::task::{Status, Task, TaskId};

/// Most reports in one batch.
pub const BATCH_MAX: usize = 256;

/// keccak256 of the EIP-712 type of a report.
pub const REPORT_TYPE: &str = "Report(uint64 jobId,uint32 jobVersion,bytes32 instanceKey,uint64 anchorNumber,bytes32 anchorHash,bytes32 inputHash,uint8 status,bytes32 outcomeHash)";
const BATCH_TYPE: &str = "Batch(uint32 epoch,bytes32 root)";
const RULING_TYPE: &str = "Ruling(uint32 epoch,uint64 disputeId,bytes32 leaf,uint8 status,bytes32 outcomeHash)";
const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";

static REPORT_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(REPORT_TYPE));
static BATCH_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(BATCH_TYPE));
static RULING_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(RULING_TYPE));
/// Separator of the first domain asked for: a keeper serves one network, and hashes under it all the time.
static SEPARATOR: OnceLock<(Domain, B256)> = OnceLock::new();

/// The block that all chain reads of a task are pinned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Anchor {
    /// Block number.
    pub number: u64,
    /// Block hash.
    pub hash: B256,
}

/// The statement about one task. A keeper makes at most one per (task, anchor, input set), for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Report {
    /// The task.
    pub task: Task,
    /// The block it was run at.
    pub anchor: Anchor,
    /// The agreed observations it decided on; zero for jobs that do not look outside.
    pub input_set: B256,
    /// How the run ended.
    pub status: Status,
    /// Hash of the outcome, see [`crate::task::Outcome::hash`].
    pub outcome_hash: B256,
}

/// What is hashed for the outcome of a task that was not due. No run comes to that hash: what is hashed for one is 128 bytes long.
const NOT_DUE: &str = "Keeper Mesh: the task was not due";

impl Report {
    /// What is ruled on the report of a task that never was, or was not to be run at its anchor: a job error with one fixed hash. There is
    /// nothing right to report of such a task, so where the report says just that, it is a skip with this hash instead: whatever was
    /// certified loses.
    pub fn not_due(&self) -> Answer {
        let outcome_hash = keccak256(NOT_DUE);
        let says_just_that = (self.status, self.outcome_hash) == (Status::JobError, outcome_hash);
        Answer { status: if says_just_that { Status::Skip } else { Status::JobError }, outcome_hash }
    }

    /// The report's leaf in the batch: keccak256 of its EIP-712 struct hash (hashed twice, so that no inner node of a
    /// tree can pass for a leaf).
    pub fn leaf(&self) -> B256 {
        // abi.encode of static types: one 32-byte word each, integers at the end of theirs.
        let mut words = [[0; 32]; 9];
        words[0] = REPORT_HASH.0;
        words[1][24..].copy_from_slice(&self.task.job.0.to_be_bytes());
        words[2][28..].copy_from_slice(&self.task.version.to_be_bytes());
        words[3] = self.task.instance.0.0;
        words[4][24..].copy_from_slice(&self.anchor.number.to_be_bytes());
        words[5] = self.anchor.hash.0;
        words[6] = self.input_set.0;
        words[7][31] = self.status as u8;
        words[8] = self.outcome_hash.0;
        keccak256(keccak256(words.as_flattened()))
    }
}

/// What the root of a batch stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaves {
    /// The reports, in the order of the batch.
    pub reports: Vec<Report>,
    /// Their leaves: hashed once, needed for every signer.
    pub hashes: Vec<B256>,
    root: B256,
}

impl Leaves {
    /// Hashes reports.
    pub fn of(reports: Vec<Report>) -> Self {
        let hashes: Vec<B256> = reports.iter().map(Report::leaf).collect();
        let root = merkle::root(&hashes);
        Self { reports, hashes, root }
    }

    /// The root above them.
    pub fn root(&self) -> B256 {
        self.root
    }

    /// What the journal must hold before the root is signed.
    pub fn records(&self) -> Vec<SignRecord> {
        self.reports.iter().zip(&self.hashes).map(|(report, &leaf)| SignRecord::new(report, leaf)).collect()
    }
}

/// What the journal must hold before a report is signed: one report per (task, anchor, input set), for ever (rule 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignRecord {
    /// The task.
    pub task: TaskId,
    /// Its anchor's number; the journal is pruned by it.
    pub anchor_number: u64,
    /// Its anchor's hash.
    pub anchor_hash: B256,
    /// Its input set.
    pub input_set: B256,
    /// The report's leaf.
    pub report: B256,
}

impl SignRecord {
    /// The record of a report with its leaf.
    pub fn new(report: &Report, leaf: B256) -> Self {
        Self {
            task: report.task.id(),
            anchor_number: report.anchor.number,
            anchor_hash: report.anchor.hash,
            input_set: report.input_set,
            report: leaf,
        }
    }
}

/// The EIP-712 domain: one chain, one TaskManager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Chain id.
    pub chain_id: u64,
    /// Address of the TaskManager (its proxy).
    pub task_manager: Address,
}

impl Domain {
    /// The EIP-712 domain separator; names this network in seeds, topics and the journal.
    pub fn separator(&self) -> B256 {
        let (first, separator) = SEPARATOR.get_or_init(|| (*self, self.compute_separator()));
        if first == self { *separator } else { self.compute_separator() }
    }

    fn compute_separator(&self) -> B256 {
        let encoded = (
            keccak256(DOMAIN_TYPE),
            keccak256("KeeperMesh"),
            keccak256("1"),
            U256::from(self.chain_id),
            self.task_manager,
        )
            .abi_encode();
        keccak256(encoded)
    }

    /// First 8 bytes of the separator as 16 hex digits; the name in topics and protocols.
    pub fn name(&self) -> String {
        hex::encode(&self.separator()[..8])
    }

    /// The 32 bytes that keepers sign: keccak256(0x1901, separator, struct hash of Batch(epoch, root)).
    pub fn batch_digest(&self, epoch: u32, root: B256) -> B256 {
        // abi.encode of static types, as in a leaf.
        let mut words = [[0; 32]; 3];
        words[0] = BATCH_HASH.0;
        words[1][28..].copy_from_slice(&epoch.to_be_bytes());
        words[2] = root.0;
        self.digest(keccak256(words.as_flattened()))
    }

    /// The 32 bytes that keepers sign to rule on a dispute of the report with this leaf: keccak256(0x1901, separator, struct hash
    /// of Ruling(epoch, disputeId, leaf, status, outcomeHash)). A type of its own: never evidence against anybody.
    pub fn ruling_digest(&self, epoch: u32, dispute: u64, leaf: B256, answer: Answer) -> B256 {
        let mut words = [[0; 32]; 6];
        words[0] = RULING_HASH.0;
        words[1][28..].copy_from_slice(&epoch.to_be_bytes());
        words[2][24..].copy_from_slice(&dispute.to_be_bytes());
        words[3] = leaf.0;
        words[4][31] = answer.status as u8;
        words[5] = answer.outcome_hash.0;
        self.digest(keccak256(words.as_flattened()))
    }

    /// EIP-712: the domain's word for a struct with this hash.
    fn digest(&self, structure: B256) -> B256 {
        let mut bytes = [0; 66];
        bytes[0] = 0x19;
        bytes[1] = 0x01;
        bytes[2..34].copy_from_slice(self.separator().as_slice());
        bytes[34..].copy_from_slice(structure.as_slice());
        keccak256(bytes)
    }
}

/// The message of a proof of possession: bound to chain, registry and operator, so that it cannot be taken over, and to
/// the peer key (raw ed25519) that is registered with it.
pub fn possession_digest(
    chain_id: u64,
    registry: Address,
    operator: Address,
    chain_key: &[u8],
    peer_key: [u8; 32],
) -> B256 {
    let peer_key = B256::from(peer_key);
    keccak256((U256::from(chain_id), registry, operator, keccak256(chain_key), peer_key).abi_encode())
}

#[cfg(test)]
mod tests;
