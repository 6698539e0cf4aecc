//! Records that peers have signed go from peer to peer, and whoever brings a false one answers for it.

use std::time::Duration;

use libp2p::core::PeerRecord;
use libp2p::futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, StreamProtocol, SwarmBuilder, identify, noise, tcp, yamux};
use p2p::{Config, Identity, PeerId};
use tokio::task::JoinHandle;

use crate::hostile::Raw;
use crate::node::{DOMAIN, Node, config, until};

async fn wait_for_records(node: &Node, number: f64) {
    until("records", async || (node.metric("p2p_records") - number).abs() < 0.5).await;
}

#[tokio::test]
async fn records_are_passed_on_and_kept() {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("peers.txt");
    let mut bootnode = Node::bootnode();
    let address = bootnode.address().await;
    let first = Node::keeper(std::slice::from_ref(&address));
    let book = Some(path.clone());
    let second = Node::start(Config { address_book: book.clone(), ..config(&[address]) });
    // Of the bootnode, of itself, and of the other, which it has from the bootnode or from the other itself.
    wait_for_records(&second, 3.0).await;
    wait_for_records(&first, 3.0).await;
    let identity = second.identity.clone();
    for node in [second, first, bootnode] {
        node.stop().await;
    }
    let written = std::fs::read_to_string(&path).expect("written");
    assert_eq!(written.lines().filter(|line| line.starts_with("signed ")).count(), 2, "{written}");
    // The next one starts with them, though nobody is there to tell.
    let again = Node::start_as(identity, Config { address_book: book, ..config(&[]) });
    wait_for_records(&again, 2.0).await;
}

/// Speaks of nothing but records: no gossip, no Kademlia.
#[derive(NetworkBehaviour)]
struct Courier {
    records: request_response::Behaviour<Raw>,
    identify: identify::Behaviour,
}

/// Connects to a node and answers its questions for records with these bytes. Runs until the task is aborted.
fn courier(node: Multiaddr, answer: Vec<u8>) -> (PeerId, JoinHandle<()>) {
    let name = StreamProtocol::try_from_owned(format!("/kpr/{DOMAIN}/records/1")).expect("a protocol name");
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .expect("noise")
        .with_behaviour(|key| Courier {
            records: request_response::Behaviour::with_codec(
                Raw,
                [(name, ProtocolSupport::Full)],
                request_response::Config::default(),
            ),
            identify: identify::Behaviour::new(identify::Config::new(format!("/kpr/{DOMAIN}/1"), key.public())),
        })
        .expect("infallible")
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build();
    let peer = *swarm.local_peer_id();
    swarm.dial(node).expect("dials");
    let task = tokio::spawn(async move {
        loop {
            if let SwarmEvent::Behaviour(CourierEvent::Records(request_response::Event::Message {
                message: request_response::Message::Request { channel, .. },
                ..
            })) = swarm.select_next_some().await
            {
                let _ = swarm.behaviour_mut().records.send_response(channel, answer.clone());
            }
        }
    });
    (peer, task)
}

/// An answer, with its length in front.
fn framed(envelopes: &[Vec<u8>]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("short").to_be_bytes();
    let answer: Vec<u8> = envelopes.iter().flat_map(|bytes| [&length(bytes)[..], bytes].concat()).collect();
    [&[0, 0], &length(&answer)[..], &answer].concat()
}

fn signed_by(identity: &Identity, addresses: Vec<Multiaddr>) -> Vec<u8> {
    let key = Keypair::ed25519_from_bytes(&mut *identity.secret_seed()).expect("a seed");
    let record = PeerRecord::new_interop(&key, addresses).expect("signed");
    record.into_signed_envelope().into_protobuf_encoding()
}

#[tokio::test]
async fn a_record_that_anybody_brings_leads_to_the_peer_that_signed_it() {
    let (mut node, mut wanted) = (Node::keeper(&[]), Node::keeper(&[]));
    let mut address = wanted.address().await;
    address.pop();
    let record = signed_by(&wanted.identity, vec![address]);
    let (_, task) = courier(node.address().await, framed(&[record]));
    node.wait_connected(wanted.peer_id()).await;
    task.abort();
}

#[tokio::test]
async fn false_records_are_faults_of_whoever_brings_them() {
    let mut node = Node::bootnode();
    let mut forged = signed_by(&Identity::generate(), vec!["/ip4/127.0.0.1/tcp/1".parse().expect("well formed")]);
    *forged.last_mut().expect("a signature") ^= 1;
    for (answer, reason) in [
        (framed(&[forged]), "record_false"),
        (framed(&[vec![7; 100]]), "record_unreadable"),
        (framed(&[vec![7; 1025]]), "record_too_long"),
        (vec![0xff; 4], "answer_too_long"),
    ] {
        let (peer, task) = courier(node.address().await, answer);
        let charged = format!(r#"p2p_faults_total{{reason="{reason}"}}"#);
        until(reason, async || node.text().contains(&charged)).await;
        assert!(node.peer(peer).await.is_some(), "one is forgiven");
        task.abort();
    }
    // Its own alone.
    wait_for_records(&node, 1.0).await;
}
