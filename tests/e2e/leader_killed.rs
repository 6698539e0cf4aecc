//! Done when 2: leaders killed on their turn, nothing missed, nothing twice.

use tests::document::swarm;

#[tokio::test]
#[ignore = "takes three minutes"]
async fn every_task_settles_though_leaders_are_killed_on_their_turn() {
    let _alone = tests::alone().await;
    let outcome = swarm(&["--once", "--json", "--tasks", "40", "--kill-leader"]).await.unwrap();
    outcome.holds(40);
    assert!(outcome.number("/kills") >= 4, "{outcome:#?}");
    assert!(outcome.number("/takeovers") >= 1, "{outcome:#?}");
}
