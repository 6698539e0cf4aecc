//! QUIC beside TCP: who is let in, which of both is used, and what is done where one of them does not get through.

use std::time::{Duration, Instant};

use libp2p::futures::StreamExt;
use libp2p::swarm::SwarmEvent;
use libp2p::{Swarm, SwarmBuilder, noise, ping, tcp, yamux};
use p2p::{Admission, Config, Error, Identity, Multiaddr, PeerId, Registry, Role, Verdict, build};

use crate::node::{DOMAIN, Node, config, free_port, loopback, port, until};
use crate::table::PARTIALS;
use crate::udp::{Hole, UdpProxy};

const UDP: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
const TCP: &str = "/ip4/127.0.0.1/tcp/0";

fn address(text: &str) -> Multiaddr {
    text.parse().expect("well formed")
}

/// A keeper that listens on these addresses.
fn at(listen: &[&str], bootnodes: &[Multiaddr]) -> Config {
    Config { listen: listen.iter().map(|text| address(text)).collect(), ..config(bootnodes) }
}

fn quic(port: u16, peer: PeerId) -> Multiaddr {
    address(&format!("/ip4/127.0.0.1/udp/{port}/quic-v1/p2p/{peer}"))
}

/// Whether the connections to a peer are all over a transport.
async fn is_over(node: &Node, peer: PeerId, transport: &str) -> bool {
    let summary = node.peer(peer).await.expect("connected");
    summary.addresses.iter().all(|address| address.to_string().contains(transport))
}

async fn all_meet(nodes: &[Node]) {
    for node in nodes {
        for other in nodes.iter().filter(|other| other.peer_id() != node.peer_id()) {
            node.wait_subscribed(other.peer_id()).await;
        }
    }
}

#[tokio::test]
async fn a_mesh_forms_and_gossips_where_tcp_does_not_get_through() {
    let bootnode = Node::start(Config { role: Role::Bootnode, ..at(&[UDP], &[]) });
    let bootnodes = [bootnode.address_over("quic-v1").await];
    // Each says that it is at a TCP port too, where nobody is.
    let listen =
        || Config { external: vec![address(&format!("/ip4/127.0.0.1/tcp/{}", free_port()))], ..at(&[UDP], &bootnodes) };
    let mut nodes: Vec<Node> = (0..4).map(|_| Node::start(listen())).collect();
    all_meet(&nodes).await;
    nodes[0].handle.publish(PARTIALS, b"over QUIC".to_vec()).await.expect("published");
    for node in &mut nodes[1..] {
        assert_eq!(node.message(Verdict::Accept).await.1, b"over QUIC");
    }
    let text = nodes[0].text();
    let links = |transport: &str| {
        let lines = text.lines().filter(|line| line.starts_with("p2p_links{") && line.contains(transport));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).sum::<u32>()
    };
    assert!(links("quic") >= 4 && links("tcp") == 0, "{text}");
}

#[tokio::test]
async fn quic_is_used_where_both_are_there_and_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let book = folder.path().join("peers");
    let bootnode = Node::start(Config { role: Role::Bootnode, ..at(&[TCP, UDP], &[]) });
    let bootnodes = [bootnode.address_over("tcp").await];
    let first = Node::start(at(&[TCP, UDP], &bootnodes));
    let second = Node::start(Config { address_book: Some(book.clone()), ..at(&[TCP, UDP], &bootnodes) });
    first.wait_subscribed(second.peer_id()).await;
    second.wait_subscribed(first.peer_id()).await;
    assert!(is_over(&first, second.peer_id(), "quic-v1").await, "{:?}", first.peer(second.peer_id()).await);
    let peer = first.peer_id();
    let both = [first.address_over("tcp").await, first.address_over("quic-v1").await];
    until("both addresses in the book", async || {
        std::fs::read_to_string(&book).is_ok_and(|text| both.iter().all(|address| text.contains(&address.to_string())))
    })
    .await;
    // Nobody but the book knows where the first one is.
    second.stop().await;
    drop(bootnode);
    let again = Node::start(Config { address_book: Some(book), ..at(&[], &[]) });
    until("a peer of before", async || again.peer(peer).await.is_some()).await;
}

#[tokio::test]
async fn those_who_have_one_transport_only_meet_those_who_have_the_other() {
    let bootnode = Node::start(Config { role: Role::Bootnode, ..at(&[TCP, UDP], &[]) });
    let bootnodes = [bootnode.address_over("tcp").await];
    let listens: [&[&str]; 3] = [&[TCP, UDP], &[TCP], &[UDP]];
    let nodes: Vec<Node> = listens.into_iter().map(|listen| Node::start(at(listen, &bootnodes))).collect();
    all_meet(&nodes).await;
}

/// To whoever dials it, a peer behind a firewall that drops UDP is silent there: TCP has its turn after that.
#[tokio::test]
async fn where_udp_is_dropped_tcp_is_used() {
    let holes = [Hole::new(), Hole::new(), Hole::new()];
    let bootnode = Node::bootnode();
    let bootnodes = [bootnode.address_over("tcp").await];
    let behind = |hole: &Hole| {
        let external = vec![address(&format!("/ip4/127.0.0.1/udp/{}/quic-v1", hole.port()))];
        Node::start(Config { external, ..at(&[TCP], &bootnodes) })
    };
    let nodes: Vec<Node> = holes.iter().map(behind).collect();
    let began = Instant::now();
    // It listens nowhere, so that nobody can dial it: it has to find the way itself.
    let dialler = Node::start(at(&[], &bootnodes));
    for node in &nodes {
        until("a connection", async || dialler.peer(node.peer_id()).await.is_some()).await;
        assert!(is_over(&dialler, node.peer_id(), "/tcp/").await);
    }
    assert!(holes.iter().any(Hole::was_tried), "QUIC was tried first");
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
}

fn stranger() -> Swarm<ping::Behaviour> {
    let often = ping::Config::new().with_interval(Duration::from_millis(1));
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("noise")
        .with_quic()
        .with_behaviour(|_| ping::Behaviour::new(often))
        .expect("infallible")
        .build()
}

/// Dials once; the node is to end it before any protocol is spoken.
async fn is_refused(stranger: &mut Swarm<ping::Behaviour>, address: &Multiaddr) {
    stranger.dial(address.clone()).expect("dials");
    loop {
        match stranger.select_next_some().await {
            SwarmEvent::Behaviour(ping::Event { result: Ok(_), .. }) => panic!("a ping was answered"),
            SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => return,
            _ => {}
        }
    }
}

fn refused(node: &Node, reason: &str) -> f64 {
    let start = format!("p2p_connections_refused_total{{direction=\"inbound\",reason=\"{reason}\"}}");
    let text = node.text();
    text.lines().find_map(|line| line.strip_prefix(&start)?.trim().parse().ok()).unwrap_or(0.0)
}

#[tokio::test]
async fn a_stranger_is_refused_over_quic_before_any_protocol() {
    let keeper = Node::start(Config { admission: Admission::Registered, ..at(&[UDP], &[]) });
    keeper.handle.admit(vec![Identity::generate().public_key()]).await;
    let address = keeper.address_over("quic-v1").await;
    let mut stranger = stranger();
    for number in 1..=3 {
        is_refused(&mut stranger, &address).await;
        until("the refusal to be counted", async || refused(&keeper, "stranger") >= f64::from(number)).await;
    }
    assert!(keeper.handle.peers().await.is_empty());
    let operator = Node::start(Config { admission: Admission::Registered, ..at(&[], &[address]) });
    keeper.handle.admit(vec![operator.identity.public_key()]).await;
    operator.handle.admit(vec![keeper.identity.public_key()]).await;
    keeper.wait_subscribed(operator.peer_id()).await;
}

/// An address of this machine that is not loopback, which has no rate.
fn own_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

#[tokio::test]
async fn one_address_opens_few_connections_over_quic_and_as_few_over_tcp() {
    let Some(own) = own_address() else {
        eprintln!("this machine has loopback only: the rate of an address is not looked at");
        return;
    };
    let listen = [format!("/ip4/{own}/tcp/0"), format!("/ip4/{own}/udp/0/quic-v1")];
    let listen: Vec<&str> = listen.iter().map(String::as_str).collect();
    let keeper = Node::start(Config { admission: Admission::Registered, ..at(&listen, &[]) });
    keeper.handle.admit(vec![Identity::generate().public_key()]).await;
    let mut stranger = stranger();
    for transport in ["quic-v1", "tcp"] {
        let address = keeper.address_over(transport).await;
        let (known, rate) = (refused(&keeper, "stranger"), refused(&keeper, "rate"));
        // On a machine that has a lot to do the bucket fills meanwhile.
        let mut dials = 0;
        while refused(&keeper, "rate") <= rate {
            assert!(dials < 100, "over {transport} an address may come as often as it likes");
            is_refused(&mut stranger, &address).await;
            dials += 1;
        }
        let known = refused(&keeper, "stranger") - known;
        assert!(
            known >= 5.0,
            "over {transport} {known} came as far as the handshake: the other transport used up its share"
        );
    }
}

#[tokio::test]
async fn the_wrong_peer_and_the_wrong_network_are_told_over_quic() {
    let foreign = Config { domain8: "ffffffffffffffff".to_owned(), ..at(&[UDP], &[]) };
    let foreign = Node::start(foreign);
    let there = foreign.address_over("quic-v1").await;
    let mut keeper = Node::start(at(&[UDP], std::slice::from_ref(&there)));
    keeper.wait_connected(foreign.peer_id()).await;
    keeper.wait_disconnected(foreign.peer_id()).await;
    let other = Node::start(at(&[UDP], &[quic(port(&there), Identity::generate().peer_id())]));
    until("a failed dial", async || other.metric("p2p_dials_failed_total") >= 1.0).await;
    assert!(other.handle.peers().await.is_empty());
}

#[tokio::test]
async fn a_peer_that_falls_silent_over_quic_is_gone_within_seconds() {
    let far = Node::start(at(&[UDP], &[]));
    let proxy = UdpProxy::start(port(&far.address_over("quic-v1").await)).await;
    let mut near = Node::start(at(&[], &[quic(proxy.port, far.peer_id())]));
    near.wait_subscribed(far.peer_id()).await;
    let began = Instant::now();
    proxy.freeze();
    near.wait_disconnected(far.peer_id()).await;
    assert!(began.elapsed() < Duration::from_secs(30), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_udp_port_in_use_is_a_clear_error() {
    let first = Node::start(at(&[UDP], &[]));
    let port = port(&first.address_over("quic-v1").await);
    for ip in ["127.0.0.1", "0.0.0.0"] {
        let listen = vec![address(&format!("/ip4/{ip}/udp/{port}/quic-v1"))];
        let text = listen[0].to_string();
        let config = Config { listen, domain8: DOMAIN.to_owned(), ..Config::default() };
        let error = build(config, &Identity::generate(), &mut Registry::default()).expect_err("the port is taken");
        assert!(matches!(error, Error::Listen { .. }), "{error}");
        assert!(error.to_string().contains(&text) && error.to_string().contains("in use"), "{error}");
    }
    // TCP has ports of its own: the same number is free there.
    let beside = Node::start(Config { listen: vec![address(&format!("/ip4/127.0.0.1/tcp/{port}"))], ..config(&[]) });
    assert_eq!(beside.address_over("tcp").await, loopback(port, beside.peer_id()));
}
