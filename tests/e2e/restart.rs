//! A keeper that is stopped or killed goes on with the same data directory: same peer, same journal, nothing twice.

use std::time::Duration;

use bootstrap::swarm::Swarm;
use bootstrap::wait::until;
use tests::{keepers, settled, signers};

const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
#[ignore = "takes a minute and a half"]
async fn keepers_go_on_where_they_stopped() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(4)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 3).await.unwrap();

    let before = swarm.keepers[0].node().unwrap();
    assert_eq!(swarm.keepers[0].stop().await, Some(0), "a keeper that is asked to stop exits with 0");
    swarm.keepers[0].join().unwrap();
    swarm.keepers[0].ready().await.unwrap();
    let after = swarm.keepers[0].node().unwrap();
    assert_eq!(before.peer_id, after.peer_id);
    assert_ne!(before.pid, after.pid);
    signs_again(&mut swarm, 0).await;

    for keeper in &mut swarm.keepers {
        keeper.kill();
    }
    let settled_so_far = swarm.follower().look(|ledger| ledger.settlements.len());
    for keeper in &mut swarm.keepers {
        keeper.join().unwrap();
    }
    for keeper in &mut swarm.keepers {
        keeper.ready().await.unwrap();
    }
    let more = settled_so_far + 6;
    settled(&mut swarm, "settlements after all were killed", PATIENCE, |tasks| tasks.len() >= more).await.unwrap();
    for index in 0..4 {
        signs_again(&mut swarm, index).await;
    }
    swarm.follower().look(|ledger| {
        let mut tasks: Vec<_> = ledger.settlements.iter().map(|each| each.task_id).collect();
        tasks.sort_unstable();
        let all = tasks.len();
        tasks.dedup();
        assert_eq!(tasks.len(), all, "a task settled twice");
    });
    swarm.stop().await;
}

/// Waits for a certificate in a block from now on that the keeper signed.
async fn signs_again(swarm: &mut Swarm, keeper: usize) {
    let provider = swarm.anvil().provider().clone();
    let registry = swarm.deployed().network.contracts.keeper_registry;
    let operator = swarm.keepers[keeper].operator();
    let index = signers::index_of(&provider, registry, operator).await.unwrap();
    let seen = swarm.follower().look(|ledger| ledger.transactions.len());
    until(&format!("a signature of {}", swarm.keepers[keeper].name()), PATIENCE, || async {
        // A chain that takes blocks back may have fewer than before.
        let fresh: Vec<_> =
            swarm.follower().look(|ledger| ledger.transactions.iter().skip(seen).map(|each| each.hash).collect());
        for transaction in &fresh {
            if signers::of(&provider, *transaction).await.is_ok_and(|signed| signed.contains(&index)) {
                return Ok(());
            }
        }
        Err(format!("{} settlements without it", fresh.len()))
    })
    .await
    .unwrap();
}
