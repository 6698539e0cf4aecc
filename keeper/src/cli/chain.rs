//! What the verbs that speak to the chain share: the network, its nodes, and transactions signed with the wallet.
//!
//! A running keeper sends transactions from the same account. Nonces are read from the chain's pending state here, and
//! the keeper's submitter reconciles its own ledger with the chain, so both may run at once: whichever loses the race for
//! a nonce takes the next one.

mod actor;
mod refusals;
mod sender;

use std::future::Future;
use std::time::Duration;

use alloy::eips::BlockId;
use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::transports::TransportError;
use anyhow::{Context, Result, bail, ensure};
use contracts::network::Network;
use tokio::time::{Instant, sleep};

use super::{Exit, Global, WithExit};
use crate::chain::cost::{Oracle, worst};
use crate::chain::fees::{Fees, Market, Policy};
use crate::chain::{
    ChainConfig, ChainError, ChainProvider, Head, Receipt, Rpc, head_at, latest, market, newest_log, reach,
    was_registered,
};
use crate::config::Settings;
use crate::keystore::{Account, refuse_published};
pub(super) use actor::{Actor, Broadcast, Done, Key};
pub(super) use sender::Sender;

/// The pause between two looks at what takes a moment.
const POLL: Duration = Duration::from_millis(200);
/// How long nodes may take to show what a transaction did, once one has shown its receipt.
const READ_BACK: Duration = Duration::from_secs(15);
/// Looks at a balance that is too small: a node may be a block or two behind the coins.
const BALANCE_LOOKS: u32 = 10;
/// What registering costs, generously: a pairing, a key in storage, an allocation.
const GAS_OF_A_VERB: u64 = 3_000_000;
/// The calldata of the longest: a job's parameters and URL.
const BYTES_OF_A_VERB: usize = 6_000;

/// A network and a way to its nodes, checked: right chain, contracts there, same signing domain.
pub(super) struct Chain {
    pub(super) network: Network,
    pub(super) provider: ChainProvider,
    pub(super) rpc: Rpc,
    config: ChainConfig,
}

impl Chain {
    /// Reads the network file and asks the nodes.
    pub(super) async fn connect(global: &Global, settings: &Settings) -> Result<Self> {
        let chain = Self::open(global, settings)?;
        chain.check().await?;
        Ok(chain)
    }

    /// The same for verbs that only read, in fewer questions: nodes are compared, contracts are not looked at before one is in doubt,
    /// see [`Self::doubted`].
    pub(super) async fn connect_to_read(global: &Global, settings: &Settings) -> Result<Self> {
        let chain = Self::open(global, settings)?;
        chain.rpc.survey().await;
        Ok(chain)
    }

    fn open(global: &Global, settings: &Settings) -> Result<Self> {
        let config_file = global.config_file(&global.paths()?);
        let file = settings.network(&config_file)?;
        let mut network = Network::load(file)?;
        if !settings.rpc_urls.is_empty() {
            network.rpc_urls = settings.rpc_urls.iter().map(ToString::to_string).collect();
        }
        let config = ChainConfig { network, network_file: file.to_owned() };
        Ok(Self::over(Rpc::new(&config)?, config))
    }

    async fn check(&self) -> Result<()> {
        reach(&self.rpc, &self.config).await?;
        Ok(())
    }

    /// What was read; where that failed, what is wrong with the network or its nodes comes before what was seen of it.
    pub(super) async fn doubted<T>(&self, read: Result<T, ChainError>) -> Result<T> {
        if read.is_err() {
            self.check().await?;
        }
        Ok(read?)
    }

    pub(super) fn over(rpc: Rpc, config: ChainConfig) -> Self {
        Self { network: config.network.clone(), provider: rpc.provider(), rpc, config }
    }

    /// Whether an operator was ever registered, by the word of most nodes.
    pub(super) async fn was_registered(&self, operator: Address) -> Result<bool> {
        Ok(was_registered(&self.rpc, &self.config, operator, crate::driver::now().0 / 1000).await?)
    }

    /// The newest log since block `first` that `wanted` makes something of, looked for from the newest block back.
    pub(super) async fn newest_log<T>(
        &self,
        filter: &Filter,
        first: u64,
        wanted: impl FnMut(&Log) -> Option<T>,
    ) -> Result<Option<T>> {
        Ok(newest_log(&self.rpc, first.max(self.network.deploy_block), filter, wanted).await?)
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
    /// It does not, gas is dearer than is ever paid, or everybody has the wallet's key.
    pub(super) async fn sender(&self, wallet: Account) -> Result<Sender> {
        refuse_published(wallet.address(), self.network.chain_id)?;
        self.check_balance(wallet.address()).await?;
        Ok(Sender::new(self.rpc.clone(), wallet, &self.network))
    }

    /// What an account holds, and what the gas of one verb takes at most.
    pub(super) async fn purse(&self, account: Address) -> Result<(U256, U256)> {
        let market = market(&self.provider).await?;
        let fees = affordable(market)?;
        let price = Fees { max_fee: market.base_fee.saturating_add(fees.tip), ..fees };
        let data = Oracle::new(self.network.contracts.task_manager).price(&self.rpc).await;
        let needed = worst(GAS_OF_A_VERB, price, data, BYTES_OF_A_VERB);
        let balance = self.provider.get_balance(account).await.map_err(ChainError::from)?;
        Ok((balance, needed))
    }

    /// Refuses an account that does not hold enough coin for the gas of one verb.
    async fn check_balance(&self, account: Address) -> Result<()> {
        let (mut balance, needed) = self.purse(account).await?;
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
        checked.exit(Exit::Chain)
    }

    /// What the chain shows at a receipt's block. The node that answers may not have the block yet, though another one
    /// showed the receipt: then others are asked, and it again, so that what was done is never told as if it were not.
    pub(super) async fn after<T, A>(&self, receipt: &Receipt, ask: impl Fn(BlockId) -> A) -> Result<T>
    where
        A: Future<Output = Result<T, ChainError>>,
    {
        let begun = Instant::now();
        loop {
            match ask(BlockId::number(receipt.block)).await {
                Ok(answer) => return Ok(answer),
                Err(error) if begun.elapsed() >= READ_BACK => {
                    let done = format!(
                        "transaction {} succeeded, but no RPC node shows yet what it did: do not send it again",
                        receipt.tx
                    );
                    return Err(error).context(done).exit(Exit::Chain);
                }
                Err(error) => tracing::debug!(%error, block = receipt.block, "no node shows the block yet"),
            }
            sleep(POLL).await;
        }
    }

    /// The block of the deployment and the newest one. Where a node keeps no old headers, the former came at time 0.
    pub(super) async fn lifetime(&self) -> Result<(Head, Head), ChainError> {
        let now = latest(&self.provider).await?.head;
        match head_at(&self.provider, self.network.deploy_block).await {
            Ok(deployed) => Ok((deployed, now)),
            Err(ChainError::Unbelievable { .. }) => {
                Ok((Head { number: self.network.deploy_block, timestamp: 0, ..now }, now))
            }
            Err(error) => Err(error),
        }
    }

    /// Unix seconds of the newest block: the clock that triggers go by.
    pub(super) async fn now(&self) -> Result<u64> {
        Ok(self.newest().await?.timestamp)
    }

    /// The newest block.
    pub(super) async fn newest(&self) -> Result<Head> {
        Ok(latest(&self.provider).await.exit(Exit::Chain)?.head)
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

/// What a node's refusal means: the contract's error by name where there is one, and what to make of it.
fn explain(error: TransportError) -> anyhow::Error {
    let data = error.as_error_resp().and_then(|payload| payload.as_revert_data());
    match data.and_then(|data| contracts::error_name(&data)) {
        Some(name) => match refusals::meaning(&name) {
            Some(meaning) => anyhow::anyhow!("the contract refuses: {name}: {meaning}"),
            None => anyhow::anyhow!("the contract refuses: {name}"),
        },
        None => ChainError::from(error).into(),
    }
}

/// An amount of the chain's coin for people: `0.05 ether`.
pub(super) fn coin(wei: U256) -> String {
    let text = alloy::primitives::utils::format_ether(wei);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} ether")
}

/// A price of gas for people: `1.5 gwei`.
pub(super) fn gwei(wei: U256) -> String {
    let text = alloy::primitives::utils::format_units(wei, "gwei").unwrap_or_else(|_| wei.to_string());
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} gwei")
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
