//! Requests for code have accounts and streams of their own.

use p2p::{Event, Protocol, RequestError};

use crate::endurance::endure;
use crate::node::{Node, until};
use crate::raw::once;
use crate::table::REQUESTS;

/// Two nodes, of which the first answers everything, code by the longest answers there are.
async fn pair() -> (p2p::PeerId, Node) {
    let mut first = Node::keeper(&[]);
    let second = Node::keeper(&[first.address().await]);
    until("a connection", async || second.peer(first.peer_id()).await.is_some()).await;
    let peer = first.peer_id();
    tokio::spawn(async move {
        while let Some(event) = first.next().await {
            let Event::Request { id, protocol, .. } = event else { continue };
            let length = if protocol == Protocol::Code { REQUESTS.code.answer } else { 1 };
            first.handle.respond(id, vec![7; length]).await.expect("short enough");
        }
    });
    (peer, second)
}

#[tokio::test]
async fn whoever_has_been_given_all_the_code_it_may_have_is_heard_in_everything_else() {
    let (peer, asker) = pair().await;
    let mut given = 0;
    let refused = loop {
        match asker.handle.request(peer, Protocol::Code, vec![1; 40]).await {
            Ok(answer) => given += answer.len(),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, RequestError::Sated(_) | RequestError::Closed), "{refused}");
    assert!((8 << 20..12 << 20).contains(&given), "two codes of the longest, and what comes back meanwhile: {given}");
    for protocol in [Protocol::Want, Protocol::Status] {
        asker.handle.request(peer, protocol, vec![1]).await.expect("these are other accounts");
    }
    until("some more code", async || asker.handle.request(peer, Protocol::Code, vec![1; 40]).await.is_ok()).await;
}

#[tokio::test]
async fn two_pieces_are_asked_of_a_peer_at_a_time_and_a_question_has_one_length() {
    let mut silent = Node::keeper(&[]);
    let asker = Node::keeper(&[silent.address().await]);
    until("a connection", async || asker.peer(silent.peer_id()).await.is_some()).await;
    let peer = silent.peer_id();
    let asking = (0..5).map(|_| {
        let handle = asker.handle.clone();
        tokio::spawn(async move { handle.request(peer, Protocol::Code, vec![1; 40]).await })
    });
    let mut busy = 0;
    for asked in asking.collect::<Vec<_>>() {
        busy += usize::from(matches!(asked.await.expect("no panic"), Err(RequestError::Busy)));
    }
    assert_eq!(busy, 3);
    let error = asker.handle.request(peer, Protocol::Code, vec![1; 41]).await.expect_err("too long");
    assert!(matches!(error, RequestError::TooLarge { size: 41, most: 40 }), "{error}");
}

/// The rest of a connection is as prompt as ever, and nobody is at fault for asking.
#[tokio::test(flavor = "multi_thread")]
async fn code_asked_for_without_end() {
    for reads in [true, false] {
        let victim = endure("code without end", reads, |attacker, victim| {
            for _ in 0..500 {
                attacker.codes.send_request(&victim, once([&[0, 0, 0, 40][..], &[7; 40]].concat()));
            }
        })
        .await;
        assert!(victim.metric("p2p_requests_refused_total") > 0.0);
        assert!(victim.metric("p2p_faults_total") < 1.0, "what is refused costs nothing");
    }
}
