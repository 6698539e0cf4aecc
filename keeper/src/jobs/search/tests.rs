use alloy::primitives::LogData;
use contracts::terms::{LogTerms, TriggerTerms};
use serde_json::{Value, json};

use super::*;
use crate::chain::fake_node::{FakeNode, config};
use crate::jobs::trigger::{Trigger, Watch};

mod amounts;
mod lies;

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
    Wanted { job, filter: filter.clone(), apart: false }
}

fn log(topics: &[B256], bytes: usize) -> LogData {
    LogData::new_unchecked(topics.to_vec(), vec![1; bytes].into())
}

fn stretch(node: &FakeNode, from: u64, to: u64, wanted: &[Wanted]) -> Stretch {
    let followed = Arc::new([(to, node.chain().hash(to))].into());
    Stretch { number: 1, from, to, followed, depth: 0, wanted: wanted.into(), is_stuck: false }
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
