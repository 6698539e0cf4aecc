//! EigenLayer's real core under the network, in the place of the local stand-in for the stake.
//!
//! A program of its own deploys it (tests/eigenlayer): its 400 crates, and the licence of the code in them, stay out of
//! this one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alloy::primitives::Address;
use anyhow::{Context, Result, bail};
use contracts::deploy::Staking;
use serde::Deserialize;

use crate::process::{CommandLine, Spawner};

/// Names the deployer; `swarm.sh --eigenlayer` builds it and sets this.
pub const PROGRAM: &str = "EIGENLAYER";

/// The core on the swarm's chain.
#[derive(Debug)]
pub struct EigenLayer {
    spawner: Arc<Spawner>,
    program: PathBuf,
    /// Where its contracts are, as the deployer wrote it.
    file: PathBuf,
    log: PathBuf,
    url: String,
    staking: Staking,
}

/// What this side wants to know of the deployer's file.
#[derive(Deserialize)]
struct Core {
    allocation_manager: Address,
    strategy: Address,
}

impl EigenLayer {
    /// Deploys the core.
    ///
    /// # Errors
    /// When there is no deployer, or it fails.
    pub async fn deploy(spawner: &Arc<Spawner>, url: &str, directory: &Path) -> Result<Self> {
        let program = std::env::var_os(PROGRAM).map(PathBuf::from).unwrap_or_default();
        if !program.is_file() {
            bail!("{PROGRAM}={} is not the deployer; start bootstrap/swarm.sh --eigenlayer", program.display());
        }
        let (file, log) = (directory.join("eigenlayer.json"), directory.join("eigenlayer.log"));
        let line = CommandLine::new("eigenlayer", &program, &log).with(["deploy", "--rpc-url", url, "--out"]);
        spawner.run(&line.with([&file])).await?;
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let Core { allocation_manager, strategy } =
            serde_json::from_str(&text).with_context(|| format!("{} is not the deployer's", file.display()))?;
        let staking = Staking { allocation_manager, strategy };
        Ok(Self { spawner: Arc::clone(spawner), program, file, log, url: url.to_owned(), staking })
    }

    /// Where stake is kept.
    #[must_use]
    pub const fn staking(&self) -> Staking {
        self.staking
    }

    /// Makes accounts operators of EigenLayer with something at stake; they must have coins.
    ///
    /// # Errors
    /// When the core refuses.
    pub async fn enrol(&self, operators: impl IntoIterator<Item = Address>) -> Result<()> {
        let line = CommandLine::new("eigenlayer", &self.program, &self.log)
            .with(["enrol", "--rpc-url", &self.url, "--core"])
            .with([&self.file])
            .with(operators.into_iter().map(|operator| operator.to_string()));
        self.spawner.run(&line).await.map(drop)
    }
}
