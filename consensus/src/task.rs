//! What is to be run: jobs, tasks, and what running one produced.

use std::fmt;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_sol_types::SolValue;

/// Most attempts at one task: where windows are shortest, the last of them comes half an hour after the task was due.
pub const ATTEMPTS_MAX: u8 = 9;
/// From this number on attempts are of another kind: those that catch up with what is late ([`crate::time::Pace::catch_up_attempt`]).
pub const CATCH_UP_FIRST: u8 = 16;

/// Whether this is the number of an attempt that catches up.
pub const fn is_catch_up(attempt: u8) -> bool {
    attempt >= CATCH_UP_FIRST
}

/// Number of a job on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(pub u64);

/// What tells the tasks of one job version apart: the run number as a 32-byte big-endian integer for time and block
/// triggers, keccak256(block hash, transaction hash, log index) for logs, the anchor hash for conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceKey(pub B256);

impl InstanceKey {
    /// The key of run number `run` of a time or block trigger.
    pub fn from_run(run: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[24..].copy_from_slice(&run.to_be_bytes());
        Self(B256::from(bytes))
    }

    /// The run number, if the key is one of a time or block trigger.
    pub fn run(&self) -> Option<u64> {
        U256::from_be_bytes(self.0.0).try_into().ok()
    }
}

/// keccak256(abi.encode(jobId, jobVersion, instanceKey)); computed, never sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(pub B256);

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({})", alloy_primitives::hex::encode(&self.0[..6]))
    }
}

/// One due run of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// The job.
    pub job: JobId,
    /// The version of the job the run belongs to; a change of the job makes a new one.
    pub version: u32,
    /// Which run it is.
    pub instance: InstanceKey,
}

impl Task {
    /// The task's name in logs, storage and the journal.
    pub fn id(&self) -> TaskId {
        TaskId(keccak256((self.job.0, self.version, self.instance.0).abi_encode()))
    }
}

/// By which rule the anchor of a task follows from the chain (rule 1); `Facts::anchor` alone knows what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnchorRule {
    /// The last block up to the attempt's moment, less the lag.
    ByTime,
    /// The block of this number, in which it was seen that the task is due; later attempts by time. Without that block there
    /// is no task.
    AtBlock(u64),
}

impl AnchorRule {
    /// The block that a task rests on: where that is orphaned the task is void.
    pub const fn rests_on(self) -> Option<u64> {
        match self {
            Self::ByTime => None,
            Self::AtBlock(number) => Some(number),
        }
    }
}

/// A task the schedule knows of, ahead of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueTask {
    /// Which task.
    pub task: Task,
    /// When it is due, in seconds since the Unix epoch.
    pub due: u64,
    /// When it is no longer worth running, in seconds since the Unix epoch.
    pub deadline: u64,
    /// By which rule the block it is pinned to is found.
    pub anchor: AnchorRule,
    /// Its place among those of its job that are due together: they are brought on chain in this order.
    pub rank: u32,
    /// sha256 of the job's code, a part of the outcome hash.
    pub code_hash: B256,
    /// Share of stake the job asks for, in hundredths of a percent; never below [`crate::committee::QUORUM_BPS`].
    pub quorum_bps: u16,
    /// Gas the callback may use.
    pub callback_gas: u32,
    /// Whether its job looks outside the chain: keepers agree on what they saw before it decides (rule 20).
    pub observes: bool,
}

/// How a run ended, as the contract numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// Bytes for the target contract.
    Call = 0,
    /// The job found nothing to do, and said why.
    Skip = 1,
    /// The job failed, in the same way on every machine.
    JobError = 2,
}

impl Status {
    /// The status of a number on the wire or on chain.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Call),
            1 => Some(Self::Skip),
            2 => Some(Self::JobError),
            _ => None,
        }
    }
}

/// Why a keeper says nothing about a task. Travels as a number, never as anything signed by BLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Abstention {
    /// The task is not in this keeper's schedule.
    UnknownTask = 1,
    /// The job's code could not be had, or is not what the chain says.
    CodeUnavailable = 2,
    /// The chain node failed while the job ran.
    ChainReadFailed = 3,
    /// The job was stopped by the watchdog, which is not part of any verdict.
    Timeout = 4,
    /// This machine failed, not the job.
    HostFailure = 5,
    /// Too many jobs are running here.
    Busy = 6,
    /// The journal holds another report for this task and anchor, or cannot be written.
    JournalRefused = 7,
    /// At the anchor the job is paused, out of funds, or another version.
    JobInactive = 8,
    /// What keepers saw outside, on which it was decided, is not at hand any more.
    NothingSeen = 9,
}

impl Abstention {
    /// Name in snake case, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownTask => "unknown_task",
            Self::CodeUnavailable => "code_unavailable",
            Self::ChainReadFailed => "chain_read_failed",
            Self::Timeout => "timeout",
            Self::HostFailure => "host_failure",
            Self::Busy => "busy",
            Self::JournalRefused => "journal_refused",
            Self::JobInactive => "job_inactive",
            Self::NothingSeen => "nothing_seen",
        }
    }
}

/// What execution produced: a pure function of task, anchor and input set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// Calldata for the target, or the reason of a skip or a job error as UTF-8.
    pub data: Bytes,
    /// Root of the job's state after the run; zero for jobs without state.
    pub state_after: B256,
    /// Hash chain over the host calls and their answers; zero if there were none.
    pub transcript: B256,
}

/// An outcome of more bytes than this is heavy: a few of them fill a block (EIP-7623).
pub const HEAVY_BYTES: usize = 4 * 1_024;

impl Outcome {
    /// Whether it takes much of a block.
    pub fn is_heavy(&self) -> bool {
        self.data.len() > HEAVY_BYTES
    }

    /// keccak256(abi.encode(keccak256(data), codeHash, stateAfterRoot, transcriptRoot)).
    pub fn hash(&self, code_hash: B256) -> B256 {
        keccak256((keccak256(&self.data), code_hash, self.state_after, self.transcript).abi_encode())
    }
}
