//! What jobs cost the nodes.

use alloy::primitives::{Address, B256, Bytes};
use consensus::anchor::BlockRef;
use serde_json::json;

use super::probe::{Question, probe};
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};

/// A condition in a question holds, does not, or fails with the gas that it has there.
const HOLDS: u8 = 0b11;
const NOT: u8 = 0b01;
const FAILS: u8 = 0;
/// Conditions in a question, and those that are asked about by themselves at a block.
const TOGETHER: u64 = 200;
const ALONE: u64 = 16;

/// Asks about so many conditions a node that says the same of each `TOGETHER`; gives those that hold, and how often it was asked.
async fn asked(conditions: u64, answer: [u8; TOGETHER as usize]) -> (Vec<u64>, u64) {
    let node = FakeNode::start(3).await;
    node.lie(move |method, params, said| {
        if method == "eth_call" {
            let is_by_itself = params[0].get("to").is_some_and(|to| !to.is_null());
            *said = json!({"result": if is_by_itself { Bytes::new() } else { Bytes::from(answer) }});
        }
    });
    let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
    let block = BlockRef { number: 3, hash: node.chain().hash(3), timestamp: 1_003 };
    let question = |job| Question { job, target: Address::from_word(B256::from([7; 32])), call: vec![7; 36].into() };
    let questions: Vec<Question> = (0..conditions).map(question).collect();
    let probed = probe(&rpc.provider(), &block, &questions).await.unwrap();
    (probed.holding, node.asked("eth_call"))
}

#[tokio::test]
async fn ten_thousand_conditions_cost_fifty_requests_and_a_few_more_where_they_fail() {
    let mut answer = [NOT; TOGETHER as usize];
    answer[17] = HOLDS;
    let (holding, requests) = asked(10_000, answer).await;
    assert_eq!(holding, (0..50).map(|question| question * TOGETHER + 17).collect::<Vec<_>>());
    assert_eq!(requests, 50);
    let (holding, requests) = asked(10_000, [FAILS; TOGETHER as usize]).await;
    assert_eq!((holding, requests), (Vec::new(), 50 + ALONE), "whoever lists what fails costs no more than that");
}
