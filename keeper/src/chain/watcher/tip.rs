//! The newest blocks: asked for several at a time, passed on one by one.

use super::{Interrupt, Watcher, send};
use crate::chain::heads::{self, Block, Fit, Latest};
use crate::chain::logs::{self, Blocks, Content, OurLog};
use crate::chain::rpc::ChainProvider;
use crate::chain::snapshot;
use crate::chain::{ChainError, ChainEvent, Contracts, Head, Settled};
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Blocks asked for at a time. Whoever is a few blocks behind where every answer takes as long as a block would stay behind,
/// were one asked for after the other.
const AHEAD: u64 = 8;

/// A block and its logs, as a node has answered.
type Read = Result<(Block, Result<Vec<OurLog>, ChainError>), ChainError>;

/// What has been read of the newest blocks and not been passed on yet, by number.
#[derive(Debug, Default)]
pub(super) struct Ahead(BTreeMap<u64, Read>);

async fn read(provider: &ChainProvider, contracts: &Contracts, number: u64, known: Option<Block>) -> Read {
    let block = match known {
        Some(block) => block,
        None => heads::block_at(provider, number).await?,
    };
    Ok((block, logs::fetch(provider, contracts, Blocks::One(number, block.head.hash)).await))
}

impl Watcher {
    /// Asks for the blocks from `from` on, to `to` at most.
    async fn read_ahead(&self, from: u64, to: u64, latest: &Latest) -> Ahead {
        let mut asked = JoinSet::new();
        for number in from..=to.min(from.saturating_add(AHEAD - 1)) {
            let (provider, contracts) = (self.provider.clone(), self.config.network.contracts);
            let newest = Block { head: latest.head, bloom: latest.bloom };
            let known = (latest.head.number == number).then_some(newest);
            asked.spawn(async move { (number, read(&provider, &contracts, number, known).await) });
        }
        let mut found = BTreeMap::new();
        while let Some(answer) = asked.join_next().await {
            found.extend(answer);
        }
        Ahead(found)
    }

    /// Passes on one block; gives back the block that stands in the way: this one, if it does not continue what is held,
    /// or the newest one, if it is not there.
    pub(super) async fn single(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        (number, to): (u64, u64),
        latest: &Latest,
        ahead: &mut Ahead,
    ) -> Result<Option<Head>, Interrupt> {
        if !ahead.0.contains_key(&number) {
            *ahead = self.read_ahead(number, to, latest).await;
        }
        let missing = || ChainError::Unreachable(format!("block {number} was not asked for"));
        let (block, found) = ahead.0.remove(&number).ok_or_else(missing)??;
        let newest = latest.head.number == number;
        if self.held.fit(&block.head)? == Fit::Reorganised {
            return Ok(Some(block.head));
        }
        self.confirm_time(&block.head).await?;
        let logs = match found {
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
