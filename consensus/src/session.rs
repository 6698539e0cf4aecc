//! One task's whole life.
//!
//! ```text
//!            due, anchor certain            outcome                quorum             settled on chain
//!  Waiting ──────────────────────► Running ─────────► Reported ───────────► Certified ────────────────► Settled
//!     ▲                               │                   │                     │                          │
//!     │                               └──► Abstained ─────┴─ a quorum of others ┘                          │
//!     │         next attempt, later anchor    │                                                            │
//!     └───────────────────────────────────────┘ ◄────────────── the chain reorganised it away ─────────────┘
//! ```
//!
//! A task is tried at most [`ATTEMPTS_MAX`] times, each attempt with a later anchor that every keeper derives alike.
//! The chain's replay guard alone decides which attempt counts. The rules named below are those of `consensus/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy_primitives::B256;

use crate::anchor::{BlockRef, ChainView};
use crate::certificate::Certificate;
use crate::committee::KeeperIndex;
use crate::effect::BatchKey;
use crate::message::ATTEMPTS_MAX;
use crate::report::Report;
use crate::task::{DueTask, Outcome};
use crate::time::{Pace, Time};

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
        }
    }
}

/// One try at a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The code is running.
    Running(BlockRef),
    /// It ended, and this is what the keeper has to say.
    Reported {
        /// The statement.
        report: Report,
        /// What it is about.
        outcome: Outcome,
    },
    /// The keeper has nothing to say.
    Abstained(Abstention),
}

impl Attempt {
    /// Whether its code is running at this block.
    pub fn runs_at(&self, block: B256) -> bool {
        matches!(self, Self::Running(anchor) if anchor.hash == block)
    }
}

/// The state of one task. What it wants done is told by [`Session::next_start`]; the engine carries it out.
#[derive(Clone, Debug)]
pub struct Session {
    /// What is to be run.
    pub due: DueTask,
    /// The tries so far, by number.
    pub attempts: BTreeMap<u8, Attempt>,
    /// The planned batches the task stands in.
    pub batches: BTreeSet<BatchKey>,
    /// When this keeper first held a certificate of it.
    pub certified: Option<Time>,
    /// The block it was settled in.
    pub settled: Option<u64>,
    /// Whether its end has been told.
    pub ended: bool,
    /// By anchor, what each keeper has said first: the report's leaf and the batch that shows it.
    pub said: BTreeMap<B256, BTreeMap<KeeperIndex, (B256, BatchKey)>>,
    /// By anchor, the first certificate, and the leaf of its report on this task.
    pub certificates: BTreeMap<B256, (B256, Arc<Certificate>)>,
}

impl Session {
    /// A task that waits for its due moment.
    pub fn new(due: DueTask) -> Self {
        Self {
            due,
            attempts: BTreeMap::new(),
            batches: BTreeSet::new(),
            certified: None,
            settled: None,
            ended: false,
            said: BTreeMap::new(),
            certificates: BTreeMap::new(),
        }
    }

    /// Whether a further attempt would be in place: nothing settled, and no certificate that still has its chance (rule
    /// 10: the line of submitters has had four turns).
    pub fn is_open(&self, now: Time, pace: &Pace) -> bool {
        let chance = pace.stage() * 4;
        self.settled.is_none() && self.certified.is_none_or(|at| now >= at.plus(chance))
    }

    /// The attempt that time has come to: the last one that should have started by `now`, if it is due at all (rule 1).
    pub fn current_attempt(&self, now: Time, pace: &Pace) -> Option<u8> {
        (0..ATTEMPTS_MAX)
            .take_while(|&attempt| now >= Time::from_seconds(pace.attempt_due(self.due.due, attempt)))
            .last()
    }

    /// The attempt to start now with its anchor, if one is due, open, not started, and its anchor certain (rules 1 and 5:
    /// nobody waits for the leader).
    pub fn next_start(&self, now: Time, pace: &Pace, chain: &ChainView) -> Option<(u8, BlockRef)> {
        let attempt = self.current_attempt(now, pace)?;
        if self.attempts.contains_key(&attempt) || !self.is_open(now, pace) || now > self.deadline() {
            return None;
        }
        let anchor = chain.last_up_to(pace.anchor_limit(self.due.due, attempt))?;
        Some((attempt, anchor))
    }

    /// Forgets the tries whose anchors lie above a block: the chain has been reorganised under them (rule 17). What the
    /// journal holds of them stays: it is about another anchor (rule 5).
    pub fn rewind(&mut self, number: u64) {
        let stands = |attempt: &Attempt| match attempt {
            Attempt::Running(anchor) => anchor.number <= number,
            Attempt::Reported { report, .. } => report.anchor.number <= number,
            Attempt::Abstained(_) => true,
        };
        self.attempts.retain(|_, attempt| stands(attempt));
        // A certificate that no block stands under any more will never settle: the task is open again.
        let task = self.due.task;
        let mut certified = self.certificates.values().flat_map(|(_, certificate)| &certificate.reports);
        if !certified.any(|report| report.task == task && report.anchor.number <= number) {
            self.certified = None;
        }
    }

    /// When to look at the task again: at its next attempt or at its deadline.
    pub fn next_wake(&self, now: Time, pace: &Pace) -> Time {
        let next = (0..ATTEMPTS_MAX)
            .map(|attempt| Time::from_seconds(pace.attempt_due(self.due.due, attempt)))
            .find(|&start| start > now);
        next.unwrap_or(self.deadline()).min(self.deadline())
    }

    /// When the task is given up.
    pub fn deadline(&self) -> Time {
        Time::from_seconds(self.due.deadline)
    }
}

#[cfg(test)]
mod tests;
