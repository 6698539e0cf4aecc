//! What every kind of trigger can say.

use std::sync::Arc;

use anyhow::Result;
use consensus::anchor::BlockRef;
use consensus::task::{AnchorRule, DueTask, InstanceKey};
use contracts::terms::{Limits, TriggerTerms};

use crate::executor::{self, LogEntry};

/// One run of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Tells it from the other runs of its job.
    pub instance: InstanceKey,
    /// When it is due, in Unix seconds.
    pub due: u64,
    /// By which rule the block that it is pinned to is found.
    pub anchor: AnchorRule,
    /// Its place among those of its job that are due together.
    pub rank: u32,
}

impl Run {
    /// The run that a task is.
    #[must_use]
    pub const fn of(due: &DueTask) -> Self {
        Self { instance: due.task.instance, due: due.due, anchor: due.anchor, rank: due.rank }
    }

    /// One that is due at a moment, whatever the chain shows.
    #[must_use]
    pub const fn by_time(instance: InstanceKey, due: u64) -> Self {
        Self { instance, due, anchor: AnchorRule::ByTime, rank: 0 }
    }

    /// One that block `number` has made due.
    #[must_use]
    pub const fn at_block(instance: InstanceKey, due: u64, number: u64, rank: u32) -> Self {
        Self { instance, due, anchor: AnchorRule::AtBlock(number), rank }
    }
}

/// A log that makes a job due, as the chain has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLog {
    /// What it says, and its place.
    pub entry: LogEntry,
    /// Its block's, in Unix seconds.
    pub timestamp: u64,
}

/// What on chain makes a run due; nothing where a moment does, or a condition, which is looked at again at the anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// The block that was waited for.
    Block(BlockRef),
    /// A log.
    Log(Arc<SeenLog>),
    /// What the condition's call answers at the anchor: known only once it is looked at there.
    Answer(Vec<u8>),
}

/// What a job's code is told of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Number of the run: 0, 1, 2 and so on of its job's version; 0 where runs are not numbered.
    pub sequence: u64,
    /// Why there is this run.
    pub trigger: executor::Trigger,
}

/// A kind of trigger. Its data may say anything: whatever is past the end of time is not there. Kinds whose runs are not known
/// ahead have none by time.
pub trait Kind {
    /// The first run due at `from` (Unix seconds) or later, if runs are known ahead.
    fn first(&self, _from: u64) -> Option<Run> {
        None
    }
    /// The run that comes after one of this trigger's.
    fn after(&self, _run: &Run) -> Option<Run> {
        None
    }
    /// When a run is due, in Unix seconds; `None` if this trigger has no such run, or the chain alone tells.
    fn due(&self, _instance: &InstanceKey) -> Option<u64> {
        None
    }
    /// Seconds between two runs, at least; `None` where there is one run only, or nobody knows.
    fn period(&self) -> Option<u32> {
        None
    }
    /// What code is told of a run of this trigger, and of what was seen.
    fn told(&self, run: &Run, sighting: Option<&Sighting>) -> Told;
    /// The same, with the first run due at `start`, in Unix seconds, or at that block; `None` where its runs have no rhythm of its own.
    fn restarted(&self, _start: u64) -> Option<TriggerTerms> {
        None
    }
    /// As people read it.
    fn words(&self) -> String;
    /// The flags that ask for it, without their dashes, its kind first.
    fn flags(&self) -> Vec<(&'static str, String)>;

    /// The same for a new version of its job, in its old rhythm, with the first run at `earliest` or later; `None` where no run is
    /// left.
    fn renewed(&self, earliest: Earliest) -> Option<TriggerTerms> {
        self.restarted(self.first(earliest.moment)?.due)
    }

    /// A job's limits as the contract takes them with this kind, of runs that are due at `from` (Unix seconds) or later.
    ///
    /// # Errors
    /// One that this kind does not have.
    fn limits(&self, asked: Limits, _from: u64) -> Result<Limits> {
        Ok(asked)
    }
}

/// From when on a new version of a job may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earliest {
    /// Unix seconds.
    pub moment: u64,
    /// The same for what is counted in blocks.
    pub block: u64,
}
