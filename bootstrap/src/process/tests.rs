use std::path::Path;
use std::time::Duration;

use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::{CommandLine, Process, Spawner, tail};
use crate::wait::until;

const PATIENCE: Duration = Duration::from_secs(10);

fn shell(directory: &Path, script: &str) -> CommandLine {
    CommandLine::new("shell", Path::new("/bin/sh"), &directory.join("log")).with(["-c", script])
}

fn alive(process: u32) -> bool {
    kill(Pid::from_raw(i32::try_from(process).unwrap()), None).is_ok()
}

async fn says_hello(process: &Process) {
    until("hello", PATIENCE, || {
        let log = tail(process.log(), 1);
        async move { if log == "hello" { Ok(()) } else { Err(log) } }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_command_gives_its_output_or_the_end_of_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let spawner = Spawner::new().unwrap();
    assert_eq!(spawner.run(&shell(directory.path(), "echo out; echo err >&2")).await.unwrap(), "out\n");
    let failure = spawner.run(&shell(directory.path(), "echo the reason >&2; exit 3")).await.unwrap_err().to_string();
    assert!(failure.contains("the reason") && failure.contains('3'), "{failure}");
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let line = CommandLine::new("none", Path::new("/nowhere/keeper"), &directory.path().join("log"));
    let failure = Spawner::new().unwrap().start(&line, false).unwrap_err().to_string();
    assert!(failure.contains("/nowhere/keeper") && failure.contains("cargo build"), "{failure}");
}

#[tokio::test]
async fn stop_asks_first_and_kills_what_does_not_listen() {
    let directory = tempfile::tempdir().unwrap();
    let spawner = Spawner::new().unwrap();
    let polite = "trap 'exit 7' TERM; echo hello; while :; do sleep 0.01; done";
    let mut process = spawner.start(&shell(directory.path(), polite), false).unwrap();
    says_hello(&process).await;
    assert_eq!(process.stop(PATIENCE).await.unwrap().code(), Some(7));

    let stubborn = "trap '' TERM; echo hello; while :; do sleep 0.01; done";
    let other = tempfile::tempdir().unwrap();
    let mut process = spawner.start(&shell(other.path(), stubborn), false).unwrap();
    says_hello(&process).await;
    assert_eq!(process.stop(Duration::from_millis(100)).await.unwrap().code(), None);
}

#[tokio::test]
async fn children_die_with_the_thread_that_forked_them() {
    let directory = tempfile::tempdir().unwrap();
    let spawner = Spawner::new().unwrap();
    let mut process = spawner.start(&shell(directory.path(), "echo hello; exec sleep 1000"), false).unwrap();
    says_hello(&process).await;
    assert!(alive(process.pid()));
    drop(spawner);
    assert!(process.ended_within(PATIENCE).await.is_some(), "the orphan still runs");
}
