//! What comes before the keepers: a directory to work in, and the bootnode.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::{Options, Place};
use crate::process::{CommandLine, Process, Spawner, tail};
use crate::sweeper::Sweeper;
use crate::wait::until;

const BOOTNODE_PATIENCE: Duration = Duration::from_secs(30);

/// The directory to work in, and its sweeper.
pub(super) fn workplace(options: &Options) -> Result<(PathBuf, Sweeper)> {
    let directory = match &options.dir {
        Some(directory) => {
            std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
            if directory.read_dir()?.next().is_some() {
                bail!("--dir {} is not empty; name a new or an empty directory", directory.display());
            }
            directory.canonicalize()?
        }
        None => tempfile::Builder::new().prefix("keeper-mesh-").tempdir()?.keep(),
    };
    let sweeper = Sweeper::watch(&directory)?;
    Ok((directory, sweeper))
}

/// Starts the bootnode and returns it with the address it listens on.
pub(super) async fn start_bootnode(
    spawner: &Spawner,
    program: &Path,
    directory: &Path,
    (network, place): (&Path, &Place),
) -> Result<(Process, String)> {
    let out = directory.join("bootnode.addr");
    let line = CommandLine::new("bootnode", program, &directory.join("bootnode.log"))
        .with(["--listen", &place.listen(), "--network"])
        .with([network])
        .with(["--identity-file".into(), directory.join("bootnode.key"), "--out".into(), out.clone()]);
    let mut process = spawner.start(&place.within(line), false)?;
    let address = until("the bootnode's address", BOOTNODE_PATIENCE, || {
        let ended = process.ended();
        let text = std::fs::read_to_string(&out);
        async move {
            match (ended, text) {
                (Some(status), _) => Ok(Err(status)),
                (None, Ok(text)) => {
                    text.lines().next().map(|line| Ok(line.to_owned())).ok_or_else(|| "the file is empty".to_owned())
                }
                (None, Err(error)) => Err(error.to_string()),
            }
        }
    })
    .await?;
    match address {
        Ok(address) => Ok((process, address)),
        Err(status) => bail!("bootnode ended ({status}):\n{}", tail(process.log(), 8)),
    }
}
