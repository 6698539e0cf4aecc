//! Room for what keepers saw: bytes of observations, of all tasks and of each job's.

use std::collections::BTreeMap;

use crate::task::{JobId, Task};

/// Most bytes of observations at a time.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// A job may have one byte in so many of those that are free.
const FREE_PER_SHARE: usize = 4;
/// Bytes a job may have as long as there is any room.
const SHARE_MIN: usize = 64 * 1024;

/// What is taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    all: usize,
    of_task: BTreeMap<Task, usize>,
    of_job: BTreeMap<JobId, usize>,
}

impl Room {
    /// A task holds so many bytes by now.
    pub(super) fn note(&mut self, task: Task, bytes: usize) {
        let before = match bytes {
            0 => self.of_task.remove(&task),
            _ => self.of_task.insert(task, bytes),
        };
        let before = before.unwrap_or(0);
        if before == bytes {
            return;
        }
        self.all = self.all - before + bytes;
        let of_job = self.of_job.entry(task.job).or_default();
        *of_job = *of_job - before + bytes;
        if *of_job == 0 {
            self.of_job.remove(&task.job);
        }
    }

    /// Whether a job may hold so many bytes more.
    pub(super) fn has(&self, job: JobId, bytes: usize) -> bool {
        let free = BYTES_MAX.saturating_sub(self.all);
        let held = self.of_job.get(&job).copied().unwrap_or_default();
        bytes <= free && held + bytes <= (free / FREE_PER_SHARE).max(SHARE_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::task;

    #[test]
    fn a_job_gets_its_share_and_what_is_let_go_is_free_again() {
        let mut room = Room::default();
        let share = BYTES_MAX / FREE_PER_SHARE;
        assert!(room.has(JobId(1), share) && !room.has(JobId(1), share + 1));
        room.note(task(1), share / 2);
        room.note(task(1), share / 2);
        assert!(room.has(JobId(1), share / 4) && !room.has(JobId(1), share / 2), "it shrinks as others come");
        assert!(room.has(JobId(2), share / 2));
        room.note(task(1), 0);
        assert!(room.has(JobId(1), share) && room.of_task.is_empty() && room.of_job.is_empty() && room.all == 0);
        room.note(task(9), BYTES_MAX);
        assert!(!room.has(JobId(1), 1));
    }
}
