use p2p::{Event, Identity, Protocol, RequestError};

use crate::node::{Node, until};
use crate::table::REQUESTS;

async fn pair() -> (Node, Node) {
    let mut first = Node::keeper(&[]);
    let second = Node::keeper(&[first.address().await]);
    until("a connection", async || second.peer(first.peer_id()).await.is_some()).await;
    (first, second)
}

/// Answers every request with its own bytes, doubled.
fn echo(mut node: Node) {
    tokio::spawn(async move {
        loop {
            let (id, data) = node
                .wait("request", |event| match event {
                    Event::Request { id, data, .. } => Some((id, data)),
                    _ => None,
                })
                .await;
            node.handle.respond(id, [&data[..], &data].concat()).await.expect("short enough");
        }
    });
}

#[tokio::test]
async fn both_protocols_go_there_and_back() {
    let (first, second) = pair().await;
    let peer = first.peer_id();
    echo(first);
    for (protocol, length) in [(Protocol::Status, 0), (Protocol::Status, 512), (Protocol::Want, 16 * 1024)] {
        let data: Vec<u8> = (0..length).map(|index| u8::try_from(index % 251).expect("small")).collect();
        let answer = second.handle.request(peer, protocol, data.clone()).await.expect("answered");
        assert_eq!(answer, [&data[..], &data].concat());
    }
}

#[tokio::test]
async fn the_largest_answer_passes_and_one_byte_more_is_refused() {
    let (mut first, second) = pair().await;
    let peer = first.peer_id();
    let asking = tokio::spawn(async move {
        let answer = second.handle.request(peer, Protocol::Want, vec![1]).await;
        (second, answer)
    });
    let id = first.wait("request", |event| match event {
        Event::Request { id, .. } => Some(id),
        _ => None,
    });
    let id = id.await;
    let most = REQUESTS.want.answer;
    let error = first.handle.respond(id, vec![0; most + 1]).await.expect_err("too long");
    assert!(matches!(error, RequestError::TooLarge { .. }), "{error}");
    first.handle.respond(id, vec![9; most]).await.expect("within the limit");
    let (_second, answer) = asking.await.expect("no panic");
    assert_eq!(answer.expect("answered"), vec![9; most]);
}

#[tokio::test]
async fn silence_ends_in_a_timeout() {
    let (_first, second) = pair().await;
    let began = tokio::time::Instant::now();
    let error = second.handle.request(_first.peer_id(), Protocol::Status, vec![1]).await.expect_err("nobody answers");
    // Both sides give up after the same time, so the peer's goodbye may overtake our own clock.
    assert!(matches!(error, RequestError::Timeout | RequestError::Closed), "{error}");
    assert!(began.elapsed() >= p2p::REQUEST_TIMEOUT / 2, "it must have waited");
}

#[tokio::test]
async fn requests_that_cannot_succeed_fail_at_once() {
    let (first, second) = pair().await;
    let stranger = Identity::generate().peer_id();
    let error = second.handle.request(stranger, Protocol::Status, vec![]).await.expect_err("unknown");
    assert!(matches!(error, RequestError::NotConnected(peer) if peer == stranger), "{error}");
    for (protocol, sizes) in [(Protocol::Status, REQUESTS.status), (Protocol::Want, REQUESTS.want)] {
        let long = vec![0; sizes.request + 1];
        let error = second.handle.request(first.peer_id(), protocol, long).await.expect_err("too long");
        assert!(matches!(error, RequestError::TooLarge { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_bootnode_neither_asks_nor_answers() {
    let mut bootnode = Node::bootnode();
    let keeper = Node::keeper(&[bootnode.address().await]);
    until("a connection", async || keeper.peer(bootnode.peer_id()).await.is_some()).await;
    until("the other side", async || bootnode.peer(keeper.peer_id()).await.is_some()).await;
    let error = keeper.handle.request(bootnode.peer_id(), Protocol::Status, vec![]).await.expect_err("not served");
    assert!(matches!(error, RequestError::Unsupported), "{error}");
    let error = bootnode.handle.request(keeper.peer_id(), Protocol::Status, vec![]).await.expect_err("not able");
    assert!(matches!(error, RequestError::NoRequests), "{error}");
}

#[tokio::test]
async fn a_peer_that_asks_too_much_is_refused_and_served_again_later() {
    let (first, second) = pair().await;
    let peer = first.peer_id();
    let counted = first.handle.clone();
    echo(first);
    let mut refused = 0;
    for _ in 0..60 {
        match second.handle.request(peer, Protocol::Status, vec![1]).await {
            Ok(answer) => assert_eq!(answer, [1, 1]),
            Err(RequestError::Closed | RequestError::Resting(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(counted.overflow().questions, 0, "what one peer asks too much is that peer's doing alone");
    assert!(refused > 0, "a burst of 60 is more than the budget of 32 and 8 a second");
    until("the budget to refill", async || second.handle.request(peer, Protocol::Status, vec![1]).await.is_ok()).await;
    assert!(!counted.peers().await.is_empty(), "the connection stays up");
}

#[tokio::test]
async fn a_peer_that_does_not_answer_is_left_alone_and_never_asked_more_than_its_streams_carry() {
    let (mut silent, asker) = pair().await;
    let peer = silent.peer_id();
    let mut busy = 0;
    let handle = asker.handle.clone();
    let flood: Vec<_> = (0..100)
        .map(|_| {
            let handle = handle.clone();
            tokio::spawn(async move { handle.request(peer, Protocol::Want, vec![1]).await })
        })
        .collect();
    for asked in flood {
        match asked.await.expect("no panic") {
            Err(RequestError::Busy) => busy += 1,
            Err(RequestError::Timeout | RequestError::Closed | RequestError::Resting(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(busy >= 80, "refused at once, not queued: {busy}");
    let error = asker.handle.request(peer, Protocol::Want, vec![1]).await.expect_err("it rests");
    assert!(matches!(error, RequestError::Resting(_)), "{error}");
    let mut shown = 0;
    while let Ok(Some(event)) = tokio::time::timeout(std::time::Duration::ZERO, silent.next()).await {
        shown += usize::from(matches!(event, Event::Request { .. }));
    }
    assert!((1..=8).contains(&shown), "{shown} questions reached it");
    // Another one is not affected.
    let other = Node::keeper(&[silent.address().await]);
    until("a connection", async || asker.peer(other.peer_id()).await.is_some()).await;
    let answered = other.peer_id();
    echo(other);
    asker.handle.request(answered, Protocol::Want, vec![1]).await.expect("answered");
}
