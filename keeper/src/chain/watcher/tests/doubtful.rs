//! Logs that a header's filter promises and a node does not show.

use super::{Watched, funded, job_events};
use crate::chain::fake_node::{FakeNode, config, contracts};
use crate::chain::{ChainEvent, JobEvent};
use alloy::primitives::Bytes;
use serde_json::json;

#[tokio::test]
async fn logs_that_a_node_does_not_show_are_had_from_another() {
    let (odd, good) = (FakeNode::start(100).await, FakeNode::start(100).await);
    // One in a range of old blocks, one in the newest block.
    for node in [&odd, &good] {
        node.chain().log(50, contracts().job_manager, funded(5));
    }
    odd.chain().hidden = vec![50, 101];
    let mut watched = Watched::start(config(&[&odd.url, &good.url], 0));
    let told = watched.until_head(100).await;
    assert_eq!(job_events(&told), [(50, JobEvent::Covered { job_id: 5, covered: true })]);
    for node in [&good, &odd] {
        let mut chain = node.chain();
        chain.grow(1, 0);
        chain.log(101, contracts().job_manager, funded(6));
    }
    let told = watched.until_head(101).await;
    assert_eq!(job_events(&told), [(101, JobEvent::Covered { job_id: 6, covered: true })]);
    assert!(watched.count("missing_logs") >= 1);
    watched.finish().await;
}

#[tokio::test]
async fn history_that_a_node_leaves_out_or_makes_up_is_had_from_another() {
    for (name, hides) in [("leaves out", true), ("makes up", false)] {
        let (odd, good) = (FakeNode::start(900).await, FakeNode::start(900).await);
        for block in [50, 300, 500] {
            good.chain().log(block, contracts().job_manager, funded(block));
            odd.chain().log(block, contracts().job_manager, funded(block));
        }
        if hides {
            odd.chain().hidden = vec![300];
        } else {
            odd.chain().log(400, contracts().job_manager, funded(400));
            odd.chain().unpromised = vec![400];
        }
        let mut watched = Watched::start(config(&[&odd.url, &good.url], 0));
        let told = watched.until_head(900).await;
        let blocks: Vec<u64> = job_events(&told).into_iter().map(|(block, _)| block).collect();
        assert_eq!(blocks, [50, 300, 500], "a node that {name} logs");
        assert!(watched.count("logs_differ") >= 1, "{name}");
        watched.finish().await;
    }
}

#[tokio::test]
async fn logs_that_a_lone_node_shows_late_are_told_with_their_block_again() {
    let node = FakeNode::start(30).await;
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(30).await;
    {
        let mut chain = node.chain();
        chain.hidden = vec![31];
        chain.grow(1, 0);
        chain.log(31, contracts().job_manager, funded(6));
    }
    let told = watched.until_head(31).await;
    assert_eq!(job_events(&told), [], "the node shows none");
    {
        let mut chain = node.chain();
        chain.hidden.clear();
        chain.grow(4, 0);
    }
    assert_eq!(watched.until_rewound().await, 30);
    let told = watched.until_head(35).await;
    assert_eq!(job_events(&told), [(31, JobEvent::Covered { job_id: 6, covered: true })]);
    assert_eq!(watched.count("late_logs"), 1);
    watched.finish().await;
}

#[tokio::test]
async fn filters_that_promise_everything_or_nothing_hold_nothing_up() {
    for (name, bloom) in [
        ("everything", json!(Bytes::from(vec![0xff; 256]))),
        ("nothing", json!(Bytes::from(vec![0; 256]))),
        ("of another size", json!("0x")),
        ("none", json!(null)),
    ] {
        let node = FakeNode::start(60).await;
        node.chain().log(20, contracts().job_manager, funded(2));
        node.chain().log(60, contracts().job_manager, funded(6));
        node.lie(move |method, _, answer| {
            if method == "eth_getBlockByNumber" && !answer["result"].is_null() {
                answer["result"]["logsBloom"] = bloom.clone();
            }
        });
        let mut watched = Watched::start(config(&[&node.url], 0));
        let told = watched.until_head(60).await;
        assert_eq!(job_events(&told).len(), 2, "{name}");
        node.chain().grow(6, 0);
        let told = watched.until_head(66).await;
        assert!(!told.iter().any(|event| matches!(event, ChainEvent::Rewound { .. })), "{name}: {told:?}");
        watched.finish().await;
    }
}
