use alloy::primitives::{Address, B256, Bytes, LogData, aliases::U96, keccak256};
use alloy::rpc::types::Log;
use alloy::sol_types::SolEvent;
use contracts::terms::{ActionTerms, CallTerms, Limits, LogTerms, TriggerTerms};
use serde_json::json;

use super::*;
use crate::chain::error::TOO_MUCH;
use crate::chain::fake_node::{FakeNode, config};

const MANAGER: Address = Address::repeat_byte(1);

fn params(interval: u32) -> JobParams {
    Terms {
        trigger: TriggerTerms::Interval { start: 1_000, interval },
        action: ActionTerms::Call(CallTerms { calldata: Bytes::from(vec![1]) }),
        target: Address::repeat_byte(3),
        callback_gas: 50_000,
        token: Address::ZERO,
        fee: U96::from(1),
        quorum_bps: 6_667,
        punctual_seconds: 0,
        limits: Limits::default(),
    }
    .params()
}

fn log(data: LogData) -> Log {
    Log { inner: alloy::primitives::Log { address: MANAGER, data }, ..Log::default() }
}

fn created(job: u64) -> Log {
    let (owner, forwarder) = (Address::repeat_byte(4), Address::repeat_byte(5));
    log(JobCreated { jobId: job, owner, forwarder, params: params(10), activeFrom: 1_000 }.encode_log_data())
}

fn updated(version: u32, interval: u32, active_from: u64) -> Log {
    log(JobUpdated { jobId: 7, version, params: params(interval), activeFrom: active_from }.encode_log_data())
}

fn resumed(version: u32, active_from: u64) -> Log {
    log(JobResumed { jobId: 7, version, activeFrom: active_from }.encode_log_data())
}

/// Interval and beginning of a version, looked for as the chain's history is: the newest log first.
fn found(history: &[Log], version: u32) -> Option<(u32, u64)> {
    let mut search = Search { manager: MANAGER, job: 7, version, resumed_from: None };
    let (params, begins) = history.iter().rev().find_map(|log| search.look(log))?;
    let TriggerTerms::Interval { interval, .. } = Terms::try_from(&params).ok()?.trigger else { return None };
    Some((interval, begins))
}

#[test]
fn each_version_has_its_own_terms_and_beginning() {
    let history =
        [created(7), updated(2, 20, 2_000), resumed(3, 5_000), resumed(4, 6_000), updated(5, 50, 7_000), created(8)];
    let expected = [(10, 1_000), (20, 2_000), (20, 5_000), (20, 6_000), (50, 7_000)];
    for (version, expected) in (1..).zip(expected) {
        assert_eq!(found(&history, version), Some(expected), "version {version}");
    }
    assert_eq!(found(&history, 0), None);
    assert_eq!(found(&[created(8)], 1), None, "another job's");
    let mut foreign = created(7);
    foreign.inner.address = Address::repeat_byte(9);
    assert_eq!(found(&[foreign], 1), None, "another contract's");
    assert_eq!(found(&[log(LogData::new_unchecked(vec![B256::ZERO], Bytes::new()))], 1), None);
}

const EMITTER: Address = Address::repeat_byte(0xe0);

/// Whether the log of block 50 was due at a block, on a chain with a block a second.
async fn of_block_50(anchor: u64, prepare: impl FnOnce(&FakeNode)) -> WasDue {
    let node = FakeNode::start(anchor + 10).await;
    node.chain().log(50, EMITTER, LogData::new_unchecked(Vec::new(), Bytes::new()));
    prepare(&node);
    let [hash, of_log] = [anchor, 50].map(|block| node.chain().hash(block));
    let anchor = BlockRef { number: anchor, hash, timestamp: 1_001 + anchor };
    let terms = LogTerms { emitter: EMITTER, filter: 0, topics: [B256::ZERO; 4], confirmations: 3, most_per_block: 1 };
    let terms = Terms { trigger: TriggerTerms::Log(terms), ..Terms::try_from(&params(10)).unwrap() };
    let plan = Plan::new(Arc::new(terms), Address::ZERO, 0).unwrap();
    let key = keccak256([of_log.as_slice(), B256::with_last_byte(7).as_slice(), &0_u32.to_be_bytes()].concat());
    let rpc = Rpc::new(&config(&[&node.url], 1)).unwrap();
    let past = Past::new(rpc, MANAGER, 1, Pace::of(std::time::Duration::from_secs(1), 1));
    past.run_of(&plan, &InstanceKey(key), &anchor).await.unwrap()
}

/// Later attempts come up to an hour after the log: many blocks, where they are short.
#[tokio::test]
async fn a_log_is_found_that_is_as_old_as_an_attempt_may_be() {
    for minutes in [0, 1, 20, 59] {
        let found = of_block_50(50 + 60 * minutes, |_| {}).await;
        let WasDue::Yes(run, Some(Sighting::Log(log))) = found else { panic!("{minutes} minutes: {found:?}") };
        // It is acted on when it has its confirmations, the network's among them.
        assert_eq!((log.entry.block_number, log.timestamp, run.due), (50, 1_051, 1_051 + 2 + 1), "{minutes} minutes");
    }
    assert!(matches!(of_block_50(50 + 60 * 80, |_| {}).await, WasDue::Unknown(_)), "nobody runs it so late");
}

#[tokio::test]
async fn a_log_is_found_among_more_than_is_taken_at_once() {
    let found = of_block_50(1_250, |node| {
        node.lie(|method, params, answer| {
            let number = |key: &str| u64::from_str_radix(params[0][key].as_str().unwrap().trim_start_matches("0x"), 16);
            if method == "eth_getLogs" && number("toBlock").unwrap() - number("fromBlock").unwrap() > 40 {
                *answer = json!({"error": {"code": TOO_MUCH, "message": "more than is taken at once"}});
            }
        });
    });
    assert!(matches!(found.await, WasDue::Yes(..)));
}

/// A keeper that could not read would else say of a true result that its job has no such run.
#[tokio::test]
async fn of_logs_that_no_node_gives_it_is_not_said_that_there_was_no_run() {
    let nodes = [FakeNode::start(20).await, FakeNode::start(20).await];
    for node in &nodes {
        node.chain().log(5, EMITTER, LogData::new_unchecked(vec![], Bytes::new()));
    }
    let topics = [B256::ZERO; 4];
    let terms = LogTerms { emitter: EMITTER, filter: 0, topics, confirmations: 0, most_per_block: 1 };
    let terms = Terms { trigger: TriggerTerms::Log(terms), ..Terms::try_from(&params(10)).unwrap() };
    let plan = Plan::new(Arc::new(terms), Address::ZERO, 0).unwrap();
    let anchor = BlockRef { number: 9, hash: nodes[0].chain().hash(9), timestamp: 1_010 };
    let rpc = Rpc::new(&config(&[&nodes[0].url, &nodes[1].url], 0)).unwrap();
    let past = Past::new(rpc, MANAGER, 1, Pace::of(std::time::Duration::from_secs(1), 0));
    let other = InstanceKey(B256::repeat_byte(0x77));
    let found = past.run_of(&plan, &other, &anchor).await.unwrap();
    assert!(matches!(found, WasDue::Never(_)), "all was read: {found:?}");
    for node in &nodes {
        node.lie(|method, _, answer| {
            if method == "eth_getLogs" && !answer["result"][0].is_null() {
                *answer = json!({"error": {"code": -32005, "message": "query returned more than 0 results"}});
            }
        });
    }
    let found = past.run_of(&plan, &other, &anchor).await.unwrap();
    assert!(matches!(found, WasDue::Unknown(_)), "{found:?}");
}
