//! `keeper doctor`: looks at everything that a keeper needs, whether it runs or not, and says of each thing what was found and
//! how to mend it.
//!
//! | room | looks at |
//! |---|---|
//! | `files.rs` | data directory, lock, journal, record of runs |
//! | `keys.rs` | keystores, password, peer identity |
//! | `machine.rs` | disk, clock, open files, the addresses listened on |
//! | `cell.rs` | whether a worker starts, and job code could run |
//! | `nodes.rs` | each RPC node by itself: answer, chain, age, contracts |
//! | `standing.rs` | the operator: registration, coin |
//! | `mesh.rs` | each bootnode, step by step |
//! | `running.rs` | what the keeper that runs shows |
//!
//! Nothing is changed, nothing is sent, and no step takes longer than a few seconds.

mod cell;
mod files;
mod keys;
mod machine;
mod mesh;
mod nodes;
mod running;
mod standing;

use std::path::PathBuf;
use std::time::Duration;

use crate::executor::WorkerProgram;
use contracts::network::Network;
use serde::Serialize;

use crate::config::Settings;
use crate::heartbeat::MeshView;
use crate::paths::Paths;
use crate::view::View;

/// How long one step may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and may not for long or not for everybody.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What, by a name that stays.
    pub check: &'static str,
    /// What it came to.
    pub level: Level,
    /// What was found: measured values, and whose. Some of it may be anybody's words.
    pub found: String,
    /// How to mend it; empty where nothing is to be.
    pub fix: String,
}

impl Finding {
    pub(crate) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), fix: String::new() }
    }

    pub(crate) fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, found: found.into(), fix: fix.into() }
    }

    pub(crate) fn fail(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, found: found.into(), fix: fix.into() }
    }
}

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The keeper's files.
    pub paths: Paths,
    /// The config file, for words.
    pub config_file: PathBuf,
    /// Its settings; those that could be read.
    pub settings: Settings,
    /// The network, and its file; `None` where that could not be read.
    pub network: Option<(PathBuf, Network)>,
    /// What the keeper that runs shows; `None` where nobody answers.
    pub running: Option<(View, MeshView)>,
    /// This machine's clock, in milliseconds since the Unix epoch.
    pub now_ms: u64,
}

/// Looks at everything, in the order in which it is shown.
pub async fn examine(subject: &Subject) -> Vec<Finding> {
    let mut findings = files::look(subject);
    findings.extend(keys::look(subject).await);
    findings.extend(machine::look(subject).await);
    findings.extend(cell::look(subject, WorkerProgram::this()).await);
    let (nodes, mesh) = tokio::join!(nodes::look(subject), mesh::look(subject));
    let good = nodes.iter().any(|node| node.level != Level::Fail);
    findings.extend(nodes);
    if good {
        findings.extend(standing::look(subject).await);
    }
    findings.extend(mesh);
    findings.extend(running::look(subject));
    findings
}

/// Reads settings and network; what cannot be read is a finding, and the rest is looked at with the settings that come beside the error.
pub fn read_settings(
    read: Result<Settings, (anyhow::Error, Settings)>,
    config_file: PathBuf,
    paths: Paths,
    now_ms: u64,
) -> (Subject, Vec<Finding>) {
    let mut findings = Vec::new();
    let settings = match read {
        Ok(settings) => {
            findings.push(Finding::ok("config", format!("{} and the flags are read", config_file.display())));
            settings
        }
        Err((error, rest)) => {
            let fix = "mend the line it names; `keeper config default` shows every key";
            findings.push(Finding::fail("config", error.to_string(), fix));
            rest
        }
    };
    let network = match settings.network(&config_file) {
        Err(error) => {
            findings.push(Finding::fail(
                "network",
                error.to_string(),
                "get network.toml from whoever runs the network",
            ));
            None
        }
        Ok(file) => match Network::load(file) {
            Ok(network) => {
                let found = format!("chain {}, domain {}, {}", network.chain_id, network.domain8(), file.display());
                findings.push(Finding::ok("network", found));
                Some((file.to_owned(), network))
            }
            Err(error) => {
                findings.push(Finding::fail(
                    "network",
                    error.to_string(),
                    "get network.toml from whoever runs the network",
                ));
                None
            }
        },
    };
    (Subject { paths, config_file, settings, network, running: None, now_ms }, findings)
}

#[cfg(test)]
mod tests;
