//! Due at `start + k * interval`, for every k from 0 on: run k has k for its instance key.

use anyhow::{Context, Result};
use clap::Args;
use consensus::task::InstanceKey;
use contracts::terms::TriggerTerms;

use super::kind::{Kind, Run, Sighting, Told};
use crate::jobs::flags::{Start, parse_interval};

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    start: u64,
    /// At least 1.
    interval: u32,
}

impl Interval {
    /// Every `interval` seconds from `start` (Unix seconds) on; `None` if that is all the time.
    pub(super) fn new(start: u64, interval: u32) -> Option<Self> {
        (interval > 0).then_some(Self { start, interval })
    }

    fn run(&self, number: u64) -> Option<Run> {
        let due = self.start.checked_add(number.checked_mul(u64::from(self.interval))?)?;
        Some(Run::by_time(InstanceKey::from_run(number), due))
    }
}

impl Kind for Interval {
    fn first(&self, from: u64) -> Option<Run> {
        self.run(from.saturating_sub(self.start).div_ceil(u64::from(self.interval)))
    }

    fn after(&self, run: &Run) -> Option<Run> {
        self.run(run.instance.run()?.checked_add(1)?)
    }

    fn due(&self, instance: &InstanceKey) -> Option<u64> {
        self.run(instance.run()?).map(|run| run.due)
    }

    fn period(&self) -> Option<u32> {
        Some(self.interval)
    }

    fn told(&self, run: &Run, _: Option<&Sighting>) -> Told {
        Told { sequence: run.instance.run().unwrap_or(0), trigger: executor::Trigger::Time(run.due) }
    }

    fn restarted(&self, start: u64) -> Option<TriggerTerms> {
        Some(TriggerTerms::Interval { start, interval: self.interval })
    }

    fn words(&self) -> String {
        format!("every {}s from {}", self.interval, self.start)
    }

    fn flags(&self) -> Vec<(&'static str, String)> {
        let (interval, start) = (self.interval.to_string(), self.start.to_string());
        vec![("trigger", "interval".to_owned()), ("every", interval), ("start", start)]
    }
}

/// Flags of an interval.
#[derive(Debug, Clone, Args)]
pub(super) struct IntervalFlags {
    /// How often it runs: 2s, 5m, 1h, 1d
    #[arg(long, value_parser = parse_interval)]
    every: Option<u32>,
}

impl IntervalFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        self.every.map(|_| "--every")
    }

    pub(super) fn terms(&self, start: Option<Start>, now: u64) -> Result<TriggerTerms> {
        let interval = self.every.context("--every is missing: say how often the job runs, such as --every 5m")?;
        Ok(TriggerTerms::Interval { start: super::start_of(start, now)?, interval })
    }
}
