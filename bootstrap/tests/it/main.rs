//! The programs as processes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bootstrap::process::{CommandLine, Spawner, tail};
use bootstrap::wait::until;

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
