//! Near its newest block the chain is asked about several blocks at a time.

use super::Watched;
use crate::chain::fake_node::{FakeNode, config};
use axum::extract::State;
use axum::{Json, Router, routing};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Blocks whose headers are asked for at a time.
const AT_ONCE: usize = 8;

/// A node that answers about blocks from `from` on only once it is asked about so many of them at the same time.
struct Reluctant {
    node: String,
    from: u64,
    /// Questions of that kind that wait.
    waiting: watch::Sender<usize>,
}

/// One of them, until it is answered or given up.
struct Asked<'a>(&'a watch::Sender<usize>);

impl<'a> Asked<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        // Once there were enough of them, the number stays.
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| {
            if *waiting < AT_ONCE {
                *waiting -= 1;
            }
        });
    }
}

async fn forward(State(reluctant): State<Arc<Reluctant>>, Json(request): Json<Value>) -> Json<Value> {
    let block = request["params"][0].as_str().unwrap_or_default().trim_start_matches("0x").to_owned();
    let number = u64::from_str_radix(&block, 16).unwrap_or_default();
    if request["method"] == "eth_getBlockByNumber" && number >= reluctant.from {
        let asked = Asked::new(&reluctant.waiting);
        let mut waiting = reluctant.waiting.subscribe();
        waiting.wait_for(|waiting| *waiting >= AT_ONCE).await.expect("its sender lives");
        drop(asked);
    }
    let client = reqwest::Client::new();
    let answer = client.post(&reluctant.node).json(&request).send().await.expect("the node answers");
    Json(answer.json().await.expect("the node answers in JSON"))
}

#[tokio::test]
async fn the_newest_blocks_are_asked_for_several_at_a_time() {
    let node = FakeNode::start(1_000).await;
    let reluctant = Reluctant { node: node.url.clone(), from: 985, waiting: watch::Sender::new(0) };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("the listener has an address"));
    let router = Router::new().route("/", routing::post(forward)).with_state(Arc::new(reluctant));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let mut watched = Watched::start(config(&[&url], 0));
    watched.until_head(1_000).await;
    watched.finish().await;
    server.abort();
}

#[tokio::test]
async fn what_was_asked_for_ahead_and_is_orphaned_since_is_asked_for_again() {
    let node = FakeNode::start(1_000).await;
    let failures = Arc::new(AtomicU64::new(0));
    let broken = Arc::new(AtomicBool::new(true));
    let (counts, breaks) = (failures.clone(), broken.clone());
    node.lie(move |method, params, answer| {
        if method == "eth_getBlockByNumber" && params[0] == "0x3da" && breaks.load(Ordering::Relaxed) {
            counts.fetch_add(1, Ordering::Relaxed);
            *answer = json!({"error": {"code": -32603, "message": "internal error"}});
        }
    });
    let mut watched = Watched::start(config(&[&node.url], 0));
    watched.until_head(985).await;
    // By the second failure the blocks after it have been read.
    while failures.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    {
        let mut chain = node.chain();
        chain.drop_above(985);
        chain.grow(15, 1);
        broken.store(false, Ordering::Relaxed);
    }
    watched.until_head(1_000).await;
    assert_eq!(watched.heads[&1_000].hash, node.chain().hash(1_000));
    watched.finish().await;
}
