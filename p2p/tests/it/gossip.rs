use p2p::{Config, Multiaddr, PublishError, Published, Topic, Verdict};

use crate::node::{Node, config, until};

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
            middle.peer(end.peer_id()).await.is_some_and(|summary| summary.mesh.contains(&Topic::Partials))
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
        left.handle.publish(Topic::Partials, text.into()).await.expect("published");
        assert_eq!(middle.message(verdict).await.1, text.as_bytes());
    }
    // One connection keeps the order: had the others been passed on, they would be here first.
    assert_eq!(right.message(Verdict::Accept).await.1, b"accepted");
    left.handle.publish(Topic::Partials, b"last".to_vec()).await.expect("published");
    assert_eq!(middle.message(Verdict::Accept).await.1, b"last");
    assert_eq!(right.message(Verdict::Accept).await.1, b"last");
}

#[tokio::test]
async fn rejected_messages_and_reported_offences_lower_the_score() {
    let (left, mut middle, _right) = line().await;
    let score = async || middle.peer(left.peer_id()).await.expect("connected").score.expect("a keeper keeps scores");
    assert!(score().await >= 0.0);
    left.handle.publish(Topic::Partials, b"wrong".to_vec()).await.expect("published");
    middle.message(Verdict::Reject).await;
    let score = async || middle.peer(left.peer_id()).await.expect("connected").score.expect("a keeper keeps scores");
    until("a lower score", async || score().await < 0.0).await;
    for _ in 0..20 {
        middle.handle.score_down(left.peer_id()).await;
    }
    middle.wait_disconnected(left.peer_id()).await;
}

#[tokio::test]
async fn the_largest_message_passes_and_one_byte_more_is_refused() {
    let (left, mut middle, mut right) = line().await;
    for topic in Topic::ALL {
        let largest = vec![7; topic.max_bytes()];
        left.handle.publish(topic, largest.clone()).await.expect("within the limit");
        assert_eq!(middle.message(Verdict::Accept).await, (topic, largest.clone()));
        assert_eq!(right.message(Verdict::Accept).await, (topic, largest));
        let error = left.handle.publish(topic, vec![7; topic.max_bytes() + 1]).await.expect_err("too long");
        assert!(matches!(error, PublishError::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains(&topic.max_bytes().to_string()), "{error}");
    }
}

#[tokio::test]
async fn the_same_message_is_heard_once() {
    let (left, mut middle, _right) = line().await;
    for _ in 0..3 {
        let sent = left.handle.publish(Topic::Partials, b"again".to_vec()).await.expect("no error");
        assert_eq!(sent, Published::Sent);
    }
    left.handle.publish(Topic::Certificates, b"again".to_vec()).await.expect("published");
    assert_eq!(middle.message(Verdict::Accept).await, (Topic::Partials, b"again".to_vec()));
    let next = middle.message(Verdict::Accept).await;
    assert_eq!(next, (Topic::Certificates, b"again".to_vec()), "another topic is another message");
}

#[tokio::test]
async fn what_is_published_before_anybody_listens_arrives_later() {
    let mut early = Node::keeper(&[]);
    let address = early.address().await;
    for number in 0..3 {
        let published = early.handle.publish(Topic::Partials, vec![number]).await.expect("kept");
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
    lonely.handle.publish(Topic::Partials, vec![1]).await.expect("kept");
    until("the end of patience", async || lonely.metric("p2p_publishes_expired_total") >= 1.0).await;
    for _ in 0..256 {
        lonely.handle.publish(Topic::Health, vec![2]).await.expect("room for 256");
    }
    let error = lonely.handle.publish(Topic::Health, vec![3]).await.expect_err("the line is full");
    assert!(matches!(error, PublishError::WaitingLineFull(Topic::Health)), "{error}");
}

#[tokio::test]
async fn a_bootnode_refuses_to_publish() {
    let bootnode = Node::bootnode();
    let error = bootnode.handle.publish(Topic::Partials, vec![1]).await.expect_err("no gossip");
    assert!(matches!(error, PublishError::NoGossip), "{error}");
}

#[tokio::test]
async fn libp2p_and_gossipsub_series_are_in_the_registry() {
    let (left, mut middle, _right) = line().await;
    left.handle.publish(Topic::Partials, b"counted".to_vec()).await.expect("published");
    middle.message(Verdict::Accept).await;
    until("gossipsub's series", async || middle.metric("gossipsub_accepted_messages_per_topic_total") >= 1.0).await;
    for series in ["libp2p_swarm_connections_established_total", "libp2p_bandwidth_bytes_total"] {
        assert!(middle.metric(series) > 0.0, "{series}");
    }
}
