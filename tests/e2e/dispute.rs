//! A result that a quorum certifies, and that is wrong, is disputed, run again, ruled on and paid for by those who signed it.

use tests::document::swarm;

#[tokio::test]
async fn a_wrong_result_is_ruled_against_and_its_signers_are_slashed() {
    let _alone = tests::alone().await;
    let outcome = swarm(&["--once", "--json", "--keepers", "7", "--wrong-result", "4", "--tasks", "30"]).await.unwrap();
    outcome.holds(30);
    let disputes = &outcome.document["disputes"];
    assert_eq!((disputes["opened"].as_u64(), disputes["upheld"].as_u64()), (Some(1), Some(1)), "{outcome:#?}");
    let slashed = outcome.document["slashed"].as_array().expect("slashed");
    assert_eq!(slashed.len(), 4, "{outcome:#?}");
    let stakes = outcome.document["stakes"].as_object().expect("stakes");
    let full = 100_000_000_000_000_000_000_u128;
    for operator in slashed {
        let left = stakes[operator.as_str().expect("an address")].as_str().and_then(|left| left.parse().ok());
        assert_eq!(left, Some(full / 10 * 9), "a tenth of it: {outcome:#?}");
    }
}
