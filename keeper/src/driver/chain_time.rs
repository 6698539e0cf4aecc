//! How far the chain's time is ahead of this machine's clock. Due moments, windows and deadlines are the chain's; the clock
//! only guesses when its next block comes.
//!
//! A block with timestamp `t` that is seen at `s` shows that the chain's time was at least `t` then. If it came while the
//! newest block was being watched, it was not much more either: blocks are seen a moment after their second, not long
//! after. So every block that comes leaves a stretch in which the difference lies:
//!
//! ```text
//!      t - s                      t - s + slack
//!   ─────┼──────────────┼───────────────┼─────►  how far the chain is ahead of the clock
//!        └ at least     └ what is taken └ at most: only of blocks seen as they came
//!          so much        when the chain contradicts what was taken before
//! ```
//!
//! The clock is finer than blocks are: it is believed, and so is what was taken before, as long as the chain does not
//! contradict it. One block alone contradicts nothing, for it may be late or a lie; a confirmed one does, as far as it
//! shows that the chain is further.

use std::collections::VecDeque;

use consensus::time::Time;

/// Blocks that are looked at.
const SAMPLES: usize = 5;
/// How late a block may be seen, in milliseconds, beside a part of the block time: those with long pauses travel slowly. A
/// node that is a few blocks behind must not set back the keeper's windows; and who takes the chain to be a few seconds
/// further than it is waits for its blocks all the same, as anchors do not come sooner.
const SLACK_MS: i64 = 5_000;
const SLACK_OF_BLOCK: i64 = 4;
/// What is taken lies so far above the least that blocks show: they are seen some half a second after their own second.
const USUAL_DELAY_MS: i64 = 500;
/// A confirmed block may be so far ahead of what is taken: some chains date their blocks ahead.
const DATED_AHEAD_MS: i64 = 2_000;
/// Farther from the chain's time than this, in milliseconds, the clock or the chain is worth a word.
pub(super) const APART_MS: u64 = 10_000;

/// The chain's time as one keeper works it out.
#[derive(Debug)]
pub(super) struct ChainTime {
    block_ms: i64,
    /// How far the chain is ahead of the clock, in milliseconds.
    ahead_ms: i64,
    /// What blocks seen as they came show at least, oldest first.
    samples: VecDeque<i64>,
}

impl ChainTime {
    /// Of a chain that makes a block in so many seconds; the clock is believed.
    pub(super) fn new(block_seconds: u64) -> Self {
        let block_ms = i64::try_from(block_seconds.clamp(1, 3_600)).unwrap_or(1) * 1_000;
        Self { block_ms, ahead_ms: 0, samples: VecDeque::new() }
    }

    /// How far the chain is ahead of the clock, in milliseconds.
    pub(super) fn ahead_ms(&self) -> i64 {
        self.ahead_ms
    }

    /// Whether clock and chain are so far apart that people should know.
    pub(super) fn is_apart(&self) -> bool {
        self.ahead_ms.unsigned_abs() > APART_MS
    }

    /// A new newest block was seen: `timestamp` in Unix seconds, `seen_ms` by the clock; `live` if it came just then.
    pub(super) fn newest(&mut self, timestamp: u64, seen_ms: u64, live: bool) {
        let least = difference(timestamp, seen_ms);
        if !live {
            return self.raise(least.saturating_sub(DATED_AHEAD_MS).saturating_sub(self.block_ms));
        }
        self.samples.push_back(least);
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
        let mut ordered: Vec<i64> = self.samples.iter().copied().collect();
        ordered.sort_unstable_by(|a, b| b.cmp(a));
        // Of many the second highest: one block that is dated ahead, or a few that came late, move nothing.
        let least = ordered[usize::from(ordered.len() > 2)];
        let most = least.saturating_add(SLACK_MS + self.block_ms / SLACK_OF_BLOCK);
        let fits = |ahead: i64| (least..=most).contains(&ahead);
        if !fits(self.ahead_ms) {
            self.ahead_ms = if fits(0) { 0 } else { least.saturating_add(USUAL_DELAY_MS) };
        }
    }

    /// A confirmed block was told at `now`: the chain is at least so far.
    pub(super) fn head(&mut self, timestamp: u64, now: Time) {
        self.raise(difference(timestamp, now.0).saturating_sub(DATED_AHEAD_MS));
    }

    /// This machine's clock was set forward by so many milliseconds: the chain is so much less ahead of it, and all that blocks
    /// have shown is too.
    pub(super) fn clock_set(&mut self, by_ms: i64) {
        self.ahead_ms = self.ahead_ms.saturating_sub(by_ms);
        for sample in &mut self.samples {
            *sample = sample.saturating_sub(by_ms);
        }
    }

    /// Blocks were orphaned: their times need not be those of the blocks in their place.
    pub(super) fn rewound(&mut self) {
        self.samples.clear();
    }

    fn raise(&mut self, least: i64) {
        if least > self.ahead_ms {
            self.ahead_ms = least.saturating_add(DATED_AHEAD_MS);
        }
    }
}

/// Milliseconds from a moment of the clock to a timestamp in seconds.
fn difference(timestamp: u64, at_ms: u64) -> i64 {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    signed(timestamp.saturating_mul(1_000)).saturating_sub(signed(at_ms))
}

#[cfg(test)]
mod tests;
