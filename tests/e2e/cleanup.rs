//! Whatever ends the swarm, nothing of it stays: no process, no directory.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bootstrap::swarm::keepers::binary;
use bootstrap::wait::until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_killed_swarm_leaves_nothing_behind() {
    let _alone = tests::alone().await;
    ends_without_a_trace(Signal::SIGKILL, None).await;
}

#[tokio::test]
async fn an_interrupted_swarm_leaves_nothing_behind() {
    let _alone = tests::alone().await;
    ends_without_a_trace(Signal::SIGINT, Some(0)).await;
}

async fn ends_without_a_trace(signal: Signal, code: Option<i32>) {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("swarm");
    let mut swarm = tokio::process::Command::new(binary("swarm").unwrap())
        .args(["--keepers", "2", "--dir"])
        .arg(&directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until("two running keepers", PATIENCE, || {
        let running = ["keeper-1", "keeper-2"].iter().filter(|name| directory.join(name).join("node.json").exists());
        let running = running.count();
        async move { if running == 2 { Ok(()) } else { Err(format!("{running} run")) } }
    })
    .await
    .unwrap();
    let children = processes_of(&directory);
    assert!(children.len() >= 4, "anvil, bootnode and two keepers: {children:?}");
    kill(Pid::from_raw(i32::try_from(swarm.id().unwrap()).unwrap()), signal).unwrap();
    let status = tokio::time::timeout(PATIENCE, swarm.wait()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), code);
    until("everything to be gone", Duration::from_secs(20), || {
        let (left, there) = (processes_of(&directory), directory.exists());
        async move {
            if left.is_empty() && !there { Ok(()) } else { Err(format!("{left:?}, directory there: {there}")) }
        }
    })
    .await
    .unwrap();
}

/// Processes that have the swarm's directory on their command line, the shell that waits to remove it included.
fn processes_of(directory: &Path) -> Vec<String> {
    let mark = directory.to_string_lossy().into_owned();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    let lines = lines.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(&mark) && !line.contains("/swarm --keepers")).collect()
}
