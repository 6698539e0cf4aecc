//! The causes by which it is said why a task is where it is.

/// Ways in which a task ends, or does not. Scripts go by these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It did what it was to do.
    Delivered,
    /// It found nothing to do.
    Skipped,
    /// Its moment has not come.
    NotDue,
    /// It is under way.
    UnderWay,
    /// There is no such job.
    NoJob,
    /// The job is over.
    Ended,
    /// The job is paused.
    Paused,
    /// The job cannot pay.
    NoFunds,
    /// What the job asks for cannot be read.
    BrokenJob,
    /// The job's code cannot be had, or is not the one on chain.
    NoCode,
    /// The job's condition fails.
    ConditionFailed,
    /// No node gives the job's logs.
    LogsUnread,
    /// The job's code failed, on every keeper alike.
    JobFailed,
    /// Keepers got different results.
    Disagreement,
    /// Too few keepers were heard.
    NoQuorum,
    /// This keeper had nothing to sign.
    Abstained,
    /// The leader did not bring it on chain, and another keeper did, later.
    LeaderMissed,
    /// It was certified, and the chain or the nodes did not take it.
    Refused,
    /// It settled, and the target did not take the outcome.
    TargetReverted,
    /// Gas costs more than the job pays for.
    TooDear,
    /// Its deadline passed, as the job's policy for missed runs sets it.
    MissedPolicy,
    /// A reorganisation undid its settlement.
    Reopened,
    /// Nothing is known of it here.
    Unknown,
}

impl Cause {
    /// The name in snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Skipped => "skipped",
            Self::NotDue => "not_due",
            Self::UnderWay => "under_way",
            Self::NoJob => "no_job",
            Self::Ended => "ended",
            Self::Paused => "paused",
            Self::NoFunds => "no_funds",
            Self::BrokenJob => "broken_job",
            Self::NoCode => "no_code",
            Self::ConditionFailed => "condition_failed",
            Self::LogsUnread => "logs_unread",
            Self::JobFailed => "job_failed",
            Self::Disagreement => "disagreement",
            Self::NoQuorum => "no_quorum",
            Self::Abstained => "abstained",
            Self::LeaderMissed => "leader_missed",
            Self::Refused => "refused",
            Self::TargetReverted => "target_reverted",
            Self::TooDear => "too_dear",
            Self::MissedPolicy => "missed_policy",
            Self::Reopened => "reopened",
            Self::Unknown => "unknown",
        }
    }
}
