//! What lending costs: the lender is a process of its own, so that what is measured is its memory and nothing else.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use executor::{CodeSource, MAX_CODE_BYTES};
use keeper::peer_code::PeerCode;
use tempfile::TempDir;

use super::{Keeper, OWNER, hash, published};

/// Set in the lender's process: the folder with the code.
const LENDER: &str = "KEEPER_TEST_LENDER";
const BORROWERS: usize = 5;
/// What a keeper may grow by that gives the longest code to five at once.
const MOST_GROWTH_KIB: u64 = 16 * 1024;

/// The longest code that there may be. It is no component, which nobody knows before all of it is there.
fn longest() -> Vec<u8> {
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    noise.take(MAX_CODE_BYTES).collect()
}

/// Lends until its standard input closes. No test of its own.
#[expect(clippy::print_stdout, reason = "the one who measures reads it")]
#[tokio::test(flavor = "multi_thread")]
async fn lender() {
    if std::env::var_os(LENDER).is_none() {
        return;
    }
    let folder = TempDir::new().expect("a temporary directory");
    let [here, _] = published(&longest(), &folder);
    let keeper = Keeper::start(&[]);
    // It cannot be compiled, and is kept as it came.
    keeper.executor.prepare(&here, OWNER).await.expect_err("no component");
    println!("at {}", keeper.address().await);
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await;
}

/// A figure of /proc/<process>/status in KiB.
fn memory(process: u32, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix(figure)).expect("the kernel tells");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_that_gives_the_longest_code_to_five_at_once_grows_by_less_than_16_mib() {
    let mut lender = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "peer_code::memory::lender", "--nocapture"])
        .env(LENDER, "1")
        // What is freed goes back at once: else what it held at its start would hide what it holds later.
        .envs([("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_TRIM_THRESHOLD_", "0")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(lender.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.split_once("at /").map(|(_, at)| format!("/{at}")));
    let address = address.expect("it says where it is").parse().expect("an address");
    let mut borrowers = Vec::new();
    for _ in 0..BORROWERS {
        borrowers.push(Keeper::start(std::slice::from_ref(&address)));
    }
    let process = lender.id();
    for borrower in &borrowers {
        borrower.meets(1).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // From here on the kernel looks for the highest mark anew.
    std::fs::write(format!("/proc/{process}/clear_refs"), "5").expect("our own child");
    let before = memory(process, "VmRSS");
    let (wanted, begun) = (hash(&longest()), Instant::now());
    let mut borrowing = tokio::task::JoinSet::new();
    for borrower in &borrowers {
        let source = PeerCode::new(borrower.handle.clone());
        borrowing.spawn(async move { source.find(wanted).await.map(|bytes| hash(&bytes)) });
    }
    assert_eq!(borrowing.join_all().await, vec![Some(wanted); BORROWERS]);
    let (took, most) = (begun.elapsed(), memory(process, "VmHWM"));
    let grown = most.saturating_sub(before);
    eprintln!("{BORROWERS} times 4 MiB in {took:?}: {before} KiB before, {most} KiB at the most, {grown} KiB more");
    lender.stdin.take().expect("piped").write_all(b"\n").expect("written");
    lines.for_each(drop);
    lender.wait().expect("ended");
    assert!(grown < MOST_GROWTH_KIB, "{grown} KiB");
}
