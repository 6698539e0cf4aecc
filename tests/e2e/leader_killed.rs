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

#[tokio::test]
#[ignore = "takes three minutes"]
async fn seven_keepers_settle_a_hundred_tasks_and_waste_at_most_a_transaction_per_kill() {
    let _alone = tests::alone().await;
    let outcome = swarm(&["--once", "--json", "--keepers", "7", "--tasks", "100", "--kill-leader"]).await.unwrap();
    outcome.holds(100);
    let (kills, wasted) = (outcome.number("/kills"), outcome.number("/tasks/wasted_tx"));
    let takeovers = outcome.number("/takeovers");
    eprintln!("{kills} kills, {takeovers} takeovers, {wasted} wasted transactions");
    // A reorganisation takes the block between a look and a transaction away as well.
    let wasted_most = if tests::is_rough() { kills + outcome.number("/reorganisations/count") } else { kills };
    assert!(kills >= 10 && wasted <= wasted_most, "{outcome:#?}");
    assert!(takeovers * 3 >= kills, "the kills miss their moment: {outcome:#?}");
}
