//! What keeps jobs from being seen to be due, by job: a condition that fails, logs that no node gives. It is their own doing, so it is
//! said of them and of nobody else.

use std::collections::BTreeMap;
use std::time::Duration;

use consensus::time::Time;

/// How long it is shown after it was seen last: of many conditions that fail each is asked about once in a while, and by those alone
/// that are to lead.
const SHOWN: Duration = Duration::from_secs(30 * 60);
/// Longest words that are kept of one, in characters: some of them may be anybody's.
const WORDS_MAX: usize = 300;

/// What a job's trouble is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::driver) enum Subject {
    /// Its condition.
    Condition,
    /// Its logs.
    Logs,
}

/// The jobs in trouble: no more than there are jobs in the book.
#[derive(Debug, Default)]
pub(in crate::driver) struct Troubles(BTreeMap<(u64, Subject), Trouble>);

#[derive(Debug)]
struct Trouble {
    version: u32,
    why: String,
    seen: Time,
}

impl Troubles {
    /// A version of a job is in trouble; says whether it was not before.
    pub(in crate::driver) fn note(&mut self, job: (u64, u32), subject: Subject, why: &str, now: Time) -> bool {
        let (id, version) = job;
        let trouble = Trouble { version, why: why.chars().take(WORDS_MAX).collect(), seen: now };
        let before = self.0.insert((id, subject), trouble);
        before.is_none_or(|before| before.version != version || now >= before.seen.plus(SHOWN))
    }

    /// The job is out of it.
    pub(in crate::driver) fn clear(&mut self, job: u64, subject: Subject) -> bool {
        self.0.remove(&(job, subject)).is_some()
    }

    /// Why a version of a job is not seen to be due, if it was so lately.
    pub(in crate::driver) fn of(&self, job: (u64, u32), now: Time) -> Option<&str> {
        let (id, version) = job;
        let both = self.0.range((id, Subject::Condition)..=(id, Subject::Logs)).map(|(_, trouble)| trouble);
        let mut fresh = both.filter(|trouble| trouble.version == version && now < trouble.seen.plus(SHOWN));
        fresh.next().map(|trouble| &*trouble.why)
    }

    /// Lets go of jobs that are none.
    pub(in crate::driver) fn forget(&mut self, is_job: impl Fn(u64) -> bool) {
        self.0.retain(|(job, _), _| is_job(*job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000_000);

    #[test]
    fn a_version_s_trouble_is_shown_until_it_is_over_or_half_an_hour_old() {
        let mut troubles = Troubles::default();
        assert!(troubles.note((1, 1), Subject::Condition, "reverts", NOW));
        assert!(!troubles.note((1, 1), Subject::Condition, "burns", NOW), "said already");
        assert_eq!(troubles.of((1, 1), NOW), Some("burns"));
        assert_eq!((troubles.of((1, 2), NOW), troubles.of((2, 1), NOW)), (None, None));
        assert_eq!(troubles.of((1, 1), NOW.plus(SHOWN)), None);
        assert!(troubles.note((1, 1), Subject::Condition, &"x".repeat(1_000), NOW.plus(SHOWN)), "again");
        assert_eq!(troubles.of((1, 1), NOW.plus(SHOWN)).map(str::len), Some(WORDS_MAX));
        assert!(!troubles.clear(1, Subject::Logs) && troubles.clear(1, Subject::Condition));
        assert_eq!(troubles.of((1, 1), NOW), None);
    }

    #[test]
    fn it_goes_with_its_job() {
        let mut troubles = Troubles::default();
        troubles.note((1, 1), Subject::Logs, "too many", NOW);
        troubles.note((2, 1), Subject::Logs, "too many", NOW);
        troubles.forget(|job| job == 2);
        assert_eq!((troubles.of((1, 1), NOW), troubles.of((2, 1), NOW)), (None, Some("too many")));
    }
}
