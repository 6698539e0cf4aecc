//! The start from what was written down, and writing it down.

use super::{Interrupt, Watcher, send};
use crate::chain::digest::{Digest, DigestFile, Kept};
use crate::chain::heads::{self, HELD_BLOCKS};
use crate::chain::logs::{self, Content};
use crate::chain::{ChainError, ChainEvent, Head};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Seconds of history that every start reads from the chain: the contract takes no report older than an hour, so the
/// settlements before that matter to nobody.
const READ_SECONDS: u64 = 7_200;
/// What lies below the blocks held is kept in so many stretches of about the same length at most, until it is that old.
const STRETCHES: u64 = 8;
/// Blocks and time between two writings.
const WRITE_BLOCKS: u64 = 256;
const WRITE_PAUSE: Duration = Duration::from_secs(60);

/// What is remembered over a restart, and where.
#[derive(Debug)]
pub(super) struct Memory {
    file: Option<DigestFile>,
    /// What the file held, until the chain confirms or refutes it.
    unconfirmed: Option<(Head, Vec<Kept>)>,
    /// When it was written last, and at which block.
    written: Option<(Instant, u64)>,
    /// Why it is not written, where it is given up.
    trouble: watch::Sender<Option<String>>,
}

impl Memory {
    /// Of a watcher that remembers nothing.
    pub(super) fn none() -> Self {
        Self { file: None, unconfirmed: None, written: None, trouble: watch::Sender::default() }
    }
}

impl Watcher {
    /// Remembers over restarts what the chain's history comes to, in a file in `datadir`. It may be deleted at any time.
    #[must_use]
    pub fn remembering(mut self, datadir: &Path) -> Self {
        let file = DigestFile::in_dir(datadir);
        self.memory.unconfirmed = file.read(&self.config);
        self.memory.file = Some(file);
        self
    }

    /// Takes up what was written down, if the chain has its block.
    pub(super) async fn resume(&mut self, events: &mpsc::Sender<ChainEvent>) -> Result<(), Interrupt> {
        let Some((head, _)) = &self.memory.unconfirmed else { return Ok(()) };
        let head = *head;
        match heads::at(&self.provider, head.number).await {
            Ok(there) if there.hash == head.hash => {}
            // Another block, or none: not the chain it was written of, or not all of it.
            Ok(_) | Err(ChainError::Unbelievable { reason: "missing_block", .. }) => {
                tracing::warn!(
                    block = head.number,
                    "the chain does not have the block of what was written down: reading it all"
                );
                self.rpc.count("digest_refuted");
                self.memory.unconfirmed = None;
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        let Some((head, kept)) = self.memory.unconfirmed.take() else { return Ok(()) };
        let mut told = Vec::with_capacity(kept.len());
        for log in kept.iter().map(Kept::log) {
            match logs::decode(&log, &self.config.network.contracts) {
                Ok(decoded) => told.extend(decoded),
                Err(error) => {
                    tracing::warn!(%error, "what was written down does not decode: reading it all");
                    self.drop_digest();
                    return Ok(());
                }
            }
        }
        for log in told {
            match log.content {
                Content::Event(event) => send(events, event).await?,
                Content::Epoch(epoch) => self.history_epoch = Some(epoch),
                Content::Settled(_) => {}
            }
        }
        tracing::info!(block = head.number, logs = kept.len(), "took up what was written down of the chain's history");
        self.digest = Digest::restored(&head, kept, &self.config.network.contracts);
        self.memory.written = Some((Instant::now(), head.number));
        self.held.begin_after(head);
        self.next = head.number + 1;
        Ok(())
    }

    /// Writes down what the history comes to, now and then; nothing of what was read beyond the newest confirmed block.
    pub(super) async fn write_down(&mut self, confirmed: u64) -> Result<(), ChainError> {
        let Some(file) = self.memory.file.clone() else { return Ok(()) };
        if let Some(why) = self.digest.trouble() {
            self.give_up(why);
        }
        let Some(deep) = self.deep_enough().filter(|deep| *deep <= confirmed) else { return Ok(()) };
        let at = self.digest.settle(deep);
        let due = self
            .memory
            .written
            .is_none_or(|(when, block)| at >= block.saturating_add(WRITE_BLOCKS) && when.elapsed() >= WRITE_PAUSE);
        if !due || at <= self.config.network.deploy_block {
            return Ok(());
        }
        let head = heads::at(&self.provider, at).await?;
        self.memory.written = Some((Instant::now(), at));
        match file.encode(&self.config, &head, &self.digest) {
            Ok(bytes) => {
                self.memory.trouble.send_replace(None);
                drop(tokio::task::spawn_blocking(move || file.write(&bytes)));
            }
            Err(why) => self.give_up(why),
        }
        Ok(())
    }

    /// What the history comes to is not written down any more, and why.
    fn give_up(&self, why: String) {
        if self.memory.trouble.borrow().is_none() {
            self.rpc.count("digest_not_written");
            tracing::warn!(
                why,
                "what the chain's history comes to is not written down any more: the next start reads more of it"
            );
            self.memory.trouble.send_replace(Some(why));
        }
    }

    /// Why what the history comes to is not written down, where that was given up.
    #[must_use]
    pub fn memory_trouble(&self) -> watch::Receiver<Option<String>> {
        self.memory.trouble.subscribe()
    }

    /// Takes into the digest what no start has to read again, and keeps together what no reorganisation takes apart: of a long
    /// history little is left by that.
    pub(super) fn settle_digest(&mut self) {
        if let Some(deep) = self.deep_enough() {
            self.digest.settle(deep);
        }
        let blocks = self.config.network.blocks_in(READ_SECONDS) / STRETCHES;
        self.digest.fold(self.next.saturating_sub(HELD_BLOCKS + 2), blocks);
    }

    /// The newest block that is deep enough to be written down.
    fn deep_enough(&self) -> Option<u64> {
        let network = &self.config.network;
        let depth = network.blocks_in(READ_SECONDS).max(HELD_BLOCKS);
        self.next.checked_sub(depth + 1).filter(|at| *at > network.deploy_block)
    }

    /// Nothing that was written down holds any more.
    pub(super) fn drop_digest(&mut self) {
        self.digest = Digest::default();
        self.memory.unconfirmed = None;
        self.memory.written = None;
        self.memory.trouble.send_replace(None);
        if let Some(file) = &self.memory.file {
            file.remove();
        }
    }
}
