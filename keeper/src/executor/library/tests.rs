use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::executor::fetch::tests::server::{Answer, Server};
use crate::executor::sandbox::Limits;
use crate::executor::tests::component;

const BODY: &str = "(call $skip (i32.const 4096) (i32.const 7))";

fn library(directory: &TempDir) -> Library {
    let sandbox = Sandbox::new(Limits::default()).expect("an engine");
    let cache = CodeCache::open(directory.path()).expect("a cache");
    Library::new(Arc::new(sandbox), cache, Fetcher::new(true).expect("a client"))
}

fn directory() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

/// Leaked, so that a server's answering function can be copied.
fn counter() -> &'static AtomicUsize {
    Box::leak(Box::default())
}

async fn counting_server(component: Vec<u8>) -> (Server, Code, &'static AtomicUsize) {
    let (served, component): (_, &'static [u8]) = (counter(), component.leak());
    let server = Server::start(move |_| {
        served.fetch_add(1, Ordering::SeqCst);
        Answer::ok(component)
    })
    .await;
    let code = Code { url: server.url("/job.wasm"), hash: Sha256::digest(component).into() };
    (server, code, served)
}

#[tokio::test]
async fn whoever_asks_at_once_shares_one_fetch_and_one_compilation() {
    let (_server, code, served) = counting_server(component(BODY)).await;
    let directory = directory();
    // Three keepers on one machine, each asked four times.
    let keepers = [library(&directory), library(&directory), library(&directory)];
    let keepers: Vec<_> = keepers.into_iter().map(Arc::new).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for keeper in keepers.iter().cycle().take(12) {
        let (keeper, code) = (Arc::clone(keeper), code.clone());
        tasks.spawn(async move { keeper.prepare(&code).await.map(drop) });
    }
    assert_eq!(tasks.join_all().await, vec![Ok(()); 12]);
    assert_eq!(served.load(Ordering::SeqCst), 1);
    assert_eq!(std::fs::read_dir(directory.path().join("compiled")).expect("listed").count(), 1);
}

#[tokio::test]
async fn a_restarted_keeper_needs_neither_the_url_nor_the_compiler() {
    let (server, code, _) = counting_server(component(BODY)).await;
    let directory = directory();
    library(&directory).prepare(&code).await.map(drop).expect("prepared");
    server.stop().await;
    // Without the component, only the compiled code can help.
    std::fs::remove_dir_all(directory.path().join("wasm")).expect("removed");
    let again = library(&directory);
    assert!(again.get(&code.hash).is_none());
    again.prepare(&code).await.map(drop).expect("from the compiled cache");
    assert!(again.get(&code.hash).is_some());
}

#[tokio::test]
async fn tampered_compiled_code_is_compiled_again_and_never_loaded() {
    let (_server, code, served) = counting_server(component(BODY)).await;
    let directory = directory();
    library(&directory).prepare(&code).await.map(drop).expect("prepared");
    let entry = std::fs::read_dir(directory.path().join("compiled")).expect("listed").next().expect("one file");
    let path = entry.expect("readable").path();
    let good = std::fs::read(&path).expect("read");
    let mut bad = good.clone();
    *bad.last_mut().expect("not empty") ^= 1;
    std::fs::write(&path, &bad).expect("written");
    library(&directory).prepare(&code).await.map(drop).expect("compiled again");
    assert_ne!(std::fs::read(&path).expect("read"), bad, "the tampered file was replaced");
    assert_eq!(served.load(Ordering::SeqCst), 1, "the component itself was still there");
}

#[test]
fn a_failure_rests_longer_each_time_up_to_a_minute() {
    let mut now = Instant::now();
    let mut last: Option<Failure> = None;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        let failure = Failure::after(last.as_ref(), Abstain::CodeHashMismatch, now);
        pauses.push((failure.retry_at - now).as_secs());
        now = failure.retry_at;
        last = Some(failure);
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60]);
}

#[tokio::test]
async fn a_mended_server_is_found_again() {
    let directory = directory();
    let library = library(&directory);
    let component: &'static [u8] = component(BODY).leak();
    let asked = counter();
    let server = Server::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Answer { status: "503 Service Unavailable", ..Answer::ok(b"") },
        _ => Answer::ok(component),
    })
    .await;
    let code = Code { url: server.url("/job.wasm"), hash: Sha256::digest(component).into() };
    let first = library.prepare(&code).await.map(drop).expect_err("down");
    assert_eq!(first.name(), "code_unavailable");
    assert_eq!(library.prepare(&code).await.map(drop), Err(first), "the failure rests");
    tokio::time::timeout(Duration::from_secs(30), async {
        while library.prepare(&code).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("tried again by itself");
    assert!(library.get(&code.hash).is_some());
    assert_eq!(asked.load(Ordering::SeqCst), 2, "nobody asked while it rested");
}

#[tokio::test]
async fn memory_holds_a_bounded_number_of_programs_and_keeps_the_used_ones() {
    let directory = directory();
    let library = library(&directory);
    let code = crate::executor::tests::code(&component(BODY));
    let program = library.prepare(&code).await.expect("prepared");
    let mut programs = Programs::default();
    let name = |number: usize| [u8::try_from(number).expect("small"); 32];
    for number in 0..MAX_PROGRAMS {
        programs.insert(name(number), program.clone());
    }
    assert!(programs.get(&name(0)).is_some());
    programs.insert(name(MAX_PROGRAMS), program.clone());
    assert_eq!(programs.by_hash.len(), MAX_PROGRAMS);
    assert!(programs.get(&name(0)).is_some(), "used a moment ago");
    assert!(programs.get(&name(1)).is_none(), "unused for longest");
}

#[tokio::test]
async fn failures_are_remembered_for_a_bounded_number_of_codes() {
    let directory = directory();
    let library = library(&directory);
    for number in 0..MAX_FLIGHTS + 10 {
        let code = Code { url: format!("ftp://example.org/{number}"), hash: [1; 32] };
        library.prepare(&code).await.map(drop).expect_err("no such scheme");
    }
    let flights = library.flights.lock().expect("no test panics while it holds the lock").len();
    assert!(flights <= MAX_FLIGHTS, "{flights}");
}
