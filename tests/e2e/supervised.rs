//! A keeper under a service manager: it says when it is ready, that it lives, how it is, and that it stops.

use std::time::Duration;

use bootstrap::swarm::Swarm;
use tests::keepers;
use tokio::net::UnixDatagram;

/// Longest until a keeper says what it is to say.
const PATIENCE: Duration = Duration::from_secs(90);
/// What the manager asks for: a sign of life within so long.
const WATCHDOG: Duration = Duration::from_secs(8);

/// What a service manager hears, line by line.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    /// Listens until `fits` says yes to what was heard from the `from`th line on.
    async fn hears(&mut self, what: &str, from: usize, fits: impl Fn(&[String]) -> bool) {
        let listening = async {
            while !fits(&self.heard[from..]) {
                let mut bytes = [0; 4096];
                let length = self.socket.recv(&mut bytes).await.unwrap();
                let said = std::str::from_utf8(&bytes[..length]).unwrap();
                self.heard.extend(said.lines().map(str::to_owned));
            }
        };
        if tokio::time::timeout(PATIENCE, listening).await.is_err() {
            panic!("no {what} in {:?}", self.heard);
        }
    }
}

fn says(lines: &[String], line: &str) -> usize {
    lines.iter().filter(|said| *said == line).count()
}

#[tokio::test]
async fn the_service_manager_hears_of_readiness_life_and_the_stop() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    let path = swarm.directory().join("notify");
    let mut manager = Manager { socket: UnixDatagram::bind(&path).unwrap(), heard: Vec::new() };
    let keeper = &mut swarm.keepers[0];
    assert_eq!(keeper.stop().await, Some(0));
    keeper.set("NOTIFY_SOCKET", &path.display().to_string());
    keeper.set("WATCHDOG_USEC", &WATCHDOG.as_micros().to_string());
    keeper.join().unwrap();
    manager.hears("readiness", 0, |lines| says(lines, "READY=1") == 1).await;
    let ready = |lines: &[String]| lines.iter().any(|line| line.starts_with("STATUS=ready: epoch "));
    manager.hears("status that it is ready", 0, ready).await;
    keeper.ready().await.unwrap();
    let before = manager.heard.len();
    let begun = std::time::Instant::now();
    manager.hears("three signs of life", before, |lines| says(lines, "WATCHDOG=1") == 3).await;
    assert!(begun.elapsed() < WATCHDOG * 2, "three signs of life took {:?}", begun.elapsed());

    assert_eq!(keeper.stop().await, Some(0));
    manager.hears("stop", before, |lines| says(lines, "STOPPING=1") == 1).await;
    assert_eq!(says(&manager.heard, "READY=1"), 1, "{:?}", manager.heard);
    assert_eq!(manager.heard.last().map(String::as_str), Some("STATUS=stopping"), "{:?}", manager.heard);
    swarm.stop().await;
}
