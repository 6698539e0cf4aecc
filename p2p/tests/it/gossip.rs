use p2p::{Config, Multiaddr, PublishError, Published, TopicId, Verdict};

use crate::node::{Node, config, until};
use crate::table::{ASSIGNMENTS, CERTIFICATES, EVIDENCE, PARTIALS, topic};

/// A keeper that nobody can dial, so that it is connected to its bootnode only.
fn leaf(bootnode: &Multiaddr) -> Node {
    Node::start(Config { listen: Vec::new(), ..config(std::slice::from_ref(bootnode)) })
}

/// Three keepers in a line; only the middle one can pass messages on.
async fn line() -> (Node, Node, Node) {
    let mut middle = Node::keeper(&[]);
    let address = middle.address().await;
    let (left, right) = (leaf(&address), leaf(&address));
    for end in [&left, &right] {
        middle.wait_subscribed(end.peer_id()).await;
        end.wait_subscribed(middle.peer_id()).await;
        until("the mesh", async || {
            middle.peer(end.peer_id()).await.is_some_and(|summary| summary.mesh.contains(&"partials"))
        })
        .await;
    }
    assert!(left.peer(right.peer_id()).await.is_none(), "the ends must not know each other");
    (left, middle, right)
}

#[tokio::test]
async fn only_accepted_messages_are_passed_on() {
    let (left, mut middle, mut right) = line().await;
    for (text, verdict) in [("rejected", Verdict::Reject), ("ignored", Verdict::Ignore), ("accepted", Verdict::Accept)]
    {
        left.handle.publish(PARTIALS, text.into()).await.expect("published");
        assert_eq!(middle.message(verdict).await.1, text.as_bytes());
    }
    // One connection keeps the order: had the others been passed on, they would be here first.
    assert_eq!(right.message(Verdict::Accept).await.1, b"accepted");
    left.handle.publish(PARTIALS, b"last".to_vec()).await.expect("published");
    assert_eq!(middle.message(Verdict::Accept).await.1, b"last");
    assert_eq!(right.message(Verdict::Accept).await.1, b"last");
}

#[tokio::test]
async fn rejected_messages_and_reported_faults_lower_the_score() {
    let (left, mut middle, _right) = line().await;
    let score = async || middle.peer(left.peer_id()).await.expect("connected").score.expect("a keeper keeps scores");
    assert!(score().await >= 0.0);
    left.handle.publish(PARTIALS, b"wrong".to_vec()).await.expect("published");
    middle.message(Verdict::Reject).await;
    let score = async || middle.peer(left.peer_id()).await.expect("connected").score.expect("a keeper keeps scores");
    until("a lower score", async || score().await < 0.0).await;
    for _ in 0..20 {
        middle.handle.fault(left.peer_id(), "test").await;
    }
    middle.wait_disconnected(left.peer_id()).await;
}

#[tokio::test]
async fn the_largest_message_passes_and_one_byte_more_is_refused() {
    let (left, mut middle, mut right) = line().await;
    for id in [ASSIGNMENTS, PARTIALS, CERTIFICATES, EVIDENCE] {
        let most = topic(id).max_bytes;
        let largest = vec![7; most];
        left.handle.publish(id, largest.clone()).await.expect("within the limit");
        assert_eq!(middle.message(Verdict::Accept).await, (id, largest.clone()));
        assert_eq!(right.message(Verdict::Accept).await, (id, largest));
        let error = left.handle.publish(id, vec![7; most + 1]).await.expect_err("too long");
        assert!(matches!(error, PublishError::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains(&most.to_string()), "{error}");
    }
}

#[tokio::test]
async fn the_same_message_is_heard_once() {
    let (left, mut middle, _right) = line().await;
    for _ in 0..3 {
        let sent = left.handle.publish(PARTIALS, b"again".to_vec()).await.expect("no error");
        assert_eq!(sent, Published::Sent);
    }
    left.handle.publish(CERTIFICATES, b"again".to_vec()).await.expect("published");
    assert_eq!(middle.message(Verdict::Accept).await, (PARTIALS, b"again".to_vec()));
    let next = middle.message(Verdict::Accept).await;
    assert_eq!(next, (CERTIFICATES, b"again".to_vec()), "another topic is another message");
}

#[tokio::test]
async fn what_is_published_before_anybody_listens_arrives_later() {
    let mut early = Node::keeper(&[]);
    let address = early.address().await;
    for number in 0..3 {
        let published = early.handle.publish(PARTIALS, vec![number]).await.expect("kept");
        assert_eq!(published, Published::Waiting);
    }
    assert!(early.metric("p2p_publishes_delayed_total") >= 3.0);
    let mut late = Node::keeper(&[address]);
    for number in 0..3 {
        assert_eq!(late.message(Verdict::Accept).await.1, [number], "in order");
    }
    assert!(early.metric("p2p_publishes_expired_total") < 1.0);
}

#[tokio::test]
async fn what_nobody_wants_is_given_up_and_counted() {
    let lonely = Node::keeper(&[]);
    lonely.handle.publish(PARTIALS, vec![1]).await.expect("kept");
    until("the end of patience", async || lonely.metric("p2p_publishes_expired_total") >= 1.0).await;
    for _ in 0..256 {
        lonely.handle.publish(EVIDENCE, vec![2]).await.expect("room for 256");
    }
    let error = lonely.handle.publish(EVIDENCE, vec![3]).await.expect_err("the line is full");
    assert!(matches!(error, PublishError::WaitingLineFull("evidence")), "{error}");
}

#[tokio::test]
async fn what_a_node_does_not_carry_is_not_published() {
    let bootnode = Node::bootnode();
    let keeper = Node::keeper(&[]);
    let unknown = TopicId(4);
    for (node, topic) in [(bootnode, PARTIALS), (keeper, unknown)] {
        let error = node.handle.publish(topic, vec![1]).await.expect_err("no such topic");
        assert!(matches!(error, PublishError::UnknownTopic(named) if named == topic), "{error}");
    }
}

#[tokio::test]
async fn libp2p_and_gossipsub_series_are_in_the_registry() {
    let (left, mut middle, _right) = line().await;
    left.handle.publish(PARTIALS, b"counted".to_vec()).await.expect("published");
    middle.message(Verdict::Accept).await;
    until("gossipsub's series", async || middle.metric("gossipsub_accepted_messages_per_topic_total") >= 1.0).await;
    for series in ["libp2p_swarm_connections_established_total", "libp2p_bandwidth_bytes_total"] {
        assert!(middle.metric(series) > 0.0, "{series}");
    }
}
