//! Questions about logs on nodes that allow little.

use super::rpc;
use crate::chain::ChainError;
use crate::chain::fake_node::{FakeNode, contracts};
use alloy::primitives::LogData;
use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use axum::response::IntoResponse;
use contracts::JobManager;
use serde_json::{Value, json};
use std::time::Duration;

fn funded(job: u64) -> LogData {
    JobManager::JobCovered { jobId: job, covered: true }.encode_log_data()
}

/// A node with a log in every seventh of 3,000 blocks.
async fn node() -> FakeNode {
    let node = FakeNode::start(3_000).await;
    for block in (1..=3_000).step_by(7) {
        node.chain().log(block, contracts().job_manager, funded(block));
    }
    node
}

fn blocks(filter: &Value) -> u64 {
    let number = |key: &str| u64::from_str_radix(&filter[key].as_str().expect("a number")[2..], 16).expect("hex");
    number("toBlock") - number("fromBlock") + 1
}

/// What a provider says to too wide a question: asked blocks, logs it would answer with.
type Cap = fn(u64, u64) -> Option<(i64, String)>;

/// The texts of providers, and some that say nothing.
const CAPS: [(&str, Cap); 14] = [
    ("ten blocks", |blocks, _| {
        (blocks > 10).then(|| (-32600, "You can make eth_getLogs requests with up to a 10 block range. Based on your parameters, this block range should work: [0x1, 0xa]".to_owned()))
    }),
    ("one block", |blocks, _| (blocks > 1).then(|| (-32000, "block range is too wide (maximum 1)".to_owned()))),
    ("1,024 blocks", |blocks, _| (blocks > 1_024).then(|| (-32000, "exceed maximum block range: 1,024".to_owned()))),
    ("1k blocks", |blocks, _| {
        (blocks > 1_000).then(|| (-32600, "eth_getLogs range is too large, max is 1k blocks".to_owned()))
    }),
    ("100 blocks, by numbers", |blocks, _| {
        (blocks > 100).then(|| (-32000, "requested too many blocks from 1 to 2000, maximum is set to 100".to_owned()))
    }),
    ("50 blocks, for a plan", |blocks, _| {
        (blocks > 50).then(|| (-32602, format!("exceeds the range allowed for your plan ({blocks} > 50)")))
    }),
    ("20 logs", |_, logs| (logs > 20).then(|| (-32005, "query returned more than 20 results".to_owned()))),
    ("20 logs, with a range", |_, logs| {
        (logs > 20)
            .then(|| (-32005, "query returned more than 20 results. Try with this block range [0x1, 0x20].".to_owned()))
    }),
    ("two logs", |_, logs| (logs > 2).then(|| (-32000, "logs matched by query exceeds limit of 2".to_owned()))),
    ("a size", |_, logs| {
        (logs > 30).then(|| (-32000, "response size should not greater than 10485760 bytes".to_owned()))
    }),
    ("a size at the backend", |_, logs| (logs > 30).then(|| (-32020, "backend response too large".to_owned()))),
    ("a time", |blocks, _| (blocks > 300).then(|| (-32000, "query timeout exceeded".to_owned()))),
    ("an internal error", |blocks, _| (blocks > 5).then(|| (-32603, "Internal error".to_owned()))),
    ("an error without a word", |blocks, _| (blocks > 40).then(|| (-32000, String::new()))),
];

#[tokio::test]
async fn every_range_is_answered_in_full_whatever_a_node_allows() {
    for (name, cap) in CAPS {
        let node = node().await;
        node.lie(move |method, params, answer| {
            let logs = answer["result"].as_array().map_or(0, Vec::len) as u64;
            if method == "eth_getLogs"
                && let Some((code, message)) = cap(blocks(&params[0]), logs)
            {
                *answer = json!({"error": {"code": code, "message": message}});
            }
        });
        let rpc = rpc(&[&node.url]);
        for filter in [Filter::new().from_block(1_u64).to_block(3_000_u64), Filter::new().from_block(1_u64)] {
            let logs = rpc.provider().get_logs(&filter).await.unwrap_or_else(|error| panic!("{name}: {error}"));
            let found: Vec<_> = logs.iter().filter_map(|log| log.block_number).collect();
            assert_eq!(found, (1..=3_000).step_by(7).collect::<Vec<u64>>(), "{name}: each once and in order");
        }
        assert_eq!(rpc.nodes()[0].state, "good", "{name}: a cap is no failure");
        let refused = rpc.counts().get("logs_in_parts").copied().unwrap_or_default();
        assert!((1..=60).contains(&refused), "{name}: {refused} refusals for two questions");
    }
}

/// Two backends take turns, and one of them answers with web pages: what the other one says counts, whenever it comes.
#[tokio::test]
async fn answers_that_take_turns_with_web_pages_come_to_an_end() {
    let node = node().await;
    let mut asked = 0;
    node.raw(move |request| {
        asked += u64::from(request["method"] == "eth_getLogs");
        let page = request["method"] == "eth_getLogs" && asked % 2 == 1;
        page.then(|| (axum::http::StatusCode::BAD_GATEWAY, "<html>Bad gateway</html>").into_response())
    });
    let rpc = rpc(&[&node.url]);
    // Parts of one question go out together, so that each of them may meet a page first: here there is one.
    for (from, to) in [(1_u64, 2_000_u64), (2_001, 3_000)] {
        let filter = Filter::new().from_block(from).to_block(to);
        let logs = tokio::time::timeout(Duration::from_secs(30), rpc.provider().get_logs(&filter)).await;
        let logs = logs.expect("it ends").expect("every second answer is one");
        assert_eq!(
            logs.len() as u64,
            (1..=3_000).step_by(7).filter(|block| (from..=to).contains(block)).count() as u64
        );
    }
    assert_eq!(node.asked("eth_getLogs"), 2, "no answer is asked for twice");
}

#[tokio::test]
async fn a_cap_is_remembered_for_each_node_by_itself() {
    let (narrow, wide) = (node().await, node().await);
    narrow.lie(|method, params, answer| {
        if method == "eth_getLogs" && blocks(&params[0]) > 100 {
            *answer = json!({"error": {"code": -32000, "message": "block range is too wide"}});
        }
    });
    let rpc = rpc(&[&narrow.url, &wide.url]);
    let filter = Filter::new().from_block(1_u64).to_block(2_000_u64);
    rpc.provider().get_logs(&filter).await.expect("in parts");
    let refused = rpc.counts()["logs_in_parts"];
    rpc.provider().get_logs(&filter).await.expect("in parts");
    assert!(rpc.counts()["logs_in_parts"] <= refused + 1, "what was refused is not asked again soon");
    narrow.chain().status = Some(axum::http::StatusCode::BAD_GATEWAY);
    rpc.provider().get_logs(&filter).await.expect("the wide node answers");
    assert_eq!(wide.asked("eth_getLogs"), 1, "in one piece");
}

#[tokio::test]
async fn a_node_that_never_answers_for_logs_is_left_for_one_that_does() {
    let (broken, good) = (node().await, node().await);
    broken.lie(|method, _, answer| {
        if method == "eth_getLogs" {
            *answer = json!({"error": {"code": -32000, "message": "logs are not available"}});
        }
    });
    let rpc = rpc(&[&broken.url, &good.url]);
    let filter = Filter::new().from_block(1_u64).to_block(2_000_u64);
    assert_eq!(rpc.provider().get_logs(&filter).await.expect("the good node answers").len(), 286);
    assert!(broken.asked("eth_getLogs") < 30, "it is not asked for ever");
}

#[tokio::test]
async fn a_rate_limit_in_the_middle_is_no_cap() {
    let (limited, good) = (node().await, node().await);
    let mut asked = 0;
    limited.lie(move |method, params, answer| {
        if method == "eth_getLogs" {
            asked += 1;
            *answer = match (blocks(&params[0]), asked) {
                (201.., _) => json!({"error": {"code": -32000, "message": "range limited to 200 blocks"}}),
                (_, 6..) => json!({"error": {"code": -32005, "message": "too many requests per second"}}),
                _ => return,
            };
        }
    });
    let rpc = rpc(&[&limited.url, &good.url]);
    let filter = Filter::new().from_block(1_u64).to_block(3_000_u64);
    assert_eq!(rpc.provider().get_logs(&filter).await.expect("the good node answers").len(), 429);
    assert_eq!(rpc.nodes()[0].state, "limited");
}

/// Where there is nothing to divide: a block by its hash, a range that has come down to one.
#[tokio::test]
async fn one_block_s_logs_that_are_too_many_are_no_failure_and_another_node_may_have_them() {
    let (capped, wide) = (node().await, node().await);
    capped.lie(|method, _, answer| {
        if method == "eth_getLogs" && answer["result"].as_array().is_some_and(|logs| !logs.is_empty()) {
            *answer = json!({"error": {"code": -32005, "message": "query returned more than 0 results"}});
        }
    });
    let by_hash = Filter::new().at_block_hash(capped.chain().hash(8));
    for filter in [by_hash, Filter::new().from_block(8_u64).to_block(8_u64), Filter::new().from_block(1_u64)] {
        let alone = rpc(&[&capped.url]);
        let error = ChainError::from(alone.provider().get_logs(&filter).await.expect_err("too many"));
        assert!(matches!(&error, ChainError::TooMuch(why) if why.contains("more than 0 results")), "{error}");
        assert_eq!(alone.nodes()[0].state, "good");
        assert!(alone.counts().keys().all(|reason| reason.starts_with("logs_")), "{:?}", alone.counts());
        let both = rpc(&[&capped.url, &wide.url]);
        let logs = both.provider().get_logs(&filter).await.expect("the wide node answers");
        assert!(logs.iter().any(|log| log.block_number == Some(8)));
    }
}
