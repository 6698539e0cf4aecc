//! Whether runs come to anything here at all. A job that fails is its creator's trouble; a keeper on which every job fails has
//! trouble of its own: workers that die, codes that no way leads to, nodes that answer nothing.
//!
//! ```text
//!            runs of two jobs fail within a minute, and in that minute none went well
//!   working ───────────────────────────────────────────────────────────────────────────► useless
//!      ▲                                                                                    │
//!      └──────────────────────── a run goes well, or none fails for an hour ────────────────┘
//! ```
//!
//! Where there is one job only, its own failures are enough.

use std::time::Duration;

use consensus::task::Abstention;
use consensus::time::Time;

/// For so long a run that went well speaks for this keeper, and one that failed against it.
const LATELY: Duration = Duration::from_secs(60);
/// After so long without any run that failed nothing is known any more.
const FORGOTTEN: Duration = Duration::from_secs(3_600);
/// Longest cause that is shown, in characters.
const CAUSE_MAX: usize = 300;
/// What the executor calls that is wrong with a job's code, wherever it is run.
const FAULTS_OF_JOBS: [&str; 4] = ["code_too_large", "code_hash_mismatch", "code_invalid", "stack_overflow"];

/// What became of the newest runs.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// When the newest run went well.
    good: Option<Time>,
    /// The newest failures since then: of one job, and of another one.
    failed: Option<Failure>,
    other: Option<(u64, Time)>,
    /// Whether two jobs have failed together.
    useless: bool,
}

#[derive(Debug)]
struct Failure {
    job: u64,
    at: Time,
    why: Abstention,
    cause: String,
}

impl Runs {
    /// A run of a job ended: well, or with this abstention and cause. What says nothing of this keeper is left alone.
    pub(super) fn note(&mut self, job: u64, ended: Result<(), Abstention>, cause: &str, now: Time) {
        let why = match ended {
            Ok(()) => {
                *self = Self { good: Some(now), ..Self::default() };
                return;
            }
            Err(why) if is_own(why, cause) => why,
            Err(_) => return,
        };
        if let Some(before) = self.failed.as_ref().filter(|before| before.job != job) {
            self.other = Some((before.job, before.at));
        }
        let went_well = self.good.is_some_and(|good| is_within(good, LATELY, now));
        let both = self.other.is_some_and(|(_, at)| is_within(at, LATELY, now));
        self.useless |= both && !went_well;
        let cause = cause.chars().take(CAUSE_MAX).collect();
        self.failed = Some(Failure { job, at: now, why, cause });
    }

    /// What is wrong and how to mend it, if nothing can be run; `alone`: there is one job only.
    pub(super) fn trouble(&self, alone: bool, now: Time) -> Option<String> {
        let Failure { job, at, why, cause } = self.failed.as_ref()?;
        let went_well = self.good.is_some_and(|good| is_within(good, LATELY, *at));
        if !is_within(*at, FORGOTTEN, now) || !(self.useless || (alone && !went_well)) {
            return None;
        }
        let cause = if cause.is_empty() { why.name() } else { cause };
        let mend = match why {
            Abstention::CodeUnavailable => {
                "see that this machine reaches the addresses of the jobs' code (names, proxy, firewall)"
            }
            Abstention::ChainReadFailed => {
                "see that the nodes in rpc_urls answer eth_call at recent blocks, or add another URL"
            }
            _ => "look for `worker:` in the log, and at this machine's memory and disk",
        };
        Some(format!("no run comes to anything on this keeper, the newest one was of job {job}: {cause}; {mend}"))
    }
}

/// Whether it is this keeper that failed.
fn is_own(why: Abstention, cause: &str) -> bool {
    let of_keepers = matches!(why, Abstention::CodeUnavailable | Abstention::ChainReadFailed | Abstention::HostFailure);
    // A cause begins with its name.
    of_keepers && !FAULTS_OF_JOBS.iter().any(|fault| cause.starts_with(fault))
}

/// A moment far ahead of `now` belongs to a clock that was set back since.
fn is_within(at: Time, span: Duration, now: Time) -> bool {
    now < at.plus(span) && at < now.plus(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNREACHED: &str = "code_unavailable: the job's code is not available: no route to host";

    fn at(second: u64) -> Time {
        Time::from_seconds(1_000_000 + second)
    }

    fn fail(runs: &mut Runs, job: u64, second: u64) {
        runs.note(job, Err(Abstention::CodeUnavailable), UNREACHED, at(second));
    }

    #[test]
    fn two_jobs_that_fail_within_a_minute_are_red_until_a_run_goes_well() {
        let mut runs = Runs::default();
        fail(&mut runs, 1, 0);
        fail(&mut runs, 1, 2);
        assert_eq!(runs.trouble(false, at(3)), None, "one job of several may be at fault itself");
        fail(&mut runs, 2, 4);
        let said = runs.trouble(false, at(5)).expect("red");
        assert!(said.contains("job 2") && said.contains("no route to host") && said.contains("proxy"), "{said}");
        runs.note(1, Err(Abstention::HostFailure), "host_failure: the worker ended", at(1_000));
        assert!(runs.trouble(false, at(1_000)).is_some_and(|said| said.contains("the worker ended")), "the newest");
        runs.note(3, Ok(()), "", at(1_001));
        assert_eq!(runs.trouble(false, at(1_001)), None);
        fail(&mut runs, 1, 1_002);
        fail(&mut runs, 2, 1_003);
        assert_eq!(runs.trouble(false, at(1_004)), None, "a moment ago one went well");
        fail(&mut runs, 1, 1_062);
        assert!(runs.trouble(false, at(1_062)).is_some());
        assert_eq!(runs.trouble(false, at(1_062 + 3_600)), None, "nothing has run since");
    }

    #[test]
    fn jobs_that_fail_far_from_each_other_show_nothing() {
        let mut runs = Runs::default();
        fail(&mut runs, 1, 0);
        fail(&mut runs, 2, 60);
        assert_eq!(runs.trouble(false, at(61)), None);
    }

    #[test]
    fn the_only_job_there_is_needs_no_other() {
        let mut runs = Runs::default();
        runs.note(1, Ok(()), "", at(0));
        fail(&mut runs, 1, 59);
        assert_eq!(runs.trouble(true, at(59)), None);
        fail(&mut runs, 1, 61);
        assert!(runs.trouble(true, at(61)).is_some());
        assert_eq!(runs.trouble(false, at(61)), None);
    }

    #[test]
    fn what_is_wrong_with_jobs_says_nothing_of_their_keeper() {
        let mut runs = Runs::default();
        for job in 0..10 {
            runs.note(job, Err(Abstention::CodeUnavailable), "code_invalid: no component", at(1));
            runs.note(job, Err(Abstention::HostFailure), "stack_overflow: too deep", at(1));
            runs.note(job, Err(Abstention::JobInactive), "it is paused", at(1));
            runs.note(job, Err(Abstention::Timeout), "timeout: too slow", at(1));
        }
        assert_eq!((runs.trouble(false, at(2)), runs.trouble(true, at(2))), (None, None));
    }
}
