//! Whether job code could be run here at all: a worker is started, and has a small piece of code compiled and loaded, as at a start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::executor::{
    BlockReference, ChainReader, ChainRequest, Executor, ExecutorConfig, ExecutorError, Reading, WorkerProgram,
};

use super::{Finding, Subject};

/// How long a worker may take. It starts within a second on any machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn look(subject: &Subject, worker: WorkerProgram) -> Option<Finding> {
    // One that runs has done the same at its start, and says in its check `runs` what became of it.
    if subject.running.is_some() {
        return None;
    }
    let scratch = match Scratch::make() {
        Ok(scratch) => scratch,
        Err(error) => {
            let found = format!("it could not be tried, for there is no place for files that pass: {error}");
            return Some(Finding::warn("worker", found, "name a directory that can be written in TMPDIR"));
        }
    };
    Some(attempt(&scratch.0, worker).await)
}

async fn attempt(cache: &Path, worker: WorkerProgram) -> Finding {
    let config =
        ExecutorConfig { cache_dir: cache.to_owned(), allow_private_targets: false, max_concurrent: 1, worker };
    let tried = async { Executor::new(config, Arc::new(NoChain))?.check().await };
    match tokio::time::timeout(PATIENCE, tried).await {
        Ok(Ok(_)) => Finding::ok("worker", "a worker starts, and runs code"),
        Ok(Err(error @ ExecutorError::Worker(_))) => {
            let fix = "let this program start itself again: /proc must be mounted, and its file executable (no noexec); `worker:` in \
                       the log of a start says more";
            Finding::fail("worker", error.to_string(), fix)
        }
        Ok(Err(error @ ExecutorError::Unloadable(_))) => {
            Finding::fail("worker", error.to_string(), "systemd: MemoryDenyWriteExecute=no; SELinux: allow execmem")
        }
        Ok(Err(error)) => Finding::fail("worker", error.to_string(), "free memory and disk, and ask again"),
        Err(_) => {
            let found = format!("no worker was ready within {} s", PATIENCE.as_secs());
            Finding::warn("worker", found, "give this machine more processor time, and ask again")
        }
    }
}

/// A directory that goes when it is done with.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> std::io::Result<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let path = std::env::temp_dir().join(format!("keeper-doctor-{:016x}", u64::from_le_bytes(random)));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it is in nobody's way.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Nothing is read: no job runs.
#[derive(Debug)]
struct NoChain;

impl ChainReader for NoChain {
    fn read<'a>(&'a self, _: &'a BlockReference, _: &'a ChainRequest) -> Reading<'a> {
        Box::pin(std::future::pending())
    }
}
