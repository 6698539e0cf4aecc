//! Asks what data costs, where the contracts found themselves on a chain on which it has a fee of its own.

use super::{BYTES_MAX, DataPrice};
use crate::chain::ChainError;
use crate::chain::rpc::{ChainProvider, Rpc};
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use contracts::TaskManager;
use contracts::deploy::{ChainKind, GAS_PRICE_ORACLE, getL1FeeUpperBoundCall};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a price is believed, and how long that there is none: a chain does not change, but the one node that said so
/// may have been wrong.
const PRICE_LASTS: Duration = Duration::from_secs(10);
const NONE_LASTS: Duration = Duration::from_secs(600);
/// Wei for [`BYTES_MAX`], a tenth of a coin, above which no single node is believed: twenty times what they cost while
/// Ethereum's base fee is at 500 gwei.
const BELIEVABLE: u128 = 100_000_000_000_000_000;

/// What data costs, as it was told last.
#[derive(Debug)]
pub(crate) struct Oracle {
    task_manager: Address,
    told: Mutex<Option<Told>>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Instant,
    price: Option<DataPrice>,
}

impl Oracle {
    pub(crate) fn new(task_manager: Address) -> Self {
        Self { task_manager, told: Mutex::new(None) }
    }

    /// The price of data. Where nobody answers it is the last one known, at first none: the nodes refuse what the account
    /// cannot pay all the same, and it is asked again the next time.
    pub(crate) async fn price(&self, rpc: &Rpc) -> DataPrice {
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let lasts = |told: &Told| if told.price.is_some() { PRICE_LASTS } else { NONE_LASTS };
        if let Some(told) = told.filter(|told| told.at.elapsed() < lasts(told)) {
            return told.price.unwrap_or_default();
        }
        match self.ask(rpc).await {
            Ok(price) => {
                let told = Told { at: Instant::now(), price };
                *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
                price.unwrap_or_default()
            }
            Err(error) => {
                tracing::debug!(%error, "could not ask what data costs");
                told.and_then(|told| told.price).unwrap_or_default()
            }
        }
    }

    async fn ask(&self, rpc: &Rpc) -> Result<Option<DataPrice>, ChainError> {
        let provider = rpc.provider();
        let kind = call(&provider, self.task_manager, &TaskManager::chainKindCall {}).await?;
        if kind != ChainKind::OpStack as u8 {
            return Ok(None);
        }
        let price = price(&provider).await?;
        Ok(Some(if price.full <= BELIEVABLE { price } else { lowest(rpc, price).await }))
    }
}

async fn price(provider: &ChainProvider) -> Result<DataPrice, ChainError> {
    let fee = async |bytes: u64| {
        let question = getL1FeeUpperBoundCall { unsignedTxSize: U256::from(bytes) };
        Ok::<u128, ChainError>(call(provider, GAS_PRICE_ORACLE, &question).await?.saturating_to())
    };
    let (empty, full) = tokio::try_join!(fee(0), fee(BYTES_MAX))?;
    Ok(DataPrice { empty, full })
}

/// The lowest price that any node names; whoever names an absurd one beside it is left.
async fn lowest(rpc: &Rpc, named: DataPrice) -> DataPrice {
    let mut prices = Vec::new();
    for node in rpc.ranked().await.unwrap_or_default() {
        if let Ok(price) = price(&node.provider()).await {
            prices.push((node, price));
        }
    }
    let lowest = prices.iter().map(|(_, price)| *price).min_by_key(|price| price.full).unwrap_or(named);
    if lowest.full <= BELIEVABLE {
        for (node, price) in prices.iter().filter(|(_, price)| price.full > BELIEVABLE) {
            let why = format!("128 KiB cost {} wei by it, {} by another node", price.full, lowest.full);
            node.distrust("absurd_data_price", &why);
        }
    }
    lowest
}

async fn call<C: SolCall>(provider: &ChainProvider, to: Address, question: &C) -> Result<C::Return, ChainError> {
    let request = TransactionRequest::default().with_to(to).with_input(question.abi_encode());
    let answer = provider.call(request).await?;
    C::abi_decode_returns(&answer)
        .map_err(|error| ChainError::unbelievable("undecodable_answer", format!("{to}: {error}")))
}
