//! Locks on files, by which one process at a time uses what is in a folder.

use std::fs::{File, TryLockError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a lock is waited for. A process that is being started holds the locks of the one that starts it, until it has become
/// another program: a moment after such a lock was given back it may still seem to be taken.
const PATIENCE: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(10);

/// Takes the lock of a file, which is held until the file is closed. Blocks for half a second at most.
///
/// # Errors
/// Another process has it and keeps it, or what the operating system says.
pub(crate) fn take(file: &File) -> Result<(), TryLockError> {
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => sleep(PAUSE),
            taken => return taken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_given_back_in_a_moment_is_waited_for_and_one_that_is_kept_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let open = || File::create(directory.path().join("lock")).unwrap();
        let first = open();
        take(&first).unwrap();
        let second = open();
        assert!(matches!(take(&second), Err(TryLockError::WouldBlock)));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| take(&second));
            drop(first);
            waiting.join().unwrap().unwrap();
        });
    }
}
