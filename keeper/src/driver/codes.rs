//! Whether the code of each job can be run here.
//!
//! ```text
//!            wanted               prepared
//!  (none) ──────────► Fetching ──────────────► Ready ── after a while, for the cache may have let go of it ──► Fetching
//!                        └──── not prepared ──► Failed ── after a moment; the executor keeps growing pauses ──► Fetching
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::B256;
use consensus::time::Time;

/// Pause before a failed preparation is asked for again.
const FAILED_PAUSE: Duration = Duration::from_secs(1);
/// Pause before a finished one is looked at again.
const READY_PAUSE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// Asked for; what was known before is shown until the answer comes.
    Fetching(Option<Result<(), String>>),
    /// Answered, at this time.
    Known(Result<(), String>, Time),
}

/// The codes that were asked for, by job: no more than there are jobs in the book.
#[derive(Debug, Default)]
pub(super) struct Codes {
    codes: BTreeMap<u64, (B256, Phase)>,
}

impl Codes {
    /// Whether a live job's code is to be asked for now.
    pub(super) fn wants(&mut self, job: u64, code: B256, now: Time) -> bool {
        let before = match self.codes.get(&job) {
            Some((hash, Phase::Fetching(_))) if *hash == code => return false,
            Some((hash, Phase::Known(result, at))) if *hash == code => {
                let pause = if result.is_ok() { READY_PAUSE } else { FAILED_PAUSE };
                if now < at.plus(pause) {
                    return false;
                }
                Some(result.clone())
            }
            _ => None,
        };
        self.codes.insert(job, (code, Phase::Fetching(before)));
        true
    }

    /// Takes note of an answer; says whether it is another one than before. Answers about a job's earlier code are old news.
    pub(super) fn note(&mut self, job: u64, code: B256, result: Result<(), String>, now: Time) -> bool {
        let Some((_, phase)) = self.codes.get_mut(&job).filter(|(hash, _)| *hash == code) else {
            return false;
        };
        let news = match phase {
            Phase::Fetching(before) => before.as_ref() != Some(&result),
            Phase::Known(before, _) => *before != result,
        };
        *phase = Phase::Known(result, now);
        news
    }

    /// What is known of a job's code; `None` while it is fetched for the first time.
    pub(super) fn get(&self, job: u64) -> Option<&Result<(), String>> {
        match &self.codes.get(&job)?.1 {
            Phase::Fetching(before) => before.as_ref(),
            Phase::Known(result, _) => Some(result),
        }
    }
}

#[cfg(test)]
mod tests;
