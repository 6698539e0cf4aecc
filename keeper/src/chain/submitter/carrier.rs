//! Carries out what the lane orders, and brings it the answers.

use super::{Done, Pending, lock, opinion};
use crate::chain::cost::Oracle;
use crate::chain::fees::Market;
use crate::chain::heads;
use crate::chain::lane::{Account, Answer, Call, Ended, Event, GAS_MAX, Lane, Look, Order, Verdict};
use crate::chain::market;
use crate::chain::nonce::{Ledger, LedgerFile};
use crate::chain::receipt::{self, Receipt};
use crate::chain::rpc::{ChainProvider, Node, Rpc};
use crate::chain::{ChainError, Contracts};
use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::transports::TransportError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Answers on their way to the lane; whoever brings one waits for room.
const ANSWERS: usize = 64;
/// How long a tip is believed.
const TIP_LASTS: Duration = Duration::from_secs(10);

/// Somebody wants a call made.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) key: B256,
    pub(super) call: Call,
    /// What is to have its nonce first.
    pub(super) after: Option<B256>,
    pub(super) done: watch::Sender<Option<Arc<Done>>>,
}

/// A tip that a node named, if it knows any, and when.
#[derive(Clone, Copy, Debug)]
struct KnownTip {
    at: Instant,
    tip: Option<u128>,
}

/// The lane's hands.
#[derive(Clone, Debug)]
pub(super) struct Carrier {
    rpc: Rpc,
    provider: ChainProvider,
    account: Address,
    contracts: Contracts,
    file: LedgerFile,
    pending: Arc<Pending>,
    tip: Arc<Mutex<Option<KnownTip>>>,
    oracle: Arc<Oracle>,
    standing: Arc<Mutex<opinion::Standing>>,
    /// Of the newest block seen, in wei.
    base_fee: Arc<AtomicU64>,
    /// What the contract gives back for a gas above it, in wei.
    refunded_tip: u128,
}

impl Carrier {
    pub(super) fn new(
        rpc: Rpc,
        account: Address,
        contracts: Contracts,
        file: LedgerFile,
        pending: Arc<Pending>,
        refunded_tip: u128,
    ) -> Self {
        let provider = rpc.provider();
        let oracle = Arc::new(Oracle::new(contracts.task_manager));
        let (tip, standing, base_fee) = (Arc::default(), Arc::default(), Arc::default());
        Self { rpc, provider, account, contracts, file, pending, tip, oracle, standing, base_fee, refunded_tip }
    }

    /// Runs until the requests end.
    pub(super) async fn run(
        self,
        mut lane: Lane,
        mut requests: mpsc::Receiver<Request>,
        poll: Duration,
        shown: watch::Sender<Account>,
    ) {
        let (answer, mut answers) = mpsc::channel(ANSWERS);
        let mut wanted: BTreeMap<B256, Request> = BTreeMap::new();
        let start = Instant::now();
        let mut ticks = tokio::time::interval(poll);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                Some(event) = answers.recv() => event,
                request = requests.recv() => {
                    let Some(request) = request else { return };
                    let (key, call, after) = (request.key, request.call.clone(), request.after);
                    wanted.insert(key, request);
                    Event::Want { key, call, after }
                }
                _ = ticks.tick() => Event::Tick,
            };
            let before = lane.account(start.elapsed());
            for order in lane.on(event, start.elapsed()) {
                match order {
                    Order::Done { key, ended } => {
                        if let Some(request) = wanted.remove(&key) {
                            tokio::spawn(self.clone().end(request, ended));
                        }
                    }
                    order => {
                        tokio::spawn(self.clone().carry_out(order, answer.clone()));
                    }
                }
            }
            let account = lane.account(start.elapsed());
            self.count(&before, &account);
            shown.send_if_modified(|old| std::mem::replace(old, account.clone()) != account);
        }
    }

    fn count(&self, before: &Account, after: &Account) {
        (before.raises..after.raises).for_each(|_| self.rpc.count("fees_raised"));
        (before.handed_over..after.handed_over).for_each(|_| self.rpc.count("nonce_handed_over"));
        (before.displaced..after.displaced).for_each(|_| self.rpc.count("nonce_displaced"));
        if let Some(refusal) =
            after.last_refusal.as_ref().filter(|refusal| before.last_refusal.as_ref() != Some(refusal))
        {
            self.rpc.count(refusal.kind.name());
            tracing::warn!(%refusal, "a transaction was refused");
        }
    }

    async fn carry_out(self, order: Order, answer: mpsc::Sender<Event>) {
        let event = match order {
            Order::Look { hashes, second } => Event::Looked(
                self.look(hashes, second)
                    .await
                    .inspect_err(|error| tracing::debug!(%error, "could not look at the account"))
                    .ok(),
            ),
            Order::Check { key, call, pending } => {
                Event::Checked { key, pending, verdict: self.check(&call, pending).await }
            }
            Order::Write { revision, ledger } => self.write(revision, ledger).await,
            Order::Send { tx, raw } => Event::Answered { tx, answers: self.send(&raw).await },
            Order::Done { .. } => return,
        };
        // A lane that has stopped needs no answer.
        let _ = answer.send(event).await;
    }

    async fn look(&self, hashes: Vec<B256>, second: bool) -> Result<Look, ChainError> {
        let mined = async { Ok(self.provider.get_transaction_count(self.account).latest().await?) };
        let balance = async { Ok(self.provider.get_balance(self.account).await?) };
        let tip = async { Ok::<_, ChainError>(self.tip().await) };
        let data = async { Ok(self.oracle.price(&self.rpc).await) };
        let first = self.rpc.node().await?;
        let (latest, mined, balance, tip, data, receipts) =
            tokio::try_join!(heads::latest(&self.provider), mined, balance, tip, data, self.receipts(hashes.clone()))?;
        let (mined, receipts) = self.second_count(&first, mined, receipts, &hashes).await;
        let second = match second {
            true => opinion::agreed(&self.rpc, &first, self.account, (mined, latest.head.number)).await,
            false => None,
        };
        let market = Market { base_fee: latest.base_fee, tip };
        self.base_fee.store(u64::try_from(latest.base_fee).unwrap_or(u64::MAX), Ordering::Relaxed);
        let gas_limit = opinion::block_gas(&self.rpc, &latest).await;
        let (head, gas_used) = (latest.head.number, latest.gas_used);
        Ok(Look { head, market, data, gas_limit, gas_used, mined, second, balance, receipts })
    }

    /// The count of nonces and the receipts, by another node where those of the first have stood still.
    async fn second_count(
        &self,
        first: &Node,
        mined: u64,
        mut receipts: BTreeMap<B256, Receipt>,
        hashes: &[B256],
    ) -> (u64, BTreeMap<B256, Receipt>) {
        let waiting = !hashes.is_empty();
        let stands = self.standing.lock().unwrap_or_else(PoisonError::into_inner).note(mined, waiting);
        if stands && let Some((theirs, found)) = opinion::used(&self.rpc, first, self.account, mined, hashes).await {
            receipts.extend(found.into_iter().map(|receipt| (receipt.tx, receipt)));
            return (theirs, receipts);
        }
        (mined, receipts)
    }

    async fn receipts(&self, hashes: Vec<B256>) -> Result<BTreeMap<B256, Receipt>, ChainError> {
        let mut asked = JoinSet::new();
        for hash in hashes {
            let provider = self.provider.clone();
            asked.spawn(async move { receipt::fetch(&provider, hash).await });
        }
        let mut found = BTreeMap::new();
        while let Some(answer) = asked.join_next().await {
            let receipt = answer.map_err(|error| ChainError::Unreachable(error.to_string()))??;
            found.extend(receipt.map(|receipt| (receipt.tx, receipt)));
        }
        Ok(found)
    }

    /// A tip that was enough lately; nothing where the node knows none.
    async fn tip(&self) -> Option<u128> {
        let known = *self.tip.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.filter(|known| known.at.elapsed() < TIP_LASTS) {
            return known.tip;
        }
        let tip = market::tip(&self.provider).await;
        *self.tip.lock().unwrap_or_else(PoisonError::into_inner) = Some(KnownTip { at: Instant::now(), tip });
        tip
    }

    async fn check(&self, call: &Call, pending: bool) -> Verdict {
        let request =
            TransactionRequest::default().with_from(self.account).with_to(call.to).with_input(call.input.clone());
        let block = if pending { BlockId::pending() } else { BlockId::latest() };
        // Whether a job can pay is a question of the price alone: where a gas costs nothing, it always can.
        let is_of_price = call.gas_floor != 0 && !call.counts;
        let request = if is_of_price { self.priced(call, &request) } else { request };
        let estimate = async { self.provider.estimate_gas(request.clone()).block(block).await };
        let (estimate, tried) = tokio::join!(estimate, self.try_out(call, &request, block));
        match estimate {
            Ok(gas) if tried.is_none() => {
                Verdict::Worth { gas: opinion::gas(&self.rpc, call, &request, block, gas).await }
            }
            // Some nodes keep no block that is to come; what is in the pool then shows when it is sent.
            Err(error) if pending && has_no_pending(&error) => {
                self.rpc.count("no_pending_block");
                Box::pin(self.check(call, false)).await
            }
            Ok(_) => tried.unwrap_or(Verdict::Useless),
            Err(error) => match refusal(&error) {
                Verdict::Refused(_) if is_of_price => Verdict::Useless,
                refusal => refusal,
            },
        }
    }

    /// The call at the price of gas that it will pay.
    fn priced(&self, call: &Call, request: &TransactionRequest) -> TransactionRequest {
        let base_fee = u128::from(self.base_fee.load(Ordering::Relaxed));
        // By the next block the base fee may have grown by an eighth.
        let price = base_fee.saturating_add((base_fee / 4).max(self.refunded_tip)).saturating_add(1);
        request.clone().with_gas_limit(call.gas_floor.min(GAS_MAX)).with_gas_price(price)
    }

    /// What speaks against a call that a node has estimated: at the price of gas that it will pay it does nothing, or is refused. A
    /// job may have the money for a run that costs no gas, and not for one that does.
    async fn try_out(&self, call: &Call, request: &TransactionRequest, block: BlockId) -> Option<Verdict> {
        if call.gas_floor == 0 {
            return None;
        }
        let priced = self.priced(call, request);
        let is_nothing = |word: &Bytes| word.len() == 32 && word.iter().all(|byte| *byte == 0);
        match self.provider.call(priced).block(block).await {
            Ok(word) => (call.counts && is_nothing(&word)).then_some(Verdict::Useless),
            // A node that minds the price, or an account that cannot pay for all of that gas: what costs nothing is tried then.
            Err(_) if call.counts => {
                let word = self.provider.call(request.clone()).block(block).await;
                word.is_ok_and(|word| is_nothing(&word)).then_some(Verdict::Useless)
            }
            Err(error) => match refusal(&error) {
                reverts @ Verdict::Reverts(_) => Some(reverts),
                _ => Some(Verdict::Useless),
            },
        }
    }

    async fn write(self, revision: u64, ledger: Ledger) -> Event {
        match tokio::task::spawn_blocking(move || self.file.save(&ledger)).await {
            Ok(Ok(())) => Event::Written(revision),
            Ok(Err(error)) => Event::NotWritten(error.to_string()),
            Err(error) => Event::NotWritten(error.to_string()),
        }
    }

    async fn send(&self, raw: &Bytes) -> Vec<Answer> {
        let answer = |answer: Result<B256, String>| match answer {
            Ok(_) => Answer::Taken,
            Err(words) if words.starts_with("no answer: ") => Answer::NoAnswer,
            Err(words) => Answer::Refused(words),
        };
        self.rpc.broadcast(raw).await.into_iter().map(answer).collect()
    }

    async fn end(self, request: Request, ended: Ended) {
        let Request { key, call, done, .. } = request;
        let ended = match ended {
            Ended::Included(receipt) if receipt.success => {
                Done::Mined { tx: receipt.tx, gas_used: receipt.gas_used, settled: receipt.settled(&self.contracts) }
            }
            Ended::Included(receipt) => {
                let data = receipt::failure(&self.provider, &receipt, self.account, call.to, &call.input).await;
                tracing::info!(tx = %receipt.tx, gas_used = receipt.gas_used, "our transaction reverted");
                Done::Reverted(data.unwrap_or_default())
            }
            Ended::Refused(data) => Done::Reverted(data),
            Ended::Useless => Done::Useless,
            Ended::Failed(why) => Done::Failed(why),
        };
        lock(&self.pending).remove(&key);
        done.send_replace(Some(Arc::new(ended)));
    }
}

/// Whether the node says that it has no pending block to try a call on.
fn has_no_pending(error: &TransportError) -> bool {
    error
        .as_error_resp()
        .is_some_and(|payload| payload.as_revert_data().is_none() && payload.message.to_lowercase().contains("pending"))
}

/// A failed estimate: a revert is an answer, anything else is not.
fn refusal(error: &TransportError) -> Verdict {
    match error.as_error_resp() {
        // Code 3 is "execution error"; nodes that do not send it say "revert".
        Some(payload) if payload.code == 3 || payload.message.contains("revert") => {
            Verdict::Reverts(payload.as_revert_data().unwrap_or_default())
        }
        Some(payload) => Verdict::Refused(payload.message.to_string()),
        None => Verdict::NoAnswer,
    }
}
