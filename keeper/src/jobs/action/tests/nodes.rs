//! Checks at nodes of every client, in the words of each.

use std::collections::BTreeSet;

use contracts::terms::{CallTerms, Limits};
use serde_json::{Value, json};

use super::bench::{Bench, TARGET, said, upkeep, work};
use super::*;
use crate::chain::fake_node::{FakeNode, config};
use crate::executor::LogEntry;
use crate::jobs::trigger::Sighting;

const ANCHOR: BlockRef = BlockRef { number: 3, hash: B256::repeat_byte(0xaa), timestamp: 1_003 };

/// Runs an upkeep at a node that answers its check so, each with `{"result": …}` or `{"error": …}`.
async fn finding(answer: Value) -> Finding {
    let node = FakeNode::start(3).await;
    node.lie(move |method, params, said| {
        if method == "eth_call" {
            let block = json!({"blockHash": ANCHOR.hash, "requireCanonical": true});
            assert_eq!((&params[0]["from"], &params[0]["to"]), (&json!(Address::ZERO), &json!(TARGET)));
            assert_eq!((&params[0]["gas"], &params[1]), (&json!("0x989680"), &block));
            assert_eq!((params[0].get("gasPrice"), params[0].get("value")), (None, None));
            *said = answer.clone();
        }
    });
    Bench::over(&config(&[&node.url], 0)).run_at(upkeep(), ANCHOR).await
}

/// Runs a call of a job that pays for `most` wei a gas, at an anchor that the node tells of so; gives how often it was asked, too.
async fn at_a_price(most: u64, header: Value) -> (Finding, u64) {
    let node = FakeNode::start(3).await;
    node.lie(move |method, params, said| {
        if method == "eth_getBlockByHash" {
            assert_eq!(params, &json!([ANCHOR.hash, false]));
            *said = header.clone();
        }
    });
    let mut work = work(ActionTerms::Call(CallTerms { calldata: Bytes::from_static(&[7]) }), ANCHOR);
    let limits = Limits { most_gas_price: most, ..Limits::default() };
    let terms = Terms { limits, ..Terms::clone(&work.plan.terms) };
    work.plan = Plan::new(Arc::new(terms), Address::ZERO, 0).unwrap();
    let finding = Bench::over(&config(&[&node.url], 0)).run(&work).await;
    (finding, node.asked("eth_getBlockByHash"))
}

#[tokio::test]
async fn a_run_is_made_while_gas_costs_no_more_than_its_job_pays_for() {
    let header = |base_fee: Value| json!({"result": {"number": "0x3", "hash": ANCHOR.hash, "baseFeePerGas": base_fee}});
    let nine = || header(json!("0x9"));
    for (name, most, header) in [
        ("it costs less", 10, nine()),
        ("as much", 9, nine()),
        ("no fee market", 1, json!({"result": {"hash": ANCHOR.hash}})),
    ] {
        let (finding, asked) = at_a_price(most, header).await;
        assert_eq!((said(&finding), asked), ((Status::Call, "0x07".to_owned()), 1), "{name}");
    }
    let (finding, asked) = at_a_price(0, nine()).await;
    assert_eq!((said(&finding).0, asked), (Status::Call, 0), "whatever it costs");
    let (dear, _) = at_a_price(8, nine()).await;
    assert_eq!((dear.result.unwrap_err(), is_too_dear(&dear.reason)), (Abstention::JobInactive, true));
    assert!(dear.reason.contains("costs 9 wei") && dear.reason.contains("8 at most"), "{}", dear.reason);
}

#[tokio::test]
async fn a_price_that_nobody_tells_is_none_to_go_by() {
    for answer in [
        json!({"result": null}),
        json!({"error": {"code": -32_000, "message": "header not found"}}),
        json!({"result": {"hash": ANCHOR.hash, "baseFeePerGas": "a lot"}}),
    ] {
        let (finding, _) = at_a_price(9, answer.clone()).await;
        let told = finding.result.unwrap_err();
        assert_eq!((told, is_too_dear(&finding.reason)), (Abstention::ChainReadFailed, false), "{answer}");
    }
}

async fn failing(code: i64, message: &str, data: Option<Value>) -> Finding {
    let mut error = json!({"code": code, "message": message});
    if let Some(data) = data {
        error["data"] = data;
    }
    finding(json!({"error": error})).await
}

#[tokio::test]
async fn a_failing_check_is_the_same_skip_at_every_client() {
    let mut hashes = BTreeSet::new();
    for (client, code, message, data) in [
        ("geth", 3, "execution reverted: header not found, rate limit", Some(json!("0x08c379a0"))),
        ("geth", 3, "execution reverted", Some(json!("0x"))),
        ("old geth, Erigon", -32_000, "execution reverted", None),
        ("geth", -32_000, "out of gas", None),
        ("geth", -32_000, "invalid opcode: INVALID", None),
        ("Nethermind", -32_015, "VM execution error.", Some(json!("err: revert (supplied gas 10000000)"))),
        ("Nethermind", -32_000, "out of gas", Some(json!("0x"))),
        ("reth", -32_003, "out of gas: gas required exceeds: 10000000", None),
        ("reth", -32_003, "EVM error: StackUnderflow", None),
        ("Besu", -32_000, "Execution reverted (no)", Some(json!("0x08c379a0"))),
        ("Besu", -32_000, "Transaction processing could not be completed due to an exception", None),
        ("Nitro", 3, "execution reverted: no", Some(json!("0x08c379a0"))),
        ("anvil", -32_603, "EVM error OutOfGas", None),
    ] {
        let finding = failing(code, message, data).await;
        let (status, reason) = said(&finding);
        assert_eq!(status, Status::Skip, "{client}: {message}");
        assert!(reason.contains("the check failed"), "{client}: {reason}");
        hashes.insert(finding.result.unwrap().hash(B256::ZERO));
    }
    assert_eq!(hashes.len(), 1, "one outcome, transcript and all");
}

#[tokio::test]
async fn a_nodes_own_trouble_is_no_outcome() {
    for answer in [
        json!({"error": {"code": -32_000, "message": "header not found"}}),
        json!({"error": {"code": -32_603, "message": "Internal error"}}),
        json!({"error": {"code": -32_000, "message": "execution aborted (timeout = 5s)"}}),
        json!({"error": {"code": -32_000, "message": "call returned result on length 300000 exceeding --rpc.returndata.limit 100000"}}),
        json!({"result": null}),
        json!({"result": "nonsense"}),
    ] {
        let finding = finding(answer.clone()).await;
        assert_eq!(finding.result, Err(Abstention::ChainReadFailed), "{answer}: {}", finding.reason);
    }
}

#[tokio::test]
async fn a_node_that_never_answers_ends_with_the_runs_own_patience() {
    let node = FakeNode::start(3).await;
    let bench = Bench::over(&config(&[&node.url], 0));
    node.chain().hangs = true;
    let finding = bench.run_at(upkeep(), ANCHOR).await;
    assert_eq!(finding.result, Err(Abstention::Timeout), "{}", finding.reason);
}

#[tokio::test]
async fn a_run_for_a_log_asks_about_the_log() {
    let node = FakeNode::start(3).await;
    node.lie(|method, params, said| {
        if method == "eth_call" {
            let input = params[0]["input"].as_str().unwrap();
            let is_asked = input.starts_with("0x40691db4") && input.contains(&"ee".repeat(33));
            *said = json!({"result": if is_asked { format!("0x{:064x}{:064x}{:064x}", 0, 64, 0) } else { "0x".to_owned() }});
        }
    });
    let bench = Bench::over(&config(&[&node.url], 0));
    let entry = |data: usize| LogEntry {
        address: TARGET,
        topics: Vec::new(),
        data: vec![0xee; data].into(),
        block_number: 3,
        block_hash: ANCHOR.hash,
        transaction_hash: B256::ZERO,
        log_index: 1,
    };
    let seen = |data| SeenLog { entry: entry(data), timestamp: 1_003 };
    let with_log = |data| Work { sighting: Some(Sighting::Log(seen(data).into())), ..work(upkeep(), ANCHOR) };
    assert_eq!(said(&bench.run(&with_log(33)).await), (Status::Skip, "not needed".to_owned()));
    let (status, reason) = said(&bench.run(&with_log(128 << 10)).await);
    assert_eq!((status, reason.contains("131072 bytes")), (Status::JobError, true), "{reason}");
    assert_eq!(node.asked("eth_call"), 1, "nobody was asked that");
}
