use alloy::primitives::Bytes;
use alloy::sol_types::{SolCall, SolValue};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

use super::*;
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};

fn chain(node: &FakeNode) -> Chain {
    let config = config(&[&node.url], 0);
    Chain::over(Rpc::new(&config).expect("a valid URL"), config)
}

/// A node that shows so many epochs, and owes in these: every question about them is kept.
fn owes(node: &FakeNode, newest: u32, in_epochs: &'static [u32]) -> Arc<Mutex<Vec<usize>>> {
    let asked = Arc::<Mutex<Vec<usize>>>::default();
    let kept = asked.clone();
    node.lie(move |method, params: &Value, answer| {
        let input = params[0].get("input").and_then(Value::as_str).unwrap_or_default();
        let Some(input) = input.parse::<Bytes>().ok().filter(|_| method == "eth_call") else { return };
        let result = if input.starts_with(&KeeperRegistry::currentEpochCall::SELECTOR) {
            newest.abi_encode()
        } else if let Ok(call) = JobManager::owedCall::abi_decode(&input) {
            kept.lock().expect("no panic").push(call.epochs.len());
            let owing = call.epochs.iter().filter(|epoch| in_epochs.contains(epoch)).count();
            U256::from(owing).abi_encode()
        } else {
            return;
        };
        *answer = json!({"result": Bytes::from(result)});
    });
    asked
}

#[tokio::test]
async fn a_node_that_shows_more_epochs_than_there_can_be_is_not_believed() {
    let node = FakeNode::start(100).await;
    let asked = owes(&node, u32::MAX, &[]);
    let error = newest_epoch(&chain(&node)).await.expect_err("100 blocks have no 4 billion epochs");
    assert_eq!(error.reason(), "too_many_epochs");
    assert!(error.to_string().contains("4294967295"), "{error}");
    assert!(asked.lock().expect("no panic").is_empty(), "nothing is asked about them");
}

#[tokio::test]
async fn epochs_that_owe_are_found_however_many_there_are() {
    let node = FakeNode::start(100).await;
    let asked = owes(&node, 12, &[]);
    // blocks of a second, epochs of ten: twelve are fewer than thirteen
    assert_eq!(newest_epoch(&chain(&node)).await.expect("it is possible"), 12);
    assert!(asked.lock().expect("no panic").is_empty());
    let asked = owes(&node, 12, &[1, 199, 200, 201, 1000, 1001]);
    let chain = chain(&node);
    let owing = owing_epochs(&chain, Address::ZERO, Address::ZERO, 1001).await.expect("it answers");
    assert_eq!(owing.iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [1, 199, 200, 201, 1000, 1001]);
    assert!(
        asked.lock().expect("no panic").iter().all(|asked| *asked <= 200),
        "no question is longer than a call takes"
    );
    assert!(owing_epochs(&chain, Address::ZERO, Address::ZERO, 0).await.expect("nothing to ask").is_empty());
}

#[test]
fn epochs_take_blocks_and_time() {
    let head = |number, timestamp| Head { number, timestamp, hash: B256::ZERO, parent: B256::ZERO };
    for (to, most) in [(head(110, 1_000), 3), (head(1_000, 1_100), 13), (head(10, 0), 3), (head(15, 9_000), 8)] {
        assert_eq!(most_epochs(head(10, 1_000), to, 10), most, "{to:?}");
    }
}

#[test]
fn a_registration_is_told_by_its_receipt() {
    let (registry, operator) = (Address::repeat_byte(1), Address::repeat_byte(9));
    let event = |emitter, operator, index| {
        let event =
            KeeperRegistry::OperatorRegistered { operator, index, blsKey: Bytes::new(), peerKey: FixedBytes::ZERO };
        let inner =
            alloy::primitives::Log { address: emitter, data: alloy::sol_types::SolEvent::encode_log_data(&event) };
        alloy::rpc::types::Log { inner, ..Default::default() }
    };
    let receipt = |logs| Receipt { tx: B256::repeat_byte(7), block: 3, success: true, gas_used: 1, price: 1, logs };
    let others = [event(Address::ZERO, operator, 1), event(registry, Address::ZERO, 2)];
    let logs = [&others[..], &[event(registry, operator, 3)]].concat();
    assert_eq!(registered_as(&receipt(logs), registry, operator).expect("it is there"), 3);
    let error = registered_as(&receipt(others.to_vec()), registry, operator).expect_err("nothing of ours");
    assert!(error.to_string().contains("0x0707"), "{error}");
}

/// The node that answers next is a block behind the one that showed the receipt.
#[tokio::test]
async fn what_was_done_is_read_where_it_was_done() {
    let node = FakeNode::start(20).await;
    let mut left = 3;
    node.lie(move |method, params: &Value, answer| {
        if method != "eth_call" {
            return;
        }
        assert_eq!(params[1], "0x15", "asked at the receipt's block");
        left -= 1;
        *answer = match left {
            0 => json!({"result": Bytes::from(vec![vec![U256::from(5)]].abi_encode())}),
            _ => json!({"error": {"code": -32000, "message": "header not found"}}),
        };
    });
    let chain = chain(&node);
    let receipt = Receipt { tx: B256::ZERO, block: 21, success: true, gas_used: 1, price: 1, logs: Vec::new() };
    let set = operator_set(&chain);
    let stake = chain.after(&receipt, |block| allocated(&chain, Address::ZERO, &set, block)).await;
    assert_eq!(stake.expect("it is shown in the end"), U256::from(5));
}
