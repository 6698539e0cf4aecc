//! Blocks with times that cannot be.

use super::Watched;
use crate::chain::ChainEvent;
use crate::chain::fake_node::{FakeNode, config};
use alloy::primitives::U64;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

const YEAR: u64 = 31_536_000;

/// Shows one block at another time for as long as `on`.
fn shifted(node: &FakeNode, number: u64, time: u64, on: &Arc<AtomicBool>) {
    let on = on.clone();
    node.lie(move |method, _, answer: &mut Value| {
        if on.load(Ordering::Relaxed)
            && method == "eth_getBlockByNumber"
            && answer["result"]["number"] == json!(U64::from(number))
        {
            answer["result"]["timestamp"] = json!(U64::from(time));
        }
    });
}

fn far_ahead() -> u64 {
    super::super::wall_clock().as_secs() + YEAR
}

/// The newest block, one in a range, and the end of history: with the true time later on, all go on.
#[tokio::test]
async fn a_time_told_wrong_once_is_taken_back() {
    for (number, tip) in [(40, 40), (10, 40), (100, 400)] {
        let node = FakeNode::start(tip).await;
        let on = Arc::new(AtomicBool::new(true));
        shifted(&node, number, far_ahead(), &on);
        let mut watched = Watched::start(config(&[&node.url], 0));
        if number == tip {
            watched.until_head(number).await;
            node.chain().grow(1, 0);
        }
        while watched.count("time_runs_back") + watched.count("not_linked") == 0 {
            let _ = timeout(Duration::from_millis(20), watched.next()).await;
        }
        on.store(false, Ordering::Relaxed);
        node.chain().grow(2, 0);
        let last = node.chain().tip();
        watched.until_head(last).await;
        let times: Vec<u64> = watched.heads.values().map(|head| head.timestamp).collect();
        assert!(times.windows(2).all(|pair| pair[0] + 1 == pair[1]), "block {number} of {tip}: {times:?}");
        watched.finish().await;
    }
}

#[tokio::test]
async fn a_leap_is_believed_when_another_node_shows_it_too() {
    let (liar, good) = (FakeNode::start(30).await, FakeNode::start(30).await);
    let mut watched = Watched::start(config(&[&liar.url, &good.url], 0));
    watched.until_head(30).await;
    let on = Arc::new(AtomicBool::new(true));
    let late = far_ahead();
    shifted(&liar, 31, late, &on);
    liar.chain().grow(1, 0);
    good.chain().grow(1, 0);
    let told = watched.until_head(31).await;
    let head = told.iter().find_map(|event| if let ChainEvent::Head(head) = event { Some(*head) } else { None });
    assert_eq!(head.expect("the head").timestamp, 1_032, "as the other node shows it");
    // A chain that really leaps is followed.
    on.store(false, Ordering::Relaxed);
    for node in [&liar, &good] {
        node.chain().leap(late);
        node.chain().grow(2, 0);
    }
    watched.until_head(33).await;
    assert_eq!(watched.heads[&33].timestamp, late + 2);
    watched.finish().await;
}
