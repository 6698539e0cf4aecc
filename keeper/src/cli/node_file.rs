//! `node.json`: how to reach the keeper that runs on a data directory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{Exit, WithExit};
use crate::keystore::write_private;
use crate::paths::Paths;

/// Written by `keeper join` when its listeners are up. It stays after a stop; whether somebody answers there is for
/// the reader to find out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFile {
    /// Process id.
    pub pid: u32,
    /// Base58 PeerId.
    pub peer_id: String,
    /// Operator address, 0x-hex.
    pub operator: String,
    /// Multiaddrs with `/p2p/<peer id>`.
    pub listen: Vec<String>,
    /// `IP:PORT` of the API.
    pub api_addr: String,
    /// `IP:PORT` of the metrics.
    pub metrics_addr: String,
}

impl NodeFile {
    /// Writes it into the data directory, atomically.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, paths: &Paths) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).context("node.json could not be encoded")?;
        Ok(write_private(&paths.node_file(), &text)?)
    }

    /// Reads it from the data directory.
    ///
    /// # Errors
    /// With [`Exit::NotReady`] when no keeper ever ran there, or the file makes no sense.
    pub fn read(paths: &Paths) -> Result<Self> {
        read(&paths.node_file()).exit(Exit::NotReady)
    }
}

fn read(path: &PathBuf) -> Result<NodeFile> {
    let text = std::fs::read_to_string(path).with_context(|| explain(path))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not what a keeper writes: delete it", path.display()))
}

fn explain(path: &Path) -> String {
    format!(
        "no keeper has run on this data directory ({} cannot be read): start one with `keeper join`, name its \
         --datadir, or pass --api-url",
        path.display()
    )
}
