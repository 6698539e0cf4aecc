//! Whether a node can be reached, as its peers find out; and the part that those take whom nobody can reach.

use std::time::{Duration, Instant};

use p2p::{Config, Multiaddr, Outside, Tries, Verdict};

use crate::node::{Node, config, free_port, until};
use crate::table::PARTIALS;

/// On this machine, and soon.
fn tried(config: Config) -> Config {
    let tries = Tries { first: Duration::from_millis(500), again: Duration::from_secs(1), everywhere: true };
    Config { tries, ..config }
}

fn nowhere(config: Config) -> Config {
    Config { listen: Vec::new(), ..config }
}

fn both(bootnodes: &[Multiaddr]) -> Config {
    let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
    Config { listen: listen.map(|text| text.parse().expect("well formed")).to_vec(), ..config(bootnodes) }
}

#[tokio::test]
async fn peers_find_out_who_can_be_reached_and_who_cannot() {
    let mut bootnode = Node::start(tried(Config { role: p2p::Role::Bootnode, ..both(&[]) }));
    let bootnodes = [bootnode.address().await];
    let open: Vec<Node> = (0..3).map(|_| Node::start(tried(both(&bootnodes)))).collect();
    // It says where it is, and nobody is there.
    let closed: Multiaddr = format!("/ip4/127.0.0.1/tcp/{}", free_port()).parse().expect("well formed");
    let closed = Node::start(tried(nowhere(Config { external: vec![closed], ..config(&bootnodes) })));
    for node in &open {
        until("a word from outside", async || node.handle.outside() == Outside::Reached).await;
    }
    until("three words of the same", async || closed.handle.outside() == Outside::Closed).await;
    assert_eq!(open[0].handle.outside(), Outside::Reached);
    // What was opened to try is closed again.
    let spare = async || {
        let peers = open[0].handle.peers().await;
        peers.iter().all(|peer| peer.addresses.len() <= 2)
    };
    until("no spare connections", spare).await;
    assert!(closed.handle.peers().await.len() >= 4, "it lives on the connections that it opened");
}

#[tokio::test]
async fn nobody_is_called_closed_on_a_network_of_one_machine() {
    let mut first = Node::start(Config {
        tries: Tries { first: Duration::ZERO, again: Duration::from_millis(200), everywhere: false },
        ..config(&[])
    });
    let bootnodes = [first.address().await];
    let second = Node::start(Config {
        tries: Tries { first: Duration::ZERO, again: Duration::from_millis(200), everywhere: false },
        ..nowhere(config(&bootnodes))
    });
    until("a connection", async || second.peer(first.peer_id()).await.is_some()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!([first.handle.outside(), second.handle.outside()], [Outside::Unknown; 2]);
}

/// Why there is no relay: connections carry both ways, and gossip passes on. What is lost is a hop.
#[tokio::test]
async fn keepers_that_nobody_can_reach_hear_each_other_through_those_that_can_be() {
    let bootnode = Node::bootnode();
    let bootnodes = [bootnode.address_over("tcp").await];
    let mut open = Node::start(both(&bootnodes));
    let mut hidden = [Node::start(nowhere(config(&bootnodes))), Node::start(nowhere(config(&bootnodes)))];
    for node in &hidden {
        node.wait_subscribed(open.peer_id()).await;
        open.wait_subscribed(node.peer_id()).await;
    }
    let (mut one_hop, mut two_hops) = (Vec::new(), Vec::new());
    for number in 0..50u8 {
        let began = Instant::now();
        let [speaker, hearer] = &mut hidden;
        speaker.handle.publish(PARTIALS, vec![number; 100]).await.expect("published");
        assert_eq!(open.message(Verdict::Accept).await.1, vec![number; 100]);
        one_hop.push(began.elapsed());
        assert_eq!(hearer.message(Verdict::Accept).await.1, vec![number; 100]);
        two_hops.push(began.elapsed());
    }
    one_hop.sort_unstable();
    two_hops.sort_unstable();
    assert!(hidden[0].peer(hidden[1].peer_id()).await.is_none(), "there is no connection between the two");
    eprintln!("the median of 50 messages took {:?} to the first, {:?} to the second", one_hop[25], two_hops[25]);
}
