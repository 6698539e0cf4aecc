//! What a block's time is doubted for: hash and parent tie blocks to each other, but nothing here ties a block's time to
//! its hash. A time that is too late would make tasks due that are not, and every block after it look older than its
//! parent.

use super::{Interrupt, Watcher, wall_clock};
use crate::chain::heads;
use crate::chain::{ChainError, ChainEvent, Head};
use tokio::sync::mpsc;

/// Seconds that a block may come after the one before it, and after the clock, on one node's word alone.
const LEAP_SECONDS: u64 = 60;

/// How blocks that seem older than their parent are counted.
pub(super) const TIME_RUNS_BACK: &str = "time_runs_back";

impl Watcher {
    /// Whether a block is much later than both the one before it and the clock.
    pub(super) fn leaps(&self, head: &Head) -> bool {
        let expected = |last: Head| last.timestamp.max(wall_clock().as_secs()).saturating_add(LEAP_SECONDS);
        self.held.last().is_some_and(|last| head.timestamp > expected(last))
    }

    /// A block much later than both the one before it and the clock is shown by another good node too, where there is one.
    /// There are such chains: some stand still for hours, some are ahead of all clocks.
    ///
    /// # Errors
    /// The other node does not show it, or not at that time: asked again, it may.
    pub(super) async fn confirm_time(&self, head: &Head) -> Result<(), ChainError> {
        let Some(last) = self.held.last().filter(|_| self.leaps(head)) else { return Ok(()) };
        let Some(other) = self.rpc.others(&self.node).into_iter().next() else { return Ok(()) };
        let theirs = heads::at(&other.provider(), head.number).await?;
        if theirs.hash == head.hash && theirs.timestamp == head.timestamp {
            return Ok(());
        }
        let detail = format!(
            "block {} at {}, {} s after the one before it, which {} does not show",
            head.number,
            head.timestamp,
            head.timestamp.saturating_sub(last.timestamp),
            other.origin()
        );
        Err(ChainError::unbelievable("time_leaps", detail))
    }

    /// A block is older than its parent, says the node: one of the two times was told wrong. The parent's is asked for
    /// again; if it is another now, what was built on it is taken back.
    ///
    /// # Errors
    /// The parent stands as it was: `error` is this block's.
    pub(super) async fn doubt_parent(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        error: ChainError,
    ) -> Result<(), Interrupt> {
        let Some(last) = self.held.last().or(self.held.end_of_history()) else { return Err(error.into()) };
        let shown = heads::at(&self.provider, last.number).await?;
        if shown.hash != last.hash || shown.timestamp >= last.timestamp {
            return Err(error.into());
        }
        self.rpc.count("time_corrected");
        let (block, was, is) = (last.number, last.timestamp, shown.timestamp);
        tracing::warn!(block, was, is, "a node showed this block with another time before: going back below it");
        if self.held.last().is_none() {
            self.held.begin_after(shown);
            return Ok(());
        }
        self.newest.forget();
        match self.held.get(block.saturating_sub(1)) {
            Some(before) => self.back_to(events, before.number).await,
            None => self.start_over(events).await,
        }
    }
}
