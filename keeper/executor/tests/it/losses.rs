//! Workers that are killed and frozen while they run jobs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use executor::{Abstain, ChainAnswer, ChainReader, ChainRequest, Ended, Limits, Reading, Role};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{BALANCE, Bench, ECHO, OWNER, PreparedChain, code, component, request, until};

fn signal(process: u32, signal: Signal) {
    // It may have ended by itself a moment ago.
    let _ = kill(Pid::from_raw(process.cast_signed()), signal);
}

/// Reads the chain, burns some fuel, and logs.
const WORK: &str = "(local $left i32) (local.set $left (i32.const 2000000))
    (call $balance)
    (loop $again (local.set $left (i32.sub (local.get $left) (i32.const 1))) (br_if $again (local.get $left)))
    (call $log (i32.const 4096) (i32.const 13))
    (call $call (i32.load (i32.const 68)) (i32.load (i32.const 72)))";

/// A chain that answers after a moment.
#[derive(Debug)]
struct SlowChain;

impl ChainReader for SlowChain {
    fn read<'a>(&'a self, _: &'a executor::BlockReference, _: &'a ChainRequest) -> Reading<'a> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(ChainAnswer::word(alloy::primitives::U256::from(5)))
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_change_no_outcome() {
    let bench = Bench::new(Limits::default(), Arc::new(SlowChain));
    let undisturbed = bench.run(WORK).await;
    assert!(matches!(undisturbed.ended, Ended::Call(_)), "{:?}", undisturbed.ended);
    let bench = Arc::new(bench);
    let (mut kills, mut abstained, mut runs) = (0, 0, 0);
    let mut pause = 0;
    while kills < 50 {
        let running = tokio::spawn({
            let bench = Arc::clone(&bench);
            async move { bench.run(WORK).await }
        });
        // Another moment of the run each time, from its first byte to its last.
        tokio::time::sleep(Duration::from_micros(pause)).await;
        pause = (pause + 733) % 25_000;
        for worker in bench.processes(Role::Run) {
            signal(worker, Signal::SIGKILL);
            kills += 1;
        }
        let run = running.await.expect("no panic");
        runs += 1;
        if run.ended == undisturbed.ended {
            assert_eq!((run.transcript_root, run.fuel), (undisturbed.transcript_root, undisturbed.fuel));
            assert_eq!(run.logs, undisturbed.logs);
        } else {
            assert!(matches!(run.ended, Ended::Abstain(Abstain::HostFailure(_))), "{:?}", run.ended);
            abstained += 1;
        }
    }
    assert!(abstained * 10 <= runs, "{abstained} of {runs} runs abstained: a run is made once more");
    assert!(bench.executor.counts().workers_lost > 0, "kills hit runs");
    assert_eq!(bench.run(WORK).await.ended, undisturbed.ended, "the executor outlives them all");
}

#[tokio::test]
async fn a_run_whose_workers_keep_dying_abstains() {
    let bench = Arc::new(Bench::new(Limits::default(), Arc::new(crate::support::SilentChain)));
    bench.executor.prepare(&code(&component(BALANCE)), OWNER).await.expect("prepared");
    let running = tokio::spawn({
        let bench = Arc::clone(&bench);
        async move { bench.run(BALANCE).await }
    });
    let mut killed = Vec::new();
    while !running.is_finished() {
        for worker in bench.processes(Role::Run) {
            if !killed.contains(&worker) {
                killed.push(worker);
                signal(worker, Signal::SIGKILL);
            }
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let run = running.await.expect("no panic");
    assert!(matches!(run.ended, Ended::Abstain(Abstain::HostFailure(_))), "{:?}", run.ended);
    let counts = bench.executor.counts();
    assert_eq!(counts.runs_given_up, 1);
    assert!(counts.workers_lost >= 1, "those that die before their hello were in no run: {counts:?}");
}

#[tokio::test]
async fn a_frozen_worker_is_replaced_and_its_run_made_again() {
    let limits = Limits { wall_clock: Duration::from_millis(500), ..Limits::default() };
    let bench = Bench::new(limits, PreparedChain::new([]));
    assert_eq!(bench.run(ECHO).await.ended, Ended::Call(b"params".to_vec()));
    let [frozen] = bench.processes(Role::Run)[..] else { panic!("one worker") };
    signal(frozen, Signal::SIGSTOP);
    let begun = Instant::now();
    assert_eq!(bench.run(ECHO).await.ended, Ended::Call(b"params".to_vec()));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let now = bench.processes(Role::Run);
    assert!(!now.contains(&frozen) && now.len() == 1, "{frozen} is gone: {now:?}");
    assert_eq!(bench.executor.counts().workers_lost, 1);
}

#[tokio::test]
async fn whoever_goes_away_in_a_run_takes_its_worker_along_and_leaves_the_rest() {
    let bench = Bench::new(Limits::default(), Arc::new(crate::support::SilentChain));
    bench.executor.prepare(&code(&component(BALANCE)), OWNER).await.expect("prepared");
    let waiting = bench.executor.run(request(code(&component(BALANCE)), b""));
    assert!(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err(), "it waits for the chain");
    until("the end of its worker", || bench.processes(Role::Run).is_empty()).await;
    assert_eq!(bench.run(ECHO).await.ended, Ended::Call(b"params".to_vec()));
}
