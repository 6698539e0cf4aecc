//! The newest blocks, one by one.

use super::{Interrupt, Watcher};
use crate::chain::heads::{self, Block, Fit, Latest};
use crate::chain::logs::{self, Blocks};
use crate::chain::{ChainError, ChainEvent, Head};
use tokio::sync::mpsc;

impl Watcher {
    /// Passes on one block; gives back the block that stands in the way: this one, if it does not continue what is held,
    /// or the newest one, if it is not there.
    pub(super) async fn single(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        number: u64,
        latest: &Latest,
    ) -> Result<Option<Head>, Interrupt> {
        let newest = latest.head.number == number;
        let block = if newest {
            Block { head: latest.head, bloom: latest.bloom }
        } else {
            heads::block_at(&self.provider, number).await?
        };
        if self.held.fit(&block.head)? == Fit::Reorganised {
            return Ok(Some(block.head));
        }
        let contracts = &self.config.network.contracts;
        let logs = match logs::fetch(&self.provider, contracts, Blocks::One(number, block.head.hash)).await {
            // Some nodes take the block they are still building for the newest one: nothing else knows it.
            Err(ChainError::Refused(_)) if newest && self.is_pending(&block.head).await? => {
                self.rpc.count("pending_for_latest");
                return Ok(Some(Head { number: number.saturating_add(1), ..block.head }));
            }
            logs => logs?,
        };
        let logs = self.believe(&block, logs).await?;
        self.pass_on(events, block.head, logs).await?;
        Ok(None)
    }

    /// Whether a block cannot be had by its number.
    async fn is_pending(&self, head: &Head) -> Result<bool, ChainError> {
        match heads::at(&self.provider, head.number).await {
            Ok(there) => Ok(there.hash != head.hash),
            Err(ChainError::Unbelievable { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }
}
