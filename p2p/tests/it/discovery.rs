use p2p::{Config, Error, Identity, Registry, Role, Verdict, build};

use crate::node::{DOMAIN, Node, config, free_port, loopback, until};
use crate::table::{EVIDENCE, PARTIALS};

#[tokio::test]
async fn two_keepers_meet_through_a_bootnode_and_gossip() {
    let mut bootnode = Node::bootnode();
    let address = bootnode.address().await;
    let mut first = Node::keeper(std::slice::from_ref(&address));
    let mut second = Node::keeper(&[address]);
    first.wait_connected(second.peer_id()).await;
    second.wait_connected(first.peer_id()).await;
    first.wait_subscribed(second.peer_id()).await;
    second.wait_subscribed(first.peer_id()).await;
    first.handle.publish(PARTIALS, b"from the first".to_vec()).await.expect("published");
    assert_eq!(second.message(Verdict::Accept).await, (PARTIALS, b"from the first".to_vec()));
    second.handle.publish(EVIDENCE, b"from the second".to_vec()).await.expect("published");
    assert_eq!(first.message(Verdict::Accept).await, (EVIDENCE, b"from the second".to_vec()));

    let summary = first.peer(bootnode.peer_id()).await.expect("still connected to the bootnode");
    assert!(summary.topics.is_empty() && summary.mesh.is_empty(), "a bootnode carries no gossip: {summary:?}");
    assert!(summary.agent.starts_with("bootnode/"), "{summary:?}");
    let summary = first.peer(second.peer_id()).await.expect("connected");
    assert!(summary.agent.starts_with("keeper/"), "{summary:?}");
}

#[tokio::test]
async fn six_keepers_all_connect_and_all_hear_all() {
    let mut bootnode = Node::bootnode();
    let address = bootnode.address().await;
    let mut keepers: Vec<Node> = (0..6).map(|_| Node::keeper(std::slice::from_ref(&address))).collect();
    for keeper in &keepers {
        for other in keepers.iter().filter(|other| other.peer_id() != keeper.peer_id()) {
            keeper.wait_subscribed(other.peer_id()).await;
        }
    }
    for number in 0..6 {
        let said = vec![u8::try_from(number).expect("small"); 100];
        keepers[number].handle.publish(PARTIALS, said.clone()).await.expect("published");
        for (_, other) in keepers.iter_mut().enumerate().filter(|(index, _)| *index != number) {
            assert_eq!(other.message(Verdict::Accept).await.1, said);
        }
    }
}

#[tokio::test]
async fn a_bootnode_that_is_dead_at_first_is_found_later() {
    let identity = Identity::generate();
    let port = free_port();
    let address = loopback(port, identity.peer_id());
    let mut keeper = Node::keeper(&[address]);
    until("a failed dial", async || keeper.metric("p2p_dials_failed_total") >= 1.0).await;
    let listen = format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("well formed");
    let bootnode = Node::start_as(identity, Config { listen: vec![listen], role: Role::Bootnode, ..config(&[]) });
    keeper.wait_connected(bootnode.peer_id()).await;
}

#[tokio::test]
async fn a_keeper_that_vanishes_is_met_again_without_any_bootnode() {
    let mut first = Node::keeper(&[]);
    let address = first.address().await;
    let identity = Identity::generate();
    let port = free_port();
    let settings = |bootnodes: &[_]| Config {
        listen: vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("well formed")],
        ..config(bootnodes)
    };
    let second = Node::start_as(identity, settings(&[address]));
    first.wait_subscribed(second.peer_id()).await;
    let identity = second.kill().await;
    first.wait_disconnected(identity.peer_id()).await;
    // The new process knows nobody: it is the first that has to remember.
    let second = Node::start_as(identity, settings(&[]));
    first.wait_connected(second.peer_id()).await;
}

#[tokio::test]
async fn the_wrong_peer_behind_a_bootnode_address_is_not_accepted() {
    let mut somebody = Node::keeper(&[]);
    let port = crate::node::port(&somebody.address().await);
    let expected = Identity::generate().peer_id();
    let keeper = Node::keeper(&[loopback(port, expected)]);
    until("a failed dial", async || keeper.metric("p2p_dials_failed_total") >= 1.0).await;
    assert!(keeper.handle.peers().await.is_empty());
}

#[tokio::test]
async fn peers_of_another_network_are_sent_away() {
    let foreign = Config { domain8: "ffffffffffffffff".to_owned(), ..config(&[]) };
    let mut foreign = Node::start(foreign);
    let mut keeper = Node::keeper(&[foreign.address().await]);
    keeper.wait_connected(foreign.peer_id()).await;
    keeper.wait_disconnected(foreign.peer_id()).await;
}

#[tokio::test]
async fn listeners_are_told_with_the_peer_id_and_stop_with_the_node() {
    let mut node = Node::keeper(&[]);
    let address = node.address().await;
    assert_eq!(node.handle.listeners().await, std::slice::from_ref(&address));
    assert!(address.to_string().ends_with(&format!("/p2p/{}", node.peer_id())));
    let mut other = Node::keeper(&[address]);
    other.wait_connected(node.peer_id()).await;
    let handle = node.handle.clone();
    let stopped = node.peer_id();
    node.stop().await;
    other.wait_disconnected(stopped).await;
    assert!(handle.listeners().await.is_empty());
    assert!(matches!(handle.publish(EVIDENCE, vec![1]).await, Err(p2p::PublishError::Stopped)));
}

#[tokio::test]
async fn a_port_in_use_is_a_clear_error() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = holder.local_addr().expect("bound").port();
    let listen = vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("well formed")];
    let config = Config { listen, domain8: DOMAIN.to_owned(), ..Config::default() };
    let error = build(config, &Identity::generate(), &mut Registry::default()).expect_err("the port is taken");
    assert!(matches!(error, Error::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    assert!(error.to_string().contains("in use"), "{error}");
}

#[tokio::test]
async fn a_second_node_on_the_same_port_is_told_so() {
    let mut first = Node::keeper(&[]);
    let port = crate::node::port(&first.address().await);
    for address in [format!("/ip4/127.0.0.1/tcp/{port}"), format!("/ip4/0.0.0.0/tcp/{port}")] {
        let config = Config { listen: vec![address.parse().expect("well formed")], ..config(&[]) };
        let error = build(config, &Identity::generate(), &mut Registry::default()).expect_err("the port is taken");
        assert!(matches!(error, Error::Listen { .. }), "{error}");
        assert!(error.to_string().contains(&address) && error.to_string().contains("in use"), "{error}");
    }
    let identity = first.kill().await;
    // A restart finds its port free, though connections of before may linger.
    let listen = vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("well formed")];
    let again = Node::start_as(identity, Config { listen, ..config(&[]) });
    again.stop().await;
}
