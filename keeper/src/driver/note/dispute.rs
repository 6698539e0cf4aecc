//! What is told of disputes.

use alloy::primitives::Address;
use consensus::dispute::Answer;
use consensus::task::{Abstention, JobId, Task};

use crate::chain::BroughtResult;
use crate::chain::convert::run_number;

/// Something about a dispute.
#[derive(Clone, Debug, PartialEq)]
pub enum DisputeNote {
    /// A quorum has certified another result of a task than this keeper got.
    Contradicted {
        /// The task.
        task: Task,
    },
    /// Somebody says that a certified report is wrong.
    Opened {
        /// Number of the dispute.
        dispute: u64,
        /// Job of the report.
        job: JobId,
    },
    /// This keeper has run the task again, or could not.
    Reran {
        /// Number of the dispute.
        dispute: u64,
        /// What it gave.
        result: Result<Answer, Abstention>,
        /// More about it; may be empty.
        reason: String,
    },
    /// What was sent for a dispute ended.
    Brought {
        /// Number of the dispute.
        dispute: u64,
        /// What became of it.
        result: BroughtResult,
    },
    /// A quorum has ruled.
    Ruled {
        /// Number of the dispute.
        dispute: u64,
        /// Whether the report was wrong.
        upheld: bool,
    },
    /// Nobody ruled in time.
    Expired {
        /// Number of the dispute.
        dispute: u64,
    },
    /// A signer of a wrong report lost stake.
    Punished {
        /// Number of the dispute.
        dispute: u64,
        /// Who.
        operator: Address,
        /// Whether that is this keeper's own operator.
        mine: bool,
    },
}

impl DisputeNote {
    /// The label of the counter.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Contradicted { .. } => "contradicted",
            Self::Opened { .. } => "opened",
            Self::Reran { result: Ok(_), .. } => "reran",
            Self::Reran { result: Err(_), .. } => "rerun_failed",
            Self::Brought { result, .. } => result.name(),
            Self::Ruled { upheld: true, .. } => "upheld",
            Self::Ruled { upheld: false, .. } => "rejected",
            Self::Expired { .. } => "expired",
            Self::Punished { .. } => "punished",
        }
    }

    /// What a line about it is like, and the dispute or job it is about, if there could be many such lines.
    pub(super) fn subject(&self) -> Option<(&'static str, u64)> {
        let about = match self {
            Self::Punished { mine: true, .. } => return None,
            Self::Contradicted { task } => task.job.0,
            Self::Opened { dispute, .. }
            | Self::Reran { dispute, .. }
            | Self::Brought { dispute, .. }
            | Self::Ruled { dispute, .. }
            | Self::Expired { dispute }
            | Self::Punished { dispute, .. } => *dispute,
        };
        Some((self.name(), about))
    }

    /// Tells whoever reads the log.
    pub(super) fn log(&self) {
        match self {
            Self::Contradicted { task } => tracing::error!(
                job = task.job.0,
                run = run_number(task.instance.0),
                "a quorum certified another result than this keeper got: see the check `results`"
            ),
            Self::Opened { dispute, job } => {
                tracing::warn!(dispute, job = job.0, "a certified result is disputed: it is run again");
            }
            Self::Reran { dispute, result: Ok(answer), reason } if reason.is_empty() => {
                tracing::info!(dispute, status = ?answer.status, outcome_hash = %answer.outcome_hash, "ran a disputed task again");
            }
            Self::Reran { dispute, result: Ok(_), reason } => {
                tracing::info!(dispute, reason, "found that a disputed task was not to be run");
            }
            Self::Reran { dispute, result: Err(why), reason } => tracing::warn!(
                dispute,
                why = why.name(),
                reason,
                "could not run a disputed task again: it is tried until the dispute ends"
            ),
            Self::Brought { dispute, result: BroughtResult::Mined { tx } } => {
                tracing::info!(dispute, %tx, "brought a ruling, or its consequence, on chain");
            }
            Self::Brought { dispute, result: BroughtResult::Refused { reason } } => {
                tracing::debug!(
                    dispute,
                    reason,
                    "the contract needs nothing more of this dispute from this keeper now"
                );
            }
            Self::Brought { dispute, result: BroughtResult::Failed { why } } => {
                tracing::warn!(dispute, why, "could not bring a ruling on chain: the next in line will try");
            }
            Self::Brought { result: BroughtResult::AllPunished, .. } => {}
            Self::Ruled { dispute, upheld: true } => tracing::warn!(dispute, "a certified result was ruled wrong"),
            Self::Ruled { dispute, upheld: false } => tracing::info!(dispute, "a disputed result was right"),
            Self::Expired { dispute } => tracing::warn!(dispute, "nobody ruled on a dispute in time"),
            Self::Punished { dispute, operator, mine: true } => tracing::error!(
                dispute,
                %operator,
                "this operator lost a tenth of its stake for a wrong result: compare the nodes in rpc_urls"
            ),
            Self::Punished { dispute, operator, mine: false } => {
                tracing::warn!(dispute, %operator, "an operator lost stake for a wrong result");
            }
        }
    }
}
