//! What is worth a number or a word to people. The machine tells it as data; here alone it is said which series it moves
//! and in which words it is logged.

mod count;
mod dispute;

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
    /// A message was judged a second time: a bug, and of no effect.
    SecondVerdict(Verdict),
    /// An own partial went out.
    Spoke {
        /// Whether it says why nothing is signed.
        abstains: bool,
    },
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
    },
    /// A task that was seen on chain is lost: its job has its share of what is remembered, or of what waits for room.
    Crowded(JobId),
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
            Self::Judged { channel, verdict } => count_verdict(metrics, *channel, *verdict),
            Self::Spoke { abstains } => metrics.partials.inc(["sent", if *abstains { "abstained" } else { "signed" }]),
            Self::Assigned { stage, .. } => metrics.leader_turns.inc([if *stage == 0 { "led" } else { "takeover" }]),
            Self::MissedTurn { .. } => metrics.leader_turns.inc(["missed"]),
            Self::Step { step, late_ms, result, .. } => count_step(metrics, *step, *late_ms, result),
            Self::Ran { outcome, took_ms } => {
                metrics.executions.inc([outcome]);
                metrics.execution_duration.observe(seconds(*took_ms));
            }
            Self::PutOff { tasks, .. } => metrics.load_shed.add([Load::Tasks.name()], *tasks),
            Self::Crowded(_) => metrics.load_shed.inc([Load::Tasks.name()]),
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
            Self::Crowded(job) => Some(("crowded", job.0)),
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

    /// Tells whoever reads the log.
    pub(super) fn log(&self) {
        match self {
            Self::Rewound(number) => {
                tracing::warn!(number, "the chain was reorganised: blocks above this one are forgotten");
            }
            Self::Epoch { epoch, members } => tracing::info!(epoch, members, "a new epoch"),
            Self::BadEpoch(error) => tracing::error!(error, "an epoch cannot be used: nothing is signed under it"),
            Self::Judged { channel, verdict: Verdict::Reject(reason) } => {
                tracing::debug!(topic = topics::name(*channel), reason = reason.name(), "rejected a message");
            }
            Self::SecondVerdict(verdict) => tracing::error!(?verdict, "a message was judged twice: this is a bug"),
            Self::Assigned { window, stage } => tracing::debug!(window, stage, "assigned tasks"),
            Self::MissedTurn { window } => {
                tracing::warn!(window, "another keeper settled what this one was to lead: is it slow, or cut off?");
            }
            Self::Blamed(Fault::Equivocation(keeper)) => {
                tracing::error!(keeper = keeper.0, "a keeper signed two different findings on one batch");
            }
            Self::Blamed(Fault::ConflictingAssignment(keeper)) => {
                tracing::warn!(keeper = keeper.0, "a leader sent two different assignments with one number");
            }
            Self::Blamed(Fault::UnfitInputs(keeper)) => {
                tracing::warn!(keeper = keeper.0, "a leader listed observations of no quorum: nobody decides on them");
            }
            Self::Step { task, step: Step::Expired, result, .. } => log_expired(task, result),
            Self::Step { task, step: Step::Abstained(reason), .. } => {
                tracing::warn!(job = task.job.0, reason = reason.name(), "nothing to sign for a task");
            }
            Self::PutOff { .. }
            | Self::Crowded(_)
            | Self::LogsDropped { .. }
            | Self::LogsUnread { .. }
            | Self::ConditionFailed { .. }
            | Self::CodeTrouble { .. } => self.log_of_job(),
            Self::NotProbed(why) => {
                tracing::warn!(why, "could not ask which conditions hold: asked again at the next block");
            }
            Self::UnaskedAnswer(job) => tracing::debug!(job = job.0, "an execution's answer that nobody waits for"),
            Self::EvidenceKept(anchor) => tracing::error!(anchor, "kept a proof of equivocation"),
            Self::Learnt => {
                tracing::warn!("learnt from the mesh what this key signed before; the journal lacked it");
            }
            Self::Standing(check) if check.ok => tracing::info!("{}", check.message),
            Self::Standing(check) => tracing::warn!("{}", check.message),
            Self::ClockOff { peer, offset_ms } => {
                tracing::warn!(?peer, offset_ms, "a peer's clock and this one differ: check NTP on both");
            }
            Self::ChainTime { ahead_ms } if ahead_ms.unsigned_abs() > APART_MS => {
                tracing::warn!(ahead_ms, "the chain's time and this machine's clock are far apart: the chain's counts");
            }
            Self::ChainTime { ahead_ms } => tracing::info!(ahead_ms, "due moments go by the chain's time"),
            Self::Listening(address) => tracing::info!(address, "listening for peers"),
            Self::Submitted(result) => log_submission(result),
            Self::Offered(result) => log_offer(result),
            Self::Accused(result) => log_accusation(result),
            Self::Dispute(note) => note.log(),
            Self::Head { .. } | Self::Judged { .. } | Self::Spoke { .. } | Self::Step { .. } => {}
            Self::Undelivered { job, why } => tracing::debug!(job, %why, "a callback failed"),
            // The checks `set` and `load` say so.
            Self::Disputed(_) | Self::Shed { .. } => {}
            Self::Ran { .. } | Self::Submitting => {}
        }
    }

    /// The same of what one job is to blame for.
    fn log_of_job(&self) {
        match self {
            Self::PutOff { job, tasks } => tracing::warn!(
                job = job.0,
                tasks,
                "more tasks are open than this keeper has room for, or than one job may have: some are taken up later"
            ),
            Self::Crowded(job) => tracing::warn!(
                job = job.0,
                "what is seen on chain makes this job due more often than one job may be: such runs are lost"
            ),
            Self::LogsDropped { job, logs } => tracing::warn!(
                job,
                logs,
                "logs made nobody due: one block has more of them than the job takes, or they are longer than can be"
            ),
            Self::LogsUnread { job, block, why } => {
                tracing::warn!(job, block, why, "no node gives a job's logs of a block: they make nobody due");
            }
            Self::ConditionFailed { job, why } => {
                tracing::warn!(job, why, "a job's condition fails: it makes nobody due until its owner mends it");
            }
            Self::CodeTrouble { job, why } => tracing::warn!(job, why, "a job's code is not ready"),
            _ => {}
        }
    }
}

fn log_expired(task: &Task, result: &str) {
    match result {
        "skipped" => tracing::info!(job = task.job.0, "a task was left out: gas costs more than its job pays for"),
        _ => tracing::warn!(job = task.job.0, "a task's deadline passed without a settlement"),
    }
}

fn log_submission(result: &SettlementResult) {
    match result {
        SettlementResult::Mined { tx, gas_used, settled } => {
            tracing::info!(%tx, gas_used, settled, "settled a batch");
        }
        SettlementResult::Useless { jobs } => {
            tracing::info!(
                ?jobs,
                "nothing of a batch would settle: it is not sent, and whether its jobs can pay is looked at"
            );
        }
        SettlementResult::Reverted { reason } => {
            tracing::warn!(reason, "the contract refused a batch: the next in line will try");
        }
        SettlementResult::Failed { why } => tracing::warn!(why, "could not submit a batch: the next in line will try"),
        SettlementResult::AlreadySettled => {}
    }
}

fn log_offer(result: &SnapshotResult) {
    match result {
        SnapshotResult::Mined { tx, gas_used } => tracing::info!(%tx, gas_used, "wrote the next epoch"),
        SnapshotResult::NotNeeded => {}
        SnapshotResult::Reverted { reason } => tracing::warn!(reason, "the contract refused to write the next epoch"),
        SnapshotResult::Failed { why } => {
            tracing::warn!(why, "could not write the next epoch: the leader of another window will try");
        }
    }
}

fn log_accusation(result: &AccusationResult) {
    match result {
        AccusationResult::Mined { tx } => log_conviction(tx),
        AccusationResult::Refused { reason } => tracing::error!(reason, "the contract refuses a proof"),
        AccusationResult::Failed { why } => tracing::warn!(why, "could not bring a proof before the contract"),
        AccusationResult::Proven | AccusationResult::TooLate => {}
    }
}

fn log_conviction(tx: &B256) {
    tracing::warn!(%tx, "convicted a keeper of equivocation");
}

#[cfg(test)]
mod tests;
