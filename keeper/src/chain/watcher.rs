//! Follows the chain and passes on what concerns keepers, in chain order, each thing once.
//!
//! Nothing is kept on disk: the job book and the epochs live in memory, so a start replays our logs from the block the
//! contracts were deployed at. A stop, a crash or an outage of the RPC nodes therefore loses nothing.
//!
//! Three ways to go on, from old to new blocks: *history* (logs alone, in large ranges, only at start), *range* (headers
//! and logs of blocks deep enough that every node has them) and *single* (one block's logs by its hash, so that a node
//! that lacks the block says so instead of answering with nothing).

use super::heads::{self, Fit, HELD_BLOCKS, HeldHeads, Pace};
use super::logs::{self, Blocks, Content, EpochLog, OurLog};
use super::rpc::{ChainProvider, Rpc};
use super::snapshot;
use super::{ChainConfig, ChainError, ChainEvent, Head};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Most blocks whose logs are asked for at once in history.
const HISTORY_BLOCKS: u64 = 2_000;
/// Most blocks of one range.
const RANGE_BLOCKS: u64 = 64;
/// Blocks nearer to the newest one than this are asked for one by one.
const RECENT_BLOCKS: u64 = 16;
const SHORTEST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// A node that shows no new block for this long, and five block times, is left for the next one.
const STALLED: Duration = Duration::from_secs(30);
/// Answers behind what was seen before a node is left for the next one.
const BEHIND_ANSWERS: u32 = 10;

mod catch_up;

/// The task that follows the chain.
#[derive(Debug)]
pub struct Watcher {
    rpc: Rpc,
    provider: ChainProvider,
    config: ChainConfig,
    held: HeldHeads,
    /// First block that was not passed on.
    next: u64,
    /// How many blocks the next question about history covers.
    history_blocks: u64,
    /// The newest epoch of the history, passed on at its end; older ones can no longer settle anything.
    history_epoch: Option<EpochLog>,
    contracts_checked: bool,
    pace: Pace,
    newest: Option<Head>,
    behind_answers: u32,
    connected: Option<bool>,
}

/// Why a step ended early.
enum Interrupt {
    /// Nobody listens any more.
    Closed,
    Failed(ChainError),
}

impl From<ChainError> for Interrupt {
    fn from(error: ChainError) -> Self {
        Self::Failed(error)
    }
}

/// The next blocks to pass on, numbers included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    History(u64, u64),
    Range(u64, u64),
    Single(u64),
}

impl Watcher {
    /// A watcher at the deploy block.
    #[must_use]
    pub fn new(rpc: Rpc, config: ChainConfig) -> Self {
        Self {
            provider: rpc.provider(),
            rpc,
            held: HeldHeads::default(),
            next: config.network.deploy_block,
            history_blocks: HISTORY_BLOCKS,
            history_epoch: None,
            contracts_checked: false,
            pace: Pace::new(config.network.block_seconds),
            newest: None,
            behind_answers: 0,
            connected: None,
            config,
        }
    }

    /// Watches until `stop` or until nobody listens. A full channel holds the watcher up; nothing is dropped.
    pub async fn run(mut self, events: mpsc::Sender<ChainEvent>, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.watch(&events) => {}
        }
    }

    async fn watch(&mut self, events: &mpsc::Sender<ChainEvent>) {
        let mut backoff = SHORTEST_BACKOFF;
        let mut failures = 0_u32;
        loop {
            let (report, wait) = match self.step(events).await {
                Ok(()) => {
                    (backoff, failures) = (SHORTEST_BACKOFF, 0);
                    (self.report(events, true, String::new()).await, self.pace.wait(Instant::now()))
                }
                Err(Interrupt::Closed) => return,
                Err(Interrupt::Failed(error)) => {
                    failures += 1;
                    let wait = backoff;
                    backoff = (backoff * 2).min(LONGEST_BACKOFF);
                    (self.failed(events, &error, failures).await, wait)
                }
            };
            if report.is_err() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Counts a failure, moves to the next endpoint, and says so unless a second try may well mend it.
    async fn failed(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        error: &ChainError,
        failures: u32,
    ) -> Result<(), Interrupt> {
        tracing::debug!(reason = error.reason(), %error, "could not follow the chain");
        match error {
            // The transport has counted it and moved on already. The chain behind may be another one afterwards.
            ChainError::Unreachable(_) => self.contracts_checked = false,
            _ => self.rpc.distrust(error.reason()),
        }
        let passing = matches!(error, ChainError::Refused(_) | ChainError::Unbelievable { .. }) && failures == 1;
        if passing { Ok(()) } else { self.report(events, false, error.to_string()).await }
    }

    async fn report(&mut self, events: &mpsc::Sender<ChainEvent>, ok: bool, why: String) -> Result<(), Interrupt> {
        if self.connected.replace(ok) == Some(ok) {
            return Ok(());
        }
        if ok {
            tracing::info!("following the chain");
        } else {
            tracing::warn!(why, "cannot follow the chain; trying again until it works");
        }
        send(events, ChainEvent::Connection { ok, why }).await
    }

    /// Passes on everything between what was passed on and the newest confirmed block.
    async fn step(&mut self, events: &mpsc::Sender<ChainEvent>) -> Result<(), Interrupt> {
        if !self.contracts_checked {
            snapshot::check_contracts(&self.provider, &self.config).await?;
            self.contracts_checked = true;
        }
        let latest = heads::latest(&self.provider).await?.head;
        self.note(latest)?;
        if self.held.get(latest.number).is_some_and(|held| held.hash != latest.hash) {
            return self.rewind(events, latest).await;
        }
        let Some(confirmed) = latest.number.checked_sub(self.config.network.confirmations) else { return Ok(()) };
        while let Some(plan) = self.plan(confirmed) {
            let orphaned = match plan {
                Plan::History(from, to) => {
                    self.history(events, from, to).await?;
                    None
                }
                Plan::Range(from, to) => self.range(events, from, to).await?,
                Plan::Single(number) => self.single(events, number, latest).await?,
            };
            if let Some(head) = orphaned {
                return self.rewind(events, head).await;
            }
        }
        Ok(())
    }

    /// Notes the newest block, and leaves a node that stands still or goes back.
    fn note(&mut self, latest: Head) -> Result<(), ChainError> {
        let now = Instant::now();
        if self.newest.is_none_or(|newest| newest.hash != latest.hash && newest.number <= latest.number) {
            self.newest = Some(latest);
            self.behind_answers = 0;
            self.pace.block_seen(now);
        } else if self.newest.is_some_and(|newest| latest.number < newest.number) {
            self.rpc.count("head_went_back");
            self.behind_answers += 1;
            if self.behind_answers >= BEHIND_ANSWERS {
                self.behind_answers = 0;
                self.rpc.distrust("node_behind");
            }
        }
        if self.pace.age(now) > STALLED.max(Duration::from_secs(self.config.network.block_seconds.saturating_mul(5))) {
            self.rpc.distrust("node_stalled");
            self.pace.block_seen(now);
        }
        match self.held.first() {
            Some(first) if latest.number < first.number => {
                let detail = format!(
                    "the node is at block {}, block {} was seen before; it is still syncing, or the chain was reset and the keeper must be started anew",
                    latest.number, first.number
                );
                Err(ChainError::unbelievable("node_far_behind", detail))
            }
            _ => Ok(()),
        }
    }

    fn plan(&self, confirmed: u64) -> Option<Plan> {
        let next = self.next;
        let left = confirmed.checked_sub(next)?;
        if self.held.last().is_none() && left >= HELD_BLOCKS {
            return Some(Plan::History(next, (next + self.history_blocks - 1).min(confirmed - HELD_BLOCKS)));
        }
        if left > RECENT_BLOCKS {
            return Some(Plan::Range(next, (next + RANGE_BLOCKS - 1).min(confirmed - RECENT_BLOCKS)));
        }
        Some(Plan::Single(next))
    }

    /// Passes on one block; gives it back if it does not continue what is held.
    async fn single(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        number: u64,
        latest: Head,
    ) -> Result<Option<Head>, Interrupt> {
        let head = if latest.number == number { latest } else { heads::at(&self.provider, number).await? };
        if self.held.fit(&head)? == Fit::Reorganised {
            return Ok(Some(head));
        }
        let logs = logs::fetch(&self.provider, &self.config.network.contracts, Blocks::One(number, head.hash)).await?;
        self.pass_on(events, head, logs).await?;
        Ok(None)
    }

    /// Sends a block's events and then its head. Everything is read before the first event goes out, so a failure
    /// leaves the block to be passed on again as a whole.
    async fn pass_on(
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
        for log in logs {
            ready.push(match log.content {
                Content::Event(event) => event,
                Content::Settled(settled) => {
                    ChainEvent::Settled(super::Settled { timestamp: head.timestamp, ..settled })
                }
                Content::Epoch(log) => ChainEvent::Epoch(snapshot::load_epoch(&self.provider, registry, &log).await?),
            });
        }
        ready.push(ChainEvent::Head(head));
        for event in ready {
            send(events, event).await?;
        }
        self.history_epoch = None;
        self.held.push(head);
        self.next = head.number + 1;
        Ok(())
    }

    /// Goes back to the last block that still stands, because `head` is not the continuation of what is held.
    async fn rewind(&mut self, events: &mpsc::Sender<ChainEvent>, head: Head) -> Result<(), Interrupt> {
        let Some(last) = self.held.last() else { return Ok(()) };
        let from = last.number.min(head.number);
        let ancestor = heads::common_ancestor(&self.provider, &self.held, from).await?;
        if ancestor == Some(from) {
            let detail = format!("block {} contradicts block {from}, which still stands", head.number);
            return Err(ChainError::unbelievable("not_linked", detail).into());
        }
        self.newest = None;
        let number = if let Some(number) = ancestor {
            self.rpc.count("reorg");
            tracing::warn!(number, orphaned = last.number - number, "the chain was reorganised");
            self.held.truncate(number);
            number
        } else {
            self.rpc.count("deep_reorg");
            tracing::error!(held = HELD_BLOCKS, "no block held still stands; starting over from the deploy block");
            self.held.clear();
            self.history_epoch = None;
            self.config.network.deploy_block.saturating_sub(1)
        };
        self.next = if ancestor.is_some() { number + 1 } else { self.config.network.deploy_block };
        send(events, ChainEvent::Rewound { number }).await
    }
}

async fn send(events: &mpsc::Sender<ChainEvent>, event: ChainEvent) -> Result<(), Interrupt> {
    events.send(event).await.map_err(|_| Interrupt::Closed)
}

#[cfg(test)]
mod tests;
