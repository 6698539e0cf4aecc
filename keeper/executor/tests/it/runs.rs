//! What a job is told, and what becomes of its answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::U256;
use executor::{Abstain, ChainAnswer, Code, Ended, Limits, RpcFailure, Run, RunRequest};

use crate::support::{BALANCE, Bench, ECHO, OWNER, PreparedChain, SilentChain, code, component, request};

pub(crate) async fn run(body: &str) -> Run {
    Bench::new(Limits::default(), PreparedChain::new([Ok(ChainAnswer::word(U256::from(5)))])).run(body).await
}

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
    let down = PreparedChain::new([Err(RpcFailure::NoAnswer("node down".into()))]);
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
    bench.executor.prepare(&code, OWNER).await.expect("a good component");
    assert!(bench.executor.is_ready(&code));
}

#[tokio::test]
async fn runs_over_the_cap_are_refused_at_once() {
    let bench = Bench::new(Limits::default(), Arc::new(SilentChain));
    let waits = code(&component(BALANCE));
    bench.executor.prepare(&waits, OWNER).await.expect("a good component");
    let executor = Arc::new(bench.executor);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..1024 {
        let (executor, waits) = (Arc::clone(&executor), waits.clone());
        waiting.spawn(async move { executor.run(request(waits, b"")).await });
    }
    // Each takes its place when it is first looked at, some dozens at a time.
    for _ in 0..1024 {
        tokio::task::yield_now().await;
    }
    let over = executor.run(request(code(&component(ECHO)), b"")).await;
    assert_eq!(over.ended, Ended::Abstain(Abstain::Busy));
    waiting.shutdown().await;
    let after = executor.run(request(code(&component(ECHO)), b"params")).await;
    assert_eq!(after.ended, Ended::Call(b"params".to_vec()));
}

/// A machine on which quick jobs find no worker in time is too slow, and tells; a job that lies slow waits for itself.
#[tokio::test]
async fn runs_of_quick_jobs_that_nobody_serves_are_counted() {
    let bench = Bench::new(Limits::default(), Arc::new(SilentChain));
    let (quick, waits) = (code(&component(ECHO)), code(&component(BALANCE)));
    bench.executor.prepare(&quick, OWNER).await.expect("a good component");
    bench.executor.prepare(&waits, OWNER).await.expect("a good component");
    let executor = Arc::new(bench.executor);
    let job = |job_id: u64, code: &Code| RunRequest { job_id, ..request(code.clone(), b"x") };
    // Job 7 is known to be quick, and so has both workers.
    assert_eq!(executor.run(job(7, &quick)).await.ended, Ended::Call(b"x".to_vec()));
    let mut holding = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (executor, request) = (Arc::clone(&executor), job(7, &waits));
        holding.spawn(async move { executor.run(request).await });
    }
    let both = async {
        while executor.worker_processes().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("both are held");
    for (job_id, unserved) in [(8, 0), (7, 1)] {
        let over = Duration::from_millis(500);
        assert!(tokio::time::timeout(over, executor.run(job(job_id, &quick))).await.is_err(), "no worker is free");
        assert_eq!(executor.counts().runs_unserved, unserved, "job {job_id}");
    }
}

#[test]
fn every_reason_to_abstain_has_a_name_and_says_what_and_why() {
    let all = [
        Abstain::CodeUnavailable("x".into()),
        Abstain::CodeTooLarge,
        Abstain::CodeHashMismatch,
        Abstain::CodeInvalid("x".into()),
        Abstain::RpcFailure("x".into()),
        Abstain::Timeout,
        Abstain::StackOverflow,
        Abstain::HostFailure("x".into()),
        Abstain::Busy,
    ];
    let names: BTreeSet<_> = all.iter().map(Abstain::name).collect();
    assert_eq!(names.len(), all.len());
    for reason in &all {
        assert!(reason.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        assert!(reason.to_string().len() > 20, "{reason}");
    }
}
