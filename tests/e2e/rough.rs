//! The chain as it is: late and lying nodes, and a chain that takes blocks back. Nothing is missed, nothing settles twice.

use std::path::Path;

use tests::document::{Outcome, swarm};
use tests::outcome::{evidence, said};

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

/// The examples of every kind of trigger and action; two of their logs and conditions are stirred every few seconds. Beside them ten
/// tasks a second are due.
const EVERYTHING: [&str; 7] = ["--once", "--json", "--rough", "--jobs", "all", "--load", "20"];

/// What is broken besides what [`tests::document::Outcome::holds`] looks at: runs of logs that are not on the chain any more, keepers
/// that signed twice, examples of which nothing came.
fn holds_for_every_kind(outcome: &Outcome, directory: &Path) {
    assert_eq!(outcome.number("/tasks/undue"), 0, "{outcome:#?}");
    assert_eq!(outcome.document["slashed"], serde_json::json!([]), "{outcome:#?}");
    for job in outcome.document["jobs"].as_array().unwrap() {
        let [due, settled, skipped] = ["due", "settled", "skipped"].map(|key| job[key].as_i64().unwrap());
        assert!(settled >= 1 && due == settled + skipped, "{job}");
    }
    let folders = directory.read_dir().unwrap().flatten().map(|entry| entry.path());
    let proofs = evidence(folders);
    assert!(proofs.is_empty(), "keepers hold proofs that others signed twice: {proofs:?}");
    assert_eq!(said(directory, "stopped to protect the stake"), 0);
}

#[tokio::test]
#[ignore = "takes eight minutes"]
async fn fifty_reorganisations_miss_nothing_of_any_trigger() {
    let _alone = tests::alone().await;
    let folder = tempfile::tempdir().unwrap();
    let often = ["--tasks", "100", "--reorgs", "50", "--reorg-every", "6", "--reorg-depth", "10"];
    let kept = ["--keep", "--dir", folder.path().to_str().unwrap()];
    let outcome = swarm(&[&EVERYTHING[..], &often, &kept].concat()).await.unwrap();
    outcome.holds(100);
    holds_for_every_kind(&outcome, folder.path());
    let number = |key: &str| outcome.number(&format!("/reorganisations/{key}"));
    assert!(number("count") >= 50 && number("deepest") >= 9, "{outcome:#?}");
}

#[tokio::test]
#[ignore = "takes eight minutes"]
async fn nothing_of_any_trigger_is_missed_where_leaders_are_killed() {
    let _alone = tests::alone().await;
    let folder = tempfile::tempdir().unwrap();
    let kept = ["--keep", "--dir", folder.path().to_str().unwrap()];
    let kills = ["--tasks", "100", "--kill-leader"];
    let outcome = swarm(&[&EVERYTHING[..], &kills, &kept].concat()).await.unwrap();
    outcome.holds(100);
    holds_for_every_kind(&outcome, folder.path());
    assert!(outcome.number("/kills") >= 10, "{outcome:#?}");
}
