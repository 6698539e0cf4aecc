//! What the whole-system tests share: real swarms, the proof document, a network door that can be shut, hostile jobs.

pub mod company;
pub mod dice;
pub mod document;
pub mod door;
pub mod foreign;
pub mod hostile;
#[cfg(test)]
mod house;
pub mod outcome;
pub mod purse;
pub mod sender;
pub mod signers;
pub mod sim;
pub mod toll;
pub mod unchanged;
pub mod workers;

use std::time::Duration;

use anyhow::Result;
use bootstrap::swarm::{Options, Swarm, ledger::Settlement};
use bootstrap::wait::until;
use tokio::sync::{Mutex, MutexGuard};

/// Tests that start swarms run one after the other: two swarms on one small machine would miss each other's deadlines.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// Whether every swarm is to be a rough one: `ROUGH=1`, by which `tests/run.sh --all` runs these tests once more.
#[must_use]
pub fn is_rough() -> bool {
    std::env::var_os("ROUGH").is_some_and(|value| value != "0")
}

/// The choices of a swarm of this many keepers.
#[must_use]
pub fn keepers(count: u16) -> Options {
    Options { keepers: count, rough: is_rough(), ..Options::default() }
}

/// Waits until `enough` says yes to everything settled so far.
///
/// # Errors
/// After `patience`, or when a process ended.
pub async fn settled(
    swarm: &mut Swarm,
    what: &str,
    patience: Duration,
    enough: impl Fn(&[Settlement]) -> bool,
) -> Result<()> {
    until(what, patience, || {
        let alive = swarm.check_alive();
        let (count, yes) = swarm.follower().look(|ledger| (ledger.settlements.len(), enough(&ledger.settlements)));
        async move {
            match (alive, yes) {
                (Err(error), _) => Ok(Err(error)),
                (Ok(()), true) => Ok(Ok(())),
                (Ok(()), false) => Err(format!("{count} tasks have settled")),
            }
        }
    })
    .await?
}
