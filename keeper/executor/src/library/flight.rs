//! One code on its way to the cache, as its URL and hash name it.
//!
//! ```text
//!            asked               done, or refused for good: forgotten here, the shelf knows
//!   Grounded ─────► (in the air: whoever holds the lock) ───────►
//!      ▲                 │ failed                │ a URL whose content never changes has something else
//!      └── pause over ── Resting                 └──► Wrong
//! ```
//!
//! Code that is suspected rests once, as after any failure; suspected again, it is refused for good.

use std::time::Duration;

use tokio::time::Instant;

use crate::Abstain;

/// Pause after a failure before code is tried again; doubles with every further failure up to the second figure.
const BACKOFF: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(600)];
/// Where one code stands between two tries.
#[derive(Debug, Default)]
pub(super) struct Flight {
    phase: Phase,
    /// Whether its failure looked like the code's own fault before.
    suspected: bool,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Grounded,
    Resting {
        reason: Abstain,
        until: Instant,
        pause: Duration,
    },
    Wrong(Abstain),
}

/// How a try failed.
#[derive(Debug)]
pub(super) enum Setback {
    /// It may go well another time.
    ForNow(Abstain),
    /// From this URL it will always fail: others may have the code with this hash.
    OfThisUrl(Abstain),
    /// The code may be at fault, or this machine: that shows the second time.
    Suspect(String),
    /// It will always fail.
    ForGood(Abstain),
}

impl Flight {
    /// Why there is no try now, if there is none.
    pub(super) fn resting(&self, now: Instant) -> Option<Abstain> {
        match &self.phase {
            Phase::Resting { reason, until, .. } if *until > now => Some(reason.clone()),
            Phase::Wrong(reason) => Some(reason.clone()),
            Phase::Resting { .. } | Phase::Grounded => None,
        }
    }

    /// Takes in a failure. What is left of it: the reason, and whether that is for good.
    pub(super) fn failed(&mut self, setback: Setback, now: Instant) -> (Abstain, bool) {
        let reason = match setback {
            Setback::ForGood(reason) => return (reason, true),
            Setback::OfThisUrl(reason) => {
                self.phase = Phase::Wrong(reason.clone());
                return (reason, false);
            }
            Setback::Suspect(why) if self.suspected => return (Abstain::CodeInvalid(format!("{why}, twice")), true),
            Setback::Suspect(why) => {
                self.suspected = true;
                Abstain::HostFailure(format!("{why}; it is tried once more"))
            }
            Setback::ForNow(reason) => reason,
        };
        let pause = match &self.phase {
            Phase::Grounded | Phase::Wrong(_) => BACKOFF[0],
            Phase::Resting { pause, .. } => (*pause * 2).min(BACKOFF[1]),
        };
        tracing::debug!(%reason, retry_s = pause.as_secs(), "a job's code cannot be prepared");
        self.phase = Phase::Resting { reason: reason.clone(), until: now + pause, pause };
        (reason, false)
    }
}

#[cfg(test)]
mod tests;
