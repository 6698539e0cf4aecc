//! How an executor is set up, what may be wrong with that, and what it counts.

use std::path::PathBuf;

use thiserror::Error;

use crate::WorkerProgram;

/// How an [`Executor`] is set up.
#[derive(Debug, Clone)]
pub struct ExecutorConfig {
    /// Directory of fetched and compiled code; keepers on one machine may share it.
    pub cache_dir: PathBuf,
    /// Allow `http:`, `file:` and private addresses as code URLs. For local networks (chain id 31337) only.
    pub allow_private_targets: bool,
    /// Runs at one time, each in a worker of its own; 0 counts as 1.
    pub max_concurrent: usize,
    /// How workers are started.
    pub worker: WorkerProgram,
}

/// The executor could not start.
#[derive(Debug, Error)]
pub enum ExecutorError {
    /// The cache directory cannot be used.
    #[error("cannot use the code cache directory {path}: {source}; check its owner and that the disk has room")]
    CacheDirectory {
        /// The directory or a file in it.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The HTTP client refused its settings, or there is no room for a thread.
    #[error("cannot set up the executor: {0}")]
    Setup(String),
    /// No worker can be started.
    #[error("job code cannot be run on this machine: {0}; look for `worker:` in the log")]
    Worker(String),
    /// Workers start, and code cannot be compiled or loaded.
    #[error(
        "job code cannot be run on this machine, for a small piece cannot be compiled and loaded: {0}; let this program have \
         memory that it writes and then executes (systemd: MemoryDenyWriteExecute=no; SELinux: execmem), and see that memory is \
         free"
    )]
    Unloadable(String),
}

/// What an executor has done, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Compilers started.
    pub compilations: u64,
    /// Workers that died or had to be ended in a run. Each is replaced when the next run needs it.
    pub workers_lost: u64,
    /// Runs abstained from, because they could not be made with one worker after the other.
    pub runs_given_up: u64,
    /// Runs that no worker was free for in time, and questions that there was no place for, of jobs that were quick of late.
    pub runs_unserved: u64,
    /// Codes found to be refused for good, now or by an earlier process.
    pub codes_refused: u64,
    /// Codes that came from their URLs.
    pub codes_from_urls: u64,
    /// Codes that came from other keepers.
    pub codes_from_keepers: u64,
    /// Searches for a code that neither its URL nor another keeper had.
    pub codes_nowhere: u64,
    /// Bytes of components that others got from here.
    pub code_bytes_lent: u64,
}
