//! Reads the chain block by block, and back where it has taken blocks back.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use alloy::eips::BlockId;
use alloy::primitives::B256;
use alloy::providers::{DynProvider, Provider};
use anyhow::{Context, Result, bail};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Ledger, Mark, Watched, unix_ms};

/// How often the chain is asked for a new block: also the resolution of the times to settlement.
const EVERY: Duration = Duration::from_millis(50);

/// The ledger, and how it stood after each block, oldest first.
#[derive(Debug, Default)]
struct Read {
    ledger: Ledger,
    marks: Vec<Mark>,
}

/// Follows the chain in the background; dropping it stops that.
#[derive(Debug)]
pub struct Follower {
    read: Arc<RwLock<Read>>,
    news: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Follows what happens to those who are watched from a block on.
    #[must_use]
    pub fn start(provider: DynProvider, watched: Watched, from: u64) -> Self {
        let ledger = Ledger { block: from.saturating_sub(1), ..Ledger::default() };
        let marks = vec![ledger.mark(None)];
        let read = Arc::new(RwLock::new(Read { ledger, marks }));
        let (tell, news) = watch::channel(0);
        let shared = Arc::clone(&read);
        let task = tokio::spawn(async move {
            loop {
                match step(&provider, &watched, &shared).await {
                    Ok(true) => {
                        let block = lock(&shared).ledger.block;
                        if tell.send(block).is_err() {
                            return;
                        }
                        continue;
                    }
                    Ok(false) => {}
                    // The chain may be stopped on purpose; nothing is skipped, so trying again is enough.
                    Err(error) => tracing::debug!(%error, "could not read the chain"),
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Self { read, news, task }
    }

    /// Reads no more.
    pub fn stop(&self) {
        self.task.abort();
    }

    /// Everything so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        lock(&self.read).ledger.clone()
    }

    /// Looks at everything so far without copying it.
    pub fn look<T>(&self, look: impl FnOnce(&Ledger) -> T) -> T {
        look(&lock(&self.read).ledger)
    }

    /// Hash of the last block read, if one was.
    #[must_use]
    pub fn newest(&self) -> Option<B256> {
        lock(&self.read).marks.last().and_then(|mark| mark.hash)
    }

    /// Waits until a block has been read since the last call returned; at once if one was read meanwhile.
    pub async fn next_block(&mut self) {
        if self.news.changed().await.is_err() {
            // Whoever told the news is gone (the task has panicked): there will be none.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(read: &RwLock<Read>) -> std::sync::RwLockReadGuard<'_, Read> {
    read.read().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the next block, or forgets the last one if the chain has taken it back; says whether there was anything to do.
async fn step(provider: &DynProvider, watched: &Watched, shared: &RwLock<Read>) -> Result<bool> {
    let last = lock(shared).marks.last().cloned().context("no block to begin with")?;
    let head = provider.get_block(BlockId::latest()).await?.context("there is no newest block")?;
    if head.header.number <= last.block {
        if last.hash.is_none_or(|hash| hash == head.header.hash) {
            return Ok(false);
        }
        shared.write().unwrap_or_else(PoisonError::into_inner).forget_last();
        return Ok(true);
    }
    let number = last.block + 1;
    let seen_ms = unix_ms();
    let block = provider.get_block_by_number(number.into()).await?;
    let header = block.with_context(|| format!("block {number} is not there yet"))?.header;
    if last.hash.is_some_and(|hash| hash != header.parent_hash) {
        shared.write().unwrap_or_else(PoisonError::into_inner).forget_last();
        return Ok(true);
    }
    let receipts = provider.get_block_receipts(BlockId::number(number)).await?.unwrap_or_default();
    let mut news = Ledger { block: number, timestamp: header.timestamp, ..Ledger::default() };
    for receipt in &receipts {
        if receipt.block_hash != Some(header.hash) {
            bail!("block {number} was replaced while it was read");
        }
        news.enter(receipt, watched, seen_ms)?;
    }
    // An empty block has no receipts that would name it.
    let again = provider.get_block_by_number(number.into()).await?;
    if again.is_none_or(|again| again.header.hash != header.hash) {
        bail!("block {number} was replaced while it was read");
    }
    shared.write().unwrap_or_else(PoisonError::into_inner).append(news, header.hash);
    Ok(true)
}

impl Read {
    fn append(&mut self, news: Ledger, hash: B256) {
        self.ledger.append(news);
        self.marks.push(self.ledger.mark(Some(hash)));
    }

    /// Goes back by a block, but never behind the one before the first.
    fn forget_last(&mut self) {
        if self.marks.len() > 1 {
            self.marks.pop();
        }
        if let Some(mark) = self.marks.last() {
            self.ledger.return_to(mark);
        }
    }
}

#[cfg(test)]
mod tests;
