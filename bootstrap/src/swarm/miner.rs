//! The blocks of a chain that reorganises: made here, one after the other, in the place of anvil's own clock.
//!
//! A block that anvil's clock has under way while others are taken back leaves numbers that have no block, for ever. With
//! one lock, held for each block and for each reorganisation as a whole, none ever is.

use std::sync::Arc;
use std::time::Duration;

use alloy::providers::{DynProvider, Provider};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Makes blocks until it is dropped; the chain stands then.
#[derive(Debug)]
pub(super) struct Miner {
    turn: Arc<Mutex<()>>,
    task: JoinHandle<()>,
}

impl Miner {
    /// Stops anvil's clock and makes a block `every` so often.
    ///
    /// # Errors
    /// When anvil refuses to stop its own.
    pub(super) async fn start(provider: DynProvider, every: Duration) -> Result<Self> {
        let stopped = provider.raw_request::<_, Value>("evm_setIntervalMining".into(), json!([0])).await;
        stopped.context("anvil refuses to stop its clock")?;
        let turn = Arc::new(Mutex::new(()));
        let ours = Arc::clone(&turn);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let _turn = ours.lock().await;
                if let Err(error) = provider.raw_request::<_, Value>("evm_mine".into(), json!([])).await {
                    tracing::warn!(%error, "anvil made no block");
                }
            }
        });
        Ok(Self { turn, task })
    }

    /// No block is made while the answer is held.
    pub(super) async fn pause(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.task.abort();
    }
}
