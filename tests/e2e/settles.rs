//! Done when 1: one command, settled jobs, and a proof that adds up.

use tests::document::swarm;

/// In the chain as it is: this is the one swarm of the short tests that everybody runs.
#[tokio::test]
async fn a_dozen_tasks_settle_once_each() {
    let _alone = tests::alone().await;
    let rough = ["--rough", "--reorg-every", "6", "--reorgs", "2"];
    let outcome = swarm(&[&["--once", "--json", "--tasks", "12"], &rough[..]].concat()).await.unwrap();
    outcome.holds(12);
    assert!(outcome.number("/reorganisations/count") >= 2, "{outcome:#?}");
    assert_eq!(outcome.document["schema"], 1);
    assert_eq!(outcome.document["chain_id"], 31337);
    assert_eq!(outcome.number("/kills"), 0);
    let jobs = outcome.document["jobs"].as_array().unwrap();
    assert_eq!(jobs.len(), 3);
    assert!(jobs.iter().all(|job| job["settled"].as_i64() > Some(0)), "{outcome:#?}");
}

#[tokio::test]
#[ignore = "takes a minute and a half"]
async fn thirty_tasks_settle_once_each() {
    let _alone = tests::alone().await;
    swarm(&["--once", "--json", "--tasks", "30"]).await.unwrap().holds(30);
}

/// Four blocks have one second, and all hashes that contracts know are of the last minute.
#[tokio::test]
#[ignore = "takes two minutes"]
async fn tasks_settle_once_each_where_blocks_last_a_quarter_of_a_second() {
    let _alone = tests::alone().await;
    let outcome = swarm(&["--once", "--json", "--tasks", "30", "--block-milliseconds", "250"]).await.unwrap();
    outcome.holds(30);
    assert!(outcome.number("/latency_ms/due_to_settled/p50") < 3_000, "{outcome:#?}");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_not_pretended() {
    let outcome = swarm(&["--eigenlayer"]).await.unwrap();
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.log.contains("--eigenlayer") && outcome.log.contains("swarm.sh"), "{outcome:#?}");
    let outcome = swarm(&["--keepers", "3", "--equivocate", "3"]).await.unwrap();
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
}
