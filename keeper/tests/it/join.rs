//! `keeper join` where nothing outside works: it says what it is, goes on, and ends when it is told to.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::keeper_process::Home;
use crate::local_verbs::NETWORK;

const DEAD: &str = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";
const PATIENCE: Duration = Duration::from_secs(60);

/// A keeper that runs; killed with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(home: &Home, more: &[&str]) -> Running {
    let network = home.write("network.toml", NETWORK);
    let out = std::fs::File::create(home.path("out")).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_keeper"))
        .args(["join", "--bootnode", DEAD, "--listen", "/ip4/127.0.0.1/tcp/0", "--metrics-addr", "127.0.0.1:0"])
        .args(more)
        .arg("--network")
        .arg(network)
        .arg("--datadir")
        .arg(home.data())
        .arg("--password-file")
        .arg(home.path("password"))
        .env_clear()
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

/// Waits until something is there.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn dead_bootnodes_and_a_dead_chain_end_no_keeper() {
    let home = Home::with_keys();
    let logs = home.path("logs");
    let logs = logs.to_str().unwrap();
    let mut keeper = start(&home, &["--api-addr", "127.0.0.1:0", "--log-dir", logs]);
    let banner = until("the banner", || {
        let text = std::fs::read_to_string(home.path("out")).ok()?;
        text.contains("metrics").then_some(text)
    });
    let data = home.data().display().to_string();
    for part in
        ["chain 31337", "task manager", "operator", "peer id", "config.toml", data.as_str(), "listening", "api "]
    {
        assert!(banner.contains(part), "no {part:?} in\n{banner}");
    }
    let said = home.keeper(&["status"]);
    assert_eq!(said.code, 3, "it answers, and is not ready: {said:?}");
    until("the log in a file", || {
        let said = home.keeper(&["logs", "--log-dir", logs, "--since", "10m"]);
        said.stdout.contains("the chain cannot be reached yet").then_some(())
    });
    assert!(keeper.0.try_wait().unwrap().is_none(), "it goes on");
    let pid = i32::try_from(keeper.0.id()).unwrap();
    // As a supervisor ends it.
    assert!(Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap().success());
    let status = until("its end", || keeper.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_told_with_its_flag() {
    let home = Home::with_keys();
    let network = home.write("network.toml", NETWORK);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--api-addr", "--metrics-addr"] {
        let other = if flag == "--api-addr" { "--metrics-addr" } else { "--api-addr" };
        let join = ["join", "--network", network.to_str().unwrap(), "--listen", "/ip4/127.0.0.1/tcp/0"];
        let said = home.keeper(&[&join[..], &[flag, &address, other, "127.0.0.1:0"]].concat());
        said.failed(7, &["K-NET-01", flag, &address]);
    }
}

#[test]
fn a_log_directory_that_cannot_be_is_named() {
    let home = Home::with_keys();
    let network = home.write("network.toml", NETWORK);
    let file = home.write("file", "");
    let below = file.join("logs");
    let join = ["join", "--network", network.to_str().unwrap(), "--log-dir", below.to_str().unwrap()];
    home.keeper(&join).failed(2, &["--log-dir", below.to_str().unwrap()]);
    home.keeper(&["logs"]).failed(2, &["--log-dir", "log_dir"]);
    let empty = home.path("empty");
    std::fs::create_dir(&empty).unwrap();
    home.keeper(&["logs", "--log-dir", empty.to_str().unwrap()]).failed(4, &["no log in"]);
}
