//! The chain as keepers meet it: through nodes that answer late, refuse, cap and lag (the program `rough`).

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::keepers::binary;
use crate::process::{CommandLine, Process, Spawner, tail};

/// How many URLs the keepers get; the last one lags.
const COUNT: usize = 3;
const PATIENCE: Duration = Duration::from_secs(30);

/// Running proxies.
#[derive(Debug)]
pub(super) struct Proxies {
    process: Process,
    urls: Vec<String>,
}

impl Proxies {
    /// Starts them in front of a node.
    ///
    /// # Errors
    /// When `rough` was not built or does not come up.
    pub(super) async fn start(spawner: &Spawner, upstream: &str, seed: u64, directory: &Path) -> Result<Self> {
        let program = binary("rough").context("--rough needs it; build it with cargo build -p rough")?;
        let line = CommandLine::new("rough", &program, &directory.join("rough.log")).with([
            "--upstream",
            upstream,
            "--count",
            &COUNT.to_string(),
            "--seed",
            &seed.to_string(),
        ]);
        let mut process = spawner.start(&line, true)?;
        let output = process.take_output().context("no pipe to rough")?;
        let (found, ready) = sync_channel(COUNT);
        std::thread::Builder::new().name("rough output".to_owned()).spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = found.try_send(line);
            }
        })?;
        let lines = move || (0..COUNT).map(|_| ready.recv_timeout(PATIENCE)).collect::<Result<Vec<_>, _>>();
        match tokio::task::spawn_blocking(lines).await? {
            Ok(urls) => Ok(Self { process, urls }),
            Err(_) => bail!("rough did not come up: {}\n{}", line.text(), tail(process.log(), 8)),
        }
    }

    /// Their URLs.
    pub(super) fn urls(&self) -> &[String] {
        &self.urls
    }

    /// The process, to look at.
    pub(super) const fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}
