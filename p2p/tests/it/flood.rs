//! A keeper that does not read its events.

use p2p::Protocol;

use crate::node::{Node, until};
use crate::table::EVIDENCE;

#[tokio::test]
async fn a_keeper_that_does_not_read_loses_messages_but_the_swarm_goes_on() {
    let mut deaf = Node::keeper(&[]);
    let talker = Node::keeper(&[deaf.address().await]);
    talker.wait_subscribed(deaf.peer_id()).await;
    let mut number = 0_u32;
    // Past the places of the talker's line, which nobody empties.
    until("lost messages", async || {
        for _ in 0..50 {
            // Full send queues are what flooding is about; the next round goes on.
            let _ = talker.handle.publish(EVIDENCE, number.to_be_bytes().to_vec()).await;
            number += 1;
        }
        deaf.metric("p2p_events_lost_total") >= 10.0
    })
    .await;
    assert!(deaf.handle.overflow().messages >= 10, "{:?}", deaf.handle.overflow());
    assert!(number > 200, "messages were lost after only {number}");
    assert!(deaf.peer(talker.peer_id()).await.is_some(), "the swarm answers");
    let error = talker.handle.request(deaf.peer_id(), Protocol::Status, vec![1]).await.expect_err("nobody reads");
    assert!(matches!(error, p2p::RequestError::Closed), "{error}");
    assert_eq!(deaf.handle.overflow().questions, 1, "it found the line full");
    assert_eq!(talker.handle.overflow().questions, 0);
    // Connections are still told, before everything else.
    let late = Node::keeper(&[deaf.address().await]);
    until("a late peer", async || deaf.peer(late.peer_id()).await.is_some()).await;
    deaf.wait_connected(late.peer_id()).await;
}
