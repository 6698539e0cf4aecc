//! A worker's round trip against the same run in process, for a component of 20 KB that is ready: `tests/bench.sh exec`.
#![expect(clippy::print_stdout, reason = "a measurement")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use executor::cell::InProcess;
use executor::{
    BlockReference, ChainReader, ChainRequest, Code, Executor, ExecutorConfig, Limits, Reading, Run, RunRequest,
    Trigger, WorkerProgram,
};
use sha2::{Digest, Sha256};

const ROUNDS: usize = 2_000;
/// What is asked of a round trip: at most this many times the same in process.
const MOST: f64 = 3.0;
/// A thousand steps, a log, and an outcome of 64 bytes.
const BODY: &str = "(local $left i32) (local.set $left (i32.const 1000))
    (loop $again (local.set $left (i32.sub (local.get $left) (i32.const 1))) (br_if $again (local.get $left)))
    (call $log (i32.const 4096) (i32.const 13)) (call $call (i32.const 4096) (i32.const 64))";

#[derive(Debug)]
struct NoChain;

impl ChainReader for NoChain {
    fn read<'a>(&'a self, _: &'a BlockReference, _: &'a ChainRequest) -> Reading<'a> {
        Box::pin(std::future::pending())
    }
}

fn component() -> Vec<u8> {
    let text = include_str!("../tests/fixtures/job.wat").replace("(; body ;)", BODY);
    // Functions that are never called, until it has 20 KB.
    let filler: String = (0..560)
        .map(|number| {
            format!("(func (param i64) (result i64) (i64.mul (i64.add (local.get 0) (i64.const {number})) (i64.const 0x7fffffffffffffff)) (i64.const {number}) (i64.xor) (i64.const 12345678901) (i64.rotl))\n")
        })
        .collect();
    let text = text.replacen("(func $result ", &format!("{filler}(func $result "), 1);
    wat::parse_str(text).expect("the fixture is a component")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn request(code: &Code) -> RunRequest {
    RunRequest {
        code: code.clone(),
        owner: [7; 20],
        job_id: 7,
        task_id: [0x42; 32],
        sequence: 3,
        trigger: Trigger::Time(1_800_000_000),
        due: 1_800_000_000,
        is_late: false,
        params: vec![1; 32],
        reference: BlockReference { chain_id: 31337, number: 1000, hash: [9; 32], timestamp: 1_799_999_998 },
    }
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let component = component();
    let data = base64::engine::general_purpose::STANDARD.encode(&component);
    let url = format!("data:application/wasm;base64,{data}");
    let code = Code { url, hash: Sha256::digest(&component).into() };
    let here = Arc::new(InProcess::new(&component).expect("a good component"));
    let cache = tempfile::tempdir().expect("a temporary directory");
    let config = ExecutorConfig {
        cache_dir: cache.path().to_owned(),
        allow_private_targets: false,
        max_concurrent: 1,
        worker: WorkerProgram::at(env!("CARGO_BIN_EXE_keeper")),
    };
    let executor = Executor::with_limits(config, Arc::new(NoChain), Limits::default()).expect("an executor");
    executor.prepare(&code, [7; 20]).await.expect("prepared");

    // In turns, so that whatever else the machine does slows both alike. In process a run needs a thread that may block.
    let (mut direct, mut threaded, mut worker) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ask = request(&code);
        let started = Instant::now();
        assert!(here.run(&ask).is_some());
        direct.push(started.elapsed());
        let (ask, program, started) = (request(&code), Arc::clone(&here), Instant::now());
        let ended = tokio::task::spawn_blocking(move || program.run(&ask)).await;
        assert!(ended.expect("no panic").is_some());
        threaded.push(started.elapsed());
        let (ask, started) = (request(&code), Instant::now());
        let run: Run = executor.run(ask).await;
        worker.push(started.elapsed());
        assert!(matches!(run.ended, executor::Ended::Call(_)), "{:?}", run.ended);
    }
    let (direct, threaded, worker) = (median(direct), median(threaded), median(worker));
    let ratio = worker.as_secs_f64() / threaded.as_secs_f64();
    println!(
        "component of {} bytes, medians of {ROUNDS}: on this thread {direct:?}, on a thread of its own {threaded:?}, in a worker {worker:?}: {ratio:.2} times (at most {MOST})",
        component.len()
    );
    assert!(ratio <= MOST, "a worker's round trip costs too much");
}
