//! Contracts that jobs look at, and something that happens to them: the ringer rings, the tank is drained.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::DynProvider;
use anyhow::{Context, Result};
use contracts::{Resolved, Ringer, Tank, Upkept};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::anvil::{Anvil, mined};
use super::dice::draw;
use super::numbers::Numbers;
use super::reorganiser::Calming;

/// Seconds between two stirrings: these, and up to so many more.
const LEAST_SECONDS: u64 = 3;
const MORE_SECONDS: u64 = 4;
/// Rings at once, at most.
const RINGS_MAX: u64 = 3;
/// What either takes at most; what an estimate says may be too little in the next block.
const GAS: u64 = 100_000;

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

/// Rings and drains now and then; dropping it stops that.
#[derive(Debug)]
pub(super) struct Stirrer {
    enough: CancellationToken,
    task: JoinHandle<()>,
}

impl Stirrer {
    /// Starts; how often it rings, and when, is drawn from `seed`.
    pub(super) fn start(anvil: &Anvil, stirred: Stirred, seed: u64, calming: Calming) -> Self {
        let (provider, account) = (anvil.provider().clone(), anvil.stirrer());
        let enough = CancellationToken::new();
        let stopped = enough.clone();
        let task = tokio::spawn(async move {
            let (mut dice, mut numbers) = (seed, Numbers::default());
            loop {
                let calm = calming.calm().await;
                if let Err(error) = stir(&provider, account, &mut numbers, stirred, draw(&mut dice)).await {
                    tracing::warn!(%error, "nothing was stirred");
                }
                drop(calm);
                let pause = Duration::from_secs(LEAST_SECONDS + draw(&mut dice) % (MORE_SECONDS + 1));
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stopped.cancelled() => return,
                }
            }
        });
        Self { enough, task }
    }

    /// Stirs no more: what was sent is sent.
    pub(super) async fn stop(mut self) {
        self.enough.cancel();
        let _ended = (&mut self.task).await;
    }
}

impl Drop for Stirrer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Rings, and drains the tank where it is not low.
async fn stir(
    provider: &DynProvider,
    account: Address,
    numbers: &mut Numbers,
    stirred: Stirred,
    drawn: u64,
) -> Result<()> {
    let (ringer, tank) = (Ringer::new(stirred.ringer, provider), Tank::new(stirred.tank, provider));
    let ring = ringer.ring(U256::from(drawn % RINGS_MAX + 1)).from(account).gas(GAS);
    numbers.send(provider, account, |nonce| ring.clone().nonce(nonce)).await?;
    if !tank.isLow().call().await? {
        let drain = tank.drain().from(account).gas(GAS);
        numbers.send(provider, account, |nonce| drain.clone().nonce(nonce)).await?;
    }
    Ok(())
}
