//! Two versions of the wire in one mesh, as in an upgrade that goes from keeper to keeper.

use p2p::{Config, Event, Multiaddr, Protocol, Topic, TopicId, Verdict, WIRE};

use crate::node::{Node, config, until};
use crate::table::{CERTIFICATES, PARTIALS, TOPICS};

/// What the next version has to say besides.
const NEWS: TopicId = TopicId(4);

/// A keeper of this version that nobody can dial.
fn older(bootnode: &Multiaddr) -> Node {
    Node::start(Config { listen: Vec::new(), ..config(std::slice::from_ref(bootnode)) })
}

/// The settings of a keeper of the next version, which carries a topic more.
fn newer(bootnodes: &[Multiaddr]) -> Config {
    let news = Topic { letter: 'n', name: "news", max_bytes: 1024, weight: 0.5 };
    Config { wire: WIRE + 1, topics: TOPICS.into_iter().chain([news]).collect(), ..config(bootnodes) }
}

/// Two older and two newer keepers, of which only a newer one can pass messages on.
async fn mixed() -> (Node, [Node; 2], Node) {
    let mut middle = Node::start(newer(&[]));
    let address = middle.address().await;
    let olds = [older(&address), older(&address)];
    let new = Node::start(Config { listen: Vec::new(), ..newer(&[address]) });
    for end in &olds {
        middle.wait_subscribed(end.peer_id()).await;
        end.wait_subscribed(middle.peer_id()).await;
    }
    until("the newer keepers to have every topic in common", async || {
        let seen = [middle.peer(new.peer_id()).await, new.peer(middle.peer_id()).await];
        seen.iter().all(|peer| peer.as_ref().is_some_and(|summary| summary.topics.len() == TOPICS.len() + 1))
    })
    .await;
    (middle, olds, new)
}

/// The next message, which must be this one: had another one come, it would be here first.
async fn hears(node: &mut Node, topic: TopicId, text: &[u8]) {
    assert_eq!(node.message(Verdict::Accept).await, (topic, text.to_vec()));
}

#[tokio::test]
async fn what_both_versions_know_goes_through_both() {
    let (mut middle, [first, mut second], mut new) = mixed().await;
    // A partial of an older keeper, and the certificate that a newer one makes of it, reach everybody.
    first.handle.publish(PARTIALS, b"partial".to_vec()).await.expect("published");
    hears(&mut middle, PARTIALS, b"partial").await;
    hears(&mut second, PARTIALS, b"partial").await;
    hears(&mut new, PARTIALS, b"partial").await;
    new.handle.publish(CERTIFICATES, b"certificate".to_vec()).await.expect("published");
    hears(&mut middle, CERTIFICATES, b"certificate").await;
    hears(&mut second, CERTIFICATES, b"certificate").await;
}

#[tokio::test]
async fn what_only_the_newer_know_costs_the_older_nothing() {
    let (mut middle, [first, mut second], new) = mixed().await;
    for number in 0..50_u8 {
        new.handle.publish(NEWS, vec![number]).await.expect("published");
        hears(&mut middle, NEWS, &[number]).await;
    }
    // Nothing of it has come to the older ones, and nobody is at fault.
    middle.handle.publish(PARTIALS, b"after it".to_vec()).await.expect("published");
    hears(&mut second, PARTIALS, b"after it").await;
    for (node, peer) in [(&middle, &first), (&first, &middle), (&middle, &second), (&middle, &new)] {
        let summary = node.peer(peer.peer_id()).await.expect("still connected");
        assert!(summary.score.is_none_or(|score| score >= 0.0), "{summary:?}");
        assert!(!node.text().contains("p2p_faults_total{"), "{}", node.text());
    }
}

#[tokio::test]
async fn each_version_answers_the_other() {
    let (mut middle, [first, _second], _new) = mixed().await;
    let (old, next) = (first.peer_id(), middle.peer_id());
    let asking = tokio::spawn(async move {
        let answer = first.handle.request(next, Protocol::Want, b"from the older".to_vec()).await;
        (first, answer)
    });
    let request = |event| match event {
        Event::Request { id, data, .. } => Some((id, data)),
        _ => None,
    };
    let (id, data) = middle.wait("request", request).await;
    assert_eq!(data, b"from the older");
    middle.handle.respond(id, b"answered".to_vec()).await.expect("short enough");
    let (mut first, answer) = asking.await.expect("no panic");
    assert_eq!(answer.expect("answered"), b"answered");
    let asking = tokio::spawn(async move { middle.handle.request(old, Protocol::Status, vec![7]).await });
    let (id, data) = first.wait("request", request).await;
    first.handle.respond(id, data).await.expect("short enough");
    assert_eq!(asking.await.expect("no panic").expect("answered"), [7]);
}

#[tokio::test]
async fn two_versions_away_is_too_far() {
    let mut far = Node::start(Config { wire: WIRE + 2, ..config(&[]) });
    let mut keeper = Node::keeper(&[far.address().await]);
    keeper.wait_connected(far.peer_id()).await;
    keeper.wait_disconnected(far.peer_id()).await;
}
