//! A keeper whose chain node shows it another operator set than the chain has: it signs nothing and says so, the others
//! go on, and it signs again as soon as it sees what they see.

use std::time::Duration;

use alloy::primitives::B256;
use bootstrap::swarm::Swarm;
use bootstrap::swarm::api::Status;
use bootstrap::swarm::network::fund_all;
use bootstrap::wait::until;
use contracts::KeeperRegistry;
use tests::door::Door;
use tests::{keepers, settled, signers};

const PATIENCE: Duration = Duration::from_secs(60);
/// Settlements in which the keeper must not have a part.
const WITHOUT: usize = 6;

#[tokio::test]
async fn a_keeper_that_sees_another_set_stops_signing_and_says_so() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    let behind = swarm.anvil().url().trim_start_matches("http://").to_owned();
    let mut door = Door::new(&behind).await.unwrap();
    door.open().unwrap();
    let mut network = swarm.deployed().network.clone();
    network.rpc_urls = vec![format!("http://{}", door.address())];
    let file = swarm.directory().join("through-the-door.toml");
    network.save(&file).unwrap();
    let mut keeper = swarm.create_keeper("deceived", &file).await.unwrap();
    fund_all(swarm.anvil(), [keeper.operator()]).await.unwrap();
    keeper.register().await.unwrap();
    keeper.join().unwrap();
    keeper.ready().await.unwrap();

    // The same epoch with another table, from the start on.
    let provider = swarm.anvil().provider().clone();
    let registry = KeeperRegistry::new(network.contracts.keeper_registry, provider.clone());
    let epoch = registry.currentEpoch().call().await.unwrap();
    let root = registry.epochInfo(epoch).call().await.unwrap().tableRoot;
    assert_eq!(keeper.stop().await, Some(0));
    door.shut().await;
    door.lie(&format!("{root:x}"), &format!("{:x}", B256::repeat_byte(0xab)));
    door.open().unwrap();
    keeper.join().unwrap();
    keeper
        .until("says that the others see another set", PATIENCE, |status: &Status| match status.checks.get("set") {
            Some(check) if !check.ok && check.message.contains("another operator set") => Ok(()),
            check => Err(format!("{check:?}")),
        })
        .await
        .unwrap();
    let log = swarm.directory().join("deceived.log");
    let told = std::fs::read_to_string(&log).unwrap().matches("most keepers see another operator set").count();
    // An epoch whose block is taken back begins again.
    assert!(told == 1 || tests::is_rough() && told > 1, "the log says it {told} times");

    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "settlements without it", PATIENCE, |tasks| tasks.len() >= WITHOUT).await.unwrap();
    let index = signers::index_of(&provider, network.contracts.keeper_registry, keeper.operator()).await.unwrap();
    let before = swarm.follower().ledger().transactions;
    for transaction in &before {
        let signed = signers::of(&provider, transaction.hash).await.unwrap();
        assert!(!signed.contains(&index) && signed.len() == 4, "{signed:?} signed, {index} is deceived");
    }

    // The next epoch is shown as it is.
    keeper.stake(90).await.unwrap();
    until("the next epoch", PATIENCE, || async {
        let now = registry.currentEpoch().call().await.map_err(|error| error.to_string())?;
        if now > epoch { Ok(()) } else { Err(format!("epoch {now}")) }
    })
    .await
    .unwrap();
    keeper.ready().await.unwrap();
    until("its signature", PATIENCE, || async {
        let fresh =
            swarm.follower().look(|ledger| ledger.transactions.get(before.len()..)?.last().map(|last| last.hash));
        let newest = fresh.ok_or_else(|| "no settlement".to_owned())?;
        let signed = signers::of(&provider, newest).await.map_err(|error| format!("{error:#}"))?;
        if signed.contains(&index) { Ok(()) } else { Err(format!("{signed:?} signed the newest")) }
    })
    .await
    .unwrap();
    assert_eq!(keeper.stop().await, Some(0));
    swarm.stop().await;
}
