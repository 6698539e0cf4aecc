//! What the user of the swarm chooses.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::anvil::BLOCK_TIME;
use super::eigenlayer;
use super::places::Places;
use super::reorganiser::Habit;

/// Blocks that the deepest reorganisation replaces.
const REORG_DEPTH: u64 = 5;
/// Seconds between two reorganisations.
const REORG_EVERY: u64 = 20;

/// The least part of a deposit that is staked, in percent.
const LEAST_PERCENT: u8 = 10;

/// Which example jobs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum JobSet {
    /// The three jobs with code, due again and again.
    #[default]
    Basic,
    /// Every example there is: one of each kind of trigger and action.
    All,
}

/// The choices.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Stop when every example job has settled a call, and print the proof document; with --jobs all that takes a minute and
    /// a half, for one of them is due by the minute
    #[arg(long)]
    pub once: bool,
    /// Settle at least this many tasks; implies --once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub tasks: Option<u64>,
    /// How many keepers
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub keepers: u16,
    /// Which example jobs
    #[arg(long, value_enum, default_value_t)]
    pub jobs: JobSet,
    /// List so many jobs besides that call a contract every 2 s
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=200))]
    pub load: u16,
    /// SIGKILL the leader on its turn, once per 10 tasks, and start it again
    #[arg(long)]
    pub kill_leader: bool,
    /// Let this many keepers sign two results of every task, until they are slashed for it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=63))]
    pub equivocate: Option<u16>,
    /// Let this many keepers, with more than two thirds of the stake, certify one wrong result together; it is disputed, run again
    /// by all, ruled on, and its signers are slashed
    #[arg(long, value_name = "N", conflicts_with_all = ["equivocate", "eigenlayer", "kill_leader"], value_parser = clap::value_parser!(u16).range(1..=63))]
    pub wrong_result: Option<u16>,
    /// Show keepers the chain as it is: answers 20 to 200 ms late, one refusal in 20, logs of 10 blocks at a time, one URL in
    /// three two blocks behind; and a reorganisation now and then, whose orphaned transactions come back or do not
    #[arg(long)]
    pub rough: bool,
    /// With --rough: most blocks that a reorganisation replaces
    #[arg(long, default_value_t = REORG_DEPTH, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    pub reorg_depth: u64,
    /// With --rough: seconds between two reorganisations
    #[arg(long, default_value_t = REORG_EVERY, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub reorg_every: u64,
    /// With --rough: do not stop before there were so many reorganisations
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub reorgs: u64,
    /// Have bootnode and keepers meet over QUIC, and not over TCP
    #[arg(long)]
    pub quic: bool,
    /// Milliseconds between blocks, where they are to be shorter than a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(100..1000))]
    pub block_milliseconds: Option<u64>,
    /// For chains of very many blocks: of how many the state is remembered.
    #[arg(skip)]
    pub states: Option<u32>,
    /// Where its parts live.
    #[arg(skip)]
    pub places: Places,
    /// Stake through the real EigenLayer contracts
    #[arg(long)]
    pub eigenlayer: bool,
    /// Seed of everything random the swarm itself does
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Leave the directory with keys, logs and network.toml
    #[arg(long)]
    pub keep: bool,
    /// Directory to work in; must be empty or new. A temporary one by default
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
    /// Folder with the example jobs' code (NAME.wasm), as bootstrap/jobs/build.sh makes it
    #[arg(long, value_name = "DIR")]
    pub code_dir: Option<PathBuf>,
    /// Folder where the keepers keep compiled code; it outlives the swarm
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

impl Default for Options {
    /// Five keepers in a temporary directory, the basic jobs, no end.
    fn default() -> Self {
        Self {
            once: false,
            tasks: None,
            keepers: 5,
            jobs: JobSet::Basic,
            load: 0,
            kill_leader: false,
            equivocate: None,
            wrong_result: None,
            rough: false,
            reorg_depth: REORG_DEPTH,
            reorg_every: REORG_EVERY,
            reorgs: 0,
            quic: false,
            block_milliseconds: None,
            states: None,
            places: Places::default(),
            eigenlayer: false,
            seed: 1,
            keep: false,
            dir: None,
            json: false,
            code_dir: None,
            cache_dir: None,
        }
    }
}

impl Options {
    /// Flags that are accepted by name and not there yet, or cannot go together.
    #[must_use]
    pub fn unavailable(&self) -> Option<&'static str> {
        if self.eigenlayer && std::env::var_os(eigenlayer::PROGRAM).is_none() {
            return Some("--eigenlayer needs the deployer of its contracts: start bootstrap/swarm.sh --eigenlayer");
        }
        if !self.rough && self.reorgs > 0 {
            return Some("--reorgs needs --rough: without it the chain takes nothing back");
        }
        let honest = |others: Option<u16>| self.keepers.saturating_sub(others.unwrap_or(0));
        if self.wrong_result.is_some() && (honest(self.wrong_result) == 0 || self.honest_percent() < LEAST_PERCENT) {
            return Some(
                "--wrong-result takes fewer than --keepers, and so many that the others can stake a tenth or more and be outvoted",
            );
        }
        (honest(self.equivocate) == 0)
            .then_some("--equivocate takes fewer than --keepers: somebody must be left to prove it")
    }

    /// The same, with the places that follow from the flags.
    pub(super) fn placed(self) -> Self {
        match self.quic {
            true => Self { places: self.places.clone().over_quic(usize::from(self.keepers)), ..self },
            false => self,
        }
    }

    /// What part of their deposits honest keepers stake where others certify a wrong result: so little that those have seven tenths
    /// of all stake, which is a quorum.
    #[must_use]
    pub fn honest_percent(&self) -> u8 {
        let wrong = u32::from(self.wrong_result.unwrap_or(0));
        let honest = u32::from(self.keepers).saturating_sub(wrong).max(1);
        if wrong == 0 {
            return 100;
        }
        u8::try_from((100 * wrong * 3 / (7 * honest)).min(100)).unwrap_or(100)
    }

    /// Time between blocks.
    #[must_use]
    pub fn block_time(&self) -> Duration {
        self.block_milliseconds.map_or(BLOCK_TIME, Duration::from_millis)
    }

    /// Whether it stops by itself.
    #[must_use]
    pub const fn stops(&self) -> bool {
        self.once || self.tasks.is_some()
    }

    /// How many tasks must settle before it stops.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.tasks.unwrap_or(1)
    }

    /// How many leaders are to be killed: one per ten tasks.
    #[must_use]
    pub fn kills_wanted(&self) -> u64 {
        if self.kill_leader { (self.wanted() / 10).max(1) } else { 0 }
    }

    /// How often and how deep the chain reorganises, if it does.
    pub(super) fn reorganising(&self) -> Option<Habit> {
        let every = Duration::from_secs(self.reorg_every);
        self.rough.then_some(Habit { every, depth_max: self.reorg_depth, seed: self.seed })
    }

    /// How many reorganisations there must be before it stops.
    #[must_use]
    pub const fn reorgs_wanted(&self) -> u64 {
        if self.rough { self.reorgs } else { 0 }
    }

    /// When a swarm that should stop has failed: a generous second per task, half a minute per kill, and what the
    /// reorganisations take, or the job that is due by the minute.
    #[must_use]
    pub fn patience(&self) -> Duration {
        let reorganisations = 2 * self.reorg_every * self.reorgs_wanted();
        let minute = if self.jobs == JobSet::All { 60 } else { 0 };
        Duration::from_secs(180 + minute + 3 * self.wanted() + 30 * self.kills_wanted() + reorganisations)
    }

    /// The folder with the jobs' code.
    ///
    /// # Errors
    /// When neither the flag nor a home directory says where.
    pub fn code_dir(&self) -> Result<PathBuf> {
        self.code_dir.clone().map_or_else(|| cache("jobs"), Ok)
    }

    /// The folder for compiled code.
    ///
    /// # Errors
    /// When neither the flag nor a home directory says where.
    pub fn cache_dir(&self) -> Result<PathBuf> {
        self.cache_dir.clone().map_or_else(|| cache("code"), Ok)
    }
}

fn cache(name: &str) -> Result<PathBuf> {
    let from = |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache")));
    let base =
        base.context("neither XDG_CACHE_HOME nor HOME is set; name the folders by --code-dir and --cache-dir")?;
    Ok(base.join("keeper-mesh").join(name))
}
