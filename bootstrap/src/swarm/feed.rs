//! Lets the example feed change, so that reading it at the anchor matters.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use anyhow::Result;
use contracts::Feed;
use tokio::task::JoinHandle;

use super::anvil::Anvil;
use super::dice::draw;
use super::reorganiser::Calming;

const EVERY: Duration = Duration::from_secs(3);

/// Sets new values now and then; dropping it stops that.
#[derive(Debug)]
pub(super) struct FeedDriver {
    task: JoinHandle<()>,
}

impl FeedDriver {
    /// Starts with values drawn from `seed`, never zero.
    pub(super) fn start(anvil: &Anvil, feed: Address, seed: u64, calming: Calming) -> Self {
        let (provider, faucet) = (anvil.provider().clone(), anvil.faucet());
        let task = tokio::spawn(async move {
            let feed = Feed::new(feed, provider);
            let mut state = seed;
            loop {
                let value = U256::from(draw(&mut state) % 1_000_000 + 1);
                let calm = calming.calm().await;
                let set: Result<_, _> = feed.set(value).from(faucet).send().await;
                drop(calm);
                if let Err(error) = set {
                    tracing::debug!(%error, "the feed was not set");
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { task }
    }
}

impl Drop for FeedDriver {
    fn drop(&mut self) {
        self.task.abort();
    }
}
