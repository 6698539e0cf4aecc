//! What the verbs that speak to the chain share: the network, its nodes, and transactions signed with the wallet.
//!
//! A running keeper sends transactions from the same account. Nonces are read from the chain's pending state here, and
//! the keeper's submitter reconciles its own ledger with the chain, so both may run at once: whichever loses the race for
//! a nonce takes the next one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use alloy::eips::BlockId;
use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::client::RpcClient;
use alloy::rpc::types::{Filter, Log, TransactionReceipt, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use alloy::transports::TransportError;
use anyhow::{Context, Result, bail, ensure};
use contracts::network::Network;
use tokio::time::{Instant, sleep};

use super::{Exit, Global, WithExit};
use crate::chain::cost::{Oracle, worst};
use crate::chain::fees::{Fees, Market, Policy};
use crate::chain::lane::GAS_MAX;
use crate::chain::refusal::{self, Kind};
use crate::chain::{ChainConfig, ChainError, ChainProvider, Rpc, market, newest, reach, was_registered};
use crate::config::Settings;

/// How long a transaction may take to be mined.
const DEADLINE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(200);
/// Nonces tried for one transaction while a running keeper takes them away.
const NONCES_TRIED: u32 = 5;
/// Looks without a receipt after which a nonce counts as used by another transaction: a node may show the account's new
/// count a moment before the receipt.
const DISPLACED_LOOKS: u32 = 5;
/// Looks at a balance that is too small: a node may be a block or two behind the coins.
const BALANCE_LOOKS: u32 = 10;
/// Blocks searched for a log at once; nodes that allow fewer are asked in parts.
const STRETCH: u64 = 10_000;
/// What registering costs, generously: a pairing, a key in storage, an allocation.
const GAS_OF_A_VERB: u64 = 3_000_000;
/// The calldata of the longest: a job's parameters and URL.
const BYTES_OF_A_VERB: usize = 6_000;

/// A network and a way to its nodes, checked: right chain, contracts there, same signing domain.
pub(super) struct Chain {
    pub(super) network: Network,
    pub(super) provider: ChainProvider,
    rpc: Rpc,
    config: ChainConfig,
}

impl Chain {
    /// Reads the network file and asks the nodes.
    pub(super) async fn connect(global: &Global, settings: &Settings) -> Result<Self> {
        let config_file = global.config_file(&global.paths()?);
        let file = settings.network(&config_file)?;
        let mut network = Network::load(file)?;
        if !settings.rpc_urls.is_empty() {
            network.rpc_urls = settings.rpc_urls.iter().map(ToString::to_string).collect();
        }
        let config = ChainConfig { network: network.clone(), network_file: file.to_owned() };
        let rpc = Rpc::new(&config)?;
        reach(&rpc, &config).await?;
        Ok(Self { network, provider: rpc.provider(), rpc, config })
    }

    /// Whether an operator was ever registered, by the word of most nodes.
    pub(super) async fn was_registered(&self, operator: Address) -> Result<bool> {
        Ok(was_registered(&self.rpc, &self.config, operator, crate::driver::now().0 / 1000).await?)
    }

    /// The newest log that `wanted` makes something of, looked for from the newest block back, a stretch at a time.
    pub(super) async fn newest_log<T>(&self, filter: &Filter, wanted: impl Fn(&Log) -> Option<T>) -> Result<Option<T>> {
        let (first, mut to) = (self.network.deploy_block, newest(&self.rpc).await?);
        while to >= first {
            let from = to.saturating_sub(STRETCH - 1).max(first);
            let stretch = filter.clone().from_block(from).to_block(to);
            let mut logs = self.provider.get_logs(&stretch).await.map_err(ChainError::from)?;
            logs.sort_by_key(|log| (log.block_number, log.log_index));
            if let Some(found) = logs.iter().rev().find_map(&wanted) {
                return Ok(Some(found));
            }
            let Some(before) = from.checked_sub(1) else { break };
            to = before;
        }
        Ok(None)
    }

    /// Every node that may be asked, each by itself: what no single one may answer.
    pub(super) fn each_node(&self) -> impl Iterator<Item = ChainProvider> {
        self.rpc.nodes_to_ask().into_iter().map(|node| node.provider())
    }

    /// How many nodes there are.
    pub(super) fn node_count(&self) -> usize {
        self.rpc.nodes().len()
    }

    /// A sender of transactions from the wallet's account. It must hold enough coin for one verb.
    ///
    /// # Errors
    /// It does not, or gas is dearer than is ever paid.
    pub(super) async fn sender(&self, wallet: PrivateKeySigner) -> Result<Sender> {
        let account = wallet.address();
        let market = market(&self.provider).await?;
        let fees = affordable(market)?;
        let price = Fees { max_fee: market.base_fee.saturating_add(fees.tip), ..fees };
        let data = Oracle::new(self.network.contracts.task_manager).price(&self.rpc).await;
        let needed = worst(GAS_OF_A_VERB, price, data, BYTES_OF_A_VERB);
        let mut balance = self.provider.get_balance(account).await.map_err(ChainError::from)?;
        for _ in 0..BALANCE_LOOKS {
            if balance >= needed {
                break;
            }
            sleep(POLL).await;
            balance = self.provider.get_balance(account).await.map_err(ChainError::from)?;
        }
        let (has, wants) = (coin(balance), coin(needed));
        let checked: Result<()> = (|| {
            ensure!(
                balance >= needed,
                "account {account} holds {has}, this takes up to {wants}: send it some coin first"
            );
            Ok(())
        })();
        checked.exit(Exit::Chain)?;
        let provider = ProviderBuilder::new()
            .wallet(EthereumWallet::from(wallet))
            .connect_client(RpcClient::new(self.rpc.clone(), false))
            .erased();
        Ok(Sender { provider, reader: self.provider.clone(), account, newest: AtomicU64::new(0) })
    }

    /// Unix seconds of the newest block: the clock that triggers go by.
    pub(super) async fn now(&self) -> Result<u64> {
        let block = self.provider.get_block_by_number(alloy::eips::BlockNumberOrTag::Latest).await;
        let block = block.map_err(ChainError::from)?.context("the chain has no blocks yet").exit(Exit::Chain)?;
        Ok(block.header.timestamp)
    }
}

/// Beyond half of the estimate: registering costs more when somebody else registers in the same block.
const GAS_MARGIN: u64 = 200_000;

/// Sends transactions from one account.
pub(super) struct Sender {
    /// Signs what it sends.
    provider: DynProvider,
    reader: ChainProvider,
    pub(super) account: Address,
    /// The block of its newest transaction: a node that has not seen it does not know what was done.
    newest: AtomicU64,
}

impl Sender {
    /// Tries a call, sends it, and waits until it is mined. `what` names it in errors.
    pub(super) async fn send(
        &self,
        what: &str,
        to: Address,
        call: &impl SolCall,
        value: U256,
    ) -> Result<TransactionReceipt> {
        self.transact(what, to, call, value).await.with_context(|| format!("could not {what}"))
    }

    async fn transact(&self, what: &str, to: Address, call: &impl SolCall, value: U256) -> Result<TransactionReceipt> {
        let request = TransactionRequest::default()
            .with_from(self.account)
            .with_to(to)
            .with_input(call.abi_encode())
            .with_value(value);
        let block = match self.newest.load(Ordering::Relaxed) {
            0 => BlockId::latest(),
            own => BlockId::number(self.provider.get_block_number().await.map_err(explain).exit(Exit::Chain)?.max(own)),
        };
        self.provider.call(request.clone()).block(block).await.map_err(explain).exit(Exit::Chain)?;
        let estimate = self.provider.estimate_gas(request.clone()).block(block).await;
        let estimate = estimate.map_err(explain).exit(Exit::Chain)?;
        let request = self.priced(what, request, estimate).await.exit(Exit::Chain)?;
        let count = || async { self.provider.get_transaction_count(self.account).pending().await };
        for _ in 0..NONCES_TRIED {
            let nonce = count().await.map_err(explain).exit(Exit::Chain)?;
            let hash = match self.provider.send_transaction(request.clone().with_nonce(nonce)).await {
                Ok(pending) => *pending.tx_hash(),
                Err(error) if is_taken(&error) => {
                    tracing::debug!(nonce, %error, "the running keeper was faster; taking the next nonce");
                    sleep(POLL).await;
                    continue;
                }
                Err(error) => return Err(explain(error)).exit(Exit::Chain),
            };
            tracing::info!(%hash, "sent the transaction to {what}");
            match self.mined(hash, nonce).await? {
                Some(receipt) if receipt.status() => {
                    self.newest.fetch_max(receipt.block_number.unwrap_or_default(), Ordering::Relaxed);
                    return Ok(receipt);
                }
                Some(_) => {
                    return Err(anyhow::anyhow!(
                        "transaction {hash} reverted, though the same call succeeded just before: try again"
                    ))
                    .exit(Exit::Chain);
                }
                None => tracing::debug!(%hash, nonce, "another transaction took the nonce; sending again"),
            }
        }
        Err(anyhow::anyhow!("another program keeps using the nonces of {}: stop it, and try again", self.account))
            .exit(Exit::Chain)
    }

    /// Sets the gas limit and the fees, and says what it may cost. All of it is a node's word, and a wallet may be emptied
    /// by a tip alone: the caps are ours.
    async fn priced(&self, what: &str, request: TransactionRequest, estimate: u64) -> Result<TransactionRequest> {
        ensure!(
            estimate <= GAS_MAX,
            "it needs {estimate} gas, says the RPC node, and no transaction may have more than {GAS_MAX}: look at the node, or \
             put another one first in rpc_urls"
        );
        let fees = affordable(market(&self.reader).await?)?;
        let gas_limit = (estimate.saturating_mul(3) / 2).saturating_add(GAS_MARGIN).min(GAS_MAX);
        let gas = U256::from(fees.max_fee).saturating_mul(U256::from(gas_limit));
        let value = request.value.unwrap_or_default();
        tracing::info!(gas_at_most = coin(gas), value = coin(value), "about to {what}");
        Ok(request.with_gas_limit(gas_limit).with_max_fee_per_gas(fees.max_fee).with_max_priority_fee_per_gas(fees.tip))
    }

    /// The receipt of a transaction, or `None` once another one has its nonce, so that it can never be mined.
    async fn mined(&self, hash: B256, nonce: u64) -> Result<Option<TransactionReceipt>> {
        let deadline = Instant::now() + DEADLINE;
        let mut displaced = 0;
        while Instant::now() < deadline {
            // A node that fails for a moment does not undo the transaction: keep asking.
            // Counted first: a transaction mined between the two questions then shows in the second answer.
            let used = self.provider.get_transaction_count(self.account).latest().await;
            match self.provider.get_transaction_receipt(hash).await {
                Ok(Some(receipt)) => return Ok(Some(receipt)),
                Ok(None) => displaced += u32::from(used.is_ok_and(|used| used > nonce)),
                Err(error) => tracing::warn!(%hash, %error, "no answer about the transaction yet"),
            }
            if displaced >= DISPLACED_LOOKS {
                return Ok(None);
            }
            sleep(POLL).await;
        }
        let why = format!(
            "transaction {hash} was not mined within {} s; it may still be: look before repeating",
            DEADLINE.as_secs()
        );
        Err(anyhow::anyhow!(why)).exit(Exit::Timeout)
    }
}

/// What a transaction of a verb pays for a gas.
fn affordable(market: Market) -> Result<Fees> {
    let policy = Policy::default();
    let dear = || {
        let gwei = |wei: u128| wei / 1_000_000_000;
        let (base, most) = (gwei(market.base_fee), gwei(policy.max_fee));
        anyhow::anyhow!(
            "a gas costs {base} gwei, says the RPC node, and no more than {most} is paid: wait, or look at the node"
        )
    };
    policy.by_hand(market).ok_or_else(dear).exit(Exit::Chain)
}

/// Whether a node refuses a transaction because its nonce is another one's.
fn is_taken(error: &TransportError) -> bool {
    let words = error.as_error_resp().map(|payload| refusal::classify(&payload.message));
    matches!(words, Some(Kind::NonceTooLow | Kind::ReplacementUnderpriced))
}

/// What a node's refusal means: the contract's error by name where there is one.
fn explain(error: TransportError) -> anyhow::Error {
    let data = error.as_error_resp().and_then(|payload| payload.as_revert_data());
    match data.and_then(|data| contracts::error_name(&data)) {
        Some(name) => anyhow::anyhow!("the contract refuses: {name}"),
        None => ChainError::from(error).into(),
    }
}

/// An amount of the chain's coin for people: `0.05 ether`.
pub(super) fn coin(wei: U256) -> String {
    let text = alloy::primitives::utils::format_ether(wei);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} ether")
}

/// An amount of what a job pays in: the chain's coin (token zero), or a token in its smallest unit.
pub(super) fn money(token: Address, amount: U256) -> String {
    if token.is_zero() { coin(amount) } else { format!("{amount} of token {token}") }
}

/// Reads an amount: `0.05ether`, `20gwei`, or a whole number of wei.
pub(super) fn parse_amount(text: &str) -> Result<U256> {
    let wrong = || format!("{text:?} is no amount: write 0.05ether, 20gwei, or a whole number of wei");
    let (number, unit) = match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(place) => (text[..place].trim(), text[place..].trim()),
        None => (text, "wei"),
    };
    let decimals = match unit {
        "ether" => 18,
        "gwei" => 9,
        "wei" => 0,
        _ => bail!(wrong()),
    };
    // The parser below would take a sign, and would cut off decimals beyond the unit's.
    let fraction = number.split_once('.').map_or("", |(_, fraction)| fraction);
    if !number.starts_with(|c: char| c.is_ascii_digit()) || fraction.len() > decimals {
        bail!(wrong());
    }
    Ok(alloy::primitives::utils::parse_units(number, unit).with_context(wrong)?.get_absolute())
}

#[cfg(test)]
mod tests;
