//! Nonces of accounts that the node signs for. While it makes a block, anvil counts too few of those that wait, and so gives the
//! same number twice: of a hundred transactions in a row a few are lost then.

use std::collections::BTreeMap;

use alloy::contract::{CallBuilder, CallDecoder, Error};
use alloy::primitives::{Address, B256};
use alloy::providers::{DynProvider, Provider};
use anyhow::{Result, bail};

/// Numbers that others may have taken meanwhile, at most.
const TRIES: u32 = 16;

/// The next number of each account.
#[derive(Debug, Default)]
pub struct Numbers(BTreeMap<Address, u64>);

impl Numbers {
    /// Sends a call under its account's next number, or the one after that where somebody else was faster.
    ///
    /// # Errors
    /// When the chain refuses it for another reason, or others take one number after the other.
    pub async fn send<P: Provider, D: CallDecoder>(
        &mut self,
        provider: &DynProvider,
        from: Address,
        call: impl Fn(u64) -> CallBuilder<P, D>,
    ) -> Result<B256> {
        let next = self.0.entry(from).or_default();
        *next = provider.get_transaction_count(from).pending().await?.max(*next);
        for _ in 0..TRIES {
            let nonce = *next;
            *next += 1;
            match call(nonce).send().await {
                Ok(pending) => return Ok(*pending.tx_hash()),
                Err(Error::TransportError(error))
                    if error.as_error_resp().is_some_and(|answer| is_taken(&answer.message)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bail!("others took {TRIES} nonces of {from} one after the other")
    }
}

/// Sends what was lost, under the first number of its account that no block has: all behind it waits for that one. Numbered by
/// the chain it comes behind them, or is refused.
pub(super) async fn send_lost<P: Provider + Clone, D: CallDecoder + Clone>(
    provider: &DynProvider,
    account: Address,
    call: &CallBuilder<P, D>,
) -> Result<B256> {
    let nonce = provider.get_transaction_count(account).await?;
    Ok(*call.clone().nonce(nonce).send().await?.tx_hash())
}

/// How a node says that there is another transaction with this nonce: mined, waiting, or this very one, when two fund
/// one account at once.
pub(super) fn is_taken(message: &str) -> bool {
    let message = message.to_lowercase();
    ["nonce too low", "underpriced", "already imported", "already known"].iter().any(|words| message.contains(words))
}
