use super::*;
use crate::chain::fake_node::{FakeNode, config, contracts};
use crate::chain::{Batch, Certificate, Rpc};
use alloy::primitives::{Address, B256, U256, hex};
use contracts::ITaskManager::{Delivery, Entry};
use serde_json::json;

const TARGET: Address = Address::repeat_byte(0x77);

fn settled() -> Settled {
    Settled {
        block: 5,
        timestamp: 1,
        tx: B256::repeat_byte(9),
        task_id: B256::ZERO,
        job_id: 2,
        job_version: 1,
        instance_key: B256::with_last_byte(3),
        status: 0,
        seconds_late: 2,
        anchor_number: 1,
        outcome_hash: B256::ZERO,
        delivered: false,
        submitter: Address::ZERO,
    }
}

/// The settling transaction: a skip of the same job, a call of another one, and the call that was not delivered.
fn input() -> Bytes {
    let entry = |job_id, status, key| Entry {
        run: Run { job_id, job_version: 1, anchor: 0, status }.word(),
        instanceKey: B256::with_last_byte(key),
        inputHash: B256::ZERO,
        outcomeHash: B256::ZERO,
    };
    let delivery = |outcome: &'static [u8]| Delivery {
        codeHash: B256::ZERO,
        stateAfterRoot: B256::ZERO,
        transcriptRoot: B256::ZERO,
        outcome: Bytes::from_static(outcome),
    };
    let batch = Batch {
        anchors: Vec::new(),
        entries: vec![entry(2, 1, 2), entry(1, 0, 3), entry(2, 0, 3)],
        deliveries: vec![delivery(b"other"), delivery(b"mine")],
        leaves: Vec::new(),
    };
    let certificate = Certificate { epoch: 1, signature: Bytes::new(), signers: Vec::new() };
    TaskManager::settleCall { certificate, batch }.abi_encode().into()
}

/// What is found out where the target needs `needs` gas for its callback, or reverts with `data` however much it gets.
async fn found(needs: u64, data: Option<&'static str>) -> Undelivered {
    let node = FakeNode::start(9).await;
    let job =
        contracts::IJobManager::Job { target: TARGET, callbackGas: 50_000, ..contracts::IJobManager::Job::default() };
    let job = JobManager::jobCall::abi_encode_returns(&job);
    node.lie(move |method, params, answer| match method {
        "eth_getTransactionByHash" => *answer = json!({"result": {"input": input()}}),
        "eth_call" if params[0]["to"] == json!(TARGET) => {
            assert_eq!(params[0]["input"], json!(Bytes::from_static(b"mine")));
            assert_eq!(params[1], "0x4", "before the settlement");
            let gas: U256 = serde_json::from_value(params[0]["gas"].clone()).unwrap();
            *answer = match data {
                Some(data) => json!({"error": {"code": 3, "message": "execution reverted", "data": data}}),
                None if gas < U256::from(needs + 21_000) => json!({"error": {"code": -32000, "message": "out of gas"}}),
                None => json!({"result": "0x"}),
            };
        }
        "eth_call" => *answer = json!({"result": Bytes::from(job.clone())}),
        _ => {}
    });
    let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
    why_undelivered(&rpc.provider(), &contracts(), &settled()).await.unwrap()
}

#[tokio::test]
async fn a_callback_out_of_gas_is_told_from_one_that_was_refused() {
    let out = found(80_000, None).await;
    assert_eq!(out, Undelivered::OutOfGas { given: 50_000 });
    assert!(out.to_string().contains("--callback-gas"), "{out}");
    let refused = found(0, Some("0x")).await;
    assert_eq!(refused, Undelivered::Reverted { reason: "no reason given".to_owned() });
    let words = hex::encode(alloy::sol_types::SolError::abi_encode(&alloy::sol_types::Revert::from("not today")));
    let words: &'static str = Box::leak(format!("0x{words}").into_boxed_str());
    assert!(found(0, Some(words)).await.to_string().contains("not today"));
    assert_eq!(found(10_000, None).await, Undelivered::Passing);
}

#[tokio::test]
async fn what_cannot_be_found_out_is_said_so() {
    let node = FakeNode::start(9).await;
    node.lie(|method, _, answer| {
        if method == "eth_getTransactionByHash" {
            *answer = json!({"result": null});
        }
    });
    let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
    assert_eq!(why_undelivered(&rpc.provider(), &contracts(), &settled()).await.unwrap(), Undelivered::Unknown);
    assert_eq!(outcome_in(&[1, 2, 3], &settled()), None, "by way of another contract");
}
