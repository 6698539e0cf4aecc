//! What whoever reads the log is told of a note.

use super::*;

impl Note {
    /// Tells whoever reads the log.
    pub(in crate::driver) fn log(&self) {
        match self {
            Self::Rewound(number) => {
                tracing::warn!(number, "the chain was reorganised: blocks above this one are forgotten");
            }
            Self::Epoch { epoch, members } => tracing::info!(epoch, members, "a new epoch"),
            Self::BadEpoch(error) => tracing::error!(error, "an epoch cannot be used: nothing is signed under it"),
            Self::Judged { channel, verdict: Verdict::Reject(reason) } => {
                tracing::debug!(topic = topics::name(*channel), reason = reason.name(), "rejected a message");
            }
            Self::JudgedStraight(Verdict::Reject(reason)) => {
                tracing::debug!(reason = reason.name(), "rejected a partial that came straight");
            }
            Self::FellBack => tracing::debug!("a partial that went straight brought nothing: it is gossiped"),
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
            | Self::Lost { .. }
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
            Self::Head { .. }
            | Self::Judged { .. }
            | Self::JudgedStraight(_)
            | Self::Spoke { .. }
            | Self::Step { .. } => {}
            Self::Undelivered { job, why } => tracing::debug!(job, %why, "a callback failed"),
            // The checks `set` and `load` say so.
            Self::Disputed(_) | Self::Shed { .. } => {}
            Self::Ran { .. } | Self::Submitting => {}
        }
    }

    /// The same of what one job is to blame for.
    fn log_of_job(&self) {
        match self {
            Self::PutOff { job, tasks, load } => tracing::warn!(
                job = job.0,
                tasks,
                load = load.name(),
                "more tasks are open than this keeper has room for, or than one job may have: some are taken up later"
            ),
            Self::Lost { job, load } => tracing::warn!(
                job = job.0,
                load = load.name(),
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
