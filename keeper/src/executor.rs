//! Runs jobs: fetches their code, checks it against the hash on chain, compiles it once per machine and runs it under
//! limits, so that the result is a pure function of the task and the chain at the task's anchor.

mod abstain;
mod cache;
mod chain_read;
mod fetch;
mod library;
mod reader;
mod run;
mod sandbox;
mod transcript;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use alloy::primitives::B256;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use cache::CodeCache;
use fetch::Fetcher;
use library::Library;
use sandbox::{Input, Limits, Output, Reference, Sandbox, Wire};

pub use abstain::Abstain;
pub use chain_read::{ChainAnswer, ChainRequest, DecodeError, LogEntry};
pub use reader::{CALL_GAS, ChainReader, Reading, RpcFailure, RpcReader};
pub use run::{BlockReference, Code, Ended, Run, RunRequest};
pub use transcript::{MAX_CHAIN_BYTES, MAX_CHAIN_READS, MAX_LOG_BLOCKS, MAX_LOGS, Transcript};

/// Longest component a job may have, in bytes.
pub const MAX_CODE_BYTES: usize = 4 << 20;
/// Longest calldata a job may return, in bytes.
pub const MAX_OUTCOME_BYTES: usize = 64 << 10;
/// Longest reason of a skip or a job error, in bytes of UTF-8; longer ones are cut at a character boundary.
pub const MAX_REASON_BYTES: usize = 256;

/// Runs that may wait or run at one time: four full batches.
const MAX_PLACES: usize = 1024;

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
    sandbox: Arc<Sandbox>,
    library: Library,
    reader: Arc<dyn ChainReader>,
    /// Runs that wait or run.
    places: Semaphore,
    /// Runs that run.
    running: Arc<Semaphore>,
}

impl Executor {
    /// Opens the cache directory and starts the engine.
    ///
    /// # Errors
    /// [`ExecutorError`] when the directory cannot be used.
    pub fn new(config: ExecutorConfig, reader: Arc<dyn ChainReader>) -> Result<Self, ExecutorError> {
        Self::with_limits(config, reader, Limits::default())
    }

    fn with_limits(
        config: ExecutorConfig,
        reader: Arc<dyn ChainReader>,
        limits: Limits,
    ) -> Result<Self, ExecutorError> {
        let cache = CodeCache::open(&config.cache_dir)?;
        let sandbox = Sandbox::new(limits).map_err(|error| ExecutorError::Setup(format!("{error:#}")))?;
        let fetcher = Fetcher::new(config.allow_private_targets).map_err(|e| ExecutorError::Setup(e.to_string()))?;
        let sandbox = Arc::new(sandbox);
        Ok(Self {
            library: Library::new(Arc::clone(&sandbox), cache, fetcher),
            sandbox,
            reader,
            places: Semaphore::new(MAX_PLACES),
            running: Arc::new(Semaphore::new(config.max_concurrent.max(1))),
        })
    }

    /// Fetches and compiles `code` unless that is done already. Call it when a job is listed: a compilation takes seconds.
    ///
    /// After a failure the same reason is returned for a while (2 s, doubling up to 60 s) before it is tried again.
    ///
    /// # Errors
    /// [`Abstain`] with what is wrong with the code.
    pub async fn prepare(&self, code: &Code) -> Result<(), Abstain> {
        self.library.prepare(code).await.map(drop)
    }

    /// Whether a run of `code` can start at once.
    #[must_use]
    pub fn is_ready(&self, code: &Code) -> bool {
        self.library.get(&code.hash).is_some()
    }

    /// Makes one run, preparing its code first when that is still to do.
    pub async fn run(&self, request: RunRequest) -> Run {
        let started = Instant::now();
        let Ok(_place) = self.places.try_acquire() else {
            return Run::abstained(Abstain::Busy, started.elapsed());
        };
        match self.run_in_place(request).await {
            Ok((output, root)) => Run {
                ended: ended(output.result),
                transcript_root: root.0,
                fuel: output.fuel,
                elapsed: started.elapsed(),
                logs: output.logs,
            },
            Err(reason) => Run::abstained(reason, started.elapsed()),
        }
    }

    async fn run_in_place(&self, request: RunRequest) -> Result<(Output, B256), Abstain> {
        let program = self.library.prepare(&request.code).await?;
        let turn = Arc::clone(&self.running).acquire_owned().await;
        let turn = turn.map_err(|_| Abstain::HostFailure("the executor is closing".to_owned()))?;
        let (sandbox, reader, runtime) = (Arc::clone(&self.sandbox), Arc::clone(&self.reader), Handle::current());
        let input = input(&request).encode();
        let work = move || {
            let deadline = tokio::time::Instant::now() + sandbox.wall_clock();
            let transcript = Arc::new(Mutex::new(Transcript::new(reader, request.reference, runtime, deadline)));
            let output = sandbox.run(&program, &input, Box::new(Arc::clone(&transcript)));
            // The turn ends here and not with the caller, who may have gone away while the guest was running.
            drop(turn);
            let root = transcript.lock().unwrap_or_else(PoisonError::into_inner).root();
            Output::decode(&output).map(|output| (output, root)).map_err(Abstain::HostFailure)
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(Abstain::HostFailure(format!("a worker of the executor failed: {error}"))))
    }
}

fn input(request: &RunRequest) -> Input {
    Input {
        job_id: request.job_id,
        task_id: request.task_id.into(),
        sequence: request.sequence,
        due: request.due,
        params: request.params.clone().into(),
        reference: Reference {
            chain_id: request.reference.chain_id,
            number: request.reference.number,
            hash: request.reference.hash.into(),
            timestamp: request.reference.timestamp,
        },
    }
}

/// Takes a result from behind the seam, where it is not trusted to keep its own caps.
fn ended(result: Wire) -> Ended {
    let broken = || Ended::Abstain(Abstain::HostFailure("the sandbox returned a result over its caps".to_owned()));
    match result {
        Wire::Call(data) if data.len() <= MAX_OUTCOME_BYTES => Ended::Call(data.into()),
        Wire::Skip(reason) if reason.len() <= MAX_REASON_BYTES => Ended::Skip(reason),
        Wire::JobError(why) if why.len() <= MAX_REASON_BYTES => Ended::JobError(why),
        Wire::Call(_) | Wire::Skip(_) | Wire::JobError(_) => broken(),
        Wire::Timeout => Ended::Abstain(Abstain::Timeout),
        Wire::StackOverflow => Ended::Abstain(Abstain::StackOverflow),
        Wire::Rpc(why) => Ended::Abstain(Abstain::RpcFailure(why)),
        Wire::HostFailure(why) => Ended::Abstain(Abstain::HostFailure(why)),
    }
}

#[cfg(test)]
mod tests;
