//! A node that is killed and comes back under the same peer id (protocol.md, pitfall 2).

use std::time::{Duration, Instant};

use p2p::{Config, Identity, Verdict};

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

#[tokio::test]
async fn keepers_that_all_start_again_find_each_other_without_a_bootnode() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = |number: usize| folder.path().join(format!("peers-{number}.txt"));
    let ports: Vec<u16> = (0..3).map(|_| crate::node::free_port()).collect();
    let start = |number: usize, identity: Identity, bootnodes: &[p2p::Multiaddr]| {
        let listen = format!("/ip4/127.0.0.1/tcp/{}", ports[number]).parse().expect("well formed");
        let book = Some(file(number));
        Node::start_as(identity, Config { listen: vec![listen], address_book: book, ..config(bootnodes) })
    };
    let all_meet = async |nodes: &[Node]| {
        for (one, other) in [(0, 1), (1, 2), (2, 0)] {
            nodes[one].wait_subscribed(nodes[other].peer_id()).await;
        }
    };
    let mut bootnode = Node::bootnode();
    let bootnodes = [bootnode.address().await];
    let nodes: Vec<Node> = (0..3).map(|number| start(number, Identity::generate(), &bootnodes)).collect();
    all_meet(&nodes).await;
    bootnode.stop().await;
    let mut identities = Vec::new();
    for node in nodes {
        let identity = node.identity.clone();
        node.stop().await;
        identities.push(identity);
    }
    let nodes: Vec<Node> =
        identities.into_iter().enumerate().map(|(number, identity)| start(number, identity, &[])).collect();
    all_meet(&nodes).await;

    // After a crash the book is as old as its last writing; a broken one is set aside, and the others still know.
    let mut identities = Vec::new();
    for node in nodes {
        identities.push(node.kill().await);
    }
    std::fs::write(file(0), "no address book").expect("written");
    let nodes: Vec<Node> =
        identities.into_iter().enumerate().map(|(number, identity)| start(number, identity, &[])).collect();
    assert!(file(0).with_extension("broken").exists());
    all_meet(&nodes).await;
}
