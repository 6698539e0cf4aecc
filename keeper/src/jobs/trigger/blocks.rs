//! Due at block `first + k * every`, for every k from 0 on, once it is confirmed: run k has k for its instance key.

use anyhow::{Context, Result, ensure};
use clap::Args;
use consensus::anchor::BlockRef;
use consensus::task::InstanceKey;
use consensus::time::Pace;
use contracts::terms::TriggerTerms;

use super::kind::{Earliest, Kind, Run, Sighting, Told};
use crate::executor;

/// Every so many blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    first: u64,
    /// At least 1.
    every: u32,
}

impl Blocks {
    /// Every `every` blocks from block `first` on; `None` if that is all of them at once.
    pub(super) fn new(first: u64, every: u32) -> Option<Self> {
        (every > 0).then_some(Self { first, every })
    }

    /// The block of a run.
    #[must_use]
    pub fn number(&self, run: u64) -> Option<u64> {
        self.first.checked_add(run.checked_mul(self.every.into())?)
    }

    /// The first block above `number` that makes a run due, if there ever is one.
    #[must_use]
    pub fn next(&self, number: u64) -> Option<u64> {
        let passed = number.checked_add(1)?.saturating_sub(self.first);
        self.number(passed.div_ceil(self.every.into()))
    }

    /// The run that a block makes due, if any; `due` is when that is acted on, in Unix seconds.
    #[must_use]
    pub fn at(&self, number: u64, due: u64) -> Option<Run> {
        let above = number.checked_sub(self.first)?;
        let every = u64::from(self.every);
        above.is_multiple_of(every).then(|| Run::at_block(InstanceKey::from_run(above / every), due, number, 0))
    }

    /// The run that comes after one of this trigger's. When it is due the chain alone tells: this is when it will be if no block is
    /// late.
    #[must_use]
    pub fn after(&self, run: &Run, pace: &Pace) -> Option<Run> {
        let next = run.instance.run()?.checked_add(1)?;
        let due = run.due.saturating_add(pace.seconds_of(self.every.into()));
        Some(Run::at_block(InstanceKey::from_run(next), due, self.number(next)?, 0))
    }
}

impl Kind for Blocks {
    fn told(&self, run: &Run, sighting: Option<&Sighting>) -> Told {
        let sequence = run.instance.run().unwrap_or(0);
        let trigger = match sighting {
            Some(Sighting::Block(BlockRef { number, hash, timestamp })) => {
                executor::Trigger::Block { number: *number, hash: hash.0, timestamp: *timestamp }
            }
            _ => executor::Trigger::Time(run.due),
        };
        Told { sequence, trigger }
    }

    /// The contract names a block, where others name a moment.
    fn restarted(&self, start: u64) -> Option<TriggerTerms> {
        Some(TriggerTerms::Blocks { first: start, every: self.every })
    }

    fn words(&self) -> String {
        format!("every {} blocks from block {}", self.every, self.first)
    }

    fn flags(&self) -> Vec<(&'static str, String)> {
        let (every, first) = (self.every.to_string(), self.first.to_string());
        vec![("trigger", "blocks".to_owned()), ("every-blocks", every), ("first-block", first)]
    }

    fn renewed(&self, earliest: Earliest) -> Option<TriggerTerms> {
        self.restarted(self.number(earliest.block.saturating_sub(self.first).div_ceil(self.every.into()))?)
    }
}

/// Flags of block numbers.
#[derive(Debug, Clone, Args)]
pub(super) struct BlocksFlags {
    /// It runs every so many blocks
    #[arg(long, value_name = "NUMBER")]
    every_blocks: Option<u32>,
    /// Block of the first run [default: ten blocks ahead]
    #[arg(long, value_name = "NUMBER")]
    first_block: Option<u64>,
}

/// Blocks between the newest one and the first run, where none is asked for.
const AHEAD: u64 = 10;

impl BlocksFlags {
    pub(super) fn given(&self) -> Option<&'static str> {
        self.every_blocks.map(|_| "--every-blocks").or_else(|| self.first_block.map(|_| "--first-block"))
    }

    /// `newest`: the number of the newest block.
    pub(super) fn terms(&self, newest: u64) -> Result<TriggerTerms> {
        let every = self
            .every_blocks
            .context("--every-blocks is missing: say how often the job runs, such as --every-blocks 100")?;
        ensure!(every > 0, "--every-blocks is 0: the job would run without end in one block");
        let first = self.first_block.unwrap_or(newest.saturating_add(AHEAD));
        ensure!(first > newest, "--first-block is {first}, which is past: the newest block is {newest}");
        Ok(TriggerTerms::Blocks { first, every })
    }
}
