//! A keeper turns into one that signs two results for one task, and loses its stake for it.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::super::keepers::binary;
use super::super::run::state;
use super::super::{Swarm, slashing};

/// In this time it is to be proven, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts the last keeper again as a liar, and waits until the others have proven it and no epoch counts on it: its name, and what
/// part of its stake it lost, in percent.
pub(super) async fn liar(swarm: &mut Swarm, told: &mut usize) -> Result<(String, u64)> {
    let program = binary("keeper-equivocate")?;
    let Some(keeper) = swarm.keepers.last_mut() else { bail!("the tour has no keeper") };
    let (name, operator) = (keeper.name().to_owned(), keeper.operator());
    keeper.stop().await;
    keeper.run_with(program);
    keeper.join()?;
    keeper.ready().await.with_context(|| format!("{name} did not come back as a liar"))?;
    swarm.equivocators.push(operator);
    swarm.progress.say(&format!("{name} signs two results for one task from now on"));
    let begun = tokio::time::Instant::now();
    loop {
        *told = swarm.tell_news(*told);
        let (provider, network) = (swarm.anvil.provider(), &swarm.deployed.network);
        let taken = slashing::slashed(provider, network).await?.remove(&operator);
        let counted = slashing::counted(provider, network).await?;
        if let Some(taken) = taken.filter(|_| !counted.contains_key(&operator)) {
            let left = slashing::stakes(provider, network, vec![operator]).await?.remove(&operator).unwrap_or_default();
            let part = (taken * alloy::primitives::U256::from(100)).checked_div(taken + left).unwrap_or_default();
            return Ok((name, part.try_into().unwrap_or(100)));
        }
        if begun.elapsed() > PATIENCE {
            bail!("{name} was not slashed in {} s\n{}", PATIENCE.as_secs(), state(swarm).await);
        }
        swarm.next_block().await;
    }
}
