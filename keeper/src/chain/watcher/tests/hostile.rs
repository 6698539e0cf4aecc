//! Nodes that lie.

use super::{Watched, funded, settled};
use crate::chain::fake_node::{FakeNode, config, contracts};
use crate::chain::{ChainEvent, JobEvent};
use alloy::primitives::{Address, B256, U64, Uint};
use alloy::sol_types::{SolEvent, SolValue};
use contracts::{IKeeperRegistry, KeeperRegistry};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// What a lie is counted as, and the lie.
type Case = (&'static str, fn(&str, &Value, &mut Value));

/// Changes the first log of an answer.
fn log(method: &str, answer: &mut Value, key: &str, value: Value) {
    if method == "eth_getLogs" && !answer["result"][0].is_null() {
        answer["result"][0][key] = value;
    }
}

/// Changes the newest block.
fn latest(method: &str, params: &Value, answer: &mut Value, key: &str, value: Value) {
    if method == "eth_getBlockByNumber" && params[0] == "latest" {
        answer["result"][key] = value;
    }
}

/// Replaces the answer to a question about logs.
fn logs(method: &str, answer: &mut Value, value: Value) {
    if method == "eth_getLogs" {
        *answer = value;
    }
}

const LIES: [Case; 15] = [
    ("log_of_other_contract", |m, _, a| log(m, a, "address", json!(Address::repeat_byte(0x77)))),
    ("log_of_other_event", |m, _, a| log(m, a, "topics", json!([B256::repeat_byte(0x55)]))),
    ("log_of_other_event", |m, _, a| log(m, a, "topics", json!([]))),
    ("log_of_other_block", |m, _, a| log(m, a, "blockNumber", json!("0x1"))),
    ("log_of_other_block", |m, _, a| log(m, a, "blockHash", json!(B256::repeat_byte(6)))),
    ("log_without_block", |m, _, a| log(m, a, "blockHash", Value::Null)),
    ("removed_log", |m, _, a| log(m, a, "removed", json!(true))),
    ("undecodable_log", |m, _, a| log(m, a, "data", json!("0x00"))),
    ("duplicate_log", |m, _, a| {
        let first = a["result"][0].clone();
        logs(m, a, json!({ "result": [first, first] }));
    }),
    ("refused", |m, _, a| logs(m, a, json!({"error": {"code": -32000, "message": "internal error"}}))),
    ("undecodable_answer", |m, _, a| logs(m, a, json!({"result": "what?"}))),
    ("not_json_rpc", |m, _, a| logs(m, a, json!([[[]]]))),
    ("not_linked", |m, p, a| latest(m, p, a, "parentHash", json!(B256::repeat_byte(0x66)))),
    ("invalid_header", |m, p, a| latest(m, p, a, "hash", json!(B256::ZERO))),
    ("time_runs_back", |m, p, a| latest(m, p, a, "timestamp", json!("0x1"))),
];

#[tokio::test]
async fn a_lie_is_counted_by_name_and_never_passed_on() {
    for (name, lie) in LIES {
        let node = FakeNode::start(5).await;
        let mut watched = Watched::start(config(&[&node.url], 0));
        watched.until_head(5).await;
        node.lie(lie);
        {
            let mut chain = node.chain();
            chain.grow(1, 0);
            chain.log(6, contracts().job_manager, funded(7));
        }
        while watched.count(name) < 2 {
            match timeout(Duration::from_millis(20), watched.next()).await {
                Ok(ChainEvent::Connection { ok, why }) => assert_eq!(ok, why.is_empty()),
                Ok(event) => panic!("{name}: passed on {event:?}"),
                Err(_) => {}
            }
        }
        node.chain().lie = None;
        let told = watched.until_head(6).await;
        let events: Vec<_> = told.iter().filter(|event| !matches!(event, ChainEvent::Connection { .. })).collect();
        assert_eq!(events.len(), 2, "{name}: {events:?}");
        let event = JobEvent::Covered { job_id: 7, covered: true };
        assert_eq!(*events[0], ChainEvent::Job { block: 6, event }, "{name}");
        watched.finish().await;
    }
}

#[tokio::test]
async fn a_node_that_falls_behind_takes_nothing_back() {
    let node = FakeNode::start(30).await;
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(30).await;
    let behind = node.chain().hash(28);
    node.lie(move |method, params, answer| {
        latest(method, params, answer, "number", json!(U64::from(28)));
        latest(method, params, answer, "hash", json!(behind));
    });
    while watched.count("head_went_back") < 10 {
        let told = timeout(Duration::from_millis(20), watched.next()).await;
        assert!(matches!(told, Err(_) | Ok(ChainEvent::Connection { ok: true, .. })), "{told:?}");
    }
    node.chain().lie = None;
    node.chain().grow(1, 0);
    let told = watched.until_head(31).await;
    assert!(!told.iter().any(|event| matches!(event, ChainEvent::Rewound { .. })), "{told:?}");
    watched.finish().await;
}

#[tokio::test]
async fn history_is_complete_whatever_the_node_allows_at_once() {
    let node = FakeNode::start(5_000).await;
    let blocks: Vec<u64> = (1..=5_000).filter(|block| block % 371 == 0 || block % 1_999 < 2).collect();
    for block in &blocks {
        node.chain().log(*block, contracts().task_manager, settled(*block));
    }
    node.lie(|method, params, answer| {
        let number = |key: &str| params[0][key].as_str().and_then(|text| u64::from_str_radix(&text[2..], 16).ok());
        if let (Some(from), Some(to)) = (number("fromBlock"), number("toBlock"))
            && to - from >= 100
        {
            logs(method, answer, json!({"error": {"code": -32000, "message": "block range is too wide"}}));
        }
    });
    let mut watched = Watched::start(config(&[&node.url], 0));
    let told = watched.until_head(5_000).await;
    let times = told.iter().filter_map(|event| match event {
        ChainEvent::Settled(settled) => Some((settled.block, settled.job_id, settled.timestamp)),
        _ => None,
    });
    let wanted: Vec<_> = blocks.iter().map(|block| (*block, *block, 1_001 + block)).collect();
    assert_eq!(times.collect::<Vec<_>>(), wanted, "each once, in order, with the time of its block");
    assert_eq!(watched.heads.len(), 300, "heads of the newest blocks only");
    let outage = told.iter().find(|event| matches!(event, ChainEvent::Connection { ok: false, .. }));
    assert_eq!(outage, None, "a cap of the node is no outage");
    watched.finish().await;
}

/// Anybody may fill blocks with logs of ours: a small payment to a job each.
#[tokio::test]
async fn blocks_full_of_logs_are_passed_on_in_smaller_pieces() {
    let node = FakeNode::start(3_000).await;
    // The test's limit for a range is 500 logs: far more in one block of history, in many, in the range, and at the tip.
    let crowded = [(700, 1_200), (2_980, 900), (3_000, 700)];
    let (mut wanted, mut many) = (0, Vec::from(crowded));
    many.extend((800..860).map(|block| (block, 90)));
    {
        let mut chain = node.chain();
        for (block, logs) in many {
            for _ in 0..logs {
                chain.log(block, contracts().job_manager, funded(block));
                wanted += 1;
            }
        }
    }
    let mut watched = Watched::start(config(&[&node.url], 0));
    let told = watched.until_head(3_000).await;
    let jobs = super::job_events(&told);
    assert_eq!(jobs.len(), wanted);
    assert!(jobs.windows(2).all(|pair| pair[0].0 <= pair[1].0), "in the order of the chain");
    let outage = told.iter().find(|event| matches!(event, ChainEvent::Connection { ok: false, .. }));
    assert_eq!(outage, None, "many logs are no outage");
    watched.finish().await;
}

fn committee(stakes: &[u64]) -> Vec<u8> {
    let member = |stake: &u64| IKeeperRegistry::Member {
        operator: Address::repeat_byte(1),
        stake: Uint::from(*stake),
        peerKey: B256::repeat_byte(2),
        blsKey: vec![3; 192].into(),
    };
    stakes.iter().map(member).collect::<Vec<_>>().abi_encode()
}

#[tokio::test]
async fn an_epoch_is_told_only_with_the_committee_that_was_logged() {
    let node = FakeNode::start(5).await;
    let event = KeeperRegistry::EpochSnapshot {
        epoch: 3,
        activeFrom: 6,
        size: 2,
        totalStake: Uint::from(30),
        tableRoot: B256::repeat_byte(9),
    };
    node.chain().log(5, contracts().keeper_registry, event.encode_log_data());
    node.chain().call_result = committee(&[30]).into();
    let mut watched = Watched::start(config(&[&node.url], 0));
    for stakes in [&[30][..], &[10, 10]] {
        node.chain().call_result = committee(stakes).into();
        let before = watched.count("wrong_committee");
        while watched.count("wrong_committee") < before + 2 {
            match timeout(Duration::from_millis(20), watched.next()).await {
                Ok(ChainEvent::Connection { ok, why }) => assert!(ok || why.contains("epoch 3"), "{why}"),
                Ok(ChainEvent::Head(head)) => assert!(head.number < 5),
                Ok(event) => panic!("passed on {event:?}"),
                Err(_) => {}
            }
        }
    }
    node.chain().call_result = committee(&[10, 20]).into();
    let told = watched.until_head(5).await;
    let epoch = told.iter().find_map(|event| match event {
        ChainEvent::Epoch(epoch) => Some(epoch),
        _ => None,
    });
    let epoch = epoch.expect("the epoch is told before its block");
    assert_eq!((epoch.epoch, epoch.active_from, epoch.block), (3, 6, 5));
    assert_eq!(epoch.members.iter().map(|member| member.stake).collect::<Vec<_>>(), [10, 20]);
    watched.finish().await;
}
