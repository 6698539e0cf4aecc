//! Components, chains and executors to test with.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use executor::{
    BlockReference, ChainAnswer, ChainReader, ChainRequest, Code, Executor, ExecutorConfig, Limits, Reading, Role,
    RpcFailure, Run, RunRequest, Trigger, WorkerProgram,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Returns the params.
pub(crate) const ECHO: &str =
    "(call $call (i32.load offset=128 (local.get $context)) (i32.load offset=132 (local.get $context)))";
/// Returns the answer of a chain read, or its error's text as a job error.
pub(crate) const BALANCE: &str = "(call $balance)
    (if (result i32) (i32.load8_u (i32.const 64))
      (then (call $permanent (i32.load (i32.const 72)) (i32.load (i32.const 76))))
      (else (call $call (i32.load (i32.const 68)) (i32.load (i32.const 72)))))";

/// The text of a component whose `run` has this body (see the fixture).
pub(crate) fn text(body: &str) -> String {
    include_str!("../../../tests/fixtures/job.wat").replace("(; body ;)", body)
}

pub(crate) fn component(body: &str) -> Vec<u8> {
    wat::parse_str(text(body)).expect("the fixture is a component")
}

/// Code whose URL carries it.
pub(crate) fn code(component: &[u8]) -> Code {
    let data = base64::engine::general_purpose::STANDARD.encode(component);
    Code { url: format!("data:application/wasm;base64,{data}"), hash: Sha256::digest(component).into() }
}

/// A chain that gives prepared answers, the last one for ever.
#[derive(Debug)]
pub(crate) struct PreparedChain(Mutex<VecDeque<Result<ChainAnswer, RpcFailure>>>);

impl PreparedChain {
    pub(crate) fn new(answers: impl IntoIterator<Item = Result<ChainAnswer, RpcFailure>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(answers.into_iter().collect())))
    }
}

impl ChainReader for PreparedChain {
    fn read<'a>(&'a self, _: &'a BlockReference, _: &'a ChainRequest) -> Reading<'a> {
        let mut answers = self.0.lock().expect("no test panics while it holds the lock");
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.expect("a test that reads prepares an answer") })
    }
}

/// A chain that never answers.
#[derive(Debug)]
pub(crate) struct SilentChain;

impl ChainReader for SilentChain {
    fn read<'a>(&'a self, _: &'a BlockReference, _: &'a ChainRequest) -> Reading<'a> {
        Box::pin(std::future::pending())
    }
}

/// Who pays for the jobs of tests.
pub(crate) const OWNER: [u8; 20] = [7; 20];

/// An executor on a cache directory.
pub(crate) fn executor_on(cache: &Path, limits: Limits, reader: Arc<dyn ChainReader>) -> Executor {
    executor_of(Path::new(env!("CARGO_BIN_EXE_executor-cell")), cache, limits, reader)
}

/// The same with other workers.
pub(crate) fn executor_of(cell: &Path, cache: &Path, limits: Limits, reader: Arc<dyn ChainReader>) -> Executor {
    let config = ExecutorConfig {
        cache_dir: cache.to_owned(),
        allow_private_targets: true,
        max_concurrent: 2,
        worker: WorkerProgram::at(cell),
    };
    Executor::with_limits(config, reader, limits).expect("an executor")
}

/// An executor on a cache directory of its own.
pub(crate) struct Bench {
    pub(crate) executor: Executor,
    pub(crate) cache: TempDir,
}

impl Bench {
    pub(crate) fn new(limits: Limits, reader: Arc<dyn ChainReader>) -> Self {
        let cache = TempDir::new().expect("a temporary directory");
        Self { executor: executor_on(cache.path(), limits, reader), cache }
    }

    pub(crate) async fn run(&self, body: &str) -> Run {
        self.executor.run(request(code(&component(body)), b"params")).await
    }

    /// The processes of a role.
    pub(crate) fn processes(&self, role: Role) -> Vec<u32> {
        processes(&self.executor, role)
    }
}

pub(crate) fn processes(executor: &Executor, role: Role) -> Vec<u32> {
    executor.worker_processes().into_iter().filter(|(_, of)| *of == role).map(|(process, _)| process).collect()
}

pub(crate) fn request(code: Code, params: &[u8]) -> RunRequest {
    RunRequest {
        code,
        owner: OWNER,
        job_id: 7,
        task_id: [0x42; 32],
        sequence: 3,
        trigger: Trigger::Time(1_800_000_000),
        due: 1_800_000_000,
        is_late: false,
        params: params.to_vec(),
        reference: BlockReference { chain_id: 31337, number: 1000, hash: [9; 32], timestamp: 1_799_999_998 },
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A file of a process under /proc.
pub(crate) fn proc_file(process: u32, file: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(format!("/proc/{process}/{file}")).unwrap_or_default()).into_owned()
}

/// Whether a process lives: one that has ended and waits to be reaped does not.
pub(crate) fn lives(process: u32) -> bool {
    let stat = proc_file(process, "stat");
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z') && !rest.starts_with('X'))
}
