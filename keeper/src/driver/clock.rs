//! Whether this machine's clock was set: it is compared with one that nobody sets, and that goes on at the same pace.
//!
//! The core is told of a step before anything else happens, so that it knows at once that it is the clock that has moved, and
//! not the chain. A clock that is drawn slowly is no step: between two looks it goes by a few milliseconds.

use std::time::Instant;

use consensus::time::Time;

/// A clock that goes wrong by so much between two looks was set, in milliseconds.
const STEP_MS: i64 = 1_000;

/// Both clocks as they were seen last.
#[derive(Debug)]
pub(super) struct Clock {
    wall: Time,
    steady: Instant,
}

impl Clock {
    pub(super) fn new(wall: Time, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// By how many milliseconds the clock was set since the last look, forward or, if negative, back.
    pub(super) fn step(&mut self, wall: Time, steady: Instant) -> Option<i64> {
        let passed = i128::try_from(steady.saturating_duration_since(self.steady).as_millis()).unwrap_or(i128::MAX);
        let shown = i128::from(wall.0) - i128::from(self.wall.0);
        *self = Self::new(wall, steady);
        let step = i64::try_from(shown.saturating_sub(passed)).unwrap_or(i64::MAX);
        (step.unsigned_abs() > STEP_MS.unsigned_abs()).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_a_clock_that_was_set_has_made_a_step() {
        let (wall, steady) = (Time(1_000_000_000), Instant::now());
        let mut clock = Clock::new(wall, steady);
        let mut look = |wall_ms: u64, steady_ms: u64| {
            clock.step(Time(wall.0 + wall_ms), steady + Duration::from_millis(steady_ms))
        };
        assert_eq!(look(100, 100), None);
        assert_eq!(look(60_100, 60_000), None, "nothing was looked at for a while");
        assert_eq!(look(3_660_200, 60_100), Some(3_600_000));
        assert_eq!(look(3_660_300, 60_200), None, "a step is told once");
        assert_eq!(look(60_300, 60_300), Some(-3_600_100));
        assert_eq!(look(61_200, 60_400), None, "less than a second");
    }
}
