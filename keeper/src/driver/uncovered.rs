//! Jobs that cannot pay: a high base fee may be all that is in the way. The leader of a window has one of them looked at again
//! (`IJobManager.lookAgain`), less and less often; what the contract would refuse is not sent.
//!
//! Or one of those that the contract believes to be able to pay, though nothing of theirs would settle by now: only a settlement would
//! say so, and nobody sends one that settles nothing. They are looked at once each time, and sooner, for each of their runs is made.

use std::collections::VecDeque;
use std::time::Duration;

use consensus::time::Time;

/// How long a job is looked at again; after that its owner has to add money, or anybody looks. A withdrawal that was announced and is
/// not made holds its money back for 25 hours.
const FOR: Duration = Duration::from_secs(26 * 60 * 60);
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
    /// Jobs that should be able to pay and may not, in the order in which that showed.
    doubted: VecDeque<u64>,
    /// Whether the last look was at one of those: they take turns with the others.
    doubted_last: bool,
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

    /// The job can pay, as the contract believes, and yet nothing of it would settle.
    pub(super) fn doubt(&mut self, job: u64) {
        if self.doubted.len() < MOST && !self.doubted.contains(&job) {
            self.doubted.push_back(job);
        }
    }

    /// The job whose turn it is, of those for which there is reason to look; `can_pay` says of an active job whether it can, as the
    /// contract believes. Nothing while another look is under way.
    pub(super) fn next(&mut self, now: Time, can_pay: impl Fn(u64) -> Option<bool>) -> Option<u64> {
        // A moment far ahead is of a clock that was set back since.
        self.turns.retain(|turn| now < turn.until && turn.until <= now.plus(FOR) && can_pay(turn.job) == Some(false));
        self.doubted.retain(|&job| can_pay(job) == Some(true));
        if self.looking {
            return None;
        }
        let turn = if self.doubted_last { self.turn(now) } else { None };
        let doubted = if turn.is_none() { self.doubted.pop_front() } else { None };
        self.doubted_last = doubted.is_some();
        let next = turn.or(doubted).or_else(|| self.turn(now));
        self.looking = next.is_some();
        next
    }

    /// Of those that cannot pay.
    fn turn(&mut self, now: Time) -> Option<u64> {
        if self.rests_until.is_some_and(|until| now < until && until <= now.plus(BETWEEN)) {
            return None;
        }
        let place = self.turns.iter().position(|turn| turn.next <= now)?;
        let mut turn = self.turns.remove(place)?;
        (turn.next, turn.pause) = (now.plus(turn.pause), (turn.pause * 2).min(LONGEST_PAUSE));
        self.turns.push_back(turn);
        self.rests_until = Some(now.plus(BETWEEN));
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
        jobs.next(NOW.plus(Duration::from_secs(seconds)), |_| Some(false))
    }

    #[test]
    fn they_take_turns_with_growing_pauses_for_26_hours() {
        let mut jobs = Uncovered::default();
        assert_eq!(next(&mut jobs, 0), None);
        [1, 2, 1].into_iter().for_each(|job| jobs.note(job, NOW));
        let turns = [0, 0, 29, 30, 59, 60, 89, 90, 119, 120].map(|second| next(&mut jobs, second));
        assert_eq!(turns, [Some(1), None, None, Some(2), None, Some(1), None, Some(2), None, Some(1)]);
        let looks = (121..93_600).filter(|&second| next(&mut jobs, second).is_some()).count();
        assert!((290..350).contains(&looks), "{looks}: every ten minutes each");
        assert_eq!(next(&mut jobs, 93_600), None, "the time is over");
    }

    #[test]
    fn one_at_a_time_and_only_where_there_is_reason() {
        let mut jobs = Uncovered::default();
        [1, 2].into_iter().for_each(|job| jobs.note(job, NOW));
        assert_eq!(jobs.next(NOW, |job| Some(job != 2)), Some(2));
        assert_eq!(jobs.next(NOW.plus(FIRST_PAUSE), |_| Some(false)), None, "one is under way");
        jobs.looked();
        assert_eq!(jobs.next(NOW.plus(FIRST_PAUSE), |_| Some(false)), Some(2), "what can pay again has no turn");
        jobs.looked();
        assert_eq!(jobs.next(NOW.plus(LONGEST_PAUSE), |_| None), None, "nor what is not active");
    }

    /// What should be able to pay and settles nothing costs keepers a run each time it is due.
    #[test]
    fn those_in_doubt_are_looked_at_at_once_and_in_turn_with_the_others() {
        let mut jobs = Uncovered::default();
        jobs.note(1, NOW);
        [7, 8, 7, 9].into_iter().for_each(|job| jobs.doubt(job));
        let mut next = |seconds, lost| {
            jobs.looked();
            jobs.next(NOW.plus(Duration::from_secs(seconds)), |job| Some(job > 1 && job != lost))
        };
        assert_eq!(
            [0, 2, 4, 6].map(|second| next(second, 8)),
            [Some(7), Some(1), Some(9), None],
            "8 has lost its mark since"
        );
        jobs.doubt(7);
        assert_eq!(jobs.next(NOW, |_| Some(true)), Some(7), "again, if nothing of it settles again");
        jobs.doubt(8);
        assert_eq!(jobs.next(NOW, |_| Some(true)), None, "one at a time");
    }

    #[test]
    fn they_are_bounded_and_nobody_pushes_others_out() {
        let mut jobs = Uncovered::default();
        for job in 0..2 * MOST as u64 {
            jobs.note(job, NOW);
        }
        assert_eq!(jobs.turns.len(), MOST);
        assert_eq!(next(&mut jobs, 0), Some(0));
        (0..2 * MOST as u64).for_each(|job| jobs.doubt(job));
        assert_eq!(jobs.doubted.len(), MOST);
    }
}
