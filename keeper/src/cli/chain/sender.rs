//! Transactions of verbs: signed before they leave, so that each has a hash whatever becomes of the answers, and followed
//! until a node shows what became of them.
//!
//! A verb that sends twice pays twice. So the next nonce is tried only when no node knows the transaction and its nonce has
//! been another one's for several blocks; where that stays unclear, the verb ends with the hash, for its user to look.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy::consensus::TxEip1559;
use alloy::eips::BlockId;
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, TxKind, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use alloy::transports::TransportError;
use anyhow::{Context, Result, anyhow, ensure};
use contracts::network::Network;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{affordable, coin, explain};
use crate::chain::lane::GAS_MAX;
use crate::chain::refusal::{self, Kind};
use crate::chain::{ChainProvider, Receipt, Rpc, market, receipt_of};
use crate::cli::{Exit, WithExit};
use crate::keystore::Account;

/// Nonces tried for one transaction while a running keeper takes them away.
const NONCES_TRIED: u32 = 5;
/// Beyond half of the estimate: registering costs more when somebody else registers in the same block.
const GAS_MARGIN: u64 = 200_000;
/// How the words of a node that gave no answer begin, see [`Rpc::broadcast`].
const NO_ANSWER: &str = "no answer: ";

/// How long what is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Between two looks.
    pub(super) poll: Duration,
    /// A transaction that no node knows is given up after this, without a look in between that showed it.
    pub(super) unseen: Duration,
    /// After this the same bytes are sent again, for nodes that lost them.
    pub(super) again: Duration,
    /// How long a transaction may take to be mined.
    pub(super) deadline: Duration,
}

impl Patience {
    /// Nodes show an account's new count up to some blocks before the transaction that made it: behind one URL there may be
    /// several.
    fn with(network: &Network) -> Self {
        Self {
            poll: super::POLL,
            unseen: Duration::from_secs(12).max(network.block_time() * 3),
            again: Duration::from_secs(12),
            deadline: Duration::from_secs(180),
        }
    }
}

/// Sends transactions from one account.
pub(in crate::cli) struct Sender {
    rpc: Rpc,
    reader: ChainProvider,
    wallet: Account,
    chain_id: u64,
    pub(in crate::cli) account: Address,
    pub(super) patience: Patience,
    /// The block of its newest transaction: a node that has not seen it does not know what was done.
    newest: AtomicU64,
    /// The nonce after that transaction's, for the same reason.
    next: AtomicU64,
}

/// A transaction as it leaves.
struct Signed {
    hash: B256,
    nonce: u64,
    raw: Vec<u8>,
}

/// What the nodes' answers to a transaction come to.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    /// It is there, may be, or was: a node took it, gave no answer, or knows it or a later one.
    Open,
    /// Every node refused it, one in words nobody knows: it may be there all the same.
    Unclear(String),
    /// Another transaction that is not mined yet holds its nonce.
    Taken,
    /// No node took it.
    Refused(String),
}

/// What one look shows.
enum Look {
    Mined(Receipt),
    /// No node knows it; `used`: its nonce is another one's.
    Unseen {
        used: bool,
    },
    Waiting,
}

impl Sender {
    pub(super) fn new(rpc: Rpc, wallet: impl Into<Account>, network: &Network) -> Self {
        let wallet = wallet.into();
        Self {
            reader: rpc.provider(),
            rpc,
            chain_id: network.chain_id,
            account: wallet.address(),
            wallet,
            patience: Patience::with(network),
            newest: AtomicU64::new(0),
            next: AtomicU64::new(0),
        }
    }

    /// Tries a call, sends it, and waits until it is mined. `what` names it in errors.
    pub(in crate::cli) async fn send(
        &self,
        what: &str,
        to: Address,
        call: &impl SolCall,
        value: U256,
    ) -> Result<Receipt> {
        self.transact(what, to, call, value).await.with_context(|| format!("could not {what}"))
    }

    async fn transact(&self, what: &str, to: Address, call: &impl SolCall, value: U256) -> Result<Receipt> {
        let draft = self.draft(what, to, call, value).await?;
        for _ in 0..NONCES_TRIED {
            let nonce = self.nonce().await.exit(Exit::Chain)?.max(self.next.load(Ordering::Relaxed));
            let signed = self.sign(&draft, nonce)?;
            let hash = signed.hash;
            // Before it leaves: whoever ends this program now can still look it up.
            tracing::info!(%hash, nonce, "sending the transaction to {what}");
            let Some(receipt) = self.carry(&signed).await? else {
                tracing::debug!(%hash, nonce, "another transaction took the nonce; trying the next one");
                sleep(self.patience.poll).await;
                continue;
            };
            self.newest.fetch_max(receipt.block, Ordering::Relaxed);
            self.next.fetch_max(nonce.saturating_add(1), Ordering::Relaxed);
            if receipt.success {
                return Ok(receipt);
            }
            return Err(anyhow!("transaction {hash} reverted, though the same call succeeded just before: try again"))
                .exit(Exit::Chain);
        }
        Err(anyhow!("another program keeps using the nonces of {}: stop it, and try again", self.account))
            .exit(Exit::Chain)
    }

    /// The transaction but for its nonce, once a node has shown that the call succeeds.
    async fn draft(&self, what: &str, to: Address, call: &impl SolCall, value: U256) -> Result<TxEip1559> {
        let request = TransactionRequest::default()
            .with_from(self.account)
            .with_to(to)
            .with_input(call.abi_encode())
            .with_value(value);
        let block = match self.newest.load(Ordering::Relaxed) {
            0 => BlockId::latest(),
            own => BlockId::number(self.reader.get_block_number().await.map_err(explain).exit(Exit::Chain)?.max(own)),
        };
        let estimate = tried(&self.reader, request, block).await?;
        let draft = TxEip1559 {
            chain_id: self.chain_id,
            to: TxKind::Call(to),
            value,
            input: call.abi_encode().into(),
            ..TxEip1559::default()
        };
        self.priced(what, draft, estimate).await.exit(Exit::Chain)
    }

    /// Sets the gas limit and the fees, and says what it may cost. All of it is a node's word, and a wallet may be emptied
    /// by a tip alone: the caps are ours.
    async fn priced(&self, what: &str, draft: TxEip1559, estimate: u64) -> Result<TxEip1559> {
        ensure!(
            estimate <= GAS_MAX,
            "it needs {estimate} gas, says the RPC node, and no transaction may have more than {GAS_MAX}: look at the node, or \
             put another one first in rpc_urls"
        );
        let fees = affordable(market(&self.reader).await?)?;
        let gas_limit = (estimate.saturating_mul(3) / 2).saturating_add(GAS_MARGIN).min(GAS_MAX);
        let gas = U256::from(fees.max_fee).saturating_mul(U256::from(gas_limit));
        tracing::info!(gas_at_most = coin(gas), value = coin(draft.value), "about to {what}");
        Ok(TxEip1559 { gas_limit, max_fee_per_gas: fees.max_fee, max_priority_fee_per_gas: fees.tip, ..draft })
    }

    fn sign(&self, draft: &TxEip1559, nonce: u64) -> Result<Signed> {
        let transaction = TxEip1559 { nonce, ..draft.clone() };
        let envelope = self.wallet.sign(transaction).map_err(|why| anyhow!(why)).exit(Exit::Key)?;
        Ok(Signed { hash: *envelope.tx_hash(), nonce, raw: envelope.encoded_2718() })
    }

    /// Sends a transaction and waits for its receipt. `None`: another one has its nonce, so that it can never be mined.
    async fn carry(&self, signed: &Signed) -> Result<Option<Receipt>> {
        let (hash, begun) = (signed.hash, Instant::now());
        let doubt = match said(&self.rpc.broadcast(&signed.raw).await) {
            Said::Open => None,
            Said::Unclear(words) => Some(words),
            Said::Taken => return Ok(None),
            Said::Refused(words) => {
                return Err(anyhow!("no RPC node takes transaction {hash}: {words}")).exit(Exit::Chain);
            }
        };
        let (mut unseen, mut sent) = (None::<(Instant, bool)>, Instant::now());
        while begun.elapsed() < self.patience.deadline {
            match self.look(signed, doubt.is_some()).await {
                Look::Mined(receipt) => return Ok(Some(receipt)),
                Look::Waiting => unseen = None,
                Look::Unseen { used } => {
                    let (since, _) = unseen.filter(|(_, before)| *before == used).unwrap_or((Instant::now(), used));
                    unseen = Some((since, used));
                    let is_over = since.elapsed() >= self.patience.unseen;
                    match &doubt {
                        _ if is_over && used => return Ok(None),
                        Some(words) if is_over => {
                            let why = anyhow!(
                                "no RPC node takes transaction {hash}, nor knows it: {words}; look for it before repeating"
                            );
                            return Err(why).exit(Exit::Chain);
                        }
                        _ => {}
                    }
                }
            }
            if sent.elapsed() >= self.patience.again {
                let (rpc, raw) = (self.rpc.clone(), signed.raw.clone());
                tokio::spawn(async move { rpc.broadcast(&raw).await });
                sent = Instant::now();
            }
            sleep(self.patience.poll).await;
        }
        let waited = self.patience.deadline.as_secs();
        Err(anyhow!("transaction {hash} was not mined within {waited} s; it may still be: look before repeating"))
            .exit(Exit::Timeout)
    }

    /// What the nodes show of a transaction now. One that fails for a moment does not undo it.
    async fn look(&self, signed: &Signed, is_doubted: bool) -> Look {
        let hash = signed.hash;
        // Counted first: a transaction mined between the two questions then shows in the second answer.
        let used = self.reader.get_transaction_count(self.account).latest().await;
        match receipt_of(&self.reader, hash).await {
            Ok(Some(receipt)) => return Look::Mined(receipt),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%hash, %error, "no answer about the transaction yet");
                return Look::Waiting;
            }
        }
        let used = used.is_ok_and(|used| used > signed.nonce);
        if (used || is_doubted) && self.is_unknown(hash).await { Look::Unseen { used } } else { Look::Waiting }
    }

    /// Whether no node knows a transaction, be it mined or not, by the word of at least half of them.
    async fn is_unknown(&self, hash: B256) -> bool {
        let question = |node: ChainProvider| async move {
            node.raw_request::<_, Option<Value>>("eth_getTransactionByHash".into(), (hash,)).await
        };
        let heard = self.each(question).await;
        heard.len() * 2 >= self.rpc.nodes().len() && heard.iter().all(Option::is_none)
    }

    /// The account's next nonce, pending transactions counted.
    async fn nonce(&self) -> Result<u64> {
        let account = self.account;
        let question = |node: ChainProvider| async move { node.get_transaction_count(account).pending().await };
        match next_nonce(self.each(question).await) {
            Some(nonce) => Ok(nonce),
            None => self.reader.get_transaction_count(account).pending().await.map_err(explain),
        }
    }

    /// What the nodes answer that do, each asked by itself and at the same time.
    async fn each<T, A>(&self, ask: impl Fn(ChainProvider) -> A) -> Vec<T>
    where
        T: Send + 'static,
        A: Future<Output = Result<T, TransportError>> + Send + 'static,
    {
        let nodes = self.rpc.nodes_to_ask().into_iter();
        let asked: JoinSet<_> = nodes.map(|node| ask(node.waiting(false).provider())).collect();
        asked.join_all().await.into_iter().filter_map(Result::ok).collect()
    }
}

/// Has a node make a call as if it were sent at that block; how much gas it would take.
pub(super) async fn tried(reader: &ChainProvider, request: TransactionRequest, block: BlockId) -> Result<u64> {
    reader.call(request.clone()).block(block).await.map_err(explain).exit(Exit::Chain)?;
    reader.estimate_gas(request).block(block).await.map_err(explain).exit(Exit::Chain)
}

/// The highest count that two nodes confirm, where there are two: neither one that lags nor one that lies decides alone.
fn next_nonce(mut counts: Vec<u64>) -> Option<u64> {
    counts.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
    counts.get(1).or(counts.first()).copied()
}

/// What follows from the nodes' answers. One that is lost says nothing; of the others the most hopeful counts.
fn said(answers: &[Result<B256, String>]) -> Said {
    let words = |answer: &Result<B256, String>| answer.as_ref().err().cloned();
    let kind = |answer: &Result<B256, String>| match answer {
        Ok(_) => Kind::Known,
        Err(words) if words.starts_with(NO_ANSWER) => Kind::Known,
        Err(words) => refusal::classify(words),
    };
    let is = |wanted: Kind| answers.iter().any(|answer| kind(answer) == wanted);
    let all = || answers.iter().filter_map(words).collect::<Vec<_>>().join("; ");
    if is(Kind::Known) || is(Kind::NonceTooLow) {
        Said::Open
    } else if is(Kind::Unknown) {
        Said::Unclear(all())
    } else if is(Kind::ReplacementUnderpriced) {
        Said::Taken
    } else if is(Kind::RateLimited) || is(Kind::PoolFull) || is(Kind::NonceTooHigh) {
        // None of them has it, and each may take it in a moment.
        Said::Open
    } else {
        Said::Refused(all())
    }
}

#[cfg(test)]
mod tests;
