//! A crash after every step: the lane is dropped there, and another one opens the same ledger.

use super::{Bench, included};
use crate::chain::lane::{Lane, Outcome, Prepared};
use crate::chain::nonce::Intent;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn prepared(lane: &mut Lane, bench: &Bench, value: u64) -> Intent {
    match lane.prepare(&bench.call(value)).await.expect("anvil answers") {
        Prepared::Ready(intent) => *intent,
        _ => panic!("it can be sent"),
    }
}

/// What a started keeper makes of it: the old call is finished first, then a new one goes out.
async fn restart_and_send(bench: &Bench, expected: u64) {
    let mut lane = bench.lane();
    let outcome = lane.execute(&bench.call(100)).await;
    assert!(included(&outcome), "{outcome:?}");
    assert_eq!(bench.counted().await, (expected, 100));
    assert_eq!(bench.nonce().await, expected, "no nonce was wasted and none is missing");
    assert_eq!(lane.ledger.first_open(), None);
}

#[tokio::test]
async fn before_it_is_written_down_nothing_has_happened() {
    let bench = Bench::new().await;
    prepared(&mut bench.lane(), &bench, 1).await;
    restart_and_send(&bench, 1).await;
}

#[tokio::test]
async fn after_it_is_written_down_it_is_sent_by_the_next_start() {
    let bench = Bench::new().await;
    let mut lane = bench.lane();
    let intent = prepared(&mut lane, &bench, 1).await;
    lane.ledger.begin(intent).expect("free");
    drop(lane);
    restart_and_send(&bench, 2).await;
}

#[tokio::test]
async fn after_it_was_sent_it_is_not_sent_as_another() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let mut lane = bench.lane();
    let intent = prepared(&mut lane, &bench, 1).await;
    lane.ledger.begin(intent.clone()).expect("free");
    assert_eq!(lane.broadcast(&intent).await.expect("anvil answers"), None);
    drop(lane);
    bench.automine(true).await;
    bench.anvil.mine(1).await;
    restart_and_send(&bench, 2).await;
}

#[tokio::test]
async fn a_node_that_forgot_it_gets_it_again() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let mut lane = bench.lane();
    let intent = prepared(&mut lane, &bench, 1).await;
    lane.ledger.begin(intent.clone()).expect("free");
    lane.broadcast(&intent).await.expect("anvil answers");
    drop(lane);
    bench.anvil.ask::<Value>("anvil_dropAllTransactions", json!([])).await;
    bench.automine(true).await;
    restart_and_send(&bench, 2).await;
}

#[tokio::test]
async fn after_it_was_included_it_is_closed() {
    let bench = Bench::new().await;
    bench.automine(false).await;
    let mut lane = bench.lane();
    let intent = prepared(&mut lane, &bench, 1).await;
    lane.ledger.begin(intent.clone()).expect("free");
    lane.broadcast(&intent).await.expect("anvil answers");
    drop(lane);
    // Anvil mines by itself only some time after it has answered.
    bench.anvil.mine(1).await;
    bench.automine(true).await;
    assert_eq!(bench.counted().await, (1, 1));
    restart_and_send(&bench, 2).await;
}

#[tokio::test]
async fn the_same_call_again_gets_the_result_of_the_first() {
    let bench = Bench::new().await;
    let mut lane = bench.lane();
    let intent = prepared(&mut lane, &bench, 100).await;
    let tx = intent.attempts[0].tx;
    lane.ledger.begin(intent).expect("free");
    drop(lane);
    let outcome = bench.lane().execute(&bench.call(100)).await;
    assert!(matches!(&outcome, Outcome::Included(receipt) if receipt.tx == tx), "{outcome:?}");
    assert_eq!(bench.counted().await, (1, 100));
}

#[tokio::test]
async fn a_gap_below_a_known_nonce_is_filled() {
    let bench = Bench::new().await;
    let mut lane = bench.lane();
    let intent = prepared(&mut lane, &bench, 1).await;
    lane.ledger.begin(intent).expect("free");
    let later = prepared(&mut lane, &bench, 2).await;
    assert_eq!(later.nonce, 1, "nonce 0 belongs to the first");
    lane.ledger.begin(later).expect("free");
    drop(lane);
    restart_and_send(&bench, 3).await;
}

#[tokio::test]
async fn after_a_reorganisation_the_same_transactions_come_back() {
    let bench = Bench::new().await;
    let mut lane = bench.lane();
    let snapshot: String = bench.anvil.ask("evm_snapshot", json!([])).await;
    for value in 1..=3 {
        assert!(included(&lane.execute(&bench.call(value)).await));
    }
    assert!(bench.anvil.ask::<bool>("evm_revert", json!([snapshot])).await);
    assert_eq!(bench.counted().await, (0, 0));
    restart_and_send(&bench, 4).await;
}

/// Kills the lane at arbitrary moments; whatever happens, each call counts once and no nonce has two contents.
#[tokio::test]
async fn killed_at_any_moment_each_call_counts_once() {
    let bench = Bench::new().await;
    let deadline = Instant::now() + Duration::from_secs(60);
    for value in 1..=6_u64 {
        let mut microseconds = 200;
        let mut kills = 0;
        loop {
            assert!(Instant::now() < deadline, "call {value} is included");
            let (mut lane, call) = (bench.lane(), bench.call(value));
            let sent = tokio::time::timeout(Duration::from_micros(microseconds), lane.execute(&call));
            match sent.await {
                Ok(outcome) => {
                    assert!(included(&outcome), "{outcome:?}");
                    break;
                }
                Err(_) => kills += 1,
            }
            drop(lane);
            // A call of that content which was included and closed would be sent again: as in the keeper, the chain is
            // asked first.
            if bench.counted().await.1 == value {
                break;
            }
            microseconds += 700 + value * 90;
        }
        assert!(kills > 0, "call {value} was killed at least once");
        assert_eq!(bench.counted().await, (value, value));
    }
    assert_eq!(bench.nonce().await, 6);
}
