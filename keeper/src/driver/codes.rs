//! Whether the code of each job can be run here. Each job is looked at when its moment comes, and at no other.
//!
//! ```text
//!          listed, changed              asked              prepared
//!  (none) ────────────────► to be asked ─────► Fetching ──────────────► Ready ── after a while, for the cache may have let go of
//!                                ▲                │                       │       it
//!                                │                └──── not prepared ──► Failed ── after a pause that doubles
//!                                └───────────────────────────────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alloy::primitives::B256;
use consensus::time::Time;

/// Pause before a failed preparation is asked for again; doubles up to the second figure.
const FAILED_PAUSE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(64)];
/// Pause before a finished one is looked at again.
const READY_PAUSE: Duration = Duration::from_secs(300);

/// What is known of one job's code.
#[derive(Clone, Debug)]
struct Known {
    code: B256,
    /// The answer, or while a first one is awaited none. What was known before is shown until another comes.
    result: Option<Result<(), String>>,
    is_fetching: bool,
    /// Failures in a row.
    failures: u32,
}

/// The codes that were asked for, by job: no more than there are jobs in the book.
#[derive(Debug, Default)]
pub(super) struct Codes {
    codes: BTreeMap<u64, Known>,
    /// When to look at which job, each at most once.
    looks: BTreeSet<(Time, u64)>,
    look_of: BTreeMap<u64, Time>,
}

impl Codes {
    /// A job is new or has changed: it is looked at now.
    pub(super) fn job_changed(&mut self, job: u64, now: Time) {
        self.look(job, now);
    }

    /// A job whose moment has come, if there is one; it has no other until what is asked then is answered.
    pub(super) fn due(&mut self, now: Time) -> Option<u64> {
        let &(at, job) = self.looks.first().filter(|(at, _)| *at <= now)?;
        self.looks.remove(&(at, job));
        self.look_of.remove(&job);
        Some(job)
    }

    /// Whether a live job's code is to be asked for now: not while it is being fetched.
    pub(super) fn asks(&mut self, job: u64, code: B256) -> bool {
        match self.codes.get_mut(&job) {
            Some(known) if known.code == code => !std::mem::replace(&mut known.is_fetching, true),
            _ => {
                let known = Known { code, result: None, is_fetching: true, failures: 0 };
                self.codes.insert(job, known);
                true
            }
        }
    }

    /// A job is over, or gone: nothing is known of its code any more.
    pub(super) fn forget(&mut self, job: u64) {
        self.codes.remove(&job);
    }

    /// Takes note of an answer; says whether it is another one than before. Answers about a job's earlier code are old news.
    pub(super) fn note(&mut self, job: u64, code: B256, result: Result<(), String>, now: Time) -> bool {
        let Some(known) = self.codes.get_mut(&job).filter(|known| known.code == code) else {
            return false;
        };
        known.is_fetching = false;
        known.failures = if result.is_ok() { 0 } else { known.failures + 1 };
        let pause = match known.failures {
            0 => READY_PAUSE,
            failures => (FAILED_PAUSE[0] * 2_u32.pow((failures - 1).min(6))).min(FAILED_PAUSE[1]),
        };
        let news = known.result.as_ref() != Some(&result);
        known.result = Some(result);
        self.look(job, now.plus(pause));
        news
    }

    /// What is known of a job's code; `None` while it is fetched for the first time.
    pub(super) fn get(&self, job: u64) -> Option<&Result<(), String>> {
        self.codes.get(&job)?.result.as_ref()
    }

    fn look(&mut self, job: u64, at: Time) {
        if let Some(before) = self.look_of.insert(job, at) {
            self.looks.remove(&(before, job));
        }
        self.looks.insert((at, job));
    }
}

#[cfg(test)]
mod tests;
