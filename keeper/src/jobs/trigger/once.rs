//! Due at one moment: run 0, and no other. Then the job is over.

use anyhow::{Context, Result, ensure};
use clap::Args;
use consensus::task::InstanceKey;
use contracts::terms::TriggerTerms;

use super::kind::{Kind, Run, Sighting, Told};
use crate::jobs::flags::{Start, parse_start};

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// Unix seconds.
    moment: u64,
}

impl Once {
    /// At `moment`, in Unix seconds.
    pub(super) const fn new(moment: u64) -> Self {
        Self { moment }
    }
}

impl Kind for Once {
    fn first(&self, from: u64) -> Option<Run> {
        (from <= self.moment).then_some(Run::by_time(InstanceKey::from_run(0), self.moment))
    }

    fn due(&self, instance: &InstanceKey) -> Option<u64> {
        (instance.run()? == 0).then_some(self.moment)
    }

    fn told(&self, run: &Run, _: Option<&Sighting>) -> Told {
        Told { sequence: 0, trigger: executor::Trigger::Time(run.due) }
    }

    fn restarted(&self, start: u64) -> Option<TriggerTerms> {
        Some(TriggerTerms::Once { moment: start })
    }

    fn words(&self) -> String {
        format!("once at {}", self.moment)
    }

    fn flags(&self) -> Vec<(&'static str, String)> {
        vec![("trigger", "once".to_owned()), ("at", self.moment.to_string())]
    }
}

/// Flags of a single run.
#[derive(Debug, Clone, Args)]
pub(super) struct OnceFlags {
    /// The moment it runs: unix seconds, RFC 3339, or now+10s by the chain's clock
    #[arg(long, value_parser = parse_start)]
    at: Option<Start>,
}

impl OnceFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        self.at.map(|_| "--at")
    }

    pub(super) fn terms(&self, now: u64) -> Result<TriggerTerms> {
        let moment =
            self.at.context("--at is missing: say when the job runs, such as --at 2027-01-31T12:00:00Z")?.at(now);
        ensure!(moment > now, "--at is {moment}, which is past: the chain's clock shows {now}");
        Ok(TriggerTerms::Once { moment })
    }
}
