use alloy::primitives::{B256, Bytes, hex};
use alloy::sol_types::SolValue;
use contracts::IJobManager::Job;
use serde_json::json;

use super::*;
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};

const ANCHOR: B256 = B256::repeat_byte(0xaa);

fn report() -> ReportLib::Report {
    ReportLib::Report { jobId: 7, anchorNumber: 12, anchorHash: ANCHOR, ..ReportLib::Report::default() }
}

async fn doubt_at(nodes: &[&FakeNode]) -> Option<String> {
    let config = config(&nodes.iter().map(|node| node.url.as_str()).collect::<Vec<_>>(), 0);
    doubt(&Chain::over(Rpc::new(&config).unwrap(), config), &report(), U256::from(5)).await
}

/// A node that has the state of the newest block, and of the anchor if it keeps history.
async fn node(keeps_history: bool) -> FakeNode {
    let (node, job) = (FakeNode::start(20).await, Bytes::from(Job::default().abi_encode()));
    node.lie(move |method, params, said| {
        let is_old = params[1]["blockHash"] == json!(ANCHOR);
        if method == "eth_call" && is_old && !keeps_history {
            let words = format!("missing trie node {}", hex::encode(ANCHOR));
            *said = json!({"error": {"code": -32_000, "message": words}});
        } else if method == "eth_call" {
            *said = json!({"result": job});
        }
    });
    node
}

#[tokio::test]
async fn whoever_disputes_learns_first_that_the_state_is_gone() {
    let (forgetful, archive) = (node(false).await, node(true).await);
    let doubt = doubt_at(&[&forgetful]).await.unwrap();
    for part in ["block 12", "missing trie node", "nobody rules", "rpc_urls", "keeper audit 7", "--yes"] {
        assert!(doubt.contains(part), "{part} is not in: {doubt}");
    }
    assert_eq!(doubt_at(&[&archive]).await, None);
}
