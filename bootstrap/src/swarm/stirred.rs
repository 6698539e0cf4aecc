//! The contracts that the examples of `--jobs all` look at and call.

use alloy::primitives::Address;
use anyhow::{Context, Result};
use contracts::{Resolved, Ringer, Tank, Upkept};

use super::anvil::{Anvil, mined};
use super::numbers::Numbers;

/// The contracts of the examples that are not due by the clock, or ask somebody first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stirred {
    /// Its logs make a job due.
    pub ringer: Address,
    /// It is low now and then.
    pub tank: Address,
    /// What it needs it says itself, given a log.
    pub upkept: Address,
    /// What it is to be called with it says itself.
    pub resolved: Address,
}

impl Stirred {
    /// Deploys them.
    ///
    /// # Errors
    /// When the chain refuses.
    pub(super) async fn deploy(anvil: &Anvil) -> Result<Self> {
        let (provider, faucet) = (anvil.provider(), anvil.faucet());
        let mut numbers = Numbers::default();
        let creations = [
            ("Ringer", Ringer::deploy_builder(provider)),
            ("Tank", Tank::deploy_builder(provider)),
            ("Upkept", Upkept::deploy_builder(provider)),
            ("Resolved", Resolved::deploy_builder(provider)),
        ];
        let mut sent = Vec::new();
        for (name, creation) in creations {
            let tx = numbers.send(provider, faucet, |nonce| creation.clone().from(faucet).nonce(nonce)).await;
            sent.push((name, tx.with_context(|| format!("the chain refuses {name}"))?));
        }
        let mut at = [Address::ZERO; 4];
        for (at, (name, tx)) in at.iter_mut().zip(sent) {
            let receipt = mined(provider, tx, name).await?;
            *at = receipt.contract_address.with_context(|| format!("creating {name} failed in transaction {tx}"))?;
        }
        let [ringer, tank, upkept, resolved] = at;
        Ok(Self { ringer, tank, upkept, resolved })
    }
}
