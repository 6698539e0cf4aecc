//! The list of triggers: each kind has its room, `trigger/<kind>.rs`, and one line here wherever kinds are told apart.

mod blocks;
mod condition;
mod cron;
mod interval;
mod kind;
mod log;
mod once;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use consensus::task::InstanceKey;
use contracts::terms::{Limits, TriggerTerms};

use super::flags::{Start, only, parse_start};
pub use condition::{Condition, holds};
pub use kind::{Earliest, Kind, Run, SeenLog, Sighting, Told};
pub use log::LogFilter;

/// What makes a job due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Again and again.
    Interval(interval::Interval),
    /// At the minutes of a pattern.
    Cron(cron::Cron),
    /// At one moment.
    Once(once::Once),
    /// Every so many blocks.
    Blocks(blocks::Blocks),
    /// At every log that fits.
    Log(LogFilter),
    /// When a call says so.
    Condition(Condition),
}

/// Where to look for the runs of a trigger.
#[derive(Clone, Copy, Debug)]
pub enum Watch<'a> {
    /// At the clock of the chain: runs are known ahead.
    Time,
    /// At the numbers of blocks.
    Blocks(&'a blocks::Blocks),
    /// At logs.
    Logs(&'a LogFilter),
    /// At what a call answers.
    Condition(&'a Condition),
}

impl Trigger {
    /// The trigger of a job.
    ///
    /// # Errors
    /// Its terms make no sense. What the chain takes can be so too: of patterns it knows no more than the signs.
    pub fn new(terms: &TriggerTerms) -> Result<Self> {
        let trigger = match terms {
            TriggerTerms::Interval { start, interval } => {
                interval::Interval::new(*start, *interval).map(Self::Interval)
            }
            TriggerTerms::Cron { pattern } => Some(Self::Cron(cron::Cron::new(pattern)?)),
            TriggerTerms::Once { moment } => Some(Self::Once(once::Once::new(*moment))),
            TriggerTerms::Blocks { first, every } => blocks::Blocks::new(*first, *every).map(Self::Blocks),
            TriggerTerms::Log(terms) => LogFilter::new(terms).map(Self::Log),
            TriggerTerms::Condition(terms) => Condition::new(terms).map(Self::Condition),
        };
        trigger.with_context(|| format!("{terms:?} is out of bounds"))
    }

    const fn kind(&self) -> &dyn Kind {
        match self {
            Self::Interval(kind) => kind,
            Self::Cron(kind) => kind,
            Self::Once(kind) => kind,
            Self::Blocks(kind) => kind,
            Self::Log(kind) => kind,
            Self::Condition(kind) => kind,
        }
    }

    /// Where to look for its runs.
    #[must_use]
    pub const fn watch(&self) -> Watch<'_> {
        match self {
            Self::Interval(_) | Self::Cron(_) | Self::Once(_) => Watch::Time,
            Self::Blocks(blocks) => Watch::Blocks(blocks),
            Self::Log(filter) => Watch::Logs(filter),
            Self::Condition(condition) => Watch::Condition(condition),
        }
    }

    /// The first run due at `from` (Unix seconds) or later, if runs are known ahead.
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

    /// When a run is due, in Unix seconds; `None` if the trigger has no such run, or the chain alone tells.
    #[must_use]
    pub fn due(&self, instance: &InstanceKey) -> Option<u64> {
        self.kind().due(instance)
    }

    /// Seconds between two runs, at least; `None` where there is one run only, or nobody knows.
    #[must_use]
    pub fn period(&self) -> Option<u32> {
        self.kind().period()
    }

    /// What code is told of a run, and of what was seen.
    #[must_use]
    pub fn told(&self, run: &Run, sighting: Option<&Sighting>) -> Told {
        self.kind().told(run, sighting)
    }

    /// The same trigger with its first run due at `start`, in Unix seconds, or where blocks are counted at that block; `None` where its
    /// runs have no rhythm of its own.
    #[must_use]
    pub fn restarted(&self, start: u64) -> Option<TriggerTerms> {
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

    /// A job's limits as the contract takes them with this trigger, of runs that are due at `from` (Unix seconds) or later.
    ///
    /// # Errors
    /// One that this kind does not have.
    pub fn limits(&self, asked: Limits, from: u64) -> Result<Limits> {
        self.kind().limits(asked, from)
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
    /// First run of an interval: unix seconds, RFC 3339, or now+10s by the chain's clock [default: now+1m]
    #[arg(long, value_parser = parse_start)]
    start: Option<Start>,
    #[command(flatten)]
    interval: interval::IntervalFlags,
    #[command(flatten)]
    cron: cron::CronFlags,
    #[command(flatten)]
    once: once::OnceFlags,
    #[command(flatten)]
    blocks: blocks::BlocksFlags,
    #[command(flatten)]
    log: log::LogFlags,
    #[command(flatten)]
    condition: condition::ConditionFlags,
}

/// `--trigger`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Again and again: --every, --start
    Interval,
    /// At the minutes of a pattern, in UTC: --cron
    Cron,
    /// At one moment: --at
    Once,
    /// Every so many blocks: --every-blocks, --first-block
    Blocks,
    /// At every log that fits: --emitter, --topics, --log-confirmations, --most-per-block
    Log,
    /// When a call says so: --condition, --condition-call, --cooldown
    Condition,
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
        let given = [
            ("interval", self.interval.given()),
            ("cron", self.cron.given()),
            ("once", self.once.given()),
            ("blocks", self.blocks.given()),
            ("log", self.log.given()),
            ("condition", self.condition.given()),
        ];
        only("--trigger", &chosen, &given)?;
        match self.trigger {
            Name::Interval => Ok(()),
            _ if self.start.is_some() => {
                bail!("--start goes with --trigger interval, and this job has --trigger {chosen}")
            }
            _ => Ok(()),
        }
    }

    /// The terms asked for, given the chain's time in Unix seconds and the number of its newest block.
    ///
    /// # Errors
    /// What is missing, or cannot work, and how to mend it.
    pub fn terms(&self, now: u64, newest: u64) -> Result<TriggerTerms> {
        match self.trigger {
            Name::Interval => self.interval.terms(self.start, now),
            Name::Cron => self.cron.terms(),
            Name::Once => self.once.terms(now),
            Name::Blocks => self.blocks.terms(newest),
            Name::Log => self.log.terms(),
            Name::Condition => self.condition.terms(),
        }
    }
}

/// Seconds from now to the first run where no moment is asked for: listing the job may take some blocks, and they may last twelve
/// seconds.
const LEAD_SECONDS: u64 = 60;

/// `--start` in Unix seconds.
fn start_of(start: Option<Start>, now: u64) -> Result<u64> {
    let start = start.unwrap_or(Start::After(LEAD_SECONDS)).at(now);
    ensure!(start > now, "--start is {start}, which is past: the chain's clock shows {now}");
    Ok(start)
}

#[cfg(test)]
mod tests;
