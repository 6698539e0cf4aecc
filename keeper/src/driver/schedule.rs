//! Up to which moment tasks have been told: the book is asked for each stretch of time once, and anew when it changed.

use consensus::task::ATTEMPTS_MAX;
use consensus::task::DueTask;
use consensus::time::Pace;

use crate::jobs::JobBook;

/// How many windows ahead tasks are told.
const WINDOWS_AHEAD: u64 = 3;

/// A cursor over the job book.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// Unix seconds up to which tasks were told.
    told: u64,
}

impl Schedule {
    /// The tasks that came into reach since the last question: those of the windows ahead, and at first those not too
    /// old to be tried still. May name a task twice.
    pub(super) fn take(&mut self, book: &JobBook, seconds: u64, pace: &Pace) -> Vec<DueTask> {
        let to = seconds + WINDOWS_AHEAD * pace.window_seconds();
        if self.told >= to {
            return Vec::new();
        }
        let oldest = seconds.saturating_sub(pace.attempt_due(0, ATTEMPTS_MAX));
        let due = book.due(oldest.max(self.told), to, pace);
        self.told = to;
        due
    }

    /// The book has changed, or not everything could be taken: tells all that is in reach again.
    pub(super) fn again(&mut self) {
        self.told = 0;
    }
}

#[cfg(test)]
mod tests;
