//! The list of triggers: each kind has its room, `trigger/<kind>.rs`, and one line here wherever kinds are told apart.

mod interval;
mod kind;
mod once;

use anyhow::Result;
use clap::{Args, ValueEnum};
use consensus::task::{AnchorRule, InstanceKey};
use contracts::terms::{Limits, TriggerTerms};

use super::flags::only;
pub use kind::{Earliest, Kind, Run, Told};

/// What makes a job due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Again and again.
    Interval(interval::Interval),
    /// At one moment.
    Once(once::Once),
}

impl Trigger {
    /// The trigger of a job; `None` where its terms make no sense.
    #[must_use]
    pub fn new(terms: &TriggerTerms) -> Option<Self> {
        Some(match *terms {
            TriggerTerms::Interval { start, interval } => Self::Interval(interval::Interval::new(start, interval)?),
            TriggerTerms::Once { moment } => Self::Once(once::Once::new(moment)),
        })
    }

    const fn kind(&self) -> &dyn Kind {
        match self {
            Self::Interval(kind) => kind,
            Self::Once(kind) => kind,
        }
    }

    /// The first run due at `from` (Unix seconds) or later.
    #[must_use]
    pub fn first(&self, from: u64) -> Option<Run> {
        self.kind().first(from)
    }

    /// The run that comes after one of this trigger's.
    #[must_use]
    pub fn after(&self, run: &Run) -> Option<Run> {
        self.kind().after(run)
    }

    /// The runs due from `from` to `to`, both included, in Unix seconds, in order.
    pub fn runs(&self, from: u64, to: u64) -> impl Iterator<Item = Run> {
        let runs = std::iter::successors(self.first(from), |run| self.after(run));
        runs.take_while(move |run| run.due <= to)
    }

    /// When a run is due, in Unix seconds; `None` if the trigger has no such run.
    #[must_use]
    pub fn due(&self, instance: &InstanceKey) -> Option<u64> {
        self.kind().due(instance)
    }

    /// Seconds between two runs; `None` where there is one run only.
    #[must_use]
    pub fn period(&self) -> Option<u32> {
        self.kind().period()
    }

    /// By which rule the block that its runs are pinned to is found.
    #[must_use]
    pub fn anchor(&self) -> AnchorRule {
        self.kind().anchor()
    }

    /// What code is told of a run.
    #[must_use]
    pub fn told(&self, run: &Run) -> Told {
        self.kind().told(run)
    }

    /// The same trigger with its first run due at `start`, in Unix seconds.
    #[must_use]
    pub fn restarted(&self, start: u64) -> TriggerTerms {
        self.kind().restarted(start)
    }

    /// The same trigger for a new version of its job, with its first run at `earliest` or later; `None` where it has none.
    #[must_use]
    pub fn renewed(&self, earliest: Earliest) -> Option<TriggerTerms> {
        self.kind().renewed(earliest)
    }

    /// The flags that ask for it, and what is given for each: what [`TriggerFlags`] reads.
    #[must_use]
    pub fn flags(&self) -> Vec<(&'static str, String)> {
        self.kind().flags()
    }

    /// A job's limits as the contract takes them with this trigger.
    ///
    /// # Errors
    /// One that this kind does not have.
    pub fn limits(&self, asked: Limits) -> Result<Limits> {
        self.kind().limits(asked)
    }
}

/// As people read it: `every 2s from 1763901234`.
impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.kind().words())
    }
}

/// The trigger of a job as its creator writes it on the command line.
#[derive(Debug, Clone, Args)]
pub struct TriggerFlags {
    /// What makes the job due
    #[arg(long, default_value = "interval")]
    trigger: Name,
    #[command(flatten)]
    interval: interval::IntervalFlags,
    #[command(flatten)]
    once: once::OnceFlags,
}

/// `--trigger`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Again and again: --every, --start
    Interval,
    /// At one moment: --at
    Once,
}

impl Name {
    /// Whether it names this kind, by the word for it.
    #[must_use]
    pub fn is(self, kind: &str) -> bool {
        self.to_possible_value().is_some_and(|value| value.get_name() == kind)
    }
}

impl TriggerFlags {
    /// Refuses flags that belong to another kind of trigger.
    ///
    /// # Errors
    /// Names the flag and the kind it belongs to.
    pub fn fit(&self) -> Result<()> {
        let chosen = self.trigger.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        only("--trigger", &chosen, &[("interval", self.interval.given()), ("once", self.once.given())])
    }

    /// The terms asked for, given the chain's time in Unix seconds.
    ///
    /// # Errors
    /// What is missing, or cannot work, and how to mend it.
    pub fn terms(&self, now: u64) -> Result<TriggerTerms> {
        match self.trigger {
            Name::Interval => self.interval.terms(now),
            Name::Once => self.once.terms(now),
        }
    }
}

#[cfg(test)]
mod tests;
