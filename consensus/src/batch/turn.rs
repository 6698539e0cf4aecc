//! Whose turn it is to submit.
//!
//! Counted from the local moment of quorum, never from a wall clock: a keeper that finished late does not believe that
//! others have missed their turns (rule 10).

use std::time::Duration;

use crate::committee::{KeeperIndex, SignerSet};
use crate::time::{FAST_SKIP, GRACE, Time};

/// Whose turn it is to submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Place in the line, counted from the stage that assigned the batch.
    place: usize,
    /// When the turn began.
    opened: Time,
    /// Whether this keeper has submitted in it.
    sent: bool,
}

impl Turn {
    /// The first turn, that of the leader that assigned the batch.
    pub(crate) fn first(opened: Time) -> Self {
        Self { place: 0, opened, sent: false }
    }

    /// The turn as time has moved it on: one ends when its keeper has shown itself silent, or when its time is up.
    pub(crate) fn advanced(mut self, now: Time, line: &[KeeperIndex], heard: &SignerSet, stage: Duration) -> Self {
        // One that begins in time to come is of a clock that was set back since.
        self.opened = self.opened.min(now);
        while let Some(holder) = self.holder(line) {
            let end = self.opened.plus(length(holder, heard, stage));
            if now < end {
                break;
            }
            self = Self { place: self.place + 1, opened: end, sent: false };
        }
        self
    }

    /// The keeper whose turn it is: the line goes round.
    pub(crate) fn holder(&self, line: &[KeeperIndex]) -> Option<KeeperIndex> {
        line.get(self.place % line.len().max(1)).copied()
    }

    /// When the turn ends, if nothing else is heard until then.
    pub(crate) fn end(&self, line: &[KeeperIndex], heard: &SignerSet, stage: Duration) -> Time {
        self.opened.plus(self.holder(line).map_or(stage, |holder| length(holder, heard, stage)))
    }

    /// When the keeper whose turn it is submits: the first in line waits a little for further signers.
    pub(crate) fn submit_at(&self, everybody_heard: bool) -> Time {
        if self.place == 0 && !everybody_heard { self.opened.plus(GRACE) } else { self.opened }
    }

    /// Whether this keeper has submitted in it.
    pub(crate) fn is_used(&self) -> bool {
        self.sent
    }

    /// How many there were before it.
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// Whether it is not the first one.
    pub(crate) fn is_takeover(&self) -> bool {
        self.place > 0
    }

    /// The turn with this keeper's submission in it.
    pub(crate) fn used(self) -> Self {
        Self { sent: true, ..self }
    }

    /// The turn after its submission has failed: it is up.
    pub(crate) fn failed(self, now: Time, stage: Duration) -> Self {
        if self.sent { Self { opened: now.minus(stage), ..self } } else { self }
    }
}

fn length(holder: KeeperIndex, heard: &SignerSet, stage: Duration) -> Duration {
    if heard.contains(holder) { stage } else { FAST_SKIP }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_pass_on_quickly_over_the_silent_and_slowly_over_the_others() {
        let (now, stage) = (Time(1_000_000), Duration::from_secs(3));
        let line = [1, 0, 2].map(KeeperIndex);
        let heard: SignerSet = [0, 2, 3, 4].map(KeeperIndex).into_iter().collect();
        let mut turn = Turn::first(now);
        let mut place = |after: Duration| {
            turn = turn.advanced(now.plus(after), &line, &heard, stage);
            turn.place
        };
        let instant = Duration::from_millis(1);
        assert_eq!(place(FAST_SKIP - instant), 0);
        assert_eq!(place(FAST_SKIP), 1, "keeper 1 has shown nothing");
        assert_eq!(place(FAST_SKIP + stage - instant), 1);
        assert_eq!(place(FAST_SKIP + stage), 2);
        assert_eq!(place(FAST_SKIP + 2 * stage), 3, "and round again");
        assert_eq!(Turn::first(now).submit_at(false), now.plus(GRACE), "the first in line waits for further signers");
        assert_eq!(Turn::first(now).submit_at(true), now);
        let second = Turn { place: 1, ..Turn::first(now) };
        assert_eq!(second.submit_at(false), now);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stretch_a_turn() {
        let (stage, hour) = (Duration::from_secs(3), Duration::from_secs(3_600));
        let (line, heard) = ([KeeperIndex(0), KeeperIndex(1)], [KeeperIndex(0)].into_iter().collect());
        let now = Time(10_000_000);
        let turn = Turn::first(now.plus(hour)).advanced(now, &line, &heard, stage);
        assert_eq!(turn.submit_at(false), now.plus(GRACE));
        assert!(turn.advanced(now.plus(stage), &line, &heard, stage).is_takeover());
    }

    #[test]
    fn a_failed_submission_ends_the_turn_and_a_turn_without_one_goes_on() {
        let (now, stage) = (Time(1_000_000), Duration::from_secs(3));
        let line = [0, 1].map(KeeperIndex);
        let heard: SignerSet = line.into_iter().collect();
        let turn = Turn::first(now);
        assert_eq!(turn.failed(now, stage).advanced(now, &line, &heard, stage), turn);
        let next = turn.used().failed(now, stage).advanced(now, &line, &heard, stage);
        assert!(next.is_takeover() && !next.is_used() && next.holder(&line) == Some(KeeperIndex(1)));
    }

    #[test]
    fn without_a_line_nobody_has_the_turn() {
        let turn = Turn::first(Time(5));
        assert_eq!(turn.holder(&[]), None);
        assert_eq!(turn.advanced(Time(u64::MAX), &[], &SignerSet::default(), FAST_SKIP), turn);
    }
}
