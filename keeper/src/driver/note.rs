//! What is worth a number or a word to people. The machine tells it as data; here alone it is said which series it moves
//! and in which words it is logged.

mod count;
mod dispute;
mod log;

use alloy::primitives::B256;
use consensus::committee::PeerKey;
use consensus::effect::Step;
use consensus::fault::{Fault, Verdict};
use consensus::message::Channel;
use consensus::task::{JobId, Task};

use crate::chain::{AccusationResult, SettlementResult, SnapshotResult, Undelivered};
use crate::metrics::Metrics;
use crate::topics;
use crate::view::Check;

use super::chain_time::APART_MS;
use super::shed::Load;
use count::{count_offer, count_step, count_submission, count_verdict, seconds};
pub(crate) use dispute::DisputeNote;

/// Something that happened in this keeper.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A block at the confirmation depth.
    Head {
        /// Its number.
        number: u64,
        /// Unix seconds.
        timestamp: u64,
    },
    /// The blocks above this number are orphaned.
    Rewound(u64),
    /// An epoch was written.
    Epoch {
        /// Its number.
        epoch: u32,
        /// Rows of its committee.
        members: usize,
    },
    /// An epoch was written that cannot be used, for this reason.
    BadEpoch(String),
    /// A gossip message got its verdict.
    Judged {
        /// The topic.
        channel: Channel,
        /// The verdict.
        verdict: Verdict,
    },
    /// A partial that came straight got its verdict.
    JudgedStraight(Verdict),
    /// A message was judged a second time: a bug, and of no effect.
    SecondVerdict(Verdict),
    /// An own partial went out.
    Spoke {
        /// Whether it says why nothing is signed.
        abstains: bool,
    },
    /// An own partial that went straight is gossiped after all: no leader took it, or nothing showed a quorum for a stage.
    FellBack,
    /// This keeper assigned tasks as a leader.
    Assigned {
        /// The window.
        window: u64,
        /// Its stage: 0 is the first in line.
        stage: u8,
    },
    /// Another keeper settled in a window that this one was to lead, a full stage late.
    MissedTurn {
        /// The window.
        window: u64,
    },
    /// A keeper misbehaved.
    Blamed(Fault),
    /// A step in a task's life.
    Step {
        /// The task.
        task: Task,
        /// The step.
        step: Step,
        /// Milliseconds since the task was due; `None` if that is forgotten.
        late_ms: Option<u64>,
        /// How it ended, for the steps that are about it: settled, skipped, job_error, expired.
        result: &'static str,
    },
    /// A run ended.
    Ran {
        /// call, skip, job_error or abstain.
        outcome: &'static str,
        /// Milliseconds from the order to the answer.
        took_ms: u64,
    },
    /// An answer came that belongs to no run under way; it is left alone.
    UnaskedAnswer(JobId),
    /// Tasks found no room in the engine and are told it again in a moment.
    PutOff {
        /// The job of the first of them.
        job: JobId,
        /// How many.
        tasks: u64,
        /// Whether there is too much of all, or of its job.
        load: Load,
    },
    /// A task that was seen on chain is lost: there is no room for it among what is remembered, or among what waits for room.
    Lost {
        /// Its job.
        job: JobId,
        /// Whether there is too much of all, or of its job.
        load: Load,
    },
    /// Logs that make nobody due: more of a block than their job takes, or longer than can be.
    LogsDropped {
        /// The job.
        job: u64,
        /// How many.
        logs: u64,
    },
    /// Logs of one block that no node gives for a job: they make nobody due.
    LogsUnread {
        /// The job.
        job: u64,
        /// The block.
        block: u64,
        /// Why not.
        why: String,
    },
    /// A job's condition fails, and did not before.
    ConditionFailed {
        /// The job.
        job: u64,
        /// Why.
        why: String,
    },
    /// It could not be asked which conditions hold.
    NotProbed(String),
    /// A certificate goes to the chain.
    Submitting,
    /// A submission ended.
    Submitted(SettlementResult),
    /// An offer to write the next epoch's table ended.
    Offered(SnapshotResult),
    /// An accusation ended.
    Accused(AccusationResult),
    /// A proof of equivocation is kept; its statements are pinned to this block.
    EvidenceKept(u64),
    /// The journal has learnt from the mesh what this key signed before.
    Learnt,
    /// Where this keeper's operator stands has changed.
    Standing(Check),
    /// Whether most keepers see another operator set than this one has changed.
    Disputed(bool),
    /// A job's code cannot be run here.
    CodeTrouble {
        /// The job.
        job: u64,
        /// What is wrong.
        why: String,
    },
    /// A peer's clock and this one are far apart.
    ClockOff {
        /// The peer.
        peer: PeerKey,
        /// By how much, in milliseconds.
        offset_ms: u64,
    },
    /// A target did not take its outcome.
    Undelivered {
        /// The job.
        job: u64,
        /// Why.
        why: Undelivered,
    },
    /// Something was turned away because there is too much of it.
    Shed {
        /// What.
        load: Load,
        /// How much of it.
        number: u64,
    },
    /// The chain's time is so many milliseconds ahead of this machine's clock, and was not before.
    ChainTime {
        /// Negative: it is behind.
        ahead_ms: i64,
    },
    /// Something about a dispute, or about a result that is worth one.
    Dispute(DisputeNote),
    /// The mesh listens on this multiaddr.
    Listening(String),
}

/// What a keeper says that sees another operator set than the rest of the mesh.
pub(super) const DISPUTED: &str = "most keepers see another operator set than this one's chain node shows: nothing is \
                                   signed until they agree; check rpc_urls";

impl Note {
    /// Moves the series it is about.
    pub(super) fn count(&self, metrics: &Metrics) {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        match self {
            Self::Head { number: block, timestamp } => {
                metrics.chain_head_block.set(number(*block));
                metrics.chain_head_timestamp.set(number(*timestamp));
            }
            Self::Rewound(_) => {
                metrics.chain_reorgs.inc();
            }
            Self::Epoch { epoch, .. } => {
                metrics.epoch.set(i64::from(*epoch));
            }
            Self::Judged { channel, verdict } => {
                count_verdict(metrics, topics::name(*channel), *channel, *verdict);
            }
            Self::JudgedStraight(verdict) => {
                count_verdict(metrics, topics::STRAIGHT_NAME, Channel::Partials, *verdict);
            }
            Self::FellBack => metrics.partials.inc(["sent", "fallback"]),
            Self::Spoke { abstains } => metrics.partials.inc(["sent", if *abstains { "abstained" } else { "signed" }]),
            Self::Assigned { stage, .. } => metrics.leader_turns.inc([if *stage == 0 { "led" } else { "takeover" }]),
            Self::MissedTurn { .. } => metrics.leader_turns.inc(["missed"]),
            Self::Step { step, late_ms, result, .. } => count_step(metrics, *step, *late_ms, result),
            Self::Ran { outcome, took_ms } => {
                metrics.executions.inc([outcome]);
                metrics.execution_duration.observe(seconds(*took_ms));
            }
            Self::PutOff { tasks, load, .. } => metrics.load_shed.add([load.name()], *tasks),
            Self::Lost { load, .. } => metrics.load_shed.inc([load.name()]),
            Self::LogsDropped { logs, .. } => metrics.load_shed.add(["logs"], *logs),
            Self::LogsUnread { .. } => metrics.load_shed.inc(["log_blocks"]),
            Self::Submitting => metrics.certificates.inc(["submitted"]),
            Self::Submitted(result) => count_submission(metrics, result),
            Self::Offered(result) => count_offer(metrics, result),
            Self::Accused(result) => metrics.accusations.inc([result.name()]),
            Self::Dispute(note) => metrics.disputes.inc([note.name()]),
            Self::Undelivered { why, .. } => metrics.callbacks_failed.inc([why.name()]),
            Self::Shed { load, number } => metrics.load_shed.add([load.name()], *number),
            Self::ChainTime { ahead_ms } => {
                metrics.chain_time_ahead.set(*ahead_ms as f64 / 1_000.0);
            }
            Self::BadEpoch(_)
            | Self::NotProbed(_)
            | Self::ConditionFailed { .. }
            | Self::SecondVerdict(_)
            | Self::Blamed(_)
            | Self::UnaskedAnswer(_)
            | Self::EvidenceKept(_)
            | Self::Learnt
            | Self::Standing(_)
            | Self::Disputed(_)
            | Self::CodeTrouble { .. }
            | Self::ClockOff { .. }
            | Self::Listening(_) => {}
        }
    }

    /// What a line about it is like, and the job it is about, if there could be many such lines.
    pub(super) fn subject(&self) -> Option<(&'static str, u64)> {
        match self {
            Self::Step { task, step: Step::Expired, .. } => Some(("expired", task.job.0)),
            Self::Step { task, step: Step::Abstained(_), .. } => Some(("abstained", task.job.0)),
            Self::CodeTrouble { job, .. } => Some(("code", *job)),
            Self::Dispute(note) => note.subject(),
            Self::PutOff { .. } => Some(("put_off", 0)),
            Self::Lost { job, .. } => Some(("lost", job.0)),
            Self::LogsDropped { job, .. } => Some(("logs_dropped", *job)),
            Self::LogsUnread { job, .. } => Some(("logs_unread", *job)),
            Self::ConditionFailed { job, .. } => Some(("condition_failed", *job)),
            Self::NotProbed(_) => Some(("not_probed", 0)),
            Self::MissedTurn { .. } => Some(("missed_turn", 0)),
            Self::ClockOff { .. } => Some(("clock", 0)),
            Self::Submitted(SettlementResult::Useless { .. }) => Some(("useless", 0)),
            Self::Submitted(SettlementResult::Reverted { .. }) => Some(("reverted", 0)),
            Self::Submitted(SettlementResult::Failed { .. }) => Some(("failed", 0)),
            Self::Offered(SnapshotResult::Reverted { .. } | SnapshotResult::Failed { .. }) => Some(("snapshot", 0)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
