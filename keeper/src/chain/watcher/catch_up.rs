//! Many blocks at once: history without headers, and ranges with them.

use super::{Interrupt, Watcher, send};
use crate::chain::heads::{self, Block, Fit};
use crate::chain::logs::{self, Blocks, Content, OurLog};
use crate::chain::{ChainError, ChainEvent, Head};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Headers asked for at the same time.
const PARALLEL_HEADERS: usize = 16;

impl Watcher {
    /// Passes on the logs of old blocks. A node answers "no logs" for blocks that are not there, so the last one has to
    /// be there; it is held as the parent of what comes after.
    pub(super) async fn history(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        from: u64,
        to: u64,
    ) -> Result<(), Interrupt> {
        let end = self.end_of_history(to).await?;
        let mut logs = logs::fetch(&self.provider, &self.config.network.contracts, Blocks::Range(from, to)).await?;
        self.compare(from, to, &mut logs).await?;
        // All questions come before the first event goes out: a failure then repeats the range as a whole.
        self.add_timestamps(&mut logs).await?;
        for log in logs {
            if let Some(kept) = log.kept {
                self.digest.push(*kept, &self.config.network.contracts);
            }
            match log.content {
                Content::Event(event) => send(events, event).await?,
                Content::Settled(settled) => send(events, ChainEvent::Settled(settled)).await?,
                Content::Epoch(epoch) => self.history_epoch = Some(epoch),
            }
        }
        self.held.begin_after(end);
        self.next = to + 1;
        self.settle_digest();
        Ok(())
    }

    /// A block that another good node has as well, where there is one. It lies so deep that every good node has it.
    async fn end_of_history(&self, number: u64) -> Result<Head, ChainError> {
        let end = heads::at(&self.provider, number).await?;
        let Some(other) = self.rpc.others(&self.node).into_iter().next() else { return Ok(end) };
        match heads::at(&other.provider(), number).await {
            Ok(theirs) if theirs.hash == end.hash => Ok(end),
            Ok(_) | Err(ChainError::Unbelievable { reason: "missing_block", .. }) => {
                let detail = format!("{} does not have its block {number} {}", other.origin(), end.hash);
                Err(ChainError::unbelievable("unconfirmed_history", detail))
            }
            Err(error) => {
                tracing::debug!(node = other.origin(), %error, "no second opinion on a block of history");
                Ok(end)
            }
        }
    }

    /// History is read without headers, so there are no filters to check it by: where there is another node, it is asked
    /// too, and the blocks about which the two differ are looked at one by one.
    async fn compare(&mut self, from: u64, to: u64, logs: &mut Vec<OurLog>) -> Result<(), ChainError> {
        let Some(other) = self.rpc.others(&self.node).into_iter().next() else { return Ok(()) };
        let range = Blocks::Range(from, to);
        let theirs = match logs::fetch(&other.provider(), &self.config.network.contracts, range).await {
            Ok(theirs) => theirs,
            Err(error) => {
                tracing::debug!(node = other.origin(), %error, "no second opinion on a range of logs");
                return Ok(());
            }
        };
        let differing = differing(logs, &theirs);
        // A block with logs that both know shows whether the chain has filters at all.
        if !differing.is_empty()
            && let Some(log) = logs.iter().find(|log| !differing.contains(&log.block))
        {
            self.doubts.note(&heads::block_at(&self.provider, log.block).await?);
        }
        for number in differing {
            self.rpc.count("logs_differ");
            let block = heads::block_at(&self.provider, number).await?;
            let contracts = &self.config.network.contracts;
            let found = logs::fetch(&self.provider, contracts, Blocks::One(number, block.head.hash)).await?;
            let found = self.believe(&block, found).await?;
            logs.retain(|log| log.block != number);
            let place = logs.partition_point(|log| log.block < number);
            logs.splice(place..place, found);
        }
        Ok(())
    }

    /// Fills in when settlements happened, for nodes that do not say so in the log.
    async fn add_timestamps(&self, logs: &mut [OurLog]) -> Result<(), ChainError> {
        let (mut block, mut timestamp) = (None, 0);
        for log in logs {
            let Content::Settled(settled) = &mut log.content else { continue };
            if log.timestamp.is_some() {
                continue;
            }
            if block != Some(log.block) {
                timestamp = heads::at(&self.provider, log.block).await?.timestamp;
                block = Some(log.block);
            }
            settled.timestamp = timestamp;
        }
        Ok(())
    }

    /// Passes on a range of blocks; gives back the first one if it does not continue what is held.
    pub(super) async fn range(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        from: u64,
        to: u64,
    ) -> Result<Option<Head>, Interrupt> {
        let blocks = self.headers(from, to).await?;
        for pair in blocks.windows(2) {
            let (parent, child) = (pair[0].head, pair[1].head);
            if child.parent != parent.hash || child.timestamp < parent.timestamp {
                let detail = format!("block {} does not follow block {}", child.number, parent.number);
                return Err(ChainError::unbelievable("not_linked", detail).into());
            }
        }
        if let Some(first) = blocks.first()
            && self.held.fit(&first.head)? == Fit::Reorganised
        {
            return Ok(Some(first.head));
        }
        let logs = logs::fetch(&self.provider, &self.config.network.contracts, Blocks::Range(from, to)).await?;
        // The logs are those of these headers only if no reorganisation came between.
        if blocks.last().map(|block| block.head) != Some(heads::at(&self.provider, to).await?) {
            return Err(ChainError::unbelievable("reorganised_meanwhile", format!("block {to} changed")).into());
        }
        let mut logs = logs.into_iter().peekable();
        for block in blocks {
            let head = block.head;
            let mut own = Vec::new();
            while let Some(log) = logs.next_if(|log| log.block == head.number) {
                if log.block_hash != head.hash {
                    let detail = format!("a log of block {} {}", log.block, log.block_hash);
                    return Err(ChainError::unbelievable("log_of_other_block", detail).into());
                }
                own.push(log);
            }
            let own = self.believe(&block, own).await?;
            self.pass_on(events, head, own).await?;
        }
        Ok(None)
    }

    async fn headers(&self, from: u64, to: u64) -> Result<Vec<Block>, ChainError> {
        let mut blocks = Vec::new();
        let mut asked = JoinSet::new();
        let mut numbers = from..=to;
        loop {
            while asked.len() < PARALLEL_HEADERS
                && let Some(number) = numbers.next()
            {
                let provider = self.provider.clone();
                asked.spawn(async move { heads::block_at(&provider, number).await });
            }
            match asked.join_next().await {
                None => break,
                Some(Ok(block)) => blocks.push(block?),
                Some(Err(error)) => return Err(ChainError::Unreachable(error.to_string())),
            }
        }
        blocks.sort_by_key(|block: &Block| block.head.number);
        Ok(blocks)
    }
}

/// The blocks about whose logs two answers differ.
fn differing(ours: &[OurLog], theirs: &[OurLog]) -> BTreeSet<u64> {
    let by_block = |logs: &[OurLog]| {
        let mut blocks = BTreeMap::<u64, Vec<Content>>::new();
        for log in logs {
            let mut content = log.content.clone();
            // Not every node puts the time into the log.
            if let Content::Settled(settled) = &mut content {
                settled.timestamp = 0;
            }
            blocks.entry(log.block).or_default().push(content);
        }
        blocks
    };
    let (ours, theirs) = (by_block(ours), by_block(theirs));
    ours.keys().chain(theirs.keys()).filter(|block| ours.get(block) != theirs.get(block)).copied().collect()
}
