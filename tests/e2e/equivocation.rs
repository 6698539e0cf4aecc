//! A keeper that signs two results is found out by the others, slashed without anybody's help, and missed by nobody.

use tests::document::swarm;

#[tokio::test]
async fn a_keeper_that_signs_two_results_is_slashed() {
    let _alone = tests::alone().await;
    let outcome = swarm(&["--once", "--json", "--tasks", "20", "--equivocate", "1"]).await.unwrap();
    outcome.holds(20);
    let slashed = outcome.document["slashed"].as_array().expect("slashed");
    assert_eq!(slashed.len(), 1, "{outcome:#?}");
    let stakes = outcome.document["stakes"].as_object().expect("stakes");
    let counted = outcome.document["counted"].as_object().expect("counted");
    let slashed_still_counts = counted.contains_key(slashed[0].as_str().expect("an address"));
    assert!(counted.len() == 4 && !slashed_still_counts, "{outcome:#?}");
    let full = "100000000000000000000";
    assert_eq!(stakes.len(), 5, "{outcome:#?}");
    for (operator, stake) in stakes {
        let lost = slashed[0].as_str() == Some(operator);
        assert_eq!(stake != full, lost, "{operator} has {stake}: {outcome:#?}");
    }
}
