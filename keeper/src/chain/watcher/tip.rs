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

/// What nodes have answered about blocks that were not passed on yet, by number: no more than are asked for at a time.
pub(super) type Ahead = BTreeMap<u64, (Block, Vec<OurLog>)>;

async fn read(provider: &ChainProvider, contracts: &Contracts, number: u64, known: Option<Block>) -> Read {
    let block = match known {
        Some(block) => block,
        None => heads::block_at(provider, number).await?,
    };
    Ok((block, logs::fetch(provider, contracts, Blocks::One(number, block.head.hash)).await))
}

impl Watcher {
    /// What was read of a block before, where nothing speaks against it: it follows what is held, in time too, and has logs where
    /// its filter promises some and none elsewhere. Else it is asked for again: another node may have answered, or this one before
    /// a reorganisation, and nobody is blamed for that.
    fn read_before(&mut self, number: u64) -> Option<(Block, Vec<OurLog>)> {
        let (block, logs) = self.ahead.remove(&number)?;
        let follows = matches!(self.held.fit(&block.head), Ok(Fit::Next)) && !self.leaps(&block.head);
        (follows && self.are_promised(&block) != logs.is_empty()).then_some((block, logs))
    }

    /// Asks for a block, and besides for those after it, to `to` at most.
    async fn read_ahead(&mut self, number: u64, to: u64, latest: &Latest) -> Read {
        let mut asked = JoinSet::new();
        let last = to.min(number.saturating_add(AHEAD - 1));
        self.ahead.retain(|kept, _| (number + 1..=last).contains(kept));
        for number in (number..=last).filter(|number| !self.ahead.contains_key(number)) {
            let (provider, contracts) = (self.provider.clone(), self.config.network.contracts);
            let newest = Block { head: latest.head, bloom: latest.bloom };
            let known = (latest.head.number == number).then_some(newest);
            asked.spawn(async move { (number, read(&provider, &contracts, number, known).await) });
        }
        let mut first = Err(ChainError::Unreachable(format!("block {number} was not asked for")));
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok((answered, answer)) if answered == number => first = answer,
                Ok((answered, Ok((block, Ok(logs))))) => drop(self.ahead.insert(answered, (block, logs))),
                // It is asked again when its turn has come.
                Ok(_) | Err(_) => {}
            }
        }
        first
    }

    /// Passes on one block; gives back the block that stands in the way: this one, if it does not continue what is held,
    /// or the newest one, if it is not there.
    pub(super) async fn single(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        (number, to): (u64, u64),
        latest: &Latest,
    ) -> Result<Option<Head>, Interrupt> {
        let (block, found) = match self.read_before(number) {
            Some((block, logs)) => (block, Ok(logs)),
            None => self.read_ahead(number, to, latest).await?,
        };
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
        self.settle_digest();
        Ok(())
    }
}
