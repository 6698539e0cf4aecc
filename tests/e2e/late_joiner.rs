//! Done when 3: a sixth keeper joins by hand and signs.

use std::time::{Duration, Instant};

use bootstrap::swarm::Swarm;
use bootstrap::wait::until;
use contracts::KeeperRegistry;
use tests::{keepers, settled, signers};

/// From `keeper join` to its first signature on chain; in the chain as it is blocks with it are taken back.
fn signs_within() -> Duration {
    Duration::from_secs(if tests::is_rough() { 90 } else { 30 })
}

#[tokio::test]
#[ignore = "takes a minute"]
async fn a_sixth_keeper_is_in_the_next_epoch_and_signs() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(5)).await.unwrap();
    swarm.list_examples().await.unwrap();
    let first = Duration::from_secs(90);
    settled(&mut swarm, "the first settlements", first, |tasks| tasks.len() >= 3).await.unwrap();

    let operator = swarm.add_keeper().await.unwrap().operator();
    let joined = Instant::now();
    let provider = swarm.anvil().provider().clone();
    let registry = swarm.deployed().network.contracts.keeper_registry;
    let index = signers::index_of(&provider, registry, operator).await.unwrap();
    assert_eq!(index, 5);
    let contract = KeeperRegistry::new(registry, provider.clone());
    until("an epoch with the sixth keeper", signs_within(), || async {
        let epoch = contract.currentEpoch().call().await.map_err(|error| error.to_string())?;
        let committee = contract.committee(epoch).call().await.map_err(|error| error.to_string())?;
        let member = committee.iter().find(|member| member.operator == operator);
        member.filter(|member| !member.stake.is_zero()).map(drop).ok_or_else(|| format!("epoch {epoch} lacks it"))
    })
    .await
    .unwrap();
    until("its first signature on chain", signs_within().saturating_sub(joined.elapsed()), || async {
        let newest = swarm.follower().look(|ledger| ledger.transactions.last().map(|last| last.hash));
        let newest = newest.ok_or_else(|| "no transactions".to_owned())?;
        let signed = signers::of(&provider, newest).await.map_err(|error| error.to_string())?;
        if signed.contains(&index) { Ok(()) } else { Err(format!("{signed:?} signed the newest")) }
    })
    .await
    .unwrap();
    eprintln!("the sixth keeper signed {:.1} s after it joined", joined.elapsed().as_secs_f64());
    swarm.stop().await;
}
