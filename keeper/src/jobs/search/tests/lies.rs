//! Nodes that show logs of other blocks, lie about their blocks, or are on another branch.

use super::*;

/// A node whose log is of another block than the chain's.
fn shows_foreign_logs(node: &FakeNode) {
    node.lie(|method, _, answer| {
        if method == "eth_getLogs" && !answer["result"][0].is_null() {
            answer["result"][0]["blockHash"] = json!(B256::repeat_byte(1));
        }
    });
}

#[tokio::test]
async fn a_node_that_shows_logs_of_other_blocks_is_not_believed_whether_it_is_asked_first_or_second() {
    for is_first in [true, false] {
        let (liar, honest) = (FakeNode::start(20).await, FakeNode::start(20).await);
        for node in [&liar, &honest] {
            node.chain().log(5, emitter(1), log(&[TOPIC], 3));
            node.chain().log(7, emitter(1), log(&[TOPIC], 3));
        }
        shows_foreign_logs(&liar);
        let nodes = if is_first { [&liar, &honest] } else { [&honest, &liar] };
        let rpc = Rpc::new(&config(&nodes.map(|node| node.url.as_str()), 0)).unwrap();
        let found = search(&rpc, &stretch(&honest, 4, 9, &[wanted(1, 1, Some(TOPIC), 9)])).await.unwrap();
        assert_eq!(places(&found), [(1, 5, 0), (1, 7, 1)], "first: {is_first}");
        let states = rpc.nodes().iter().map(|node| node.state).collect::<Vec<_>>();
        assert_eq!(states, if is_first { ["failing", "good"] } else { ["good", "failing"] });
    }
}

/// The one that was asked first hides a log, and says that the block is another one: no reason to let go of what the other shows.
#[tokio::test]
async fn a_node_that_lies_about_its_blocks_does_not_hide_the_logs_of_another_one() {
    let (liar, honest) = (FakeNode::start(20).await, FakeNode::start(20).await);
    for node in [&liar, &honest] {
        node.chain().log(5, emitter(1), log(&[TOPIC], 3));
    }
    liar.chain().hidden = vec![5];
    liar.lie(|method, params, answer| {
        if method == "eth_getBlockByNumber" && params[0] == "0x5" {
            answer["result"]["hash"] = json!(B256::repeat_byte(1));
        }
    });
    let found = search_on(&[&liar, &honest], &stretch(&honest, 4, 9, &[wanted(1, 1, Some(TOPIC), 9)])).await.unwrap();
    assert_eq!(places(&found), [(1, 5, 0)]);
}

/// It lies alike about a block and its logs; the chain that is followed has the block.
#[tokio::test]
async fn a_made_up_block_is_held_against_the_chain_that_is_followed() {
    let (honest, liar) = (FakeNode::start(20).await, FakeNode::start(20).await);
    liar.chain().log(5, emitter(1), log(&[TOPIC], 3));
    honest.chain().log(7, emitter(1), log(&[TOPIC], 3));
    liar.lie(|method, params, answer| match method {
        "eth_getLogs" if !answer["result"][0].is_null() => {
            answer["result"][0]["blockHash"] = json!(B256::repeat_byte(1));
        }
        "eth_getBlockByNumber" if params[0] == "0x5" => answer["result"]["hash"] = json!(B256::repeat_byte(1)),
        _ => {}
    });
    let followed = (4..=9).map(|number| (number, honest.chain().hash(number))).collect();
    let stretch = Stretch { followed: Arc::new(followed), ..stretch(&honest, 4, 9, &[wanted(1, 1, None, 9)]) };
    for nodes in [[&honest, &liar], [&liar, &honest]] {
        assert_eq!(places(&search_on(&nodes, &stretch).await.unwrap()), [(1, 7, 0)]);
    }
}

/// A node that was left on another branch shows what is there, and believes it.
#[tokio::test]
async fn nothing_is_taken_from_a_node_on_another_branch() {
    let (followed, forked) = (FakeNode::start(20).await, FakeNode::start(20).await);
    followed.chain().log(7, emitter(1), log(&[TOPIC], 3));
    forked.chain().drop_above(4);
    forked.chain().grow(16, 1);
    forked.chain().log(5, emitter(1), log(&[TOPIC], 3));
    let stretch = stretch(&followed, 4, 9, &[wanted(1, 1, Some(TOPIC), 9)]);
    for nodes in [[&followed, &forked], [&forked, &followed]] {
        assert_eq!(places(&search_on(&nodes, &stretch).await.unwrap()), [(1, 7, 0)]);
    }
}

#[tokio::test]
async fn at_one_place_the_log_that_was_shown_first_counts() {
    let (first, second) = (FakeNode::start(20).await, FakeNode::start(20).await);
    first.chain().log(5, emitter(1), log(&[TOPIC], 3));
    second.chain().log(5, emitter(1), log(&[TOPIC], 99));
    let found = search_on(&[&first, &second], &stretch(&first, 4, 9, &[wanted(1, 1, Some(TOPIC), 9)])).await.unwrap();
    assert_eq!(found.hits.iter().map(|hit| hit.log.entry.data.len()).collect::<Vec<_>>(), [3]);
}
