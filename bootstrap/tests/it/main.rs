//! The programs as processes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bootstrap::process::{CommandLine, Spawner, tail};
use bootstrap::wait::until;
use tokio::net::UnixDatagram;

const PATIENCE: Duration = Duration::from_secs(30);

/// Escape sequences in a file are noise for whoever reads it, and hide what is searched for.
#[tokio::test]
async fn the_bootnodes_log_file_is_plain_text() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("bootnode.log");
    let line = CommandLine::new("bootnode", Path::new("/usr/bin/env"), &log)
        .with(["RUST_LOG=debug", env!("CARGO_BIN_EXE_bootnode"), "--domain", "0011223344556677"])
        .with(["--listen", "/ip4/127.0.0.1/tcp/0", "--identity-file"])
        .with([folder.path().join("bootnode.key")]);
    let spawner = Spawner::new().unwrap();
    let _bootnode = spawner.start(&line, false).unwrap();
    let text = until("the log to tell of the listener", PATIENCE, || {
        let text = tail(&log, 1000);
        async move { if text.contains("listening") { Ok(text) } else { Err(text) } }
    })
    .await
    .unwrap();
    assert!(text.contains("INFO"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

/// systemd's end of the socket is a datagram socket in the file system.
#[tokio::test]
async fn the_bootnode_tells_the_service_manager_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (log, path) = (folder.path().join("bootnode.log"), folder.path().join("notify"));
    let manager = UnixDatagram::bind(&path).unwrap();
    let mut line = CommandLine::new("bootnode", Path::new(env!("CARGO_BIN_EXE_bootnode")), &log)
        .with(["--domain", "0011223344556677", "--listen", "/ip4/127.0.0.1/tcp/0", "--identity-file"])
        .with([folder.path().join("bootnode.key")]);
    line.variables.push(("NOTIFY_SOCKET".to_owned(), path.display().to_string()));
    let spawner = Spawner::new().unwrap();
    let mut bootnode = spawner.start(&line, false).unwrap();
    let mut told = Vec::new();
    for wanted in ["READY=1", "WATCHDOG=1", "STOPPING=1"] {
        if wanted == "STOPPING=1" {
            assert!(
                told.iter().any(|said: &String| said.contains("STATUS=serving at /ip4/127.0.0.1/tcp/")),
                "{told:?}"
            );
            bootnode.stop(PATIENCE).await;
        }
        while !told.iter().any(|said| said.lines().any(|line| line == wanted)) {
            let mut bytes = [0; 1024];
            let length = tokio::time::timeout(PATIENCE, manager.recv(&mut bytes)).await;
            let length = length.unwrap_or_else(|_| panic!("no {wanted} in {told:?}")).unwrap();
            told.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    }
}

#[test]
fn the_swarms_refusals_are_plain_text() {
    let swarm = Command::new(env!("CARGO_BIN_EXE_swarm"))
        .args(["fund", "0x0000000000000000000000000000000000000001", "--network", "/nowhere/network.toml"])
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    let text = String::from_utf8(swarm.stderr).unwrap();
    assert!(!swarm.status.success() && text.contains("/nowhere/network.toml"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}
