//! Follows the chain and passes on what concerns keepers, in chain order, each thing once.
//!
//! The job book and the epochs live in memory; a start takes up what their history comes to from a file (`digest.rs`)
//! where the chain confirms it, else reads all our logs from the block the contracts were deployed at. A stop, a crash or
//! an outage of the RPC nodes therefore loses nothing.
//!
//! Three ways to go on, from old to new blocks: *history* (logs alone, in large ranges, only at start), *range* (headers
//! and logs of blocks deep enough that every node has them) and *single* (one block's logs by its hash, so that a node
//! that lacks the block says so instead of answering with nothing; several blocks are asked about at a time, see `tip.rs`).
//!
//! ```text
//!  step ── the best node ── newest block ──┬─ fits ──► history ─► range ─► single ──► events, Head
//!                              (newest.rs) ├─ another block ──► rewind ──► Rewound
//!                                          └─ lower for long ──► set_back ──► Rewound
//! ```
//!
//! All questions of a step go to one node, so that the answers fit each other; one that fails is held against it, and the
//! next step asks the next node at once. Beside the steps all nodes are compared now and then (`rpc/survey.rs`).

use super::digest::Digest;
use super::heads::{self, HeldHeads};
use super::logs::EpochLog;
use super::rpc::{ChainProvider, Node, Rpc};
use super::snapshot;
use super::{ChainConfig, ChainError, ChainEvent, Head};
use choice::Choice;
use doubt::Doubts;
use newest::{Look, Newest};
use plan::{Piece, Plan};
use start::Memory;
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use time::TIME_RUNS_BACK;
use tip::Ahead;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Most plans of one step: who is asked, and how far the chain goes, is looked at again after so many.
const STEP_PLANS: u32 = 32;
const SHORTEST_BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// Failures in a row after which nodes that ask for a pause are waited for.
const PATIENT_AFTER: u32 = 3;
/// So often in a row nodes may ask for a pause before that is worth a word.
const LIMITS_PASSING: u32 = 10;
/// Time between two comparisons of the nodes: a block time, within these bounds.
const SURVEYS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(12));

mod catch_up;
mod choice;
mod doubt;
mod newest;
mod plan;
mod rewind;
mod start;
mod time;
mod tip;

/// The task that follows the chain.
#[derive(Debug)]
pub struct Watcher {
    rpc: Rpc,
    /// The node asked in this step, and the way to it alone.
    node: Node,
    provider: ChainProvider,
    config: ChainConfig,
    held: HeldHeads,
    /// First block that was not passed on.
    next: u64,
    piece: Piece,
    /// The newest epoch of the history, passed on at its end; older ones can no longer settle anything.
    history_epoch: Option<EpochLog>,
    /// Nodes that showed our contracts since their last failure.
    checked: BTreeSet<usize>,
    newest: Newest,
    doubts: Doubts,
    ahead: Ahead,
    digest: Digest,
    memory: Memory,
    /// What was told of the connection last: nothing wrong, or what.
    connected: Option<Result<(), String>>,
    /// Whether a node that asks for a pause is waited for: at the start, and when no node gets a step to its end.
    patient: bool,
    choice: Choice,
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

/// How far a step came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// To the newest confirmed block, or as near as it gets now.
    Whole,
    /// There is more: the next step follows at once.
    Part,
}

impl Watcher {
    /// A watcher at the deploy block.
    #[must_use]
    pub fn new(rpc: Rpc, config: ChainConfig) -> Self {
        let node = rpc.first();
        Self {
            provider: node.provider(),
            node,
            rpc,
            held: HeldHeads::default(),
            next: config.network.deploy_block,
            piece: Piece::default(),
            history_epoch: None,
            checked: BTreeSet::new(),
            newest: Newest::new(config.network.block_time()),
            doubts: Doubts::default(),
            ahead: Ahead::new(),
            digest: Digest::default(),
            memory: Memory::none(),
            connected: None,
            patient: true,
            choice: Choice::default(),
            config,
        }
    }

    /// Watches until `stop` or until nobody listens. A full channel holds the watcher up; nothing is dropped.
    pub async fn run(mut self, events: mpsc::Sender<ChainEvent>, stop: CancellationToken) {
        let rpc = self.rpc.clone();
        let pause = Duration::from_secs(self.config.network.block_seconds).clamp(SURVEYS.0, SURVEYS.1);
        let surveys = async move {
            loop {
                tokio::time::sleep(pause).await;
                rpc.survey().await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = surveys => {}
            () = self.watch(&events) => {}
        }
    }

    async fn watch(&mut self, events: &mpsc::Sender<ChainEvent>) {
        // A node that lags or shows another chain is left before anything is read from it.
        self.rpc.survey().await;
        let mut backoff = SHORTEST_BACKOFF;
        let mut failures = 0_u32;
        loop {
            let (report, wait) = match self.step(events).await {
                Ok(Step::Part) => {
                    (backoff, failures) = (SHORTEST_BACKOFF, 0);
                    continue;
                }
                Ok(Step::Whole) => {
                    (backoff, failures, self.patient) = (SHORTEST_BACKOFF, 0, false);
                    (self.report(events, true, String::new()).await, self.newest.wait(Instant::now()))
                }
                Err(Interrupt::Closed) => return,
                Err(Interrupt::Failed(error)) => {
                    failures += 1;
                    self.choice.failed(self.node.place, failures);
                    self.patient |= failures >= PATIENT_AFTER;
                    let limited = self.rpc.is_limited(&self.node);
                    let report = self.failed(events, &error, failures, limited).await;
                    // Another good node is asked at once. One that wants a pause says for how long.
                    let another = (limited || failures == 1) && !self.rpc.others(&self.node).is_empty();
                    let wait = match (another, limited) {
                        (true, _) => Duration::ZERO,
                        (false, true) => SHORTEST_BACKOFF,
                        (false, false) => backoff,
                    };
                    if !limited {
                        backoff = (backoff * 2).min(LONGEST_BACKOFF);
                    }
                    (report, wait)
                }
            };
            if report.is_err() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Counts a failure, holds it against the node, and says so unless a second try may well mend it.
    async fn failed(
        &mut self,
        events: &mpsc::Sender<ChainEvent>,
        error: &ChainError,
        failures: u32,
        limited: bool,
    ) -> Result<(), Interrupt> {
        let (node, reason) = (self.node.origin().to_owned(), error.reason());
        tracing::debug!(node, reason, %error, "could not follow the chain");
        if limited && failures <= LIMITS_PASSING {
            return Ok(());
        }
        // The chain behind may be another one afterwards.
        self.checked.remove(&self.node.place);
        // The transport has noted an outage already.
        if !matches!(error, ChainError::Unreachable(_)) {
            self.node.distrust(reason, &error.to_string());
        }
        let passing = matches!(error, ChainError::Refused(_) | ChainError::Unbelievable { .. }) && failures == 1;
        if passing {
            return Ok(());
        }
        // An answer that does not decode is quoted, and may repeat the URL.
        let mut why = self.rpc.masked(&error.to_string());
        if !why.contains(&node) {
            why = format!("{why} [{node}]");
        }
        self.report(events, false, why).await
    }

    async fn report(&mut self, events: &mpsc::Sender<ChainEvent>, ok: bool, why: String) -> Result<(), Interrupt> {
        let now = if ok { Ok(()) } else { Err(why.clone()) };
        let before = self.connected.replace(now.clone());
        if before.as_ref() == Some(&now) {
            return Ok(());
        }
        // Another cause of the same trouble is for those who look, not for the log.
        if !ok && matches!(before, Some(Err(_))) {
            tracing::debug!(why, "still cannot follow the chain");
        } else if ok {
            tracing::info!("following the chain");
        } else {
            tracing::warn!(why, "cannot follow the chain; trying again until it works");
        }
        send(events, ChainEvent::Connection { ok, why }).await
    }

    /// Passes on what lies between what was passed on and the newest confirmed block, a good deal of it at a time.
    async fn step(&mut self, events: &mpsc::Sender<ChainEvent>) -> Result<Step, Interrupt> {
        self.node = self.choice.of(&self.rpc).await?.waiting(self.patient);
        self.provider = self.node.provider();
        if !self.checked.contains(&self.node.place) {
            let patient = self.node.clone().waiting(true).provider();
            snapshot::check_contracts(&patient, &self.config).await?;
            self.checked.insert(self.node.place);
        }
        self.resume(events).await?;
        let latest = heads::latest(&self.provider).await?;
        if self.note(events, latest.head).await? == Look::SetBack {
            return self.set_back(events, latest.head).await.map(|()| Step::Whole);
        }
        if self.history_is_void(events, latest.head).await? {
            return Ok(Step::Whole);
        }
        if self.held.get(latest.head.number).is_some_and(|held| held.hash != latest.head.hash) {
            return self.rewind(events, latest.head).await.map(|()| Step::Whole);
        }
        let confirmed = latest.head.number.checked_sub(self.config.network.confirmations);
        let Some(confirmed) = confirmed else { return Ok(Step::Whole) };
        let mut plans = 0;
        while let Some(plan) = self.plan(confirmed) {
            if plans == STEP_PLANS {
                return Ok(Step::Part);
            }
            plans += 1;
            let passed_on = match plan {
                Plan::History(from, to) => self.history(events, from, to).await.map(|()| None),
                Plan::Range(from, to) => self.range(events, from, to).await,
                Plan::Single(number) => self.single(events, (number, confirmed), &latest).await,
            };
            // Nothing of a piece is passed on before all of it was read.
            if let Err(Interrupt::Failed(ChainError::TooMuch(_))) = passed_on
                && self.piece.was_too_much(plan.blocks())
            {
                continue;
            }
            // One of many questions has failed: fewer may come through.
            if matches!(passed_on, Err(Interrupt::Failed(_))) {
                self.piece.was_too_much(plan.blocks());
            }
            if let Err(Interrupt::Failed(error @ ChainError::Unbelievable { reason: TIME_RUNS_BACK, .. })) = passed_on {
                return self.doubt_parent(events, error).await.map(|()| Step::Whole);
            }
            let orphaned = passed_on?;
            self.piece.was_fine(plan.blocks());
            match orphaned {
                Some(head) if head.number == self.next => {
                    return self.rewind(events, head).await.map(|()| Step::Whole);
                }
                // The newest block is not there yet, whatever the node says.
                Some(_) => break,
                None => {}
            }
        }
        self.ask_again(events, confirmed).await?;
        self.write_down(confirmed).await?;
        Ok(Step::Whole)
    }

    /// Notes the newest block and tells what it says of the time.
    async fn note(&mut self, events: &mpsc::Sender<ChainEvent>, latest: Head) -> Result<Look, Interrupt> {
        let look = self.newest.look(latest, Instant::now());
        match look {
            Look::New { live } => {
                let seen_ms = u64::try_from(wall_clock().as_millis()).unwrap_or(u64::MAX);
                let Head { number, timestamp, .. } = latest;
                send(events, ChainEvent::Newest { number, timestamp, seen_ms, live }).await?;
            }
            Look::Behind => self.rpc.count("head_went_back"),
            Look::Same | Look::SetBack => {}
        }
        match self.held.first() {
            Some(first) if latest.number < first.number && look != Look::SetBack => {
                let detail = format!(
                    "it is at block {}, block {} was seen before: it is still syncing, or the chain was set back a moment ago",
                    latest.number, first.number
                );
                Err(ChainError::unbelievable("node_far_behind", detail).into())
            }
            _ => Ok(look),
        }
    }
}

/// Since the Unix epoch, by this machine's clock.
fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

async fn send(events: &mpsc::Sender<ChainEvent>, event: ChainEvent) -> Result<(), Interrupt> {
    events.send(event).await.map_err(|_| Interrupt::Closed)
}

#[cfg(test)]
mod tests;
