use alloy::primitives::{U256, hex};
use alloy::sol_types::SolCall;
use serde_json::{Value, json};

use super::super::fake_node::{FakeNode, config};
use super::super::rpc::Rpc;
use super::*;

const MANAGER: Address = Address::repeat_byte(5);

fn job(id: u64) -> Job {
    Job { escrow: u128::from(id), ..Job::default() }
}

/// What a node answers to the reader that is asked for `most` jobs up to `last`, of `count`.
fn answer(count: u64, last: u64, most: u64) -> Value {
    let last = last.min(count);
    let jobs: Vec<Job> = (last - most.min(last) + 1..=last).map(job).collect();
    let data = [JobReader::Jobs::SELECTOR.as_slice(), &(count, jobs).abi_encode_params()].concat();
    json!({"error": {"code": 3, "message": "execution reverted", "data": hex::encode_prefixed(data)}})
}

/// A node with so many jobs, which reads so many at once at the most.
async fn node(count: u64, at_once: u64) -> FakeNode {
    let node = FakeNode::start(20).await;
    node.lie(move |method, params, said| {
        if method != "eth_call" {
            return;
        }
        let text = params[0]["input"].as_str().or(params[0]["data"].as_str()).unwrap_or_default();
        let input = hex::decode(text).expect("hex");
        *said = if params[0].get("to").is_none_or(Value::is_null) {
            let word = |from_end: usize| U256::from_be_slice(&input[input.len() - 32 * from_end..][..32]).to::<u64>();
            let (last, most) = (word(2), word(1));
            if most > at_once {
                json!({"error": {"code": -32000, "message": "out of gas"}})
            } else {
                answer(count, last, most)
            }
        } else if let Ok(call) = JobManager::jobCall::abi_decode(&input) {
            json!({"result": hex::encode_prefixed(job(call.jobId).abi_encode())})
        } else {
            json!({"result": hex::encode_prefixed(count.abi_encode())})
        };
    });
    node
}

async fn read(node: &FakeNode, last: Option<u64>, most: u64) -> Result<Listing, ChainError> {
    let rpc = Rpc::new(&config(&[&node.url], 0)).expect("a valid URL");
    jobs(&rpc.provider(), MANAGER, last, most).await
}

fn numbers(listing: &Listing) -> (u64, u64, usize) {
    for (id, job) in &listing.jobs {
        assert_eq!(u128::from(*id), job.escrow);
    }
    let first = listing.jobs.first().map_or(0, |(id, _)| *id);
    (first, listing.jobs.last().map_or(0, |(id, _)| *id), listing.jobs.len())
}

#[tokio::test]
async fn a_thousand_jobs_are_four_questions() {
    let node = node(1_234, AT_ONCE).await;
    let listing = read(&node, None, 1_000).await.unwrap();
    assert_eq!((listing.count, numbers(&listing)), (1_234, (235, 1_234, 1_000)));
    assert_eq!(node.asked("eth_call"), 4);
    assert_eq!(numbers(&read(&node, Some(7), 1).await.unwrap()), (7, 7, 1));
    assert_eq!(numbers(&read(&node, Some(7), 100).await.unwrap()), (1, 7, 7));
    assert_eq!(numbers(&read(&node, Some(0), 1).await.unwrap()), (0, 0, 0));
    assert_eq!(numbers(&read(&node, Some(9_999), 1).await.unwrap()), (1_234, 1_234, 1));
}

#[tokio::test]
async fn where_there_are_none_nothing_is_found() {
    let node = node(0, AT_ONCE).await;
    let listing = read(&node, None, 1_000).await.unwrap();
    assert_eq!((listing.count, numbers(&listing)), (0, (0, 0, 0)));
}

#[tokio::test]
async fn a_node_that_reads_few_or_none_at_once_is_asked_for_fewer() {
    for at_once in [100, 20, 0] {
        let node = node(300, at_once).await;
        let listing = read(&node, None, 1_000).await.unwrap();
        assert_eq!((listing.count, numbers(&listing)), (300, (1, 300, 300)), "{at_once}");
    }
}

/// One that leaves jobs out, adds some, or talks nonsense is not believed: the jobs are asked for one by one.
#[tokio::test]
async fn what_the_reader_cannot_have_said_is_not_taken() {
    for lie in [
        answer(300, 300, 3),
        json!({"result": "0x"}),
        json!({"error": {"code": 3, "message": "execution reverted", "data": "0x"}}),
        json!({"error": {"code": 3, "message": "execution reverted", "data": "0x12345678"}}),
    ] {
        let node = node(300, AT_ONCE).await;
        let mut honest = node.chain().lie.take().expect("it was set");
        node.lie(move |method, params, said| {
            honest(method, params, said);
            if method == "eth_call" && params[0].get("to").is_none_or(Value::is_null) {
                *said = lie.clone();
            }
        });
        assert_eq!(numbers(&read(&node, None, 20).await.unwrap()), (281, 300, 20));
    }
}
