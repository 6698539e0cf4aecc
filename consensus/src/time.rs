//! Time as data: the protocol never reads a clock, and every span it waits is here with its reason.
//!
//! The keeper's own clock counts in milliseconds, the chain's in seconds: a [`Time`] and a [`Duration`] are of the
//! first kind, whatever is called `seconds` of the second. What is due, windows and deadlines are the chain's; waiting is
//! the keeper's own. [`Pace`] alone knows how the two clocks stand to each other.

use std::time::Duration;

use crate::task::{CATCH_UP_FIRST, is_catch_up};

/// Milliseconds since the Unix epoch, as the keeper's own clock tells. Only liveness depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub u64);

impl Time {
    /// The moment `seconds` after the Unix epoch; the end of time if that does not fit.
    pub fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds since the Unix epoch.
    pub fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// This moment and `span` more.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(milliseconds(span)))
    }

    /// This moment less `span`.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(milliseconds(span)))
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// How long a message that could become right is kept without a verdict. Gossip forgets it after six heartbeats.
pub const HOLD: Duration = Duration::from_millis(1_000);
/// How long partials wait for company before their signatures are checked; a quorum does not wait.
pub const VERIFY_DELAY: Duration = Duration::from_millis(5);
/// The same for partials that came straight: nobody waits for them to be passed on, and each look at a sum costs a pairing. Four fit
/// into [`GRACE`].
pub const SUM_DELAY: Duration = Duration::from_millis(25);
/// How long the leader goes on collecting once it has a quorum: each further signer saves about 1,900 gas.
pub const GRACE: Duration = Duration::from_millis(100);
/// How long after quorum a leader whose own partial is missing counts as silent (the mesh delivers in a third of it).
pub const FAST_SKIP: Duration = Duration::from_millis(300);
/// How long after a task is due, or its batch has failed, each further stage waits before it assigns the task itself.
pub const SILENCE: Duration = Duration::from_millis(400);
/// How long a leader goes on collecting observations once two thirds of the stake have been heard: those of the rest make a
/// median better, and none of them is waited for that is down.
pub const GATHER: Duration = Duration::from_millis(250);
/// How many windows after its own a task may be assigned whose job looks outside: that takes seconds.
pub const OBSERVED_WINDOWS: u64 = 3;
/// How long a keeper that has signed waits for a quorum before it asks a peer what it lacks, and before it asks another one.
pub const REPAIR: Duration = Duration::from_millis(1_000);
/// The longest pause between such questions: it doubles with each that brings nothing. Half of what passes before the next
/// attempt at common paces, so that each attempt is asked about a few times.
pub const REPAIR_MOST: Duration = Duration::from_millis(4_000);
/// How long a keeper listens at its start before it signs: peers answer what it signed before within this time.
pub const LISTEN: Duration = Duration::from_millis(2_000);
/// How late a task may settle, in seconds: the contract refuses what is later (its `EXPIRY_SECONDS`).
pub const EXPIRY_SECONDS: u64 = 3_600;
/// How many windows tasks, batches and assignments are remembered after they are over, for latecomers: in so many a
/// line of submitters gets several turns.
pub const RETENTION_WINDOWS: u64 = 15;
/// Every so many windows what is late is caught up with. With shortest windows the numbers of such attempts last for an hour and four
/// minutes: none comes twice while a task may settle.
pub const CATCH_UP_WINDOWS: u64 = 8;
/// How many numbers there are for them.
const CATCH_UPS: u64 = 256 - CATCH_UP_FIRST as u64;

/// The spans that follow from the chain's pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Seconds between two blocks; where they are shorter 1, and a second's blocks count as one.
    pub block_seconds: u64,
    /// Milliseconds between two blocks.
    pub block_ms: u64,
    /// Blocks on top of a block before it is acted on: for whoever compares numbers of blocks.
    pub confirmations: u64,
    /// Seconds that so many blocks take, rounded up: for whoever compares moments.
    pub confirmed_seconds: u64,
    /// How many milliseconds the chain's time is ahead of the keeper's own clock.
    pub ahead_ms: i64,
}

impl Pace {
    /// The pace of a chain with a block every `block_time`, a number of whole seconds or less than one. Headers tell
    /// seconds, so blocks shorter than that are counted by the second: as many as begin in one are one. The chain's time
    /// counts as the clock's until it has shown another.
    pub const fn of(block_time: Duration, confirmations: u64) -> Self {
        let block_seconds = if block_time.as_secs() == 0 { 1 } else { block_time.as_secs() };
        let block_ms = if block_time.as_secs() == 0 {
            block_time.subsec_millis() as u64
        } else {
            block_seconds.saturating_mul(1_000)
        };
        let confirmed_seconds = confirmations.saturating_mul(block_ms).div_ceil(1_000);
        Self { block_seconds, block_ms, confirmations, confirmed_seconds, ahead_ms: 0 }
    }

    /// Seconds that so many blocks take where none is late, rounded up.
    pub fn seconds_of(&self, blocks: u64) -> u64 {
        blocks.saturating_mul(self.block_ms).div_ceil(1_000)
    }

    /// Length of a window in seconds: one block, but at least 2 s.
    pub fn window_seconds(&self) -> u64 {
        self.block_seconds.max(2)
    }

    /// The window that a moment of the chain lies in, given in Unix seconds.
    pub fn window_of(&self, seconds: u64) -> u64 {
        seconds / self.window_seconds()
    }

    /// The chain's time at a moment of the keeper's clock, in milliseconds since the Unix epoch.
    pub fn chain_time(&self, now: Time) -> Time {
        Time(now.0.saturating_add_signed(self.ahead_ms))
    }

    /// When it is so late on the chain, by the keeper's clock; `seconds` since the Unix epoch.
    pub fn moment(&self, seconds: u64) -> Time {
        Time(Time::from_seconds(seconds).0.saturating_add_signed(self.ahead_ms.saturating_neg()))
    }

    /// The window that a moment of the keeper's clock lies in.
    pub fn window_at(&self, now: Time) -> u64 {
        self.window_of(self.chain_time(now).seconds())
    }

    /// When a window begins.
    pub fn window_start(&self, window: u64) -> Time {
        self.moment(window.saturating_mul(self.window_seconds()))
    }

    /// How far before its due moment a task's anchor lies, so that it is fixed by then even if a block comes late.
    pub fn lag_seconds(&self) -> u64 {
        self.confirmed_seconds.saturating_add(self.block_seconds.saturating_mul(2))
    }

    /// Seconds between the first two attempts at a task: four windows. Each pause is twice the one before.
    pub fn retry_seconds(&self) -> u64 {
        self.window_seconds() * 4
    }

    /// How long a submitter has before the next in line takes over.
    pub fn stage(&self) -> Duration {
        let settled = Duration::from_secs(self.block_seconds.saturating_mul(2)) + Duration::from_millis(400);
        (settled + 2 * FAST_SKIP).max(Duration::from_secs(2))
    }

    /// The same in whole seconds, rounded up: what is later than this in chain time has missed a stage.
    pub fn stage_seconds(&self) -> u64 {
        milliseconds(self.stage()).div_ceil(1000)
    }

    /// How long tasks and batches are remembered after they are over: [`RETENTION_WINDOWS`].
    pub fn retention(&self) -> Duration {
        Duration::from_secs(self.window_seconds().saturating_mul(RETENTION_WINDOWS))
    }

    /// How long a leader that has sent `sent` of the assignments it has for a window waits for company before the next:
    /// twice as long each time, and half a window before the last, so that all together last for one.
    pub fn gathering(&self, sent: u8, all: u8) -> Duration {
        Duration::from_secs(self.window_seconds()) / 2_u32.saturating_pow(u32::from(all.saturating_sub(sent)))
    }

    /// When attempt `attempt` at a task due at `due` starts, in seconds.
    pub fn attempt_due(&self, due: u64, attempt: u8) -> u64 {
        if is_catch_up(attempt) {
            return self.caught_up_at(due, u64::from(attempt - CATCH_UP_FIRST));
        }
        let pauses = 1_u64.checked_shl(attempt.into()).map_or(u64::MAX, |power| power - 1);
        due.saturating_add(pauses.saturating_mul(self.retry_seconds()))
    }

    /// The first moment at which the catch-up of this number, counted from zero, takes place for what was due at `due`, in seconds. It
    /// lies two blocks after `due` at least: so far before its moment an attempt has its anchor, besides the confirmations, and what a
    /// block made due was due in none before that block.
    fn caught_up_at(&self, due: u64, number: u64) -> u64 {
        let each = CATCH_UP_WINDOWS * self.window_seconds();
        let next = due.saturating_add(2 * self.block_seconds) / each + 1;
        let further = (number + CATCH_UPS - next % CATCH_UPS) % CATCH_UPS;
        next.saturating_add(further).saturating_mul(each)
    }

    /// The attempt at all that is late by then that a window brings; most bring none.
    pub fn catch_up_attempt(&self, window: u64) -> Option<u8> {
        let number = u8::try_from(window / CATCH_UP_WINDOWS % CATCH_UPS).ok()?;
        window.is_multiple_of(CATCH_UP_WINDOWS).then_some(CATCH_UP_FIRST + number)
    }

    /// The first window after this one in which what is late is caught up with.
    pub fn catch_up_after(&self, window: u64) -> u64 {
        (window / CATCH_UP_WINDOWS + 1).saturating_mul(CATCH_UP_WINDOWS)
    }

    /// When a task due at `due` counts as late, in seconds: after the windows of its first four attempts.
    pub fn late_from(&self, due: u64) -> u64 {
        self.attempt_due(due, 3).saturating_add(2 * self.window_seconds())
    }

    /// When a task due at `due` is given up, in seconds: the contract takes it no more.
    pub fn deadline(&self, due: u64) -> u64 {
        due.saturating_add(EXPIRY_SECONDS)
    }

    /// How far back a keeper tells its engine every task, in seconds, and how long what is settled is remembered at least: 32
    /// windows. Of what is older it tells what has not settled.
    pub fn reach_seconds(&self) -> u64 {
        self.retry_seconds().saturating_mul(8)
    }

    /// The anchor by time of an attempt is the last block with a timestamp up to this one.
    pub fn anchor_limit(&self, due: u64, attempt: u8) -> u64 {
        self.attempt_due(due, attempt).saturating_sub(self.lag_seconds())
    }

    /// The leader seed of a window is taken from the last block with a timestamp up to this one: the start of the
    /// window before it, less the time the block needs to be confirmed by then.
    pub fn seed_limit(&self, window: u64) -> u64 {
        let start = window.saturating_sub(1).saturating_mul(self.window_seconds());
        start.saturating_sub(self.confirmed_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Few enough that a task on which nobody agrees costs little, and the last one while the contract would still take it.
    #[test]
    fn attempts_come_ever_later_within_the_hour() {
        let starts = |block_seconds| {
            let pace = Pace::of(Duration::from_secs(block_seconds), 0);
            let starts = (0..crate::task::ATTEMPTS_MAX).map(|attempt| pace.attempt_due(1_000, attempt) - 1_000);
            starts.take_while(|start| *start < EXPIRY_SECONDS).collect::<Vec<_>>()
        };
        assert_eq!(starts(1), [0, 8, 24, 56, 120, 248, 504, 1_016, 2_040]);
        assert_eq!(starts(12), [0, 48, 144, 336, 720, 1_488, 3_024]);
        let pace = Pace::of(Duration::from_secs(1), 0);
        assert!(pace.attempt_due(0, crate::task::ATTEMPTS_MAX) > EXPIRY_SECONDS, "no further one would come");
        assert_eq!(
            (pace.attempt_due(u64::MAX, 8), pace.attempt_due(u64::MAX, 255), pace.deadline(u64::MAX)),
            (u64::MAX, u64::MAX, u64::MAX)
        );
    }

    /// All that is late has one moment, whatever it is due, and an attempt has one in the time in which a task may settle.
    #[test]
    fn a_catch_up_is_one_moment_for_all() {
        for block_seconds in [1, 12] {
            let pace = Pace::of(Duration::from_secs(block_seconds), 0);
            let due = 1_763_901_237;
            let mut window = pace.window_of(due);
            let mut attempts = std::collections::BTreeSet::new();
            while pace.window_start(window) < pace.moment(pace.deadline(due)) {
                window = pace.catch_up_after(window);
                let attempt = pace.catch_up_attempt(window).unwrap();
                let moment = window * pace.window_seconds();
                let newest = moment - 2 * block_seconds - 1;
                for due in [due, due + 1, newest, moment.saturating_sub(EXPIRY_SECONDS).max(due)] {
                    let due = due.min(newest);
                    assert_eq!(pace.attempt_due(due, attempt), moment, "attempt {attempt} at what was due at {due}");
                }
                // The anchor of what came due later may lie before the block that made it due.
                assert!(pace.anchor_limit(newest, attempt) >= newest - pace.confirmed_seconds);
                assert!(pace.attempt_due(newest + 1, attempt) > moment);
                assert!(pace.catch_up_attempt(window + 1).is_none() && attempts.insert(attempt));
            }
        }
    }

    #[test]
    fn windows_and_due_moments_are_the_chains() {
        for ahead_ms in [0, 3_600_000, -45_000] {
            let pace = Pace { ahead_ms, ..Pace::of(Duration::from_secs(1), 0) };
            let due = pace.moment(2_000_000);
            assert_eq!(i128::from(due.0), 2_000_000_000 - i128::from(ahead_ms));
            assert_eq!(pace.chain_time(due), Time::from_seconds(2_000_000));
            assert_eq!((pace.window_at(due), pace.window_start(1_000_000)), (1_000_000, due));
        }
        let pace = Pace { ahead_ms: i64::MIN, ..Pace::of(Duration::from_secs(1), 0) };
        assert_eq!((pace.chain_time(Time(5)), pace.moment(u64::MAX)), (Time(0), Time(u64::MAX)), "nothing overflows");
    }

    #[test]
    fn blocks_of_whole_seconds_count_one_by_one() {
        let pace = Pace { block_seconds: 12, block_ms: 12_000, confirmations: 3, confirmed_seconds: 36, ahead_ms: 0 };
        assert_eq!(Pace::of(Duration::from_secs(12), 3), pace);
    }

    /// 250 ms, 40 confirmations: ten seconds, and two blocks more, which are counted as a second each.
    #[test]
    fn shorter_blocks_are_counted_by_the_second() {
        let pace = Pace::of(Duration::from_millis(250), 40);
        assert_eq!((pace.lag_seconds(), pace.window_seconds()), (12, 2));
        assert_eq!(pace.confirmations, 40, "numbers of blocks are compared with numbers of blocks");
        let (limit, blocks) = (pace.anchor_limit(1_000, 0), pace.lag_seconds() * 4);
        assert_eq!(limit, 988);
        assert!(blocks < 100, "the contract takes an anchor so many blocks back");
        assert_eq!(pace.seed_limit(500), 988, "499 * 2 s, less ten");
        assert_eq!(Pace::of(Duration::from_millis(250), 1).confirmed_seconds, 1, "rounded up");
        assert_eq!((pace.seconds_of(1_001), pace.seconds_of(u64::MAX)), (251, u64::MAX / 1_000 + 1));
    }
}
