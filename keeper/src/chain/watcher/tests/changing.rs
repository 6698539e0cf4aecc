//! Honest nodes: outages, other chains, reorganisations.

use super::{Watched, funded, job_events};
use crate::chain::fake_node::{CHAIN_ID, FakeNode, config, contracts};
use crate::chain::{ChainEvent, JobEvent};
use alloy::primitives::{Address, B256};
use alloy::sol_types::SolEvent;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use contracts::KeeperRegistry;
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn outages_at_start_and_later_lose_nothing_and_are_told_once() {
    let node = FakeNode::start(20).await;
    node.chain().status = Some(StatusCode::BAD_GATEWAY);
    let mut watched = Watched::start(config(&[&node.url], 0));
    let (ok, why) = watched.until_connection().await;
    assert!(!ok && why.contains("502"), "{why}");
    node.chain().status = None;
    assert_eq!(watched.until_connection().await, (true, String::new()));
    node.chain().status = Some(StatusCode::BAD_GATEWAY);
    let (ok, _) = watched.until_connection().await;
    assert!(!ok);
    node.chain().grow(40, 0);
    node.chain().log(33, contracts().job_manager, funded(1));
    let failures = watched.count("not_json_rpc");
    while watched.count("not_json_rpc") < failures + 2 {
        assert!(timeout(Duration::from_millis(20), watched.next()).await.is_err(), "an outage is told once");
    }
    node.chain().status = None;
    let told = watched.until_head(60).await;
    assert_eq!(job_events(&told).len(), 1);
    assert_eq!(watched.heads.len(), 60);
    watched.finish().await;
}

/// Three nodes, each of which limits every fifth question: nothing of what is known is asked again.
#[tokio::test]
async fn nodes_that_limit_now_and_then_are_followed_all_the_same() {
    let nodes = [FakeNode::start(20).await, FakeNode::start(20).await, FakeNode::start(20).await];
    for node in &nodes {
        let mut asked = 0;
        node.raw(move |_| {
            asked += 1;
            let limits = asked % 5 == 0;
            limits.then(|| (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "slow down").into_response())
        });
    }
    let mut watched = Watched::start(config(&nodes.each_ref().map(|node| node.url.as_str()), 0));
    watched.until_head(20).await;
    for head in 21..=30 {
        for node in &nodes {
            node.chain().grow(1, 0);
        }
        let told = watched.until_head(head).await;
        assert!(!told.iter().any(|event| matches!(event, ChainEvent::Connection { ok: false, .. })), "{told:?}");
    }
    assert!(watched.count("limited") > 3);
    let code: u64 = nodes.iter().map(|node| node.chain().asked["eth_getCode"]).sum();
    let each = contracts().named().len() as u64;
    assert!(code <= 3 * (each + 1), "the contracts were looked for {code} times");
    watched.finish().await;
}

#[tokio::test]
async fn the_wrong_chain_and_missing_contracts_are_named() {
    let node = FakeNode::start(3).await;
    node.chain().chain_id = 5;
    let mut watched = Watched::start(config(&[&node.url], 0));
    let (ok, why) = watched.until_connection().await;
    assert!(!ok && why.contains("wrong chain id: the node serves chain 5, network.toml says 31337"), "{why}");
    node.chain().chain_id = CHAIN_ID;
    watched.until_head(3).await;
    watched.finish().await;

    node.chain().code = false;
    let mut watched = Watched::start(config(&[&node.url], 0));
    let (ok, why) = watched.until_connection().await;
    let address = contracts().keeper_registry.to_string();
    assert!(!ok && why.contains("missing contract") && why.contains(&address) && why.contains("network.toml"), "{why}");
    node.chain().code = true;
    watched.until_head(3).await;
    watched.finish().await;
}

#[tokio::test]
async fn a_reorganisation_goes_back_to_the_common_ancestor() {
    let node = FakeNode::start(40).await;
    node.chain().log(38, contracts().job_manager, funded(1));
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(40).await;
    {
        let mut chain = node.chain();
        chain.drop_above(35);
        chain.grow(3, 1);
        chain.log(37, contracts().job_manager, funded(2));
    }
    let told = watched.until_rewound().await;
    assert_eq!(told, 35);
    let told = watched.until_head(38).await;
    assert_eq!(job_events(&told), [(37, JobEvent::Covered { job_id: 2, covered: true })]);
    watched.finish().await;
}

#[tokio::test]
async fn when_no_held_block_stands_everything_is_told_anew() {
    let node = FakeNode::start(40).await;
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(40).await;
    {
        let mut chain = node.chain();
        chain.drop_above(0);
        chain.grow(50, 2);
        chain.log(2, contracts().job_manager, funded(3));
    }
    assert_eq!(watched.until_rewound().await, 0);
    let told = watched.until_head(50).await;
    assert_eq!(job_events(&told), [(2, JobEvent::Covered { job_id: 3, covered: true })]);
    assert_eq!(watched.count("deep_reorg"), 1);
    assert_eq!(watched.heads.len(), 50);
    watched.finish().await;
}

#[tokio::test]
async fn only_blocks_at_the_confirmation_depth_are_passed_on() {
    let node = FakeNode::start(10).await;
    let mut watched = Watched::start(config(&[&node.url], 4));
    watched.until_head(6).await;
    {
        let mut chain = node.chain();
        chain.drop_above(7);
        chain.grow(4, 1);
    }
    let told = watched.until_head(7).await;
    let heads: Vec<_> = told.iter().filter(|event| !matches!(event, ChainEvent::Connection { .. })).collect();
    assert_eq!(heads, [&ChainEvent::Head(watched.heads[&7])], "a reorganisation above that depth is not noticed");
    assert_eq!(watched.heads[&7].hash, node.chain().hash(7));
    watched.finish().await;
}

#[tokio::test]
async fn operators_are_told_with_their_peer_keys_from_the_oldest_block_on() {
    let node = FakeNode::start(400).await;
    let (old, new) = (Address::repeat_byte(0xa), Address::repeat_byte(0xb));
    let registered = |operator, key: u8| {
        KeeperRegistry::OperatorRegistered {
            operator,
            index: 0,
            blsKey: vec![0; 192].into(),
            peerKey: B256::repeat_byte(key),
        }
        .encode_log_data()
    };
    let rotated = KeeperRegistry::KeysRotated {
        operator: new,
        index: 1,
        blsKey: vec![0; 192].into(),
        peerKey: B256::repeat_byte(3),
    };
    let left = KeeperRegistry::OperatorDeregistered { operator: old, index: 0 }.encode_log_data();
    let registry = contracts().keeper_registry;
    node.chain().log(2, registry, registered(old, 1));
    node.chain().log(350, registry, registered(new, 2));
    node.chain().log(360, registry, rotated.encode_log_data());
    node.chain().log(399, registry, left);
    let mut watched = Watched::start(config(&[&node.url], 0));
    let told = watched.until_head(400).await;
    let operators: Vec<_> = told
        .iter()
        .filter_map(|event| match event {
            ChainEvent::Operator { block, operator, peer_key } => Some((*block, *operator, *peer_key)),
            _ => None,
        })
        .collect();
    let expected = [(2, old, Some([1; 32])), (350, new, Some([2; 32])), (360, new, Some([3; 32])), (399, old, None)];
    assert_eq!(operators, expected);
    watched.finish().await;
}
