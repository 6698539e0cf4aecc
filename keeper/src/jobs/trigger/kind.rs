//! What every kind of trigger can say.

use consensus::task::{AnchorRule, InstanceKey};
use contracts::terms::TriggerTerms;

use crate::executor::{self, LogEntry};

/// One run of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Tells it from the other runs of its job.
    pub instance: InstanceKey,
    /// When it is due, in Unix seconds.
    pub due: u64,
}

/// A log that makes a job due, as the chain has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLog {
    /// What it says, and its place.
    pub entry: LogEntry,
    /// Its block's, in Unix seconds.
    pub timestamp: u64,
}

/// What a job's code is told of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Number of the run: 0, 1, 2 and so on of its job's version.
    pub sequence: u64,
    /// Why there is this run.
    pub trigger: executor::Trigger,
}

/// A kind of trigger. Its data may say anything: whatever is past the end of time is not there.
pub trait Kind {
    /// The first run due at `from` (Unix seconds) or later.
    fn first(&self, from: u64) -> Option<Run>;
    /// The run that comes after one of this trigger's.
    fn after(&self, run: &Run) -> Option<Run>;
    /// When a run is due, in Unix seconds; `None` if this trigger has no such run.
    fn due(&self, instance: &InstanceKey) -> Option<u64>;
    /// Seconds between two runs; `None` where there is one run only.
    fn period(&self) -> Option<u32>;
    /// By which rule the block that a run is pinned to follows from it.
    fn anchor(&self) -> AnchorRule;
    /// What code is told of a run of this trigger.
    fn told(&self, run: &Run) -> Told;
    /// The same, with the first run due at `start`, in Unix seconds.
    fn restarted(&self, start: u64) -> TriggerTerms;
    /// As people read it.
    fn words(&self) -> String;
}
