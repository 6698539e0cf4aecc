//! Messages that go straight to one peer.

use std::collections::BTreeMap;
use std::time::Duration;

use libp2p::identity::Keypair;
use p2p::{Admission, Config, Identity, PeerId, RequestError, Verdict};

use crate::node::{Node, config, until};
use crate::raw::{attack, once, repeat};
use crate::table::STRAIGHT;

fn frame(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("short");
    [&length.to_be_bytes()[..], bytes].concat()
}

/// Two keepers that are connected.
async fn pair() -> (Node, Node) {
    let mut one = Node::keeper(&[]);
    let other = Node::keeper(&[one.address().await]);
    one.wait_subscribed(other.peer_id()).await;
    other.wait_subscribed(one.peer_id()).await;
    (one, other)
}

/// Nine keepers, one of which leads: what the others say goes to it and to nobody else, in order, over one stream each.
#[tokio::test]
async fn eight_keepers_speak_to_the_one_that_leads() {
    const WORDS: u8 = 20;
    let mut leader = Node::keeper(&[]);
    let address = leader.address().await;
    let others: Vec<Node> = (0..8).map(|_| Node::keeper(std::slice::from_ref(&address))).collect();
    for other in &others {
        other.wait_subscribed(leader.peer_id()).await;
    }
    let mut heard: BTreeMap<PeerId, Vec<u8>> = BTreeMap::new();
    for word in 0..WORDS {
        for other in &others {
            other.handle.straight(leader.peer_id(), vec![word; 200]).await.expect("taken");
        }
        // What waits for a second is lost, as gossip is.
        for _ in &others {
            let (from, data) = leader.straight(Verdict::Accept).await;
            heard.entry(from).or_default().push(data[0]);
        }
    }
    assert_eq!(heard.len(), others.len());
    assert!(heard.values().all(|words| *words == (0..WORDS).collect::<Vec<_>>()), "in order: {heard:?}");
    assert!(leader.metric("p2p_events_lost_total") < 1.0 && leader.metric("p2p_intake_dropped_total") < 1.0);
}

#[tokio::test]
async fn what_does_not_get_there_is_told_with_its_cause() {
    let (one, mut other) = pair().await;
    let largest = vec![7; STRAIGHT];
    one.handle.straight(other.peer_id(), largest.clone()).await.expect("within the limit");
    assert_eq!(other.straight(Verdict::Accept).await, (one.peer_id(), largest));
    let error = one.handle.straight(other.peer_id(), vec![7; STRAIGHT + 1]).await.expect_err("too long");
    assert!(matches!(error, RequestError::TooLarge { .. }), "{error}");
    let error = one.handle.straight(PeerId::random(), vec![7]).await.expect_err("nobody");
    assert!(matches!(error, RequestError::NotConnected(_)), "{error}");
    let (mut new, bootnode) = (Node::keeper(&[]), Node::bootnode());
    let old = Node::start(Config { straight: 0, ..config(&[new.address().await]) });
    new.wait_subscribed(old.peer_id()).await;
    let error = new.handle.straight(old.peer_id(), vec![7]).await.expect_err("it is of an older version");
    assert!(matches!(error, RequestError::Unsupported), "{error}");
    let error = bootnode.handle.straight(new.peer_id(), vec![7]).await.expect_err("a bootnode");
    assert!(matches!(error, RequestError::NoRequests), "{error}");
}

#[tokio::test]
async fn a_keeper_that_starts_anew_is_spoken_to_over_a_new_stream() {
    let (mut one, other) = pair().await;
    other.handle.straight(one.peer_id(), b"before".to_vec()).await.expect("taken");
    assert_eq!(one.straight(Verdict::Accept).await.1, b"before");
    let (address, peer) = (one.address().await, one.peer_id());
    let port = crate::node::port(&address);
    let identity = one.kill().await;
    let listen = vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().expect("well formed")];
    let mut again = Node::start_as(identity, Config { listen, ..config(&[]) });
    until("the new process to be spoken to", async || other.handle.straight(peer, b"after".to_vec()).await.is_ok())
        .await;
    assert_eq!(again.straight(Verdict::Accept).await.1, b"after");
}

/// A sentry may connect, and is no operator: nothing that it sends straight is read.
#[tokio::test]
async fn only_registered_operators_are_read() {
    let (operator, sentry) = (Identity::generate(), Identity::generate());
    let closed = Config { admission: Admission::Registered, sentries: vec![sentry.peer_id()], ..config(&[]) };
    let mut keeper = Node::start(closed);
    keeper.handle.admit(vec![operator.public_key()]).await;
    let address = keeper.address().await;
    let [operator, sentry] = [operator, sentry].map(|who| Node::start_as(who, config(std::slice::from_ref(&address))));
    for node in [&operator, &sentry] {
        node.wait_subscribed(keeper.peer_id()).await;
    }
    for _ in 0..5 {
        // Whether its stream is closed before or after the first bytes is a matter of moments.
        let _ = sentry.handle.straight(keeper.peer_id(), b"sentry".to_vec()).await;
        operator.handle.straight(keeper.peer_id(), b"operator".to_vec()).await.expect("taken");
        assert_eq!(keeper.straight(Verdict::Accept).await, (operator.peer_id(), b"operator".to_vec()));
    }
    // Once it is on the list it is heard over the connection that stands.
    keeper.handle.admit(vec![operator.identity.public_key(), sentry.identity.public_key()]).await;
    sentry.handle.straight(keeper.peer_id(), b"registered".to_vec()).await.expect("taken");
    assert_eq!(keeper.straight(Verdict::Accept).await, (sentry.peer_id(), b"registered".to_vec()));
}

#[tokio::test]
async fn twenty_wrong_ones_and_the_peer_is_sent_away() {
    let (mut one, other) = pair().await;
    for number in 0..20 {
        other.handle.straight(one.peer_id(), vec![number]).await.expect("taken");
        one.straight(Verdict::Reject).await;
    }
    one.wait_disconnected(other.peer_id()).await;
    assert!(one.text().contains(r#"p2p_faults_total{reason="straight_rejected"} 20"#));
}

/// Streams that are opened and never used, opened again and again, and half a frame: one of each peer is read, an honest one is
/// heard as before.
#[tokio::test]
async fn streams_that_are_opened_and_not_used_harm_nobody() {
    let (mut one, other) = pair().await;
    let key = Keypair::generate_ed25519();
    let hostile = key.public().to_peer_id();
    let task = attack(key, one.address().await, false, |attacker, victim| {
        for _ in 0..40 {
            attacker.straights.send_request(&victim, repeat(Duration::from_secs(3600), |_| vec![0, 0, 0, 9, 1]));
        }
    });
    one.wait_connected(hostile).await;
    for word in 0..10 {
        other.handle.straight(one.peer_id(), vec![word]).await.expect("taken");
        assert_eq!(one.straight(Verdict::Accept).await, (other.peer_id(), vec![word]));
    }
    task.abort();
}

#[tokio::test]
async fn frames_over_the_limit_are_faults_and_twenty_end_the_connection() {
    let mut one = Node::keeper(&[]);
    let key = Keypair::generate_ed25519();
    let hostile = key.public().to_peer_id();
    let task = attack(key, one.address().await, false, |attacker, victim| {
        for _ in 0..40 {
            attacker.straights.send_request(&victim, once(vec![0, 1, 0, 0, 1, 2, 3]));
        }
    });
    until("faults", async || one.text().contains(r#"p2p_faults_total{reason="straight_too_long"}"#)).await;
    one.wait_connected(hostile).await;
    task.abort();
}

/// What floods straight is charged to the bucket of the peer's gossip: dropped, counted, and at last a fault.
#[tokio::test]
async fn a_flood_is_dropped_and_held_against_its_sender() {
    let (mut one, other) = pair().await;
    let task = attack(Keypair::generate_ed25519(), one.address().await, false, |attacker, victim| {
        let flood = repeat(Duration::ZERO, |number| frame(&[number.to_be_bytes().to_vec(), vec![7; 1_000]].concat()));
        attacker.straights.send_request(&victim, flood);
    });
    until("drops", async || {
        // Somebody reads, or all of it would wait in its line.
        while let Ok(Some(_)) = tokio::time::timeout(Duration::from_millis(1), one.next()).await {}
        one.metric("p2p_intake_dropped_total") >= 1_000.0
    })
    .await;
    other.handle.straight(one.peer_id(), b"honest".to_vec()).await.expect("taken");
    loop {
        let (from, data) = one.straight(Verdict::Ignore).await;
        if from == other.peer_id() {
            assert_eq!(data, b"honest");
            break;
        }
    }
    until("its faults", async || {
        while let Ok(Some(_)) = tokio::time::timeout(Duration::from_millis(1), one.next()).await {}
        one.metric("p2p_peers_dropped_total") >= 1.0
    })
    .await;
    task.abort();
}
