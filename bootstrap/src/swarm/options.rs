//! What the user of the swarm chooses.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use super::eigenlayer;

/// Which example jobs are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum JobSet {
    /// The three interval jobs.
    #[default]
    Basic,
    /// Every example there is: also one of each other kind of trigger and action.
    All,
}

/// The choices.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Stop when every example job has settled, and print the proof document
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
    /// SIGKILL the leader on its turn, once per 10 tasks, and start it again
    #[arg(long)]
    pub kill_leader: bool,
    /// Let this many keepers sign two results of every task, until they are slashed for it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=63))]
    pub equivocate: Option<u16>,
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
            kill_leader: false,
            equivocate: None,
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
        let honest = self.keepers.saturating_sub(self.equivocate.unwrap_or(0));
        (honest == 0).then_some("--equivocate takes fewer than --keepers: somebody must be left to prove it")
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

    /// When a swarm that should stop has failed: a generous second per task, and half a minute per kill.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_secs(180 + 3 * self.wanted() + 30 * self.kills_wanted())
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
