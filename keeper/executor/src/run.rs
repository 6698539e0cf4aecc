//! What goes into a run and what comes out of it.

use std::time::Duration;

use crate::{Abstain, LogEntry};

/// A job's code as registered on chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Code {
    /// Where to fetch it: `https:`, `ipfs:` or `data:`; `http:`, `file:` and private addresses on local networks only.
    pub url: String,
    /// SHA-256 of the component's bytes.
    pub hash: [u8; 32],
}

/// The block all chain reads of a run are pinned to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockReference {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Block number.
    pub number: u64,
    /// Block hash.
    pub hash: [u8; 32],
    /// Unix seconds, from the block's header.
    pub timestamp: u64,
}

/// Why a run exists, as the job sees it: the kinds of the world's `trigger` that keepers know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A moment came: the due one, in unix seconds.
    Time(u64),
    /// A block came.
    Block {
        /// Block number.
        number: u64,
        /// Block hash.
        hash: [u8; 32],
        /// Unix seconds, from the block's header.
        timestamp: u64,
    },
    /// A log was emitted, with at most [`MAX_CHAIN_BYTES`](crate::MAX_CHAIN_BYTES) of data.
    Log(Box<LogEntry>),
    /// A condition held; what the call answered, with at most [`MAX_CHAIN_BYTES`](crate::MAX_CHAIN_BYTES).
    Condition(Vec<u8>),
}

/// One run to make: a pure function of these fields and of the chain at `reference`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRequest {
    /// The code to run.
    pub code: Code,
    /// Who pays for the job: fetches and compilations go by turns between owners.
    pub owner: [u8; 20],
    /// The job's number on chain: runs go by turns between jobs.
    pub job_id: u64,
    /// `keccak256(abi.encode(jobId, jobVersion, instanceKey))`; seeds the job's random numbers.
    pub task_id: [u8; 32],
    /// Number of the run: 0, 1, 2 ... of this job.
    pub sequence: u64,
    /// Why there is this run.
    pub trigger: Trigger,
    /// The due moment in unix seconds: the job's `now`.
    pub due: u64,
    /// Whether it was tried before, or nobody waits for it: what is on time runs before it.
    pub is_late: bool,
    /// The job's parameters, as registered on chain.
    pub params: Vec<u8>,
    /// The anchor of the task.
    pub reference: BlockReference,
}

/// How a run ended. The first three are equal on every honest keeper and are signed; `Abstain` never is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Bytes for the job's target contract, at most [`MAX_OUTCOME_BYTES`](crate::MAX_OUTCOME_BYTES).
    Call(Vec<u8>),
    /// Nothing to do this time. The reason has at most [`MAX_REASON_BYTES`](crate::MAX_REASON_BYTES).
    Skip(String),
    /// The job failed in a way every keeper sees alike: an error it returned, a trap, or its fuel ran out.
    JobError(String),
    /// Nothing to sign.
    Abstain(Abstain),
}

/// A finished run.
#[derive(Debug, Clone)]
pub struct Run {
    /// How it ended.
    pub ended: Ended,
    /// Commitment to the chain reads and their answers (rule: `transcript.rs`); zero when there were none.
    pub transcript_root: [u8; 32],
    /// Fuel used. Informative: it is not part of a report.
    pub fuel: u64,
    /// Linear memory at the end of the run, in bytes: the most there was, for it never shrinks. Informative, like the fuel.
    pub memory_bytes: u64,
    /// Time from the call of [`Executor::run`](crate::Executor::run) to its end, waiting included.
    pub elapsed: Duration,
    /// What the run took by itself: processor time, and what it waited for the chain. Not its turn, nor its code.
    pub took: Duration,
    /// What the job logged, one `level: message` per entry, at most 64 KiB in all. Never signed.
    pub logs: Vec<String>,
}

/// A finished look outside: nothing of it is signed but what was seen, and that for this keeper alone.
#[derive(Debug, Clone)]
pub struct Look {
    /// What was seen, encoded ([`crate::seen`]); or how it ended without.
    pub seen: Result<Vec<u8>, Ended>,
    /// Fuel used.
    pub fuel: u64,
    /// Linear memory at its end, in bytes.
    pub memory_bytes: u64,
    /// What it took by itself, as for a run.
    pub took: Duration,
    /// As for a run.
    pub logs: Vec<String>,
}

impl Look {
    /// One that ended before the guest started.
    pub(crate) const fn abstained(reason: Abstain, took: Duration) -> Self {
        Self { seen: Err(Ended::Abstain(reason)), fuel: 0, memory_bytes: 0, took, logs: Vec::new() }
    }
}

impl Run {
    /// A run that ended before the guest started.
    pub(crate) const fn abstained(reason: Abstain, elapsed: Duration) -> Self {
        let ended = Ended::Abstain(reason);
        Self {
            ended,
            transcript_root: [0; 32],
            fuel: 0,
            memory_bytes: 0,
            elapsed,
            took: Duration::ZERO,
            logs: Vec::new(),
        }
    }
}
