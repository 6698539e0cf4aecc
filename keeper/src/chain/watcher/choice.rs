//! Which node a step goes to: the best one that has not failed again and again lately. One that is behind is better than one
//! that gets no step to its end.

use crate::chain::ChainError;
use crate::chain::rpc::{Node, Rpc};
use std::time::{Duration, Instant};

/// So many failures in a row are no chance.
const HOPELESS: u32 = 3;
/// For so long others are asked then.
const AVOIDED: Duration = Duration::from_secs(60);

/// The node that failed so last, and when.
#[derive(Debug, Default)]
pub(super) struct Choice {
    avoided: Option<(usize, Instant)>,
}

impl Choice {
    /// A step at this node has failed, the `failures`th one in a row.
    pub(super) fn failed(&mut self, place: usize, failures: u32) {
        if failures.is_multiple_of(HOPELESS) {
            self.avoided = Some((place, Instant::now()));
        }
    }

    /// The node to ask.
    ///
    /// # Errors
    /// None may be asked.
    pub(super) async fn of(&self, rpc: &Rpc) -> Result<Node, ChainError> {
        let mut ranked = rpc.ranked().await?;
        let is_fit =
            |node: &Node| self.avoided.is_none_or(|(place, at)| place != node.place || at.elapsed() >= AVOIDED);
        let best = ranked.iter().position(is_fit).unwrap_or_default();
        match best < ranked.len() {
            true => Ok(ranked.swap_remove(best)),
            false => Err(ChainError::Unreachable("there is no node to ask".to_owned())),
        }
    }
}
