//! An account that the local chain signs for, and the numbers of its transactions: the chain itself gives one twice now and then.

use alloy::contract::{CallBuilder, CallDecoder};
use alloy::primitives::Address;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionReceipt;
use anyhow::{Context, Result, ensure};
use bootstrap::swarm::anvil::mined;
use bootstrap::swarm::numbers::Numbers;

/// The account.
#[derive(Debug)]
pub struct Purse {
    provider: DynProvider,
    /// Its address.
    pub account: Address,
    numbers: Numbers,
}

impl Purse {
    /// An account that has sent nothing by this yet.
    #[must_use]
    pub fn new(provider: DynProvider, account: Address) -> Self {
        Self { provider, account, numbers: Numbers::default() }
    }

    /// Sends a call, and waits until it is in a block.
    ///
    /// # Errors
    /// When the chain refuses it, or it fails there.
    pub async fn send<P: Provider + Clone, D: CallDecoder + Clone>(
        &mut self,
        what: &str,
        call: &CallBuilder<P, D>,
    ) -> Result<TransactionReceipt> {
        let call = call.clone().from(self.account);
        let sent = self.numbers.send(&self.provider, self.account, |nonce| call.clone().nonce(nonce)).await;
        let receipt = mined(&self.provider, sent.with_context(|| what.to_owned())?, what).await?;
        ensure!(receipt.status(), "{what} failed in transaction {}", receipt.transaction_hash);
        Ok(receipt)
    }
}
