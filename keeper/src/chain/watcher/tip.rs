//! The newest blocks, one by one.

use super::{Interrupt, Watcher, send};
use crate::chain::heads::{self, Block, Fit, Latest};
use crate::chain::logs::{self, Blocks, Content, OurLog};
use crate::chain::snapshot;
use crate::chain::{ChainError, ChainEvent, Head, Settled};
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
        self.confirm_time(&block.head).await?;
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

    /// Sends a block's events and then its head. Everything is read before the first event goes out, so a failure
    /// leaves the block to be passed on again as a whole.
    pub(super) async fn pass_on(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        head: Head,
        logs: Vec<OurLog>,
    ) -> Result<(), Interrupt> {
        let mut ready = Vec::with_capacity(logs.len() + 2);
        let registry = self.config.network.contracts.keeper_registry;
        if let Some(log) = &self.history_epoch {
            ready.push(ChainEvent::Epoch(snapshot::load_epoch(&self.provider, registry, log).await?));
        }
        let mut kept = Vec::new();
        for log in logs {
            kept.extend(log.kept);
            ready.push(match log.content {
                Content::Event(event) => event,
                Content::Settled(settled) => ChainEvent::Settled(Settled { timestamp: head.timestamp, ..settled }),
                Content::Epoch(log) => ChainEvent::Epoch(snapshot::load_epoch(&self.provider, registry, &log).await?),
            });
        }
        ready.push(ChainEvent::Head(head));
        for event in ready {
            send(events, event).await?;
        }
        let contracts = &self.config.network.contracts;
        kept.into_iter().for_each(|kept| self.digest.push(*kept, contracts));
        self.history_epoch = None;
        self.held.push(head);
        self.next = head.number + 1;
        Ok(())
    }
}
