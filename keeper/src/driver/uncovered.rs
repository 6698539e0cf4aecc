//! Jobs that could pay and can no more: a high base fee may have been all that was in the way. The leader of a window has one
//! of them looked at again (`IJobManager.lookAgain`), which costs nothing where it still cannot pay: what the contract would
//! refuse is not sent.

use std::collections::VecDeque;
use std::time::Duration;

use consensus::time::Time;

/// How long a job is looked at again; after that its owner has to add money, or anybody looks.
const FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Most jobs at a time; the ones that have waited longest make room.
const MOST: usize = 1_024;

/// The jobs, and since when.
#[derive(Debug, Default)]
pub(super) struct Uncovered {
    turns: VecDeque<(u64, Time)>,
}

impl Uncovered {
    /// A settlement has found, or left, too little for the job's next run.
    pub(super) fn note(&mut self, job: u64, now: Time) {
        self.turns.retain(|(other, _)| *other != job);
        if self.turns.len() >= MOST {
            self.turns.pop_front();
        }
        self.turns.push_back((job, now));
    }

    /// The job whose turn it is, of those for which there is reason to look.
    pub(super) fn next(&mut self, now: Time, is_to_be_seen: impl Fn(u64) -> bool) -> Option<u64> {
        self.turns.retain(|(job, since)| now < since.plus(FOR) && is_to_be_seen(*job));
        let turn = self.turns.pop_front()?;
        self.turns.push_back(turn);
        Some(turn.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000_000);

    #[test]
    fn they_take_turns_for_a_day() {
        let mut jobs = Uncovered::default();
        assert_eq!(jobs.next(NOW, |_| true), None);
        for job in 1..=3 {
            jobs.note(job, NOW);
        }
        jobs.note(2, NOW);
        let turns: Vec<_> = (0..4).filter_map(|_| jobs.next(NOW, |_| true)).collect();
        assert_eq!(turns, [1, 3, 2, 1]);
        assert_eq!(jobs.next(NOW, |job| job == 2), Some(2));
        assert_eq!(jobs.next(NOW, |_| true), Some(2), "what can pay again has no turn");
        assert_eq!(jobs.next(NOW.plus(FOR), |_| true), None);
    }

    #[test]
    fn they_are_bounded() {
        let mut jobs = Uncovered::default();
        for job in 0..2 * MOST as u64 {
            jobs.note(job, NOW);
        }
        assert_eq!(jobs.turns.len(), MOST);
        assert_eq!(jobs.next(NOW, |_| true), Some(MOST as u64), "the oldest made room");
    }
}
