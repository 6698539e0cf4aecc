//! The walk of a newcomer on a real terminal: one command, from an empty directory to a keeper that is registered and runs.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alloy::primitives::Address;

use crate::keeper_process::Home;
use crate::on_chain::{Anvil, operator};

const DEAD: &str = "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWR6wQxdhCMCcPYqbp3zjJ9WVFXDksfYr4ZSh7TcyLitZZ";
/// Keys are encrypted as they are for a real network: that takes seconds on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const CTRL_C: &str = "\u{3}";
const ENTER: &str = "\r";

/// A program on a terminal of its own, and what it has shown.
struct Session {
    child: Child,
    keys: File,
    shown: Arc<Mutex<String>>,
    /// What was waited for stands before it.
    seen: usize,
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Session {
    fn join(data: &Path) -> Self {
        let terminal = nix::pty::openpty(None, None).unwrap();
        let slave = File::from(terminal.slave);
        // The terminal is to be the session's own: passwords are read from that one.
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_keeper"), "join", "--bootnode", DEAD])
            .args(["--listen", "/ip4/127.0.0.1/tcp/0", "--api-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"])
            .arg("--datadir")
            .arg(data)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .stderr(Stdio::from(slave))
            .spawn()
            .expect("setsid is part of util-linux");
        let keys = File::from(terminal.master);
        let (mut screen, shown) = (keys.try_clone().unwrap(), Arc::new(Mutex::new(String::new())));
        let writing = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            // It ends with the terminal.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                writing.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { child, keys, shown, seen: 0 }
    }

    /// Waits until it shows this, after all that was waited for before; what was shown in between.
    fn shows(&mut self, words: &str) -> String {
        let begun = Instant::now();
        loop {
            let shown = self.shown.lock().unwrap().clone();
            if let Some(place) = shown[self.seen..].find(words) {
                let end = self.seen + place + words.len();
                let between = shown[self.seen..end].to_owned();
                self.seen = end;
                return between;
            }
            assert!(begun.elapsed() < PATIENCE, "no {words:?} in {:?}", &shown[self.seen..]);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// Its exit code, once it has ended.
    fn ends(mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "it goes on: {:?}", self.shown.lock().unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_types_join_is_led_to_a_keeper_that_runs() {
    let anvil = Anvil::start().await;
    let home = Home::new();
    let network = home.path("network.toml");
    anvil.deployment.network.save(&network).unwrap();
    let data = home.data();

    let mut session = Session::join(&data);
    session.shows("Path of the network file:");
    session.types("/nowhere/network.toml\r");
    session.shows("/nowhere/network.toml");
    session.shows("Path of the network file:");
    session.types(&format!("{}{ENTER}", network.display()));
    session.shows("Make them now? [Y/n]");
    session.types(ENTER);
    session.shows("assword");
    session.types("correct horse\r");
    session.shows("gain");
    session.types("correct horse\r");
    let said = session.shows("Back up the keys");
    assert!(!said.contains("correct horse"), "a password was shown: {said}");
    let said = session.shows("send it some coin");
    let known: Address = operator(&home);
    assert!(said.contains(&known.to_string()) && said.contains("holds 0 ether"), "{said}");
    anvil.give(known, 10).await;
    session.shows("Register it now, with all of its deposit? [Y/n]");
    session.types(ENTER);
    session.shows("Registered with index 0");
    let banner = session.shows("/metrics");
    for part in ["chain 31337", &known.to_string(), "listening", "api "] {
        assert!(banner.contains(part), "no {part:?} in {banner}");
    }
    session.types(CTRL_C);
    assert_eq!(session.ends(), Some(0));

    // The same command again: nothing is missing but the password.
    let mut again = Session::join(&data);
    let said = again.shows("assword");
    assert!(!said.contains("[Y/n]") && !said.contains("Path of"), "{said}");
    again.types("correct horse\r");
    again.shows("/metrics");
    again.types(CTRL_C);
    assert_eq!(again.ends(), Some(0));
}

#[test]
fn whoever_leaves_has_changed_nothing() {
    let home = Home::new();
    let mut session = Session::join(&home.data());
    session.shows("Path of the network file:");
    session.types("\u{4}");
    session.shows("goes on from here");
    assert_eq!(session.ends(), Some(2));
    assert!(!home.data().join("keystores").exists());
}
