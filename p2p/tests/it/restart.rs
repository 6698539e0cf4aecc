//! A node that is killed and comes back under the same peer id (protocol.md, pitfall 2).

use std::time::{Duration, Instant};

use p2p::{Config, Verdict};

use crate::node::{Node, config, loopback, port, until};
use crate::proxy::Proxy;
use crate::table::PARTIALS;

/// Both directions, until both work; a message published while the mesh forms may be lost.
async fn talk(first: &mut Node, second: &mut Node, word: &str) {
    first.wait_subscribed(second.peer_id()).await;
    second.wait_subscribed(first.peer_id()).await;
    first.handle.publish(PARTIALS, format!("{word} there").into()).await.expect("published");
    assert_eq!(second.message(Verdict::Accept).await.1, format!("{word} there").as_bytes());
    second.handle.publish(PARTIALS, format!("{word} back").into()).await.expect("published");
    assert_eq!(first.message(Verdict::Accept).await.1, format!("{word} back").as_bytes());
}

#[tokio::test]
async fn a_killed_keeper_hears_and_is_heard_again_within_seconds() {
    let mut first = Node::keeper(&[]);
    let address = first.address().await;
    let mut second = Node::keeper(std::slice::from_ref(&address));
    talk(&mut first, &mut second, "before").await;
    let identity = second.kill().await;
    let began = Instant::now();
    let mut second = Node::start_as(identity, config(&[address]));
    first.wait_connected(second.peer_id()).await;
    talk(&mut first, &mut second, "after").await;
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_restart_behind_a_connection_that_looks_alive_is_noticed() {
    let mut first = Node::keeper(&[]);
    let address = first.address().await;
    let proxy = Proxy::start(port(&address)).await;
    // No listener: the only connection is its own, through the proxy.
    let leaf = |bootnode| Config { listen: Vec::new(), ..config(&[bootnode]) };
    let mut second = Node::start(leaf(loopback(proxy.port, first.peer_id())));
    talk(&mut first, &mut second, "before").await;

    proxy.freeze();
    let identity = second.kill().await;
    let began = Instant::now();
    let mut second = Node::start_as(identity, leaf(address));
    until("the restart to be noticed", async || first.metric("p2p_peer_restarts_total") >= 1.0).await;
    talk(&mut first, &mut second, "after").await;
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    let restarts = first.metric("p2p_peer_restarts_total");
    assert!(restarts < 2.0, "one restart is noticed once, not {restarts} times");
}

#[tokio::test]
async fn a_dead_connection_is_noticed_by_its_silence() {
    let mut first = Node::keeper(&[]);
    let address = first.address().await;
    let proxy = Proxy::start(port(&address)).await;
    let leaf = Config { listen: Vec::new(), ..config(&[loopback(proxy.port, first.peer_id())]) };
    let second = Node::start(leaf);
    first.wait_connected(second.peer_id()).await;
    proxy.freeze();
    first.wait_disconnected(second.peer_id()).await;
}
