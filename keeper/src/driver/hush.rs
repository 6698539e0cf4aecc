//! Log lines that could come by the hundred: of each kind one a minute about a job, and a few in all; the rest is told as a number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use consensus::time::Time;

/// Milliseconds for which lines are counted together.
const MINUTE: u64 = 60_000;
/// Lines of one kind in that time, each about another job.
const LINES_MAX: usize = 10;

/// What may be said still, by the loop and by all who work beside it: clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Hush(Arc<Mutex<Said>>);

/// What was said in this minute.
#[derive(Debug, Default)]
struct Said {
    minute: u64,
    said: BTreeMap<&'static str, BTreeSet<u64>>,
    left_out: BTreeMap<&'static str, u64>,
}

impl Hush {
    /// Whether a line of this kind about this job is to be written.
    pub(super) fn lets(&self, kind: &'static str, job: u64, now: Time) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).lets(kind, job, now)
    }

    /// How many lines of each kind were left out in a minute that is over.
    pub(super) fn left_out(&self, now: Time) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).left_out(now)
    }
}

impl Said {
    fn lets(&mut self, kind: &'static str, job: u64, now: Time) -> bool {
        if now.0 / MINUTE != self.minute {
            self.minute = now.0 / MINUTE;
            self.said.clear();
        }
        let said = self.said.entry(kind).or_default();
        if said.len() < LINES_MAX && said.insert(job) {
            return true;
        }
        *self.left_out.entry(kind).or_default() += 1;
        false
    }

    fn left_out(&mut self, now: Time) -> BTreeMap<&'static str, u64> {
        if now.0 / MINUTE == self.minute { BTreeMap::new() } else { std::mem::take(&mut self.left_out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One dead URL once wrote 573 lines a minute.
    #[test]
    fn a_job_gets_one_line_of_a_kind_a_minute_and_many_jobs_a_few() {
        let hush = Hush::default();
        let at = |minute: u64, tick: u64| Time(minute * MINUTE + tick);
        assert!(hush.lets("expired", 1, at(5, 0)));
        assert!((1..500).all(|tick| !hush.lets("expired", 1, at(5, tick))));
        assert!(hush.lets("code", 1, at(5, 500)), "another kind");
        assert_eq!((2..100).filter(|&job| hush.lets("expired", job, at(5, 600))).count(), LINES_MAX - 1);
        assert!(hush.left_out(at(5, 700)).is_empty());
        assert_eq!(hush.left_out(at(6, 0)), BTreeMap::from([("expired", 499 + 89)]));
        assert!(hush.left_out(at(6, 1)).is_empty());
        assert!(hush.lets("expired", 1, at(6, 2)));
    }
}
