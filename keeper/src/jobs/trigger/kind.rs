//! What every kind of trigger can say.

use anyhow::Result;
use consensus::task::{AnchorRule, InstanceKey};
use contracts::terms::{Limits, TriggerTerms};

/// One run of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Tells it from the other runs of its job.
    pub instance: InstanceKey,
    /// When it is due, in Unix seconds.
    pub due: u64,
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
    /// The flags that ask for it.
    fn flags(&self) -> Vec<(&'static str, String)>;

    /// The same for a new version of its job, in its old rhythm, with the first run at `earliest` or later; `None` where no run is
    /// left.
    fn renewed(&self, earliest: Earliest) -> Option<TriggerTerms> {
        Some(self.restarted(self.first(earliest.moment)?.due))
    }

    /// A job's limits as the contract takes them with this kind.
    ///
    /// # Errors
    /// One that this kind does not have.
    fn limits(&self, asked: Limits) -> Result<Limits> {
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
