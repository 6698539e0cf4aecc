//! A libp2p node of another make (`tests/foreign`, js-libp2p) that holds a registered operator's peer key and floods keepers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use bootstrap::process::{CommandLine, Process, Spawner};
use serde::{Deserialize, Serialize};

/// What the flooder has to know.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    /// Which of the attacks of `attacks.mjs`.
    pub attack: &'static str,
    /// File with the peer key.
    pub key: PathBuf,
    /// Where the keepers listen, each ending in `/p2p/<peer id>`.
    pub keepers: Vec<String>,
    /// The network's domain separator, 0x-hex.
    pub domain: String,
    /// The key's operator in the committee.
    pub index: u16,
    /// Members of the committee.
    pub size: usize,
    /// The current epoch.
    pub epoch: u32,
    /// A block of it.
    pub anchor: u64,
    /// How long a window takes.
    #[serde(rename = "windowSeconds")]
    pub window_seconds: u64,
}

/// What it has done so far.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Connections opened.
    pub connections: u64,
    /// Connections refused, and those that a keeper closed.
    pub refused: u64,
    /// Frames written to gossipsub.
    pub messages: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Questions asked.
    pub questions: u64,
    /// Bytes of answers read.
    pub answered: u64,
    /// Bytes of gossip read.
    pub heard: u64,
    /// Questions of keepers.
    pub asked: u64,
    /// How the last connection ended, or why there was none.
    pub last: String,
}

impl Counts {
    /// How often it has done anything to anybody.
    #[must_use]
    pub const fn deeds(&self) -> u64 {
        self.messages + self.questions + self.connections
    }
}

/// A flooder; dropping it stops it.
#[derive(Debug)]
pub struct Flooder {
    process: Process,
}

impl Flooder {
    /// Starts to flood.
    ///
    /// # Errors
    /// When there is no Node.js, or its packages have not been fetched.
    pub fn start(spawner: &Spawner, directory: &Path, setting: &Setting) -> Result<Self> {
        let home = std::path::absolute("foreign")?;
        ensure!(
            home.join("node_modules/libp2p").is_dir(),
            "{} has no packages: start this test by tests/run.sh foreign, or run npm ci there",
            home.display()
        );
        let file = directory.join(format!("{}.json", setting.attack));
        std::fs::write(&file, serde_json::to_vec(setting)?)?;
        let log = directory.join(format!("flood-{}.out", setting.attack));
        let line = CommandLine::new(setting.attack, &node()?, &log).with([home.join("flood.mjs"), file]);
        Ok(Self { process: spawner.start(&line, false)? })
    }

    /// What it has done.
    ///
    /// # Errors
    /// When it has not said anything yet, or has ended.
    pub fn counts(&mut self) -> Result<Counts> {
        let said = std::fs::read_to_string(self.process.log())?;
        let ended = self.process.ended();
        ensure!(ended.is_none(), "the flooder ended by itself ({ended:?}): {said}");
        // The last line may be half written.
        let whole = said.rfind('\n').map_or("", |end| &said[..end]);
        let line = whole.lines().rev().find(|line| line.starts_with('{')).context("it has done nothing yet")?;
        Ok(serde_json::from_str(line)?)
    }
}

fn node() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join("node")).find(|file| file.is_file());
    found.context("node is missing: apt-get install nodejs")
}
