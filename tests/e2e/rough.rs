//! The chain as it is: late and lying nodes, and a chain that takes blocks back. Nothing is missed, nothing settles twice.

use tests::document::swarm;

#[tokio::test]
#[ignore = "takes four minutes"]
async fn a_hundred_tasks_settle_once_each_in_the_chain_as_it_is() {
    let _alone = tests::alone().await;
    let outcome = swarm(&["--once", "--json", "--rough", "--tasks", "100"]).await.unwrap();
    outcome.holds(100);
    assert!(outcome.number("/reorganisations/count") >= 3, "{outcome:#?}");
}

#[tokio::test]
#[ignore = "takes ten minutes"]
async fn nothing_is_missed_where_leaders_are_killed_in_the_chain_as_it_is() {
    let _alone = tests::alone().await;
    let flags = ["--once", "--json", "--rough", "--tasks", "100", "--kill-leader", "--keepers", "7"];
    let outcome = swarm(&flags).await.unwrap();
    outcome.holds(100);
    assert!(outcome.number("/kills") >= 10, "{outcome:#?}");
}

#[tokio::test]
#[ignore = "takes seven minutes"]
async fn fifty_reorganisations_of_one_to_ten_blocks_miss_nothing() {
    let _alone = tests::alone().await;
    let often = ["--reorgs", "50", "--reorg-every", "6", "--reorg-depth", "10"];
    let flags = [&["--once", "--json", "--rough", "--tasks", "100"], &often[..]].concat();
    let outcome = swarm(&flags).await.unwrap();
    outcome.holds(100);
    let number = |key: &str| outcome.number(&format!("/reorganisations/{key}"));
    assert!(number("count") >= 50 && number("deepest") >= 9, "{outcome:#?}");
    let (orphaned, dropped) = (number("orphaned"), number("dropped"));
    assert!(0 < dropped && dropped < orphaned, "dropped and returned: {outcome:#?}");
}
