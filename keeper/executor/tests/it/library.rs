//! Codes on their way to the cache, and what is found there again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use executor::{Code, Executor, Limits};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::server::{Answer, Server};
use crate::support::{OWNER, PreparedChain, component, executor_on};

const BODY: &str = "(call $skip (i32.const 4096) (i32.const 7))";

fn library(directory: &TempDir) -> Executor {
    executor_on(directory.path(), Limits::default(), PreparedChain::new([]))
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
        tasks.spawn(async move { keeper.prepare(&code, OWNER).await });
    }
    assert_eq!(tasks.join_all().await, vec![Ok(()); 12]);
    assert_eq!(served.load(Ordering::SeqCst), 1);
    assert_eq!(std::fs::read_dir(directory.path().join("compiled")).expect("listed").count(), 1);
}

#[tokio::test]
async fn a_restarted_keeper_needs_neither_the_url_nor_the_compiler() {
    let (server, code, _) = counting_server(component(BODY)).await;
    let directory = directory();
    library(&directory).prepare(&code, OWNER).await.expect("prepared");
    server.stop().await;
    // Without the component, only the compiled code can help.
    std::fs::remove_dir_all(directory.path().join("wasm")).expect("removed");
    let again = library(&directory);
    assert!(!again.is_ready(&code));
    again.prepare(&code, OWNER).await.expect("from the compiled cache");
    assert!(again.is_ready(&code));
}

#[tokio::test]
async fn tampered_compiled_code_is_compiled_again_and_never_loaded() {
    let (_server, code, served) = counting_server(component(BODY)).await;
    let directory = directory();
    library(&directory).prepare(&code, OWNER).await.expect("prepared");
    let entry = std::fs::read_dir(directory.path().join("compiled")).expect("listed").next().expect("one file");
    let path = entry.expect("readable").path();
    let good = std::fs::read(&path).expect("read");
    let mut bad = good.clone();
    *bad.last_mut().expect("not empty") ^= 1;
    std::fs::write(&path, &bad).expect("written");
    library(&directory).prepare(&code, OWNER).await.expect("compiled again");
    assert_ne!(std::fs::read(&path).expect("read"), bad, "the tampered file was replaced");
    assert_eq!(served.load(Ordering::SeqCst), 1, "the component itself was still there");
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
    let first = library.prepare(&code, OWNER).await.expect_err("down");
    assert_eq!(first.name(), "code_unavailable");
    assert_eq!(library.prepare(&code, OWNER).await, Err(first), "the failure rests");
    tokio::time::timeout(Duration::from_secs(30), async {
        while library.prepare(&code, OWNER).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("tried again by itself");
    assert!(library.is_ready(&code));
    assert_eq!(asked.load(Ordering::SeqCst), 2, "nobody asked while it rested");
}

#[tokio::test]
async fn a_code_is_compiled_once_and_never_again_on_one_cache() {
    let (_server, code, _) = counting_server(component(BODY)).await;
    let directory = directory();
    let first = library(&directory);
    first.prepare(&code, OWNER).await.expect("prepared");
    first.prepare(&code, OWNER).await.expect("prepared");
    assert_eq!(first.counts().compilations, 1);
    let second = library(&directory);
    second.prepare(&code, OWNER).await.expect("prepared");
    assert_eq!(second.counts().compilations, 0, "from the cache");
}

#[tokio::test]
async fn compiled_code_that_vanishes_or_is_tampered_with_between_runs_is_made_anew() {
    let (_server, code, _) = counting_server(component(BODY)).await;
    let directory = directory();
    let first = library(&directory);
    first.prepare(&code, OWNER).await.expect("prepared");
    let file = only_file(&directory, "compiled");
    std::fs::remove_file(&file).expect("removed");
    let run = first.run(crate::support::request(code.clone(), b"")).await;
    assert_eq!(run.ended, executor::Ended::Skip("nothing".into()));
    assert_eq!(first.counts().compilations, 2);
    // The worker has it now; another executor's has not.
    let second = library(&directory);
    second.prepare(&code, OWNER).await.expect("from the cache");
    let mut bytes = std::fs::read(&file).expect("made anew");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).expect("written");
    let run = second.run(crate::support::request(code, b"")).await;
    assert_eq!(run.ended, executor::Ended::Skip("nothing".into()));
    assert_eq!(second.counts().compilations, 1, "what was tampered with was not run");
}

#[tokio::test]
async fn a_foreign_file_and_another_caches_file_are_not_run() {
    let (_server, code, _) = counting_server(component(BODY)).await;
    let directory = directory();
    let other = TempDir::new().expect("a temporary directory");
    library(&directory).prepare(&code, OWNER).await.expect("prepared");
    library(&other).prepare(&code, OWNER).await.expect("prepared");
    let (file, foreign) = (only_file(&directory, "compiled"), only_file(&other, "compiled"));
    for planted in [std::fs::read(&foreign).expect("read"), b"\x7fELF".to_vec(), Vec::new()] {
        std::fs::write(&file, planted).expect("written");
        let again = library(&directory);
        again.prepare(&code, OWNER).await.expect("compiled");
        assert_eq!(again.counts().compilations, 1);
    }
}

#[tokio::test]
async fn a_cache_open_to_others_is_closed_and_compiled_anew() {
    use std::os::unix::fs::PermissionsExt;
    let (_server, code, _) = counting_server(component(BODY)).await;
    let directory = directory();
    library(&directory).prepare(&code, OWNER).await.expect("prepared");
    let compiled = directory.path().join("compiled");
    std::fs::set_permissions(&compiled, std::fs::Permissions::from_mode(0o755)).expect("set");
    let again = library(&directory);
    again.prepare(&code, OWNER).await.expect("compiled");
    assert_eq!(again.counts().compilations, 1);
    assert_eq!(std::fs::metadata(&compiled).expect("there").permissions().mode() & 0o777, 0o700);
}

fn only_file(directory: &TempDir, name: &str) -> std::path::PathBuf {
    let entry = std::fs::read_dir(directory.path().join(name)).expect("listed").next().expect("one file");
    entry.expect("readable").path()
}
