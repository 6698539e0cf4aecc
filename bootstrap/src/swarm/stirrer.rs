//! Contracts that jobs look at, and something that happens to them: the ringer rings, the tank is drained.

use std::time::Duration;

use alloy::primitives::{Address, U256};
use alloy::providers::DynProvider;
use anyhow::Result;
use contracts::{Ringer, Tank};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::anvil::Anvil;
use super::dice::draw;
use super::numbers::Numbers;
use super::reorganiser::Calming;
use super::stirred::Stirred;

/// Seconds between two stirrings: these, and up to so many more.
const LEAST_SECONDS: u64 = 3;
const MORE_SECONDS: u64 = 4;
/// Rings at once, at most.
const RINGS_MAX: u64 = 3;
/// What either takes at most; what an estimate says may be too little in the next block.
const GAS: u64 = 100_000;

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
