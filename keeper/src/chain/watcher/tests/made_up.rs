//! Nodes that show blocks beyond the chain's end from the first question on: nothing below is lost by that.

use super::{Watched, funded, job_events};
use crate::chain::fake_node::{FakeNode, config, contracts};
use crate::chain::{ChainEvent, JobEvent};
use alloy::primitives::{B256, U64, keccak256};
use serde_json::{Value, json};
use std::time::Duration;

/// The header of a block that nobody made.
fn header(number: u64) -> Value {
    let hash = |number: u64| keccak256(number.to_be_bytes());
    json!({"number": U64::from(number), "hash": hash(number), "parentHash": hash(number.wrapping_sub(1)),
        "timestamp": U64::from(1_000_000), "gasLimit": "0x1c9c380", "baseFeePerGas": "0x1", "logsBloom": B256::ZERO})
}

fn asked_for(method: &str, params: &Value) -> Option<String> {
    (method == "eth_getBlockByNumber").then(|| params[0].as_str().unwrap_or_default().to_owned())
}

/// How long a node lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lies {
    UntilLogsAreAskedFor,
    ForEver,
}

/// Shows `tip` as its newest block, and every block up to there that it does not have.
fn shows(node: &FakeNode, tip: u64, lies: Lies) {
    let mut over = false;
    node.lie(move |method, params, answer| {
        over |= method == "eth_getLogs" && lies == Lies::UntilLogsAreAskedFor;
        let Some(block) = asked_for(method, params).filter(|_| !over) else { return };
        let number = u64::from_str_radix(block.trim_start_matches("0x"), 16).unwrap_or(tip);
        if block == "latest" || (answer["result"].is_null() && number <= tip) {
            *answer = json!({"result": header(number)});
        }
    });
}

async fn tells_the_job_of_1050(watched: &mut Watched, node: &FakeNode) {
    {
        let mut chain = node.chain();
        chain.log(1_050, contracts().job_manager, funded(5));
        let missing = 1_150 - chain.tip();
        chain.grow(missing, 0);
    }
    let told = watched.until_head(1_150).await;
    assert_eq!(job_events(&told), [(1_050, JobEvent::Covered { job_id: 5, covered: true })]);
}

#[tokio::test]
async fn a_lone_nodes_newest_block_is_not_believed_without_its_blocks() {
    let node = FakeNode::start(1_000).await;
    // Its newest block alone is made up, once.
    let mut left = 1;
    node.lie(move |method, params, answer| {
        if asked_for(method, params).is_some_and(|block| block == "latest") && left > 0 {
            left -= 1;
            *answer = json!({"result": header(1_400)});
        }
    });
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(1_000).await;
    assert!(watched.count("missing_block") >= 1);
    tells_the_job_of_1050(&mut watched, &node).await;
    assert_eq!(watched.count("deep_reorg"), 0, "nothing had to be told anew");
    watched.finish().await;
}

#[tokio::test]
async fn history_that_ends_in_a_made_up_block_is_told_anew() {
    for grows in [true, false] {
        let node = FakeNode::start(1_000).await;
        shows(&node, 1_400, Lies::UntilLogsAreAskedFor);
        let mut watched = Watched::start(config(&[&node.url], 0));
        while node.asked("eth_getLogs") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if !grows {
            // The chain stands still: it was set back, as far as anybody can tell.
            assert_eq!(watched.until_rewound().await, 0);
        }
        tells_the_job_of_1050(&mut watched, &node).await;
        assert_eq!(watched.count("deep_reorg"), 1);
        watched.finish().await;
    }
}

#[tokio::test]
async fn a_node_without_an_end_holds_nobody_up_beside_two_good_ones() {
    let (liar, good, other) =
        (FakeNode::start(1_000).await, FakeNode::start(1_000).await, FakeNode::start(1_000).await);
    shows(&liar, u64::MAX, Lies::ForEver);
    for node in [&good, &other] {
        node.chain().log(700, contracts().job_manager, funded(7));
    }
    let mut watched = Watched::start(config(&[&liar.url, &good.url, &other.url], 0));
    let growing = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            for node in [&good, &other] {
                node.chain().grow(1, 0);
            }
        }
    };
    let told = tokio::select! {
        told = watched.until_head(1_010) => told,
        () = growing => Vec::new(),
    };
    let voided = told.iter().rposition(|event| matches!(event, ChainEvent::Rewound { .. })).unwrap_or_default();
    assert_eq!(job_events(&told[voided..]), [(700, JobEvent::Covered { job_id: 7, covered: true })]);
    assert!(watched.count("node_contradicts") >= 1);
    watched.finish().await;
}
