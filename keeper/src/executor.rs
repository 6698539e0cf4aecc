//! Runs jobs: fetches their code, checks it against the hash on chain, compiles it once per machine and runs it under
//! limits, so that the result is a pure function of the task and the chain at the task's anchor.

mod abstain;
mod chain_read;
mod reader;
mod run;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use abstain::Abstain;
pub use chain_read::{ChainAnswer, ChainRequest, DecodeError, LogEntry};
pub use reader::{ChainReader, Reading, RpcFailure};
pub use run::{BlockReference, Code, Ended, Run, RunRequest};

/// Longest component a job may have, in bytes.
pub const MAX_CODE_BYTES: usize = 4 << 20;
/// Longest calldata a job may return, in bytes.
pub const MAX_OUTCOME_BYTES: usize = 64 << 10;
/// Longest reason of a skip or a job error, in bytes of UTF-8; longer ones are cut at a character boundary.
pub const MAX_REASON_BYTES: usize = 256;

/// How an [`Executor`] is set up.
#[derive(Debug, Clone)]
pub struct ExecutorConfig {
    /// Directory of fetched and compiled code; keepers on one machine may share it.
    pub cache_dir: PathBuf,
    /// Allow `http:`, `file:` and private addresses as code URLs. For local networks (chain id 31337) only.
    pub allow_private_targets: bool,
    /// Runs at one time; 0 counts as 1.
    pub max_concurrent: usize,
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
    /// The WebAssembly engine or the HTTP client refused its settings.
    #[error("cannot set up the executor: {0}")]
    Setup(String),
}

/// Runs jobs under limits.
#[derive(Debug)]
pub struct Executor {
    config: ExecutorConfig,
    reader: Arc<dyn ChainReader>,
}

impl Executor {
    /// Opens the cache directory and starts the engine.
    ///
    /// # Errors
    /// [`ExecutorError`] when the directory cannot be used.
    pub fn new(config: ExecutorConfig, reader: Arc<dyn ChainReader>) -> Result<Self, ExecutorError> {
        Ok(Self { config, reader })
    }

    /// Fetches and compiles `code` unless that is done already.
    ///
    /// # Errors
    /// [`Abstain`] with what is wrong with the code.
    #[expect(clippy::unused_async, reason = "skeleton")]
    pub async fn prepare(&self, code: &Code) -> Result<(), Abstain> {
        Err(Abstain::CodeUnavailable(code.url.clone()))
    }

    /// Whether a run of `code` can start at once.
    #[must_use]
    pub const fn is_ready(&self, _code: &Code) -> bool {
        false
    }

    /// Makes one run.
    #[expect(clippy::unused_async, reason = "skeleton")]
    pub async fn run(&self, request: RunRequest) -> Run {
        let _ = (&self.config, &self.reader, request);
        Run::abstained(Abstain::Busy, Duration::ZERO)
    }
}
