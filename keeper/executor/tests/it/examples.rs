//! The example jobs of bootstrap/jobs, built: their results, and what they cost.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use alloy::primitives::keccak256;

use alloy::primitives::U256;
use executor::{ChainAnswer, Code, Ended, Limits};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use tempfile::TempDir;

use crate::support::{Bench, OWNER, PreparedChain, code, executor_on, request, until};

const WHY: &str = "build them with `bootstrap/jobs/build.sh DIR` and set KEEPER_JOBS_DIR=DIR";

fn example(name: &str) -> Code {
    let directory = PathBuf::from(std::env::var_os("KEEPER_JOBS_DIR").expect(WHY));
    code(&std::fs::read(directory.join(format!("{name}.wasm"))).expect(WHY))
}

/// Of those that have ended.
fn processor_time_of_workers() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the system tells");
    let times = [usage.user_time(), usage.system_time()];
    times.iter().map(|time| Duration::from_micros(u64::try_from(time.num_microseconds()).expect("positive"))).sum()
}

fn call(signature: &str, words: &[u64]) -> Ended {
    let mut data = keccak256(signature)[..4].to_vec();
    words.iter().for_each(|word| data.extend(U256::from(*word).to_be_bytes::<32>()));
    Ended::Call(data)
}

#[tokio::test]
#[ignore = "needs the built example jobs in KEEPER_JOBS_DIR"]
async fn the_example_jobs_do_what_they_say() {
    let answers = [41, 0].map(|value| Ok(ChainAnswer::word(U256::from(value))));
    let bench = Bench::new(Limits::default(), PreparedChain::new(answers));
    let counter = bench.executor.run(request(example("counter"), b"")).await;
    assert_eq!(counter.ended, call("increment()", &[]));
    let heartbeat = bench.executor.run(request(example("heartbeat"), b"")).await;
    assert_eq!(heartbeat.ended, call("record(uint256)", &[1_800_000_000]));
    let watch = bench.executor.run(request(example("watch"), &[0x11; 20])).await;
    assert_eq!(watch.ended, call("record(uint256)", &[41]));
    assert_eq!(watch.logs, ["info: feed value 41 at block 1000"]);
    let zero = bench.executor.run(request(example("watch"), &[0x11; 20])).await;
    assert_eq!(zero.ended, Ended::Skip("the feed's value is 0".into()));
    let wrong = bench.executor.run(request(example("watch"), &[0x11; 19])).await;
    let text = "permanent: the job's parameters must be the feed's address: 20 bytes, not 19";
    assert_eq!(wrong.ended, Ended::JobError(text.into()));
}

#[tokio::test]
#[ignore = "a measurement; needs the built example jobs in KEEPER_JOBS_DIR"]
#[expect(clippy::print_stdout, reason = "a measurement")]
async fn cost_of_an_interpreted_job() {
    let cache = TempDir::new().expect("a temporary directory");
    let executor = || {
        let chain = PreparedChain::new([Ok(ChainAnswer::word(U256::from(41)))]);
        executor_on(cache.path(), Limits::default(), chain)
    };
    for name in ["counter", "watch"] {
        let code = example(name);
        let first = executor();
        let (started, before) = (Instant::now(), processor_time_of_workers());
        first.prepare(&code, OWNER).await.expect("prepared");
        let compiled = started.elapsed();
        until("the compiler's end", || processor_time_of_workers() > before).await;
        let processor = processor_time_of_workers() - before;
        let second = executor();
        let started = Instant::now();
        second.prepare(&code, OWNER).await.expect("prepared");
        let loaded = started.elapsed();
        let mut runs = Vec::new();
        for _ in 0..101 {
            runs.push(second.run(request(code.clone(), &[0x11; 20])).await);
        }
        assert!(runs.iter().all(|run| run.fuel == runs[0].fuel && run.transcript_root == runs[0].transcript_root));
        let fuel = runs[0].fuel;
        let mut times: Vec<_> = runs.iter().map(|run| run.elapsed).collect();
        times.sort();
        let (median, worst) = (times[50], times[100]);
        println!(
            "{name}: compile {compiled:?} ({processor:?} of a processor), load {loaded:?}, run median {median:?} worst {worst:?}, fuel {fuel}"
        );
    }
}
