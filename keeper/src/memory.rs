//! Memory of this process: how much it is, and what was freed goes back to the system.
//!
//! The C library keeps what was freed, in a heap for each thread, for whoever asks next. After a flood that is several times
//! what is in use, and would stay for ever: whoever floods once would have made a keeper larger for good.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Between two looks: what a flood took is back within a minute.
const EVERY: Duration = Duration::from_secs(20);
/// What the process must have grown by before it is worth a look through all heaps, which takes milliseconds.
const GROWN: u64 = 4 * 1024 * 1024;

/// What the C library may keep at the end of each thread's heap. [`give_back`] does not reach it.
const KEPT_PER_THREAD: i32 = 128 * 1024;

/// To be called before there are threads. The C library would raise what it keeps to twice the largest block that was ever
/// freed, up to 64 MiB for each thread: one large table that has grown, and what the next flood takes is kept for good.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe crate offers it")]
pub(crate) fn keep_little() {
    // SAFETY: it takes no pointer, and sets a number under a lock.
    unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_PER_THREAD) };
}

/// Other C libraries keep little by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn keep_little() {}

/// Has freed memory given back, until it is stopped.
pub(crate) async fn give_back(stop: CancellationToken) {
    let mut level = Level::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let Some(now) = resident() else { return };
        if level.has_risen(now) {
            let left = tokio::task::spawn_blocking(|| {
                trim();
                resident()
            });
            let left = left.await.ok().flatten().unwrap_or(now);
            tracing::debug!(before = now, after = left, "freed memory was given back");
            level.settle(left);
        }
    }
}

/// What the process had when nothing was left to be given back.
#[derive(Debug, Default)]
struct Level(Option<u64>);

impl Level {
    /// Whether it has grown enough since then; at first it always has.
    fn has_risen(&mut self, now: u64) -> bool {
        let Some(settled) = &mut self.0 else { return true };
        *settled = now.min(*settled);
        now >= *settled + GROWN
    }

    const fn settle(&mut self, now: u64) {
        self.0 = Some(now);
    }
}

/// Resident set size of this process in bytes; `None` where `/proc` does not tell.
pub(crate) fn resident() -> Option<u64> {
    executor::processes::resident(std::process::id())
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe crate offers it, and only the C library can give back what it keeps")]
fn trim() {
    // SAFETY: it takes no pointer, locks each heap while it looks through it, and touches only what was freed.
    unsafe { libc::malloc_trim(0) };
}

/// Other C libraries give back by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heaps_are_looked_through_when_the_process_has_grown_since_the_last_time() {
        const MIB: u64 = 1024 * 1024;
        let mut level = Level::default();
        assert!(level.has_risen(50 * MIB), "after the start");
        level.settle(40 * MIB);
        assert!(!level.has_risen(43 * MIB));
        assert!(!level.has_risen(38 * MIB), "it has shrunk by itself");
        assert!(level.has_risen(42 * MIB));
        level.settle(42 * MIB);
        assert!(!level.has_risen(42 * MIB), "what is in use is left alone");
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn what_was_freed_between_what_stays_is_given_back() {
        passes_alone("memory::tests::what_a_flood_took");
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn what_was_freed_at_the_end_of_a_heap_is_given_back() {
        passes_alone("memory::tests::what_a_flood_took_after_a_large_block");
    }

    /// In a process of its own: what other tests take meanwhile is nothing that could be given back.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn passes_alone(test: &str) {
        let alone = ["--exact", test, "--ignored"];
        let program = std::env::current_exe().expect("a path");
        let output = std::process::Command::new(program).args(alone).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    /// Blocks as long as messages, with something that stays between them, on threads that stay as well.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    #[ignore = "a part of the test before"]
    fn what_a_flood_took() {
        const MIB: u64 = 1024 * 1024;
        let flood = || {
            let pairs: Vec<(Vec<u8>, Box<u64>)> =
                (0..512).map(|number| (vec![7; 60 * 1024], Box::new(number))).collect();
            pairs.into_iter().map(|(_, stays)| stays).collect::<Vec<_>>()
        };
        let stay = std::thread::scope(|scope| [scope.spawn(flood), scope.spawn(flood)].map(|one| one.join().unwrap()));
        let before = resident().unwrap();
        trim();
        let after = resident().unwrap();
        assert!(after + 40 * MIB < before, "{before} bytes, then {after}");
        assert_eq!(stay.iter().map(Vec::len).sum::<usize>(), 1024);
    }
    /// Small blocks one after the other, by a thread that stays, which has freed a large one before.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    #[ignore = "a part of the test before"]
    fn what_a_flood_took_after_a_large_block() {
        const MIB: u64 = 1024 * 1024;
        keep_little();
        let before = heaps();
        let (freed, waits) = std::sync::mpsc::channel();
        let (release, stays) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            drop(std::hint::black_box(vec![7_u8; 16 << 20]));
            drop((0..20 * 1024).map(|_| vec![7_u8; 1000]).collect::<Vec<_>>());
            freed.send(()).unwrap();
            stays.recv()
        });
        waits.recv().unwrap();
        trim();
        let after = heaps();
        drop(release);
        assert!(thread.join().unwrap().is_err(), "nothing was sent");
        assert!(after < before + 4 * MIB, "{before} bytes, then {after}");
    }

    /// Resident bytes that are no file's: pages of this program come as they are first run.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn heaps() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let kib = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB"));
        kib.unwrap().parse::<u64>().unwrap() * 1024
    }
}
