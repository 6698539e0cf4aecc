//! A machine with other things to do: what honest keepers then owe each other, and are late with, is held against nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bootstrap::swarm::Swarm;
use bootstrap::swarm::ledger::unix_ms;
use bootstrap::wait::until;
use tests::{company, keepers};

/// How long all cores are busy, and by how many threads on each: a keeper's thread then waits for most of the time.
const BUSY: Duration = Duration::from_secs(90);
const THREADS_A_CORE: usize = 6;
const PATIENCE: Duration = Duration::from_secs(120);

/// Threads that do nothing but take processor time.
struct Busy {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Busy {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let spin = |stop: Arc<AtomicBool>| {
            move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            }
        };
        let threads = (0..cores * THREADS_A_CORE).map(|_| thread::spawn(spin(Arc::clone(&stop)))).collect();
        Self { stop, threads }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It cannot panic.
            let _ = thread.join();
        }
    }
}

#[tokio::test]
#[ignore = "takes three minutes"]
async fn with_all_cores_busy_no_honest_keeper_is_sent_away() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(5)).await.unwrap();
    swarm.list_examples().await.unwrap();
    let end = unix_ms() + u64::try_from(BUSY.as_millis()).unwrap();
    let busy = Busy::start();
    until("the busy time", BUSY + PATIENCE, || async {
        let left = end.saturating_sub(unix_ms());
        if left == 0 { Ok(()) } else { Err(format!("{left} ms")) }
    })
    .await
    .unwrap();
    let broken = company::broken(&swarm).await;
    drop(busy);
    assert!(broken.is_empty(), "{broken:#?}");
    let tasks = tests::outcome::end(&mut swarm, PATIENCE).await.unwrap();
    assert_eq!((tasks.missed, tasks.doubled), (0, 0), "{tasks:?}");
    swarm.stop().await;
}
