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
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod library;
mod limits;
mod origins;
mod outside;
pub mod processes;
mod question;
mod reader;
mod role;
mod run;
pub mod seen;
mod settings;
mod source;
mod transcript;
mod turns;
mod wire;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache::CodeCache;
use fetch::Fetcher;
use library::Library;
use origins::{Had, Origins};
use question::Questions;
use transcript::Transcript;
use wire::{Call, End, Input, Output};
use workers::{Assigned, Unfinished, Workers};

pub use abstain::Abstain;
pub use cell::{INTERFACES, OBSERVING_INTERFACES};
pub use chain_read::{ChainAnswer, ChainRequest, DecodeError, LogEntry};
pub use limits::Limits;
pub use outside::{
    AllowList, FETCH_PATIENCE, Fetching, MAX_BODY_BYTES, MAX_FETCHES, MAX_HOST_BYTES, MAX_HOSTS, NoSecrets, Secrets,
    Web, WebAnswer, WebRequest, WebResponse,
};
use outside::{Live, Outside};
pub use question::{Answer, Asked, Question};
pub use reader::{CALL_GAS, ChainReader, OneNode, Reading, RpcFailure, RpcReader, entry, is_failed_call};
pub use role::Role;
pub use run::{BlockReference, Code, Ended, Look, Run, RunRequest, Trigger};
pub use seen::{KeeperSeen, Observation};
pub use settings::{Counts, ExecutorConfig, ExecutorError};
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

/// Runs jobs under limits.
#[derive(Debug)]
pub struct Executor {
    workers: Arc<Workers>,
    library: Arc<Library>,
    reader: Arc<dyn ChainReader>,
    questions: Questions,
    limits: Limits,
    web: Arc<dyn Web>,
    secrets: Arc<dyn Secrets>,
    given_up: AtomicU64,
    lent: AtomicU64,
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
        let web = Live::new(config.allow_private_targets).map_err(|error| setup(error.to_string()))?;
        let workers = Workers::new(config.worker, config.max_concurrent.max(1));
        let workers = Arc::new(workers.map_err(|error| setup(error.to_string()))?);
        let library = Arc::new(Library::new(Arc::clone(&workers), cache, Origins::new(fetcher, others)));
        let questions = Questions::new(Arc::clone(&reader));
        let (given_up, lent) = (AtomicU64::new(0), AtomicU64::new(0));
        let (web, secrets): (Arc<dyn Web>, Arc<dyn Secrets>) = (Arc::new(web), Arc::new(NoSecrets));
        Ok(Self { workers, library, reader, questions, limits, web, secrets, given_up, lent })
    }

    /// With secrets that jobs may have sent in headers, each to its own host.
    #[must_use]
    pub fn with_secrets(self, secrets: Arc<dyn Secrets>) -> Self {
        Self { secrets, ..self }
    }

    /// With something else in place of the web: for trials.
    #[must_use]
    pub fn with_web(self, web: Arc<dyn Web>) -> Self {
        Self { web, ..self }
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
        self.make(request, Call::Run).await
    }

    /// Has the code of an observing job decide on what keepers saw, by keeper index: as [`run`](Self::run), a pure function of that
    /// too.
    pub async fn decide(&self, request: RunRequest, seen: Vec<KeeperSeen>) -> Run {
        self.make(request, Call::Decide(seen)).await
    }

    /// Has the code of an observing job look outside, at the hosts of its list only. What it sees is this keeper's alone.
    pub async fn observe(&self, request: RunRequest, hosts: AllowList) -> Look {
        let started = Instant::now();
        let outside = Outside::new(request.job_id, Arc::clone(&self.web), hosts, Arc::clone(&self.secrets));
        match self.attempt(request, Call::Observe, Some(outside)).await {
            Ok((output, transcript, took)) => Look {
                fuel: output.fuel,
                memory_bytes: output.memory_bytes,
                logs: output.logs,
                took,
                seen: match output.end {
                    End::Seen(bytes) => Ok(bytes),
                    other => Err(ended(other, &transcript)),
                },
            },
            Err(reason) => Look::abstained(reason, started.elapsed()),
        }
    }

    async fn make(&self, request: RunRequest, call: Call) -> Run {
        let started = Instant::now();
        match self.attempt(request, call, None).await {
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

    async fn attempt(
        &self,
        request: RunRequest,
        call: Call,
        mut outside: Option<Outside>,
    ) -> Result<(Output, Transcript, Duration), Abstain> {
        let (code, owner, reference) = (request.code, request.owner, request.reference.clone());
        let input = Input {
            job_id: request.job_id,
            task_id: request.task_id,
            sequence: request.sequence,
            trigger: request.trigger.clone(),
            due: request.due,
            params: request.params,
            reference: request.reference,
            call,
        };
        let assigned = Assigned { hash: code.hash, limits: self.limits, input, is_late: request.is_late };
        let mut why = String::new();
        for _ in 0..TRIES {
            self.prepare_in_time(&code, owner).await?;
            // A new one for each try: what an ended worker asked is no part of the run.
            let mut transcript = Transcript::new(Arc::clone(&self.reader), reference.clone());
            let ended =
                self.workers.run(&assigned, (&mut transcript, &mut outside), || self.library.compiled(code.hash)).await;
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
        // A worker that decides has no such end, and one that looks is asked for it.
        End::Seen(_) => {
            Ended::Abstain(Abstain::HostFailure("a look outside where a decision was asked for".to_owned()))
        }
        End::Unanswered => {
            let unknown = || Abstain::RpcFailure("a chain read has no answer".to_owned());
            Ended::Abstain(transcript.failure().cloned().unwrap_or_else(unknown))
        }
    }
}
