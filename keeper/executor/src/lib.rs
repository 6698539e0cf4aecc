//! Runs jobs: fetches their code, checks it against the hash on chain, compiles it once per machine and runs it under
//! limits, so that the result is a pure function of the task and the chain at the task's anchor.
//!
//! ```text
//!   keeper ─ RunRequest ─► Executor ─ prepare ─► Library ─ URL, others; hash ─► cache on disk
//!                             │                     └─ component ─► [cell: compiler] ─ native code ─► cache, with a MAC
//!                             └─ run ─► Workers ═ input ═► [cell: worker] ═ chain reads ═► Transcript ─► ChainReader
//!                                          ◄═════════ result ═════╝ ◄══ answers ═════════════╝
//!   keeper ─ Question ──► Executor ─ ask ─► Questions ═ one chain read ═► Transcript ─► ChainReader
//! ```
//!
//! What stands in brackets is hostile code's own process ([`cell`]): the same program, started again as `keeper worker`. This side
//! never loads native code; what the cell says is checked like anything a stranger says (`wire.rs`). The crate knows nothing
//! of the rest of a keeper.

mod abstain;
mod cache;
pub mod cell;
mod chain_read;
mod fetch;
mod library;
mod limits;
mod origins;
pub mod processes;
mod question;
mod reader;
mod role;
mod run;
mod source;
mod transcript;
mod turns;
mod wire;
mod workers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache::CodeCache;
use fetch::Fetcher;
use library::Library;
use origins::{Had, Origins};
use question::Questions;
use thiserror::Error;
use transcript::Transcript;
use wire::{End, Input, Output};
use workers::{Assigned, Unfinished, Workers};

pub use abstain::Abstain;
pub use cell::INTERFACES;
pub use chain_read::{ChainAnswer, ChainRequest, DecodeError, LogEntry};
pub use limits::Limits;
pub use question::{Answer, Asked, Question};
pub use reader::{CALL_GAS, ChainReader, OneNode, Reading, RpcFailure, RpcReader, entry, is_failed_call};
pub use role::Role;
pub use run::{BlockReference, Code, Ended, Run, RunRequest, Trigger};
pub use source::{CodeSource, Piece, Sought};
pub use transcript::{MAX_CHAIN_BYTES, MAX_CHAIN_READS, MAX_LOG_BLOCKS, MAX_LOGS};
pub use wire::Confinement;
pub use workers::WorkerProgram;

/// Longest component a job may have, in bytes.
pub const MAX_CODE_BYTES: usize = 4 << 20;
/// Longest piece of a component that others get at once, in bytes.
pub const MAX_PIECE_BYTES: usize = 128 << 10;
/// Longest calldata a job may return, in bytes.
pub const MAX_OUTCOME_BYTES: usize = 64 << 10;
/// Longest reason of a skip or a job error, in bytes of UTF-8; longer ones are cut at a character boundary.
pub const MAX_REASON_BYTES: usize = 256;

/// How long a run waits for its code. It has been listed for long, as a rule: what takes longer will be ready for a later run.
const PREPARE_PATIENCE: Duration = Duration::from_secs(10);
/// Times a run is begun: once more after a worker that died in it, as anything may happen to a process once.
const TRIES: u32 = 2;

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

/// Runs jobs under limits.
#[derive(Debug)]
pub struct Executor {
    workers: Arc<Workers>,
    library: Arc<Library>,
    reader: Arc<dyn ChainReader>,
    questions: Questions,
    limits: Limits,
    given_up: AtomicU64,
    lent: AtomicU64,
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

impl Executor {
    /// Opens the cache directory. Workers are started when they are needed; see [`check`](Self::check).
    ///
    /// # Errors
    /// [`ExecutorError`] when the directory cannot be used.
    pub fn new(config: ExecutorConfig, reader: Arc<dyn ChainReader>) -> Result<Self, ExecutorError> {
        Self::build(config, reader, None, Limits::default())
    }

    /// As [`new`](Self::new), for a keeper that is not alone: code is also had from `others`.
    ///
    /// # Errors
    /// [`ExecutorError`] when the directory cannot be used.
    pub fn among(
        config: ExecutorConfig,
        reader: Arc<dyn ChainReader>,
        others: Arc<dyn CodeSource>,
    ) -> Result<Self, ExecutorError> {
        Self::build(config, reader, Some(others), Limits::default())
    }

    /// As [`new`](Self::new), with other limits than the protocol's: for tests.
    ///
    /// # Errors
    /// [`ExecutorError`] when the directory cannot be used.
    pub fn with_limits(
        config: ExecutorConfig,
        reader: Arc<dyn ChainReader>,
        limits: Limits,
    ) -> Result<Self, ExecutorError> {
        Self::build(config, reader, None, limits)
    }

    fn build(
        config: ExecutorConfig,
        reader: Arc<dyn ChainReader>,
        others: Option<Arc<dyn CodeSource>>,
        limits: Limits,
    ) -> Result<Self, ExecutorError> {
        let setup = |why: String| ExecutorError::Setup(why);
        let cache = CodeCache::open(&config.cache_dir)?;
        let fetcher = Fetcher::new(config.allow_private_targets).map_err(|error| setup(error.to_string()))?;
        let workers = Workers::new(config.worker, config.max_concurrent.max(1));
        let workers = Arc::new(workers.map_err(|error| setup(error.to_string()))?);
        let library = Arc::new(Library::new(Arc::clone(&workers), cache, Origins::new(fetcher, others)));
        let questions = Questions::new(Arc::clone(&reader));
        let (given_up, lent) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { workers, library, reader, questions, limits, given_up, lent })
    }

    /// Starts the first worker, has a small piece of code compiled and loaded, and tells how workers are confined; a log line says
    /// what the kernel cannot do.
    ///
    /// # Errors
    /// [`ExecutorError::Worker`] when this machine cannot start one, [`ExecutorError::Unloadable`] when it lets no code be loaded:
    /// no job could ever run.
    pub async fn check(&self) -> Result<Confinement, ExecutorError> {
        let hello = self.workers.hello().await.map_err(|broken| ExecutorError::Worker(broken.to_string()))?;
        self.library.check().await.map_err(ExecutorError::Unloadable)?;
        Ok(hello.confinement)
    }

    /// The worker processes that live, by process id.
    #[must_use]
    pub fn worker_processes(&self) -> BTreeMap<u32, Role> {
        self.workers.live()
    }

    /// What has been done so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let Had { from_urls, from_others, nowhere } = self.library.had();
        Counts {
            compilations: self.library.compilations(),
            workers_lost: self.workers.lost(),
            runs_given_up: self.given_up.load(Ordering::Relaxed),
            runs_unserved: self.workers.unserved() + self.questions.unserved(),
            codes_refused: self.library.refused(),
            codes_from_urls: from_urls,
            codes_from_keepers: from_others,
            codes_nowhere: nowhere,
            code_bytes_lent: self.lent.load(Ordering::Relaxed),
        }
    }

    /// Fetches and compiles `code` unless that is done already. Call it when a job is listed: a compilation takes seconds.
    ///
    /// After a failure the same reason is returned for a while (2 s, doubling up to ten minutes) before it is tried again; code that
    /// will never run here is not tried again at all. Owners take turns, whoever asks more often.
    ///
    /// # Errors
    /// [`Abstain`] with what is wrong with the code.
    pub async fn prepare(&self, code: &Code, owner: [u8; 20]) -> Result<(), Abstain> {
        self.library.prepare(code, owner).await
    }

    /// A piece of a component, for others: `count` bytes from `offset` on, [`MAX_PIECE_BYTES`] at the most. Of compiled code nothing is
    /// ever given out. `None`: this keeper was not asked to run it since its start, or has it no more, or it ends before `offset`.
    pub async fn piece(&self, hash: [u8; 32], offset: u32, count: usize) -> Option<Piece> {
        let piece = self.library.piece(hash, offset, count).await;
        self.lent.fetch_add(piece.as_ref().map_or(0, |piece| piece.bytes.len() as u64), Ordering::Relaxed);
        piece
    }

    /// Whether a run of `code` can start at once.
    #[must_use]
    pub fn is_ready(&self, code: &Code) -> bool {
        self.library.is_ready(&code.hash)
    }

    /// Makes one run, preparing its code first when that is still to do. A run whose worker dies or hangs is made once more.
    pub async fn run(&self, request: RunRequest) -> Run {
        let started = Instant::now();
        match self.attempt(request).await {
            Ok((output, transcript, took)) => Run {
                transcript_root: transcript.root().0,
                fuel: output.fuel,
                memory_bytes: output.memory_bytes,
                elapsed: started.elapsed(),
                took,
                logs: output.logs,
                ended: ended(output.end, &transcript),
            },
            Err(reason) => Run::abstained(reason, started.elapsed()),
        }
    }

    /// Asks a contract one thing. It takes a run's longest time at most, once it is its job's turn.
    pub async fn ask(&self, question: Question) -> Asked {
        self.questions.ask(question, self.limits.wall_clock).await
    }

    /// Prepares code that a run waits for. What has begun goes on when the run gives up, for the runs after it.
    async fn prepare_in_time(&self, code: &Code, owner: [u8; 20]) -> Result<(), Abstain> {
        if self.is_ready(code) {
            return Ok(());
        }
        match tokio::time::timeout(PREPARE_PATIENCE, self.library.prepare_for_all(code, owner)).await {
            Ok(prepared) => prepared,
            Err(_) => Err(Abstain::CodeUnavailable("it is being prepared still".to_owned())),
        }
    }

    async fn attempt(&self, request: RunRequest) -> Result<(Output, Transcript, Duration), Abstain> {
        let (code, owner, reference) = (request.code, request.owner, request.reference.clone());
        let input = Input {
            job_id: request.job_id,
            task_id: request.task_id,
            sequence: request.sequence,
            trigger: request.trigger.clone(),
            due: request.due,
            params: request.params,
            reference: request.reference,
        };
        let assigned = Assigned { hash: code.hash, limits: self.limits, input };
        let mut why = String::new();
        for _ in 0..TRIES {
            self.prepare_in_time(&code, owner).await?;
            // A new one for each try: what an ended worker asked is no part of the run.
            let mut transcript = Transcript::new(Arc::clone(&self.reader), reference.clone());
            let ended = self.workers.run(&assigned, &mut transcript, || self.library.compiled(code.hash)).await;
            why = match ended {
                Ok((output, took)) => return Ok((output, transcript, took)),
                Err(Unfinished::Busy) => return Err(Abstain::Busy),
                Err(Unfinished::Worker(broken)) => broken.to_string(),
                Err(Unfinished::NoCode) => "its compiled code has gone from the cache".to_owned(),
                Err(Unfinished::Unloadable(why)) => {
                    self.library.discard(code.hash).await;
                    format!("its compiled code cannot be loaded: {why}")
                }
            };
        }
        self.given_up.fetch_add(1, Ordering::Relaxed);
        Err(Abstain::HostFailure(format!("{why}, {TRIES} times in a row")))
    }
}

fn ended(end: End, transcript: &Transcript) -> Ended {
    match end {
        End::Call(data) => Ended::Call(data),
        End::Skip(reason) => Ended::Skip(reason),
        End::JobError(why) => Ended::JobError(why),
        End::Timeout => Ended::Abstain(Abstain::Timeout),
        End::StackOverflow => Ended::Abstain(Abstain::StackOverflow),
        End::HostFailure(why) => Ended::Abstain(Abstain::HostFailure(why)),
        End::Unanswered => {
            let unknown = || Abstain::RpcFailure("a chain read has no answer".to_owned());
            Ended::Abstain(transcript.failure().cloned().unwrap_or_else(unknown))
        }
    }
}
