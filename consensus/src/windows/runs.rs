//! Which jobs are quick here, and whose outcomes are light, as their runs show.
//!
//! A batch waits for the slowest of its tasks. A job that is quick but for now and then would have all others wait now and
//! then, so each run that is not costs it twice as many quick ones as the last one did, until it counts as quick again. One
//! bad moment of this machine costs one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::task::{JobId, Task};

/// What a quick run takes at most, by itself: many times what code that does little needs, and as long as a block lasts where
/// blocks are short. Workers think alike of what is slow.
const QUICK: Duration = Duration::from_millis(250);
/// Quick runs that a job owes at most.
const OWED_MOST: u16 = 1_024;
/// So many quick runs that it does not owe halve what the next one that is not will cost.
const FORGIVEN: u16 = 64;
/// Jobs remembered in each of the two halves; those beyond push out what has not run for longest.
const HALF: usize = 32_768;

/// What a job's runs were like.
#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// The version that ran last. A new one has yet to show what it is like, and still owes what the one before did.
    version: u32,
    /// Quick runs until it counts as quick.
    owed: u16,
    /// What it owed after the last run that was not quick, less what it was forgiven.
    last_owed: u16,
    /// Quick runs since it owes none.
    spare: u16,
    /// Whether its last outcome was heavy.
    is_heavy: bool,
}

impl Record {
    fn note(&mut self, version: u32, was_quick: bool) {
        self.version = version;
        if !was_quick {
            self.last_owed = self.last_owed.saturating_mul(2).clamp(1, OWED_MOST);
            (self.owed, self.spare) = (self.last_owed, 0);
        } else if self.owed > 0 {
            self.owed -= 1;
        } else {
            self.spare += 1;
            if self.spare == FORGIVEN {
                (self.last_owed, self.spare) = (self.last_owed / 2, 0);
            }
        }
    }
}

/// The records of jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    young: BTreeMap<JobId, Record>,
    old: BTreeMap<JobId, Record>,
}

impl Runs {
    /// A run has ended, after so long; if it has something to say, whether that is heavy.
    pub(super) fn note(&mut self, task: Task, said_heavy: Option<bool>, took: Duration) {
        let mut record = self.young.remove(&task.job).or_else(|| self.old.remove(&task.job)).unwrap_or_default();
        record.note(task.version, said_heavy.is_some() && took <= QUICK);
        record.is_heavy = said_heavy.unwrap_or(record.is_heavy);
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(task.job, record);
    }

    /// A run has not ended while its task is tried again. It is looked at again and again, and counts once.
    pub(super) fn note_endless(&mut self, task: Task) {
        if self.record(task.job).is_none_or(|record| record.owed < record.last_owed || record.owed == 0) {
            self.note(task, None, Duration::ZERO);
        }
    }

    /// Whether the job's last runs at this version were quick.
    pub(super) fn are_quick(&self, task: Task) -> bool {
        self.record(task.job).is_some_and(|record| record.owed == 0 && record.version == task.version)
    }

    /// Whether the job's last outcome was heavy.
    pub(super) fn are_heavy(&self, job: JobId) -> bool {
        self.record(job).is_some_and(|record| record.is_heavy)
    }

    fn record(&self, job: JobId) -> Option<&Record> {
        self.young.get(&job).or_else(|| self.old.get(&job))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::task;

    const SOON: Duration = Duration::from_millis(3);

    fn quick_after(runs: &mut Runs, task: Task) -> usize {
        (0..2_000)
            .find(|_| {
                let are_quick = runs.are_quick(task);
                runs.note(task, Some(false), SOON);
                are_quick
            })
            .expect("some time it is quick again")
    }

    #[test]
    fn one_quick_run_tells_that_a_job_is_quick_and_each_other_one_costs_twice_as_much() {
        let mut runs = Runs::default();
        assert!(!runs.are_quick(task(1)), "nothing is known");
        assert_eq!(quick_after(&mut runs, task(1)), 1);
        for owed in [1, 2, 4, 8] {
            runs.note(task(1), Some(false), QUICK * 2);
            assert_eq!(quick_after(&mut runs, task(1)), owed, "whatever it did in between");
        }
        (0..12).for_each(|_| runs.note(task(1), None, SOON));
        assert_eq!(quick_after(&mut runs, task(1)), 1_024);
        (0..11 * FORGIVEN).for_each(|_| runs.note(task(1), Some(false), QUICK));
        runs.note(task(1), None, SOON);
        assert_eq!(quick_after(&mut runs, task(1)), 1, "what was long ago is forgotten");
    }

    #[test]
    fn a_new_version_has_to_show_and_to_pay() {
        let mut runs = Runs::default();
        let newer = Task { version: task(1).version + 1, ..task(1) };
        runs.note(task(1), Some(false), SOON);
        assert!(runs.are_quick(task(1)) && !runs.are_quick(newer));
        (0..4).for_each(|_| runs.note(task(1), None, SOON));
        assert_eq!(quick_after(&mut runs, newer), 8);
    }

    #[test]
    fn a_run_that_does_not_end_counts_once_however_often_it_is_looked_at() {
        let mut runs = Runs::default();
        (0..100).for_each(|_| runs.note_endless(task(1)));
        assert_eq!(quick_after(&mut runs, task(1)), 1);
    }

    #[test]
    fn only_so_many_are_remembered_and_those_that_ran_last() {
        let mut runs = Runs::default();
        for job in 1..=4 * HALF as u64 {
            runs.note(task(job), Some(false), SOON);
            runs.note(task(1), Some(false), SOON);
        }
        assert!(runs.young.len() + runs.old.len() <= 2 * HALF + 1);
        assert!(runs.are_quick(task(1)) && runs.are_quick(task(4 * HALF as u64)) && !runs.are_quick(task(2)));
    }
}
