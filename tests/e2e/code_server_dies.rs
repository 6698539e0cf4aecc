//! Issue 15, done when 1: after the first fetch the server with the jobs' code may die. Who joins later has it from the others.

use std::time::{Duration, Instant};

use bootstrap::swarm::{Options, Swarm};
use bootstrap::wait::until;
use tests::{keepers, settled, signers};

/// Two compilers' time besides what joining takes: a machine of its own compiles for itself.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test]
#[ignore = "takes minutes"]
async fn a_keeper_that_joins_after_the_code_server_died_has_the_code_from_its_peers_and_signs() {
    let _alone = tests::alone().await;
    let cache = tempfile::tempdir().unwrap();
    let options = Options { cache_dir: Some(cache.path().to_owned()), ..keepers(5) };
    let mut swarm = Swarm::start(options).await.unwrap();
    swarm.list_examples().await.unwrap();
    settled(&mut swarm, "the first settlements", PATIENCE, |tasks| tasks.len() >= 3).await.unwrap();
    let asked = swarm.code_server().asked();
    assert!(asked > 0, "somebody has fetched it");
    swarm.close_code_server().await;

    let keeper = swarm.enrol_keeper().await.unwrap();
    keeper.keep_code_apart();
    keeper.join().unwrap();
    let (operator, joined) = (keeper.operator(), Instant::now());
    let own = keeper.datadir().join("cache");
    until("code in the sixth keeper's own cache", PATIENCE, || async {
        let entries = std::fs::read_dir(own.join("wasm")).map_err(|error| error.to_string())?;
        if entries.count() > 0 { Ok(()) } else { Err("its cache is empty".to_owned()) }
    })
    .await
    .unwrap();
    let had_after = joined.elapsed();
    let provider = swarm.anvil().provider().clone();
    let registry = swarm.deployed().network.contracts.keeper_registry;
    let index = signers::index_of(&provider, registry, operator).await.unwrap();
    until("its first signature on chain", PATIENCE, || async {
        let newest = swarm.follower().look(|ledger| ledger.transactions.last().map(|last| last.hash));
        let newest = newest.ok_or_else(|| "no transactions".to_owned())?;
        let signed = signers::of(&provider, newest).await.map_err(|error| error.to_string())?;
        if signed.contains(&index) { Ok(()) } else { Err(format!("{signed:?} signed the newest")) }
    })
    .await
    .unwrap();
    let signed_after = joined.elapsed();
    assert_eq!(swarm.code_server().asked(), asked, "nobody has asked a server that is gone");
    let metrics = swarm.keepers.last().unwrap().node().unwrap().metrics_addr;
    let text = reqwest::get(format!("http://{metrics}/metrics")).await.unwrap().text().await.unwrap();
    let from = |place: &str| {
        let series = format!("keeper_codes_obtained_total{{from=\"{place}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&series)?.parse::<u32>().ok()).unwrap()
    };
    assert!(from("keepers") > 0 && from("url") == 0, "{} from keepers, {} from URLs", from("keepers"), from("url"));
    eprintln!(
        "the server was asked {asked} times; the sixth keeper had {} codes from its peers, the first {:.1} s after it joined, \
         and signed after {:.1} s",
        from("keepers"),
        had_after.as_secs_f64(),
        signed_after.as_secs_f64()
    );
    swarm.stop().await;
}
