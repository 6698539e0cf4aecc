//! Who may connect: the operators on chain, and nobody else.

use std::time::{Duration, Instant};

use libp2p::futures::StreamExt;
use libp2p::swarm::SwarmEvent;
use libp2p::{SwarmBuilder, noise, ping, tcp, yamux};
use p2p::{Admission, Config, Event, Identity, Verdict};

use crate::node::{Node, config, until};
use crate::table::PARTIALS;

/// A keeper that admits registered operators only.
fn closed(bootnodes: &[p2p::Multiaddr]) -> Config {
    Config { admission: Admission::Registered, ..config(bootnodes) }
}

fn keys(nodes: &[&Node]) -> Vec<[u8; 32]> {
    nodes.iter().map(|node| node.identity.public_key()).collect()
}

/// Both directions of gossip.
async fn talk(first: &mut Node, second: &mut Node, word: &str) {
    first.wait_subscribed(second.peer_id()).await;
    second.wait_subscribed(first.peer_id()).await;
    first.handle.publish(PARTIALS, format!("{word} there").into()).await.expect("published");
    assert_eq!(second.message(Verdict::Accept).await.1, format!("{word} there").as_bytes());
    second.handle.publish(PARTIALS, format!("{word} back").into()).await.expect("published");
    assert_eq!(first.message(Verdict::Accept).await.1, format!("{word} back").as_bytes());
}

#[tokio::test]
async fn a_stranger_is_refused_before_any_protocol() {
    let mut keeper = Node::start(closed(&[]));
    keeper.handle.admit(vec![Identity::generate().public_key()]).await;
    let address = keeper.address().await;
    // Speaks libp2p, and any protocol at all would do.
    let mut stranger = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("noise")
        .with_behaviour(|_| ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_millis(1))))
        .expect("infallible")
        .build();
    for number in 1..=3 {
        stranger.dial(address.clone()).expect("dials");
        loop {
            match stranger.select_next_some().await {
                SwarmEvent::Behaviour(ping::Event { result: Ok(_), .. }) => panic!("a ping was answered"),
                SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => break,
                _ => {}
            }
        }
        let refused = async || keeper.metric("p2p_connections_refused_total") >= f64::from(number);
        until("the refusal to be counted", refused).await;
    }
    assert!(keeper.text().contains(r#"p2p_connections_refused_total{direction="inbound",reason="stranger"} 3"#));
    assert!(keeper.handle.peers().await.is_empty());
    // The keeper itself was never told of anybody.
    let operator = Node::start(closed(&[address]));
    keeper.handle.admit(keys(&[&operator])).await;
    let first = keeper.wait("connection", |event| match event {
        Event::PeerConnected(peer) => Some(peer),
        _ => None,
    });
    assert_eq!(first.await, operator.peer_id());
}

#[tokio::test]
async fn operators_connect_talk_and_start_with_merit() {
    let mut first = Node::start(closed(&[]));
    let mut second = Node::start(closed(&[first.address().await]));
    let both = keys(&[&first, &second]);
    first.handle.admit(both.clone()).await;
    second.handle.admit(both).await;
    talk(&mut first, &mut second, "hello").await;
    let merit =
        async || first.peer(second.peer_id()).await.and_then(|peer| peer.score).is_some_and(|score| score >= 20.0);
    until("the score of an operator", merit).await;
    assert!(first.metric("p2p_operators_admitted") > 1.5);
}

#[tokio::test]
async fn before_the_registry_is_read_only_bootnodes_and_sentries_are_admitted() {
    let mut bootnode = Node::bootnode();
    let sentry = Identity::generate();
    let mut keeper = Node::start(Config { sentries: vec![sentry.peer_id()], ..closed(&[bootnode.address().await]) });
    let address = keeper.address().await;
    until("the bootnode", async || keeper.peer(bootnode.peer_id()).await.is_some()).await;
    let sentry = Node::start_as(sentry, config(std::slice::from_ref(&address)));
    keeper.wait_connected(sentry.peer_id()).await;
    let operator = Node::start(config(&[address]));
    let early = r#"p2p_connections_refused_total{direction="inbound",reason="early"}"#;
    until("an early refusal", async || keeper.text().contains(early)).await;
    assert!(keeper.peer(operator.peer_id()).await.is_none());
    keeper.handle.admit(keys(&[&operator])).await;
    keeper.wait_connected(operator.peer_id()).await;
    for other in [&bootnode, &sentry] {
        assert!(keeper.peer(other.peer_id()).await.is_some(), "the list is about operators alone");
    }
}

#[tokio::test]
async fn a_removed_operator_is_disconnected_and_the_others_stay() {
    let mut keeper = Node::start(closed(&[]));
    let address = keeper.address().await;
    let mut stays = Node::start(config(std::slice::from_ref(&address)));
    let mut leaves = Node::start(config(&[address]));
    keeper.handle.admit(keys(&[&stays, &leaves])).await;
    talk(&mut keeper, &mut stays, "one").await;
    keeper.wait_subscribed(leaves.peer_id()).await;
    let began = Instant::now();
    keeper.handle.admit(keys(&[&stays])).await;
    keeper.wait_disconnected(leaves.peer_id()).await;
    assert!(began.elapsed() >= Duration::from_secs(4), "there is a grace, not {:?}", began.elapsed());
    leaves.wait_disconnected(keeper.peer_id()).await;
    // It tries again, in vain, and ever more slowly.
    let refused = r#"p2p_connections_refused_total{direction="inbound",reason="stranger"}"#;
    until("a refusal", async || keeper.text().contains(refused)).await;
    assert!(keeper.peer(leaves.peer_id()).await.is_none());
    talk(&mut keeper, &mut stays, "two").await;
    assert!(keeper.text().contains(r#"p2p_peers_dropped_total{reason="left"} 1"#));
}

#[tokio::test]
async fn a_waiting_keeper_is_found_as_soon_as_the_list_names_it() {
    let mut bootnode = Node::bootnode();
    let bootnodes = [bootnode.address().await];
    let (mut first, mut second) = (Node::start(closed(&bootnodes)), Node::start(closed(&bootnodes)));
    let pair = keys(&[&first, &second]);
    for node in [&first, &second] {
        node.handle.admit(pair.clone()).await;
    }
    talk(&mut first, &mut second, "pair").await;
    // The newcomer knows the list of old, on which it is not: everybody hangs up on it.
    let mut newcomer = Node::start(closed(&bootnodes));
    newcomer.handle.admit(pair).await;
    newcomer.wait_connected(bootnode.peer_id()).await;
    let refused = r#"p2p_connections_refused_total{direction="inbound",reason="stranger"}"#;
    until("refusals", async || first.text().contains(refused) && second.text().contains(refused)).await;
    // Now it registers; those who are there learn it first.
    let all = keys(&[&first, &second, &newcomer]);
    let began = Instant::now();
    for node in [&first, &second, &newcomer] {
        node.handle.admit(all.clone()).await;
    }
    talk(&mut newcomer, &mut first, "first").await;
    newcomer.wait_subscribed(second.peer_id()).await;
    assert!(began.elapsed() < Duration::from_secs(15), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn strangers_in_the_address_book_are_not_dialled() {
    let mut bootnode = Node::bootnode();
    let bootnodes = [bootnode.address().await];
    let mut strangers: Vec<Node> = (0..5).map(|_| Node::keeper(&bootnodes)).collect();
    for stranger in &mut strangers {
        stranger.wait_connected(bootnode.peer_id()).await;
    }
    let (keeper, mut other) = (Node::start(closed(&bootnodes)), Node::start(closed(&bootnodes)));
    let both = keys(&[&keeper, &other]);
    keeper.handle.admit(both.clone()).await;
    other.handle.admit(both).await;
    other.wait_connected(keeper.peer_id()).await;
    for stranger in &strangers {
        assert!(keeper.peer(stranger.peer_id()).await.is_none());
    }
    let connected = keeper.handle.peers().await.len();
    assert!(connected <= 2, "the bootnode and the other keeper, not {connected}");
}

#[tokio::test]
async fn whoever_sends_wrong_messages_is_disconnected_and_refused_while_others_go_on() {
    let mut keeper = Node::start(closed(&[]));
    let address = keeper.address().await;
    let mut honest = Node::start(config(std::slice::from_ref(&address)));
    // Reachable by nobody, so that it is heard by the keeper alone.
    let mut liar = Node::start(Config { listen: Vec::new(), max_peers: 0, ..config(&[address]) });
    keeper.handle.admit(keys(&[&honest, &liar])).await;
    talk(&mut keeper, &mut honest, "before").await;
    keeper.wait_subscribed(liar.peer_id()).await;
    liar.wait_subscribed(keeper.peer_id()).await;
    // Nineteen are forgiven.
    for number in 0..25_u8 {
        // Queues may be full, or the connection gone by now.
        let _ = liar.handle.publish(PARTIALS, vec![number; 16]).await;
        if number < 19 {
            let (_, data) = keeper.message(Verdict::Reject).await;
            assert_eq!(data, [number; 16], "still heard");
        } else if keeper.peer(liar.peer_id()).await.is_some() {
            let judged = keeper.handle.clone();
            let gone = liar.peer_id();
            let stop = keeper.wait("one more wrong message, or the end", |event| match event {
                Event::Message { message, .. } => Some(Some(message)),
                Event::PeerDisconnected(peer) if peer == gone => Some(None),
                _ => None,
            });
            match stop.await {
                Some(message) => judged.judge(message, Verdict::Reject).await,
                None => break,
            }
        }
    }
    let peer = liar.peer_id();
    until("the end of the connection", async || keeper.peer(peer).await.is_none()).await;
    liar.wait_disconnected(keeper.peer_id()).await;
    let refused = r#"p2p_connections_refused_total{direction="inbound",reason="offender"}"#;
    until("a refusal", async || keeper.text().contains(refused)).await;
    assert!(keeper.text().contains(r#"p2p_peers_dropped_total{reason="offender"} 1"#), "once, not again and again");
    talk(&mut keeper, &mut honest, "after").await;
}
