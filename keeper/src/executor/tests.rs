mod examples;
mod hostile;
mod seam;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use alloy::primitives::U256;
use base64::Engine as _;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;

/// A component whose `run` has this body (see the fixture).
pub(super) fn component(body: &str) -> Vec<u8> {
    let text = include_str!("../../tests/fixtures/job.wat").replace("(; body ;)", body);
    wat::parse_str(text).expect("the fixture is a component")
}

/// Code whose URL carries it.
pub(super) fn code(component: &[u8]) -> Code {
    let data = base64::engine::general_purpose::STANDARD.encode(component);
    Code { url: format!("data:application/wasm;base64,{data}"), hash: Sha256::digest(component).into() }
}

/// A chain that gives prepared answers, the last one for ever.
#[derive(Debug)]
pub(super) struct PreparedChain(Mutex<VecDeque<Result<ChainAnswer, RpcFailure>>>);

impl PreparedChain {
    pub(super) fn new(answers: impl IntoIterator<Item = Result<ChainAnswer, RpcFailure>>) -> Arc<Self> {
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
struct SilentChain;

impl ChainReader for SilentChain {
    fn read<'a>(&'a self, _: &'a BlockReference, _: &'a ChainRequest) -> Reading<'a> {
        Box::pin(std::future::pending())
    }
}

struct Bench {
    executor: Executor,
    _cache: TempDir,
}

impl Bench {
    fn new(limits: Limits, reader: Arc<dyn ChainReader>) -> Self {
        let cache = TempDir::new().expect("a temporary directory");
        let config =
            ExecutorConfig { cache_dir: cache.path().to_owned(), allow_private_targets: false, max_concurrent: 2 };
        Self { executor: Executor::with_limits(config, reader, limits).expect("an executor"), _cache: cache }
    }

    async fn run(&self, body: &str) -> Run {
        self.executor.run(request(code(&component(body)), b"params")).await
    }
}

fn request(code: Code, params: &[u8]) -> RunRequest {
    RunRequest {
        code,
        job_id: 7,
        task_id: [0x42; 32],
        sequence: 3,
        due: 1_800_000_000,
        params: params.to_vec(),
        reference: BlockReference { chain_id: 31337, number: 1000, hash: [9; 32], timestamp: 1_799_999_998 },
    }
}

async fn run(body: &str) -> Run {
    Bench::new(Limits::default(), PreparedChain::new([Ok(ChainAnswer::word(U256::from(5)))])).run(body).await
}

/// Returns the params.
const ECHO: &str = "(call $call (i32.load offset=128 (local.get $context)) (i32.load offset=132 (local.get $context)))";
/// Returns the answer of a chain read, or its error's text as a job error.
const BALANCE: &str = "(call $balance)
    (if (result i32) (i32.load8_u (i32.const 64))
      (then (call $permanent (i32.load (i32.const 72)) (i32.load (i32.const 76))))
      (else (call $call (i32.load (i32.const 68)) (i32.load (i32.const 72)))))";

#[tokio::test]
async fn a_job_calls_skips_and_fails() {
    assert_eq!(run(ECHO).await.ended, Ended::Call(b"params".to_vec()));
    assert_eq!(run("(call $skip (i32.const 4096) (i32.const 13))").await.ended, Ended::Skip("nothing to do".into()));
    let failed = run("(call $permanent (i32.const 4096) (i32.const 7))").await;
    assert_eq!(failed.ended, Ended::JobError("permanent: nothing".into()));
    assert_eq!(failed.transcript_root, [0; 32], "no chain read, no transcript");
}

#[tokio::test]
async fn the_context_says_what_was_asked() {
    // The whole context record, 136 bytes: numbers are compared, pointers are not.
    let Ended::Call(record) = run("(call $call (local.get $context) (i32.const 136))").await.ended else {
        panic!("a call")
    };
    let number = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().expect("eight bytes"));
    assert_eq!(number(0), 7, "job id");
    assert_eq!(number(16), 3, "sequence");
    assert_eq!((record[24], number(32)), (0, 1_800_000_000), "a time trigger at the due moment");
    assert_eq!((number(88), number(96), number(112)), (31337, 1000, 1_799_999_998), "reference");
    assert_eq!(number(120), 1_800_000_000, "now");
    let task = run("(call $call (i32.load offset=8 (local.get $context)) (i32.const 32))").await;
    assert_eq!(task.ended, Ended::Call(vec![0x42; 32]));
}

#[tokio::test]
async fn fuel_transcript_and_random_bytes_are_equal_in_every_run() {
    let body = "(call $balance) (call $random (i32.const 48)) (call $log (i32.const 4096) (i32.const 13))
        (call $call (i32.load (i32.const 96)) (i32.load (i32.const 100)))";
    let first = run(body).await;
    let Ended::Call(random) = &first.ended else { panic!("{:?}", first.ended) };
    assert_eq!(random.len(), 48);
    assert_ne!(random[..24], random[24..]);
    assert_ne!(first.transcript_root, [0; 32]);
    assert_eq!(first.logs, ["info: nothing to do"]);
    // Another executor: compiled again, in another directory.
    let bench = Bench::new(Limits::default(), PreparedChain::new([Ok(ChainAnswer::word(U256::from(5)))]));
    for _ in 0..5 {
        let again = bench.run(body).await;
        assert_eq!((&again.ended, again.fuel), (&first.ended, first.fuel));
        assert_eq!(again.transcript_root, first.transcript_root);
    }
    let elsewhere = Bench::new(Limits::default(), PreparedChain::new([Ok(ChainAnswer::word(U256::from(6)))]));
    let other = elsewhere.run(body).await;
    assert_ne!(other.transcript_root, first.transcript_root, "another answer of the chain");
}

#[tokio::test]
async fn an_answer_of_the_chain_reaches_the_job_and_a_failure_ends_the_run() {
    assert_eq!(run(BALANCE).await.ended, Ended::Call(U256::from(5).to_be_bytes::<32>().to_vec()));
    let down = PreparedChain::new([Err(RpcFailure("node down".into()))]);
    let ended = Bench::new(Limits::default(), down).run(BALANCE).await.ended;
    assert_eq!(ended, Ended::Abstain(Abstain::RpcFailure("node down".into())));
    let reverted = PreparedChain::new([Ok(ChainAnswer::Reverted(b"why".to_vec().into()))]);
    let ended = Bench::new(Limits::default(), reverted).run(BALANCE).await.ended;
    assert_eq!(ended, Ended::JobError("permanent: why".into()), "a revert is the job's to handle");
}

#[tokio::test]
async fn a_chain_that_never_answers_ends_with_the_watchdog() {
    let limits = Limits { wall_clock: Duration::from_millis(200), ..Limits::default() };
    let run = Bench::new(limits, Arc::new(SilentChain)).run(BALANCE).await;
    assert_eq!(run.ended, Ended::Abstain(Abstain::Timeout));
}

#[tokio::test]
async fn readiness_follows_preparation() {
    let bench = Bench::new(Limits::default(), PreparedChain::new([]));
    let code = code(&component(ECHO));
    assert!(!bench.executor.is_ready(&code));
    bench.executor.prepare(&code).await.expect("a good component");
    assert!(bench.executor.is_ready(&code));
}

#[tokio::test]
async fn runs_over_the_cap_are_refused_at_once() {
    let bench = Bench::new(Limits::default(), PreparedChain::new([]));
    let all = bench.executor.places.try_acquire_many(u32::try_from(MAX_PLACES).expect("small")).expect("all free");
    assert_eq!(bench.run(ECHO).await.ended, Ended::Abstain(Abstain::Busy));
    drop(all);
    assert_eq!(bench.run(ECHO).await.ended, Ended::Call(b"params".to_vec()));
}
