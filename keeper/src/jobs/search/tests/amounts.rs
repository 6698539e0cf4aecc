//! Blocks that hold more logs than a node gives at once.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::*;

/// How a node refuses the logs of one contract for how many they are, and what is then said of them.
type Refusal = fn(&Value) -> Response;

const REFUSALS: [(&str, Refusal, &str); 5] = [
    (
        "33 MiB",
        |request| {
            Json(json!({"jsonrpc": "2.0", "id": request["id"], "result": ["x".repeat(33 << 20)]})).into_response()
        },
        "larger than 33554432 bytes",
    ),
    (
        "a cap on results",
        |request| refusal(request, -32005, "query returned more than 10000 results"),
        "more than 10000 results",
    ),
    ("a gateway's cap", |_| (StatusCode::PAYLOAD_TOO_LARGE, "no").into_response(), "413"),
    // What says nothing of amounts: it is told by what else the node answers, once it has gone on for a while.
    ("an internal error", |request| refusal(request, -32603, "Internal error"), "Internal error"),
    ("a page", |_| (StatusCode::BAD_GATEWAY, "<html>").into_response(), "502"),
];

/// So many of them say so.
const ABOUT_AMOUNTS: usize = 3;

fn refusal(request: &Value, code: i64, message: &str) -> Response {
    let error = json!({"code": code, "message": message});
    Json(json!({"jsonrpc": "2.0", "id": request["id"], "error": error})).into_response()
}

/// The node answers so for all questions that are about the logs of an emitter.
fn refuses_logs_of(node: &FakeNode, emitter_: u8, answer: Refusal) {
    let flood = format!("{:x}", emitter(emitter_));
    node.raw(move |request| {
        let is_about = request["params"][0]["address"].to_string().to_lowercase().contains(&flood);
        (request["method"] == "eth_getLogs" && is_about).then(|| answer(request))
    });
}

/// One cheap block once had all log jobs of all keepers wait for good.
#[tokio::test]
async fn logs_that_no_node_gives_are_left_out_for_their_own_job_alone() {
    for (place, (name, answer, words)) in REFUSALS.into_iter().enumerate() {
        let node = FakeNode::start(20).await;
        for emitter_ in 1..=4 {
            node.chain().log(5, emitter(emitter_), log(&[TOPIC], 3));
        }
        refuses_logs_of(&node, 2, answer);
        let jobs: Vec<Wanted> = (1..=4).map(|number| wanted(number.into(), number, None, 9)).collect();
        let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
        let mut stretch = stretch(&node, 5, 5, &jobs);
        let mut found = search(&rpc, &stretch).await;
        if place >= ABOUT_AMOUNTS {
            assert!(found.is_err(), "{name}: it may be over in a moment");
            stretch.is_stuck = true;
            found = search(&rpc, &stretch).await;
        }
        let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(places(&found), [(1, 5, 0), (3, 5, 2), (4, 5, 3)], "{name}");
        let [Unread { job: 2, block: 5, why }] = &found.unread[..] else { panic!("{name}: {:?}", found.unread) };
        assert!(why.contains(words), "{name}: {why}");
        assert_eq!((found.left, rpc.nodes()[0].state), (0, "good"), "{name}");
    }
}

/// Else every block of whoever goes on takes as many questions, of which each may bring 32 MiB.
#[tokio::test]
async fn a_job_that_is_asked_about_by_itself_costs_the_others_no_question() {
    let node = FakeNode::start(20).await;
    for emitter_ in 1..=4 {
        node.chain().log(5, emitter(emitter_), log(&[TOPIC], 3));
    }
    let flood = format!("{:x}", emitter(2));
    node.lie(move |method, params, answer| {
        if method == "eth_getLogs" && params[0]["address"].to_string().to_lowercase().contains(&flood) {
            *answer = json!({"error": {"code": -32005, "message": "query returned more than 10000 results"}});
        }
    });
    let mut jobs: Vec<Wanted> = (1..=4).map(|number| wanted(number.into(), number, None, 9)).collect();
    jobs[1].apart = true;
    let found = search_on(&[&node], &stretch(&node, 5, 5, &jobs)).await.unwrap();
    assert_eq!((places(&found).len(), found.unread.len(), node.asked("eth_getLogs")), (3, 1, 2));
}

/// What is about an amount is no failure of the node: else whoever emits logs has every keeper leave its nodes alone.
#[tokio::test]
async fn logs_that_are_too_many_are_not_held_against_the_node() {
    for (name, answer, _) in &REFUSALS[..ABOUT_AMOUNTS] {
        let node = FakeNode::start(20).await;
        node.chain().log(5, emitter(2), log(&[TOPIC], 3));
        refuses_logs_of(&node, 2, *answer);
        let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
        let found = search(&rpc, &stretch(&node, 5, 5, &[wanted(2, 2, None, 9)])).await;
        assert_eq!(found.unwrap_or_else(|error| panic!("{name}: {error}")).unread.len(), 1, "{name}");
        let counts = rpc.counts();
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), ["logs_too_much"], "{name}");
    }
}

/// A node with a smaller cap than another one's.
#[tokio::test]
async fn where_one_node_has_too_many_another_one_is_asked() {
    let (narrow, wide) = (FakeNode::start(20).await, FakeNode::start(20).await);
    for node in [&narrow, &wide] {
        node.chain().log(5, emitter(2), log(&[TOPIC], 3));
    }
    refuses_logs_of(&narrow, 2, REFUSALS[1].1);
    let jobs = [wanted(2, 2, None, 9)];
    for (from, to) in [(5, 5), (5, 6)] {
        let found = search_on(&[&narrow, &wide], &stretch(&narrow, from, to, &jobs)).await.unwrap();
        assert_eq!((places(&found), found.unread), (vec![(2, 5, 0)], vec![]), "{from} to {to}");
    }
}

/// After a stop: of many blocks those that a node answers for are searched, and one that it does not is named.
#[tokio::test]
async fn of_many_busy_blocks_none_is_dropped_but_the_one_that_holds_too_many() {
    const CAP: usize = 20;
    let node = FakeNode::start(300).await;
    for block in 1..=256 {
        let count = if block == 77 { CAP + 5 } else { 1 + block as usize % 9 };
        (0..count).for_each(|_| node.chain().log(block, emitter(1), log(&[TOPIC], 3)));
    }
    node.lie(|method, _, answer| {
        if method == "eth_getLogs" && answer["result"].as_array().is_some_and(|logs| logs.len() > CAP) {
            *answer = json!({"error": {"code": -32005, "message": "query returned more than 20 results"}});
        }
    });
    let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
    let jobs = [wanted(1, 1, None, 9)];
    let (mut hits, mut unread, mut from) = (Vec::new(), Vec::new(), 1);
    while from <= 256 {
        let found = search(&rpc, &stretch(&node, from, 256, &jobs)).await.unwrap();
        from = 257 - found.left;
        hits.extend(found.hits.iter().map(|hit| hit.log.entry.block_number));
        unread.extend(found.unread);
        assert!(found.dropped.is_empty());
    }
    let expected: Vec<u64> =
        (1..=256_u64).filter(|block| *block != 77).flat_map(|block| vec![block; 1 + block as usize % 9]).collect();
    assert_eq!(hits, expected);
    assert!(matches!(&unread[..], [Unread { job: 1, block: 77, .. }]), "{unread:?}");
}

/// geth refuses a question about more than a thousand topics, of which anybody can list as many jobs.
#[tokio::test]
async fn many_jobs_are_asked_about_a_hundred_at_a_time() {
    let node = FakeNode::start(20).await;
    node.chain().log(5, emitter(1), log(&[B256::with_last_byte(200)], 3));
    node.lie(|method, params, answer| {
        if method == "eth_getLogs" && params[0]["topics"][0].as_array().is_some_and(|topics| topics.len() > 100) {
            *answer = json!({"error": {"code": -32000, "message": "exceed max topics"}});
        }
    });
    let jobs: Vec<Wanted> = (1..=250).map(|job| wanted(job, 1, Some(B256::with_last_byte(job as u8)), 9)).collect();
    let found = search_on(&[&node], &stretch(&node, 4, 9, &jobs)).await.unwrap();
    assert_eq!((places(&found), node.asked("eth_getLogs")), (vec![(200, 5, 0)], 3));
}
