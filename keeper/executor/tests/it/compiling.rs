//! Code whose compilation means harm.

use std::sync::Arc;
use std::time::{Duration, Instant};

use executor::{Abstain, Ended, Limits, Role};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{
    Bench, ECHO, OWNER, PreparedChain, code, component, executor_on, proc_file, processes, request, until,
};

/// An honest component with one more core module: `branches` tables of `targets` places to jump to, out of `depth` blocks,
/// with `locals` values that differ at the end of every block. What a compiler must know of it grows by their product.
fn bomb(targets: u32, locals: u32, depth: u32, branches: u32) -> Vec<u8> {
    let mut body = leb(1);
    body.extend(leb(locals));
    body.push(0x7e);
    (0..depth).for_each(|_| body.extend([0x02, 0x40]));
    for _ in 1..branches {
        body.extend([0x20, 0x00, 0x04, 0x40, 0x20, 0x00, 0x0e]);
        body.extend(leb(targets));
        (0..targets).for_each(|target| body.extend(leb(target % depth + 1)));
        body.extend([0x01, 0x0b]);
    }
    body.extend([0x20, 0x00, 0x0e]);
    body.extend(leb(targets));
    (0..targets).for_each(|target| body.extend(leb(target % depth)));
    body.push(0x00);
    for block in 0..depth {
        body.push(0x0b);
        for local in 0..locals {
            body.push(0x20);
            body.extend(leb(local + 1));
            body.push(0x42);
            body.extend(leb((block * 7 + local) % 60 + 1));
            body.extend([0x7c, 0x21]);
            body.extend(leb(local + 1));
        }
    }
    body.extend([0x42, 0x00]);
    for local in 0..locals {
        body.push(0x20);
        body.extend(leb(local + 1));
        body.push(0x7c);
    }
    body.push(0x0b);
    let function = [leb(u32::try_from(body.len()).expect("small")), body].concat();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 1, 0x7f, 1, 0x7e]),
        section(3, &[1, 0]),
        section(10, &[vec![1], function].concat()),
    ];
    [component(ECHO), section(1, &module.concat())].concat()
}

/// An honest component with core modules whose tables are full to the last of a million places: to compile one takes 4 MiB and
/// next to no time.
fn hoard(modules: u32) -> Vec<u8> {
    const TABLES: u32 = 100;
    const PLACES: u32 = 1 << 20;
    let table = [vec![0x70, 0x00], leb(PLACES)].concat();
    let last = [&[0x41][..], &signed_leb(PLACES - 1), &[0x0b]].concat();
    let element = |table| [leb(2), leb(table), last.clone(), vec![0x00, 1, 0]].concat();
    let list = |of: &dyn Fn(u32) -> Vec<u8>| [leb(TABLES), (0..TABLES).flat_map(of).collect()].concat();
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(4, &list(&|_| table.clone())),
        section(9, &list(&element)),
        section(10, &[1, 2, 0, 0x0b]),
    ]
    .concat();
    let modules = (0..modules).flat_map(|_| section(1, &module));
    component(ECHO).into_iter().chain(modules).collect()
}

/// A positive number whose highest bit of seven is no sign.
fn signed_leb(number: u32) -> Vec<u8> {
    let mut bytes = leb(number);
    if bytes.last().is_some_and(|last| last & 0x40 != 0) {
        *bytes.last_mut().expect("not empty") |= 0x80;
        bytes.push(0);
    }
    bytes
}

fn section(id: u8, content: &[u8]) -> Vec<u8> {
    [vec![id], leb(u32::try_from(content.len()).expect("small")), content.to_vec()].concat()
}

fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Resident memory in MiB.
fn resident(process: u32) -> u64 {
    let status = proc_file(process, "status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() / 1024
}

#[tokio::test]
async fn a_small_bomb_is_a_valid_component() {
    let bench = Bench::new(Limits::default(), PreparedChain::new([]));
    let run = bench.executor.run(request(code(&bomb(10, 2, 4, 2)), b"x")).await;
    assert_eq!(run.ended, Ended::Call(b"x".to_vec()), "only its size makes it a bomb");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compile_bomb_is_given_up_holds_nobody_up_and_is_not_tried_again() {
    let bench = Arc::new(Bench::new(Limits::default(), PreparedChain::new([])));
    let good = code(&component(ECHO));
    bench.executor.prepare(&good, OWNER).await.expect("prepared");
    let before = resident(std::process::id());
    let bombs = [bomb(20_000, 60, 250, 12), bomb(20_001, 60, 250, 12)];
    let begun = Instant::now();
    let mut falling = tokio::task::JoinSet::new();
    for bomb in &bombs {
        let (bench, code) = (Arc::clone(&bench), code(bomb));
        falling.spawn(async move {
            let (first, at) = (bench.executor.prepare(&code, OWNER).await, Instant::now());
            let mut end = first.clone();
            // It met its limit on memory before the one on time: the machine may have been short of it, once. While that
            // rests it is told again.
            while matches!(&end, Err(Abstain::HostFailure(_))) && end == first {
                tokio::time::sleep(Duration::from_millis(10)).await;
                end = bench.executor.prepare(&code, OWNER).await;
            }
            (end, at)
        });
    }
    // Meanwhile jobs run on time, and new ones are compiled.
    let (mut runs, mut slowest, mut most, mut number) = (0, Duration::ZERO, 0, 0u32);
    let mut ended = Vec::new();
    while ended.len() < bombs.len() {
        let started = Instant::now();
        let run = bench.executor.run(request(good.clone(), b"x")).await;
        assert_eq!(run.ended, Ended::Call(b"x".to_vec()));
        (runs, slowest) = (runs + 1, slowest.max(started.elapsed()));
        if runs % 50 == 1 {
            number += 1;
            let fresh = component(&format!("(drop (i32.const {number})) {ECHO}"));
            let started = Instant::now();
            bench.executor.prepare(&code(&fresh), OWNER).await.expect("honest code");
            assert!(started.elapsed() < Duration::from_secs(15), "compiled after {:?}", started.elapsed());
        }
        most = most.max(resident(std::process::id()));
        if let Some(end) = falling.try_join_next() {
            ended.push(end.expect("no panic"));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for (result, at) in &ended {
        assert!(matches!(result, Err(Abstain::CodeInvalid(_))), "{result:?}");
        eprintln!("given up after {:?}: {}", *at - begun, result.as_ref().expect_err("given up"));
    }
    let first = ended.iter().map(|(_, at)| *at - begun).min().expect("two");
    // 20 s of processor time: more by the clock where other work has the cores.
    assert!(first < Duration::from_secs(65), "given up after {first:?}");
    eprintln!("{runs} runs meanwhile, the slowest took {slowest:?}; {} MiB more at most", most.saturating_sub(before));
    assert!(slowest < Duration::from_secs(2), "a run waited for a compilation: {slowest:?}");
    // The other tests of this process take some of it.
    assert!(most < before + 128, "this process grew from {before} to {most} MiB");

    // It is remembered, by this executor and by the next.
    let compilations = bench.executor.counts().compilations;
    assert!(bench.executor.prepare(&code(&bombs[0]), OWNER).await.is_err());
    assert_eq!(bench.executor.counts().compilations, compilations);
    let next = executor_on(bench.cache.path(), Limits::default(), PreparedChain::new([]));
    let again = next.prepare(&code(&bombs[0]), OWNER).await.expect_err("refused for good");
    assert_eq!(again.name(), "code_invalid");
    assert_eq!(next.counts().compilations, 0);
}

/// Not its time gives it up, but its memory: gigabytes, if it were let.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compilation_that_takes_gigabytes_is_given_up_and_not_tried_again() {
    let bench = Arc::new(Bench::new(Limits::default(), PreparedChain::new([])));
    let good = code(&component(ECHO));
    bench.executor.prepare(&good, OWNER).await.expect("prepared");
    bench.executor.prepare(&code(&hoard(0)), OWNER).await.expect("only its tables make it a bomb");
    let greedy = code(&hoard(20));
    let preparing = tokio::spawn({
        let (bench, greedy) = (Arc::clone(&bench), greedy.clone());
        async move {
            // Once it may be this machine that has no memory.
            let first = bench.executor.prepare(&greedy, OWNER).await.expect_err("aborted");
            assert_eq!(first.name(), "host_failure", "{first}");
            loop {
                match bench.executor.prepare(&greedy, OWNER).await {
                    Err(rests) if rests == first => tokio::task::yield_now().await,
                    end => return end,
                }
            }
        }
    });
    let (before, begun) = (resident(std::process::id()), Instant::now());
    let (mut keeper, mut compiler) = (before, 0);
    while !preparing.is_finished() {
        assert_eq!(bench.executor.run(request(good.clone(), b"x")).await.ended, Ended::Call(b"x".to_vec()));
        keeper = keeper.max(resident(std::process::id()));
        compiler = bench.processes(Role::Compile).into_iter().map(resident).fold(compiler, u64::max);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let refused = preparing.await.expect("no panic").expect_err("given up");
    eprintln!("given up after {:?} at {compiler} MiB: {refused}", begun.elapsed());
    assert!(matches!(&refused, Abstain::CodeInvalid(why) if why.contains("memory")), "{refused}");
    assert!(compiler < 600, "a compiler took {compiler} MiB");
    assert!(keeper < before + 128, "this process grew from {before} to {keeper} MiB");

    let next = executor_on(bench.cache.path(), Limits::default(), PreparedChain::new([]));
    for executor in [&bench.executor, &next] {
        let compilations = executor.counts().compilations;
        assert_eq!(executor.prepare(&greedy, OWNER).await.expect_err("still"), refused);
        assert_eq!((executor.counts().compilations, executor.counts().codes_refused), (compilations, 1));
    }
    assert_eq!(next.counts().compilations, 0);
}

#[tokio::test]
async fn code_that_is_no_component_is_refused_for_good() {
    let bench = Bench::new(Limits::default(), PreparedChain::new([]));
    let wrong = code(&wat::parse_str("(component)").expect("a component"));
    let first = bench.executor.prepare(&wrong, OWNER).await.expect_err("of another world");
    let next = executor_on(bench.cache.path(), Limits::default(), PreparedChain::new([]));
    assert_eq!(next.prepare(&wrong, OWNER).await.expect_err("still"), first);
    assert_eq!((bench.executor.counts().compilations, next.counts().compilations), (1, 0));
}

#[tokio::test]
async fn a_compiler_killed_from_outside_says_nothing_of_the_code() {
    let bench = Arc::new(Bench::new(Limits::default(), PreparedChain::new([])));
    let slow = code(&bomb(2_000, 20, 100, 4));
    let preparing = tokio::spawn({
        let (bench, code) = (Arc::clone(&bench), slow.clone());
        async move { bench.executor.prepare(&code, OWNER).await }
    });
    until("a compiler", || !processes(&bench.executor, Role::Compile).is_empty()).await;
    for compiler in bench.processes(Role::Compile) {
        let _ = kill(Pid::from_raw(compiler.cast_signed()), Signal::SIGKILL);
    }
    match preparing.await.expect("no panic") {
        Ok(()) => {} // it was done a moment before
        Err(reason) => assert_eq!(reason.name(), "host_failure", "{reason}"),
    }
    assert_eq!(std::fs::read_dir(bench.cache.path().join("refused")).expect("listed").count(), 0);
}
