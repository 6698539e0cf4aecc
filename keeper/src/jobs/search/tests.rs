use alloy::primitives::LogData;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use contracts::terms::{LogTerms, TriggerTerms};
use serde_json::{Value, json};

use super::*;
use crate::chain::fake_node::{FakeNode, config};
use crate::jobs::trigger::{Trigger, Watch};

const TOPIC: B256 = B256::repeat_byte(0x11);

fn emitter(number: u8) -> Address {
    Address::repeat_byte(0xa0 + number)
}

fn wanted(job: u64, emitter_: u8, topic: Option<B256>, most_per_block: u16) -> Wanted {
    let topics = [topic.unwrap_or_default(), B256::ZERO, B256::ZERO, B256::ZERO];
    let (emitter, filter) = (emitter(emitter_), u8::from(topic.is_some()));
    let terms = TriggerTerms::Log(LogTerms { emitter, filter, topics, confirmations: 0, most_per_block });
    let trigger = Trigger::new(&terms).unwrap();
    let Watch::Logs(filter) = trigger.watch() else { panic!("not by logs") };
    Wanted { job, filter: filter.clone() }
}

fn log(topics: &[B256], bytes: usize) -> LogData {
    LogData::new_unchecked(topics.to_vec(), vec![1; bytes].into())
}

fn stretch(node: &FakeNode, from: u64, to: u64, wanted: &[Wanted]) -> Stretch {
    let followed = Arc::new([(to, node.chain().hash(to))].into());
    Stretch { number: 1, from, to, followed, depth: 0, wanted: wanted.into() }
}

async fn search_on(nodes: &[&FakeNode], stretch: &Stretch) -> Result<Found, ChainError> {
    let urls: Vec<&str> = nodes.iter().map(|node| node.url.as_str()).collect();
    search(&Rpc::new(&config(&urls, 0)).unwrap(), stretch).await
}

fn places(found: &Found) -> Vec<(u64, u64, u32)> {
    found.hits.iter().map(|hit| (hit.job, hit.log.entry.block_number, hit.log.entry.log_index)).collect()
}

#[tokio::test]
async fn each_job_gets_the_logs_it_asked_for_with_the_moments_of_their_blocks() {
    let node = FakeNode::start(20).await;
    node.chain().log(5, emitter(1), log(&[TOPIC], 3));
    node.chain().log(5, emitter(1), log(&[B256::ZERO], 3));
    node.chain().log(5, emitter(2), log(&[], 0));
    node.chain().log(5, emitter(9), log(&[TOPIC], 3));
    let jobs = [wanted(1, 1, Some(TOPIC), 9), wanted(2, 1, None, 9), wanted(3, 2, None, 9), wanted(4, 3, None, 9)];
    let found = search_on(&[&node], &Stretch { depth: 2, ..stretch(&node, 5, 5, &jobs) }).await.unwrap();
    assert_eq!(places(&found), [(1, 5, 0), (2, 5, 0), (2, 5, 1), (3, 5, 2)]);
    assert!(found.hits.iter().all(|hit| hit.log.timestamp == 1_006 && hit.ripe == 1_008), "{found:?}");
    assert!(found.dropped.is_empty());
}

#[tokio::test]
async fn a_block_that_promises_nothing_costs_no_question_about_logs() {
    let node = FakeNode::start(20).await;
    node.chain().log(5, emitter(1), log(&[B256::ZERO], 3));
    let found = search_on(&[&node], &stretch(&node, 5, 5, &[wanted(1, 1, Some(TOPIC), 9)])).await.unwrap();
    assert_eq!((found, node.asked("eth_getLogs")), (Found::default(), 0));
}

#[tokio::test]
async fn more_logs_than_a_job_takes_and_those_too_long_are_dropped_and_counted() {
    let node = FakeNode::start(20).await;
    for _ in 0..5 {
        node.chain().log(5, emitter(1), log(&[TOPIC], 3));
    }
    node.chain().log(6, emitter(1), log(&[TOPIC], DATA_MAX + 1));
    node.chain().log(6, emitter(1), log(&[TOPIC], DATA_MAX));
    let jobs = [wanted(1, 1, Some(TOPIC), 2), wanted(2, 1, None, 9)];
    let found = search_on(&[&node], &stretch(&node, 5, 6, &jobs)).await.unwrap();
    let expected = [(1, 5, 0), (2, 5, 0), (1, 5, 1), (2, 5, 1), (2, 5, 2), (2, 5, 3), (2, 5, 4), (1, 6, 6), (2, 6, 6)];
    assert_eq!(places(&found), expected);
    assert_eq!(found.dropped, [(1, 4), (2, 1)].into());
}

/// A node that keeps a log to itself, at the tip and after a stop.
#[tokio::test]
async fn where_one_node_shows_nothing_another_one_is_asked() {
    let (silent, other) = (FakeNode::start(20).await, FakeNode::start(20).await);
    for node in [&silent, &other] {
        node.chain().log(5, emitter(1), log(&[TOPIC], 3));
    }
    silent.chain().hidden = vec![5];
    let jobs = [wanted(1, 1, Some(TOPIC), 9)];
    for (from, to) in [(5, 5), (4, 9)] {
        let found = search_on(&[&silent, &other], &stretch(&silent, from, to, &jobs)).await.unwrap();
        assert_eq!(places(&found), [(1, 5, 0)], "{from} to {to}");
    }
}

/// Its silence would be taken for that of the branch that is followed.
#[tokio::test]
async fn a_node_on_another_branch_says_nothing_of_one_block_nor_of_many() {
    let node = FakeNode::start(20).await;
    node.chain().log(5, emitter(1), log(&[TOPIC], 3));
    for (from, to) in [(5, 5), (4, 9)] {
        let followed = Arc::new([(to, B256::repeat_byte(1))].into());
        let stretch = Stretch { followed, ..stretch(&node, from, to, &[wanted(1, 1, Some(TOPIC), 9)]) };
        assert!(search_on(&[&node], &stretch).await.is_err(), "{from} to {to}");
    }
}

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
    // What says nothing of amounts: it is told by what else the node answers.
    ("an internal error", |request| refusal(request, -32603, "Internal error"), "Internal error"),
    ("a page", |_| (StatusCode::BAD_GATEWAY, "<html>").into_response(), "502"),
];

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
    for (name, answer, words) in REFUSALS {
        let node = FakeNode::start(20).await;
        for emitter_ in 1..=4 {
            node.chain().log(5, emitter(emitter_), log(&[TOPIC], 3));
        }
        refuses_logs_of(&node, 2, answer);
        let jobs: Vec<Wanted> = (1..=4).map(|number| wanted(number.into(), number, None, 9)).collect();
        let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
        let found = search(&rpc, &stretch(&node, 5, 5, &jobs)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(places(&found), [(1, 5, 0), (3, 5, 2), (4, 5, 3)], "{name}");
        let [Unread { job: 2, block: 5, why }] = &found.unread[..] else { panic!("{name}: {:?}", found.unread) };
        assert!(why.contains(words), "{name}: {why}");
        assert_eq!((found.left, rpc.nodes()[0].state), (0, "good"), "{name}");
    }
}

/// What is about an amount is no failure of the node: else whoever emits logs has every keeper leave its nodes alone.
#[tokio::test]
async fn logs_that_are_too_many_are_not_held_against_the_node() {
    for (name, answer, _) in &REFUSALS[..3] {
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

#[tokio::test]
async fn what_is_no_answer_is_an_error_and_never_nothing() {
    type Lie = fn(&mut Value);
    let lies: [(&str, Lie); 7] = [
        ("eth_getLogs", |answer| answer["result"][0]["blockNumber"] = json!("0x6")),
        ("eth_getLogs", |answer| answer["result"][0]["blockHash"] = json!(B256::repeat_byte(1))),
        ("eth_getLogs", |answer| answer["result"][0]["removed"] = json!(true)),
        ("eth_getLogs", |answer| answer["result"][0]["logIndex"] = Value::Null),
        ("eth_getLogs", |answer| answer["result"][0]["logIndex"] = json!("0x100000000")),
        ("eth_getLogs", |answer| *answer = json!({"error": {"code": -32000, "message": "unknown block"}})),
        ("eth_getBlockByNumber", |answer| answer["result"]["hash"] = json!(B256::repeat_byte(1))),
    ];
    for (place, (name, lie)) in lies.into_iter().enumerate() {
        let node = FakeNode::start(20).await;
        node.chain().log(5, emitter(1), log(&[TOPIC], 3));
        let stretch = stretch(&node, 5, 5, &[wanted(1, 1, Some(TOPIC), 9)]);
        node.lie(move |method, _, answer| {
            if method == name {
                lie(answer);
            }
        });
        assert!(search_on(&[&node], &stretch).await.is_err(), "lie {place}");
    }
}
