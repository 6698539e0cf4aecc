//! Chains that stand still, go back, or are shown before they are there.

use super::{Watched, funded, job_events};
use crate::chain::fake_node::{FakeNode, config, contracts};
use crate::chain::{ChainEvent, JobEvent};
use alloy::primitives::{B256, U64};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn a_chain_that_was_set_back_is_followed_back() {
    let node = FakeNode::start(40).await;
    node.chain().log(35, contracts().job_manager, funded(3));
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(40).await;
    node.chain().drop_above(30);
    assert_eq!(watched.until_rewound().await, 30);
    {
        let mut chain = node.chain();
        chain.grow(8, 1);
        chain.log(36, contracts().job_manager, funded(4));
    }
    let told = watched.until_head(38).await;
    assert_eq!(job_events(&told), [(36, JobEvent::Covered { job_id: 4, covered: true })]);
    assert_eq!(watched.count("set_back"), 1);
    watched.finish().await;
}

#[tokio::test]
async fn a_chain_started_anew_is_told_anew() {
    let node = FakeNode::start(400).await;
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(400).await;
    {
        let mut chain = node.chain();
        chain.drop_above(0);
        chain.grow(20, 5);
        chain.log(7, contracts().job_manager, funded(7));
    }
    assert_eq!(watched.until_rewound().await, 0);
    let told = watched.until_head(20).await;
    assert_eq!(job_events(&told), [(7, JobEvent::Covered { job_id: 7, covered: true })]);
    watched.finish().await;
}

/// One URL, behind which for a while another chain is: nothing is forgotten for that.
#[tokio::test]
async fn another_chain_behind_the_same_url_voids_nothing() {
    let node = FakeNode::start(400).await;
    node.chain().log(399, contracts().job_manager, funded(7));
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(400).await;
    let ours = node.chain().chain_id;
    {
        let mut chain = node.chain();
        chain.drop_above(0);
        chain.grow(500, 5);
        chain.chain_id = ours + 1;
    }
    let why = watched.until_trouble().await;
    assert!(why.contains(&format!("chain {}", ours + 1)), "{why}");
    {
        let mut chain = node.chain();
        chain.drop_above(0);
        chain.grow(402, 0);
        chain.chain_id = ours;
    }
    let told = watched.until_head(402).await;
    assert!(!told.iter().any(|event| matches!(event, ChainEvent::Rewound { .. })), "{told:?}");
    watched.finish().await;
}

/// The same where only the contracts are gone, as after a local chain was started anew.
#[tokio::test]
async fn a_chain_without_the_contracts_voids_nothing() {
    let node = FakeNode::start(400).await;
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(400).await;
    {
        let mut chain = node.chain();
        chain.drop_above(0);
        chain.grow(500, 5);
        chain.code = false;
    }
    let why = watched.until_trouble().await;
    assert!(why.contains("missing contract"), "{why}");
    node.chain().code = true;
    assert_eq!(watched.until_rewound().await, 0);
    watched.until_head(500).await;
    watched.finish().await;
}

#[tokio::test]
async fn a_node_that_falls_far_behind_or_syncs_is_no_set_back() {
    let (odd, good) = (FakeNode::start(400).await, FakeNode::start(400).await);
    let mut watched = Watched::start(config(&[&odd.url, &good.url], 0));
    watched.until_head(400).await;
    odd.chain().drop_above(10);
    good.chain().grow(5, 0);
    let told = watched.until_head(405).await;
    assert!(!told.iter().any(|event| matches!(event, ChainEvent::Rewound { .. })), "{told:?}");
    watched.finish().await;
    // Alone, it says that it is syncing.
    odd.chain().grow(390, 0);
    let mut watched = Watched::start(config(&[&odd.url], 0));
    watched.until_head(400).await;
    odd.lie(|method, _, answer| {
        if method == "eth_syncing" {
            *answer = json!({"result": {"currentBlock": "0x9", "highestBlock": "0x190"}});
        }
    });
    odd.chain().drop_above(350);
    while watched.count("node_syncing") == 0 {
        if let Ok(event) = timeout(Duration::from_millis(20), watched.next()).await {
            assert!(matches!(event, ChainEvent::Connection { .. }), "{event:?}");
        }
    }
    odd.chain().grow(51, 0);
    watched.until_head(401).await;
    watched.finish().await;
}

/// Shows the block being built as the newest one: without a hash, or with one that nobody else knows.
fn shows_pending(node: &FakeNode, hash: Option<B256>) {
    let (mut number, mut parent) = (0, B256::ZERO);
    node.lie(move |method, params, answer| {
        if method == "eth_getBlockByNumber" && params[0] == "latest" {
            let tip = &answer["result"];
            number = tip["number"].as_str().and_then(|text| u64::from_str_radix(&text[2..], 16).ok()).unwrap_or(number);
            parent = tip["hash"].as_str().and_then(|text| text.parse().ok()).unwrap_or(parent);
            answer["result"]["number"] = json!(U64::from(number + 1));
            answer["result"]["parentHash"] = json!(parent);
            answer["result"]["hash"] = json!(hash);
            answer["result"]["timestamp"] = json!("0xffffff");
        }
    });
}

#[tokio::test]
async fn the_block_being_built_is_not_taken_for_the_newest() {
    for (name, hash) in [("without a hash", None), ("with a hash of its own", Some(B256::repeat_byte(0x77)))] {
        let node = FakeNode::start(20).await;
        shows_pending(&node, hash);
        let mut watched = Watched::start(config(&[&node.url], 0));
        let mut told = watched.until_head(20).await;
        for number in 21..25 {
            node.chain().grow(1, 0);
            node.chain().log(number, contracts().job_manager, funded(number));
            told.extend(watched.until_head(number).await);
        }
        assert_eq!(job_events(&told).len(), 4, "{name}");
        let odd = told
            .iter()
            .find(|event| matches!(event, ChainEvent::Rewound { .. } | ChainEvent::Connection { ok: false, .. }));
        assert_eq!(odd, None, "{name}");
        watched.finish().await;
    }
}

#[tokio::test]
async fn the_chains_clock_is_told_with_every_newest_block() {
    let node = FakeNode::start(20).await;
    let mut watched = Watched::start(config(&[&node.url], 2));
    watched.until_head(18).await;
    assert_eq!(watched.newest, [(20, 1_021, false)], "nobody knows when it came");
    node.chain().grow(1, 0);
    watched.until_head(19).await;
    assert_eq!(watched.newest.last(), Some(&(21, 1_022, true)), "before it has its confirmations");
    watched.finish().await;
}
