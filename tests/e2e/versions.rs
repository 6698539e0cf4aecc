//! Two versions of the wire in one mesh: keepers of a network are upgraded one after the other while it works. With three of five at one
//! version and two at the next, no quorum (four of five) is without both.

use std::collections::BTreeSet;
use std::time::Duration;

use bootstrap::swarm::Swarm;
use bootstrap::swarm::keepers::{Keeper, binary};
use bootstrap::wait::until;
use p2p::WIRE;
use serde_json::Value;
use tests::outcome::{self, Tasks, evidence};
use tests::{keepers, settled, signers};

/// Keepers of the next version.
const UPGRADED: usize = 2;
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test]
#[ignore = "takes two minutes, and needs keeper-equivocate"]
async fn a_network_settles_while_half_of_it_is_upgraded() {
    let _alone = tests::alone().await;
    let mut swarm = Swarm::start(keepers(5)).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 3).await.unwrap();
    for keeper in swarm.keepers.iter_mut().take(UPGRADED) {
        assert_eq!(keeper.stop().await, Some(0));
        keeper.run_with(binary("keeper-equivocate").unwrap());
        keeper.set("KEEPER_WIRE", &(WIRE + 1).to_string());
        keeper.join().unwrap();
        keeper.ready().await.unwrap();
    }
    let more = swarm.follower().look(|ledger| ledger.settlements.len()) + 10;
    settled(&mut swarm, "ten settlements of a mixed mesh", PATIENCE, |tasks| tasks.len() >= more).await.unwrap();
    both_sign(&mut swarm).await;
    each_hears_all(&swarm).await;
    let Tasks { due, missed, doubled } = outcome::end(&mut swarm, PATIENCE).await.unwrap();
    let twice = evidence(swarm.keepers.iter().map(Keeper::datadir)).len();
    eprintln!("{due} tasks due, {missed} missed, {doubled} settled twice, {twice} signed twice");
    assert_eq!((missed, doubled, twice), (0, 0, 0));
    swarm.stop().await;
}

/// The newest settlement has signatures of keepers of both versions.
async fn both_sign(swarm: &mut Swarm) {
    let provider = swarm.anvil().provider().clone();
    let registry = swarm.deployed().network.contracts.keeper_registry;
    let mut next = BTreeSet::new();
    for keeper in swarm.keepers.iter().take(UPGRADED) {
        next.insert(signers::index_of(&provider, registry, keeper.operator()).await.unwrap());
    }
    until("a settlement signed by both versions", PATIENCE, || async {
        let newest = swarm.follower().look(|ledger| ledger.transactions.last().map(|last| last.hash));
        let newest = newest.ok_or_else(|| "none yet".to_owned())?;
        let signed = signers::of(&provider, newest).await.map_err(|error| error.to_string())?;
        let of_next = signed.intersection(&next).count();
        if of_next > 0 && of_next < signed.len() {
            Ok(())
        } else {
            Err(format!("{signed:?} signed, {next:?} are upgraded"))
        }
    })
    .await
    .unwrap();
}

/// Every keeper hears the heartbeats of all, and shows both releases.
async fn each_hears_all(swarm: &Swarm) {
    for keeper in &swarm.keepers {
        until(&format!("{} to hear both versions", keeper.name()), PATIENCE, || async {
            let mesh: Value = keeper.get("/api/v1/mesh").await.map_err(|error| format!("{error:#}"))?;
            let rows = mesh["keepers"].as_array().ok_or_else(|| mesh.to_string())?;
            let versions: BTreeSet<&str> = rows.iter().filter_map(|row| row["version"].as_str()).collect();
            let is_heard = |row: &Value| row["state"] == "fine" || row["state"] == "failing";
            if rows.len() == 5 && rows.iter().all(is_heard) && versions.len() == 2 {
                Ok(())
            } else {
                Err(mesh.to_string())
            }
        })
        .await
        .unwrap();
    }
}
