//! When a job is due.

use alloy::sol_types::SolValue;

use crate::chain::JobParams;

/// `Trigger.Interval` of `IJobManager.sol`.
const INTERVAL: u8 = 0;

/// What makes a job due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Run k is due at `start + k * interval`.
    Interval {
        /// Unix seconds of run 0.
        start: u64,
        /// Seconds between runs, at least 1.
        interval: u32,
    },
}

impl Trigger {
    /// Reads the trigger of a job; `None` for one this keeper does not know, or with data that does not fit it.
    pub fn of(params: &JobParams) -> Option<Self> {
        match params.trigger {
            INTERVAL => {
                let (start, interval) = <(u64, u32)>::abi_decode(&params.triggerData).ok()?;
                (interval > 0).then_some(Self::Interval { start, interval })
            }
            _ => None,
        }
    }

    /// The same trigger, counting its runs from another start.
    pub fn restarted(self, start: u64) -> Self {
        match self {
            Self::Interval { interval, .. } => Self::Interval { start, interval },
        }
    }

    /// When a run is due, in Unix seconds; `None` past the end of time.
    pub fn due(self, run: u64) -> Option<u64> {
        let Self::Interval { start, interval } = self;
        start.checked_add(run.checked_mul(u64::from(interval))?)
    }

    /// The runs due from `from` to `to`, both included, with their due moments, all in Unix seconds.
    pub fn runs(self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> {
        let Self::Interval { start, interval } = self;
        let interval = u64::from(interval);
        let first = from.saturating_sub(start).div_ceil(interval);
        (first..).map_while(move |run| {
            let due = self.due(run)?;
            (due <= to).then_some((run, due))
        })
    }
}

impl std::fmt::Display for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Interval { start, interval } => write!(f, "every {interval}s from {start}"),
        }
    }
}
