//! Jobs that mean harm, or are merely wrong.

use std::time::Duration;

use executor::{Abstain, Code, Ended, Limits, MAX_CODE_BYTES, MAX_OUTCOME_BYTES};

use crate::runs::run;
use crate::support::{Bench, ECHO, OWNER, PreparedChain, code, component, request, text};

const ENDLESS: &str = "(loop $again (br $again)) (unreachable)";

#[tokio::test]
async fn an_endless_job_runs_out_of_fuel_everywhere_alike() {
    let limits = Limits { fuel: 20_000_000, ..Limits::default() };
    let bench = Bench::new(limits, PreparedChain::new([]));
    let (first, second) = (bench.run(ENDLESS).await, bench.run(ENDLESS).await);
    assert_eq!(first.ended, Ended::JobError("out of fuel".into()));
    assert_eq!((second.ended, second.fuel), (first.ended, first.fuel));
}

#[tokio::test]
async fn the_watchdog_ends_what_fuel_does_not() {
    let limits = Limits { fuel: u64::MAX / 4, wall_clock: Duration::from_millis(300), ..Limits::default() };
    let run = Bench::new(limits, PreparedChain::new([])).run(ENDLESS).await;
    assert_eq!(run.ended, Ended::Abstain(Abstain::Timeout));
    assert!(run.elapsed < Duration::from_secs(30), "{:?}", run.elapsed);
}

#[tokio::test]
async fn traps_have_one_text_each() {
    let cases = [
        ("(unreachable)", "trap: unreachable"),
        ("(i32.load (i32.const -8))", "trap: memory out of bounds"),
        ("(i32.div_u (i32.const 1) (i32.const 0))", "trap: integer division by zero"),
        ("(call $random (i32.const 65537)) (i32.const 0)", "trap: more than 65536 random bytes asked for"),
        ("(call $exit (i32.const 1)) (i32.const 0)", "trap: call of an import outside the job world"),
    ];
    for (body, text) in cases {
        assert_eq!(run(body).await.ended, Ended::JobError(text.into()), "{body}");
    }
}

#[tokio::test]
async fn a_memory_bomb_stops_at_the_protocols_limit() {
    let bomb = "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) (unreachable)";
    assert_eq!(run(bomb).await.ended, Ended::JobError("trap: memory limit".into()));
    let at_once = "(drop (memory.grow (i32.const 65000))) (unreachable)";
    assert_eq!(run(at_once).await.ended, Ended::JobError("trap: memory limit".into()));
}

#[tokio::test]
async fn deep_recursion_is_never_signed() {
    let ended = run("(i32.wrap_i64 (call $deeper (i64.const 0)))").await.ended;
    assert_eq!(ended, Ended::Abstain(Abstain::StackOverflow));
}

#[tokio::test]
async fn an_outcome_may_fill_its_cap_and_no_more() {
    let Ended::Call(outcome) = run("(call $call (i32.const 4096) (i32.const 65536))").await.ended else {
        panic!("a call")
    };
    assert_eq!(outcome.len(), MAX_OUTCOME_BYTES);
    let over = run("(call $call (i32.const 4096) (i32.const 65537))").await.ended;
    assert_eq!(over, Ended::JobError("outcome of 65537 bytes, more than 65536".into()));
    let huge = "(drop (memory.grow (i32.const 900))) (call $call (i32.const 0) (i32.const 59244544))";
    assert_eq!(run(huge).await.ended, Ended::JobError("outcome of 59244544 bytes, more than 65536".into()));
}

#[tokio::test]
async fn results_that_break_the_binary_interface_are_not_calls() {
    for body in [
        "(call $call (i32.const 0) (i32.const -1))",
        "(call $result (i32.const 9) (i32.const 0) (i32.const 0) (i32.const 0))",
        "(i32.store (i32.const 4096) (i32.const -1)) (call $skip (i32.const 4096) (i32.const 4))",
        "(i32.const 3)",
    ] {
        let ended = run(body).await.ended;
        assert!(matches!(ended, Ended::JobError(_) | Ended::Abstain(Abstain::HostFailure(_))), "{body}: {ended:?}");
    }
}

#[tokio::test]
async fn logs_and_host_calls_are_bounded() {
    let chatty = "(loop $again (call $log (i32.const 4096) (i32.const 2000)) (br $again)) (unreachable)";
    let limits = Limits { fuel: 50_000_000, ..Limits::default() };
    let run = Bench::new(limits, PreparedChain::new([])).run(chatty).await;
    assert_eq!(run.ended, Ended::JobError("out of fuel".into()), "a log costs fuel");
    let kept: usize = run.logs.iter().map(String::len).sum();
    assert!((60 << 10..=64 << 10).contains(&kept), "{kept} bytes of logs");

    let empty = "(loop $again (call $log (i32.const 4096) (i32.const 0)) (br $again)) (unreachable)";
    let run = Bench::new(limits, PreparedChain::new([])).run(empty).await;
    assert!(run.logs.len() < 4096, "{} empty logs", run.logs.len());

    let greedy = "(loop $again (call $balance) (br_if $again (i32.eqz (i32.load8_u (i32.const 64)))))
        (call $permanent (i32.load (i32.const 72)) (i32.load (i32.const 76)))";
    let ended = self::run(greedy).await.ended;
    assert_eq!(ended, Ended::JobError("permanent: more than 64 chain reads in one run".into()));
}

#[tokio::test]
async fn code_that_cannot_run_is_named() {
    let bench = Bench::new(Limits::default(), PreparedChain::new([]));
    let good = component(ECHO);
    let wrong_hash = Code { hash: [1; 32], ..code(&good) };
    let module = wat::parse_str("(module)").expect("a module");
    let other_world = wat::parse_str("(component)").expect("a component");
    let cases = [
        (wrong_hash, "code_hash_mismatch"),
        (code(b"not WebAssembly at all"), "code_invalid"),
        (code(&good[..good.len() / 2]), "code_invalid"),
        (code(&module), "code_invalid"),
        (code(&other_world), "code_invalid"),
        (code(&vec![0; MAX_CODE_BYTES + 1]), "code_too_large"),
        (Code { url: "data:text/plain,hello".into(), hash: [1; 32] }, "code_unavailable"),
        (Code { url: "https://127.0.0.1:1/job.wasm".into(), hash: [1; 32] }, "code_unavailable"),
    ];
    for (code, name) in cases {
        let reason = bench.executor.prepare(&code, OWNER).await.expect_err(name);
        assert_eq!(reason.name(), name, "{reason}");
        assert!(!bench.executor.is_ready(&code));
        let run = bench.executor.run(request(code, b"")).await;
        assert_eq!(run.ended, Ended::Abstain(reason));
    }
    let fine = bench.executor.run(request(code(&good), b"x")).await;
    assert_eq!(fine.ended, Ended::Call(b"x".to_vec()), "the executor outlives all of them");
}

#[tokio::test]
async fn many_memories_share_one_limit() {
    let memories: String = (0..40).map(|_| "(core module (memory 64)) ").collect();
    let instances: String = (0..40).map(|i| format!("(core instance (instantiate {i})) ")).collect();
    let text = text(ECHO);
    let text = text.replacen("(core module $heap", &format!("{memories}{instances}(core module $heap"), 1);
    let component = wat::parse_str(text).expect("a component");
    let bench = Bench::new(Limits::default(), PreparedChain::new([]));
    let run = bench.executor.run(request(code(&component), b"")).await;
    assert_eq!(run.ended, Ended::JobError("trap: memory limit".into()), "40 memories of 4 MiB are over 64 MiB");
}
