//! Jobs that cannot pay: a high base fee may be all that is in the way. The leader of a window has one of them looked at again
//! (`IJobManager.lookAgain`), less and less often; what the contract would refuse is not sent.

use std::collections::VecDeque;
use std::time::Duration;

use consensus::time::Time;

/// How long a job is looked at again; after that its owner has to add money, or anybody looks.
const FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Most jobs at a time; what comes when there are so many has to wait for its owner.
const MOST: usize = 1_024;
/// Pause between two looks of one keeper, at whichever jobs: each wakes its sender, and with many jobs without money there would
/// be one in every window.
const BETWEEN: Duration = Duration::from_secs(30);
/// How long a keeper leaves a job alone after the first look; twice as long after each further one.
const FIRST_PAUSE: Duration = BETWEEN;
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// The jobs, in the order of their turns.
#[derive(Debug, Default)]
pub(super) struct Uncovered {
    turns: VecDeque<Turn>,
    /// Whether a look is under way: they shall not crowd out settlements.
    looking: bool,
    /// Before then there is none.
    rests_until: Option<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Turn {
    job: u64,
    until: Time,
    next: Time,
    pause: Duration,
}

impl Uncovered {
    /// The job cannot pay; it may be known already.
    pub(super) fn note(&mut self, job: u64, now: Time) {
        if self.turns.len() < MOST && self.turns.iter().all(|turn| turn.job != job) {
            self.turns.push_back(Turn { job, until: now.plus(FOR), next: now, pause: FIRST_PAUSE });
        }
    }

    /// The job whose turn it is, of those for which there is reason to look. Nothing while another look is under way.
    pub(super) fn next(&mut self, now: Time, is_to_be_seen: impl Fn(u64) -> bool) -> Option<u64> {
        // A moment far ahead is of a clock that was set back since.
        self.turns.retain(|turn| now < turn.until && turn.until <= now.plus(FOR) && is_to_be_seen(turn.job));
        if self.rests_until.is_some_and(|until| now < until && until <= now.plus(BETWEEN)) {
            return None;
        }
        let place = self.turns.iter().position(|turn| turn.next <= now).filter(|_| !self.looking)?;
        let mut turn = self.turns.remove(place)?;
        (turn.next, turn.pause) = (now.plus(turn.pause), (turn.pause * 2).min(LONGEST_PAUSE));
        self.turns.push_back(turn);
        (self.looking, self.rests_until) = (true, Some(now.plus(BETWEEN)));
        Some(turn.job)
    }

    /// The look has ended, however.
    pub(super) fn looked(&mut self) {
        self.looking = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000_000);

    fn next(jobs: &mut Uncovered, seconds: u64) -> Option<u64> {
        jobs.looked();
        jobs.next(NOW.plus(Duration::from_secs(seconds)), |_| true)
    }

    #[test]
    fn they_take_turns_with_growing_pauses_for_a_day() {
        let mut jobs = Uncovered::default();
        assert_eq!(next(&mut jobs, 0), None);
        [1, 2, 1].into_iter().for_each(|job| jobs.note(job, NOW));
        let turns = [0, 0, 29, 30, 59, 60, 89, 90, 119, 120].map(|second| next(&mut jobs, second));
        assert_eq!(turns, [Some(1), None, None, Some(2), None, Some(1), None, Some(2), None, Some(1)]);
        let looks = (121..86_400).filter(|&second| next(&mut jobs, second).is_some()).count();
        assert!((270..320).contains(&looks), "{looks}: every ten minutes each");
        assert_eq!(next(&mut jobs, 86_400), None, "the day is over");
    }

    #[test]
    fn one_at_a_time_and_only_where_there_is_reason() {
        let mut jobs = Uncovered::default();
        [1, 2].into_iter().for_each(|job| jobs.note(job, NOW));
        assert_eq!(jobs.next(NOW, |job| job == 2), Some(2));
        assert_eq!(jobs.next(NOW.plus(FIRST_PAUSE), |_| true), None, "one is under way");
        jobs.looked();
        assert_eq!(jobs.next(NOW.plus(FIRST_PAUSE), |_| true), Some(2), "what can pay again has no turn");
    }

    #[test]
    fn they_are_bounded_and_nobody_pushes_others_out() {
        let mut jobs = Uncovered::default();
        for job in 0..2 * MOST as u64 {
            jobs.note(job, NOW);
        }
        assert_eq!(jobs.turns.len(), MOST);
        assert_eq!(next(&mut jobs, 0), Some(0));
    }
}
