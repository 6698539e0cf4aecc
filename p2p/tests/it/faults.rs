//! What is wrong in an answer costs the peer that gave it; too little in one costs nothing.

use p2p::{Admission, Config, Event, Protocol, RequestError};

use crate::node::{Node, config, until};
use crate::table::PARTIALS;

/// Answers every request with these bytes.
fn answer_with(node: Node, bytes: Vec<u8>) {
    tokio::spawn(async move {
        let mut node = node;
        loop {
            let asked = node.wait("request", |event| match event {
                Event::Request { id, .. } => Some(id),
                _ => None,
            });
            let id = asked.await;
            node.handle.respond(id, bytes.clone()).await.expect("short enough");
        }
    });
}

/// A keeper that admits two peers, connected to both.
async fn keeper_and_two() -> (Node, Node, Node) {
    let mut keeper = Node::start(Config { admission: Admission::Registered, ..config(&[]) });
    let address = keeper.address().await;
    let (first, second) = (Node::keeper(std::slice::from_ref(&address)), Node::keeper(&[address]));
    keeper.handle.admit([&first, &second].map(|node| node.identity.public_key()).to_vec()).await;
    for node in [&first, &second] {
        keeper.wait_subscribed(node.peer_id()).await;
        node.wait_subscribed(keeper.peer_id()).await;
    }
    (keeper, first, second)
}

#[tokio::test]
async fn a_peer_whose_answers_are_wrong_twenty_times_is_disconnected_and_refused() {
    let (mut keeper, liar, mut honest) = keeper_and_two().await;
    let peer = liar.peer_id();
    answer_with(liar, b"wrong".to_vec());
    for number in 1..=20 {
        let answer = keeper.handle.request(peer, Protocol::Want, vec![1]).await;
        assert_eq!(answer.expect("nineteen wrong answers are forgiven"), b"wrong", "question {number}");
        keeper.handle.fault(peer, "wrong").await;
    }
    keeper.wait_disconnected(peer).await;
    let refused = r#"p2p_connections_refused_total{direction="inbound",reason="offender"}"#;
    until("a refusal", async || keeper.text().contains(refused)).await;
    let error = keeper.handle.request(peer, Protocol::Want, vec![1]).await.expect_err("it is gone");
    assert!(matches!(error, RequestError::NotConnected(_)), "{error}");
    assert!(keeper.text().contains(r#"p2p_faults_total{reason="wrong"} 20"#));
    assert!(keeper.text().contains(r#"p2p_peers_dropped_total{reason="offender"} 1"#), "once, not again and again");
    // Nobody else is blamed for it.
    honest.handle.publish(PARTIALS, b"still here".to_vec()).await.expect("published");
    assert_eq!(keeper.message(p2p::Verdict::Accept).await.1, b"still here");
    keeper.handle.publish(PARTIALS, b"so am I".to_vec()).await.expect("published");
    assert_eq!(honest.message(p2p::Verdict::Accept).await.1, b"so am I");
}

#[tokio::test]
async fn a_peer_that_has_little_or_nothing_to_say_keeps_its_standing() {
    let (keeper, brief, silent) = keeper_and_two().await;
    let (peer, other) = (brief.peer_id(), silent.peer_id());
    answer_with(brief, Vec::new());
    // More than its budget of 32: it answers with nothing, then closes the stream.
    let mut closed = 0;
    for _ in 0..60 {
        match keeper.handle.request(peer, Protocol::Want, vec![1]).await {
            Ok(answer) => assert!(answer.is_empty()),
            Err(RequestError::Closed | RequestError::Resting(_)) => closed += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(closed > 0, "it should have had enough");
    // The other one does not answer at all.
    let asked = (0..8).map(|_| keeper.handle.request(other, Protocol::Want, vec![1]));
    for answer in libp2p::futures::future::join_all(asked).await {
        let error = answer.expect_err("nobody answers");
        assert!(matches!(error, RequestError::Timeout | RequestError::Closed), "{error}");
    }
    for node in [peer, other] {
        let score = keeper.peer(node).await.expect("still connected").score.expect("a keeper keeps scores");
        assert!(score >= 0.0, "{score}");
    }
    assert!(keeper.metric("p2p_faults_total") < 1.0);
}
