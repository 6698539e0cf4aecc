//! Nodes that refuse: their words are remembered and shown, and the account goes on.

use super::super::{Done, Submitter, plain_call, settle_call};
use super::sending::until;
use crate::chain::fake_node::{FakeNode, config};
use crate::chain::fees::Policy;
use crate::chain::lane::Terms;
use crate::chain::parts::split;
use crate::chain::rpc::Rpc;
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, Bytes, U256, hex};
use alloy::signers::local::PrivateKeySigner;
use contracts::Counter;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What the node got, decoded.
type Sent = Arc<Mutex<Vec<TxEnvelope>>>;

/// A node that keeps nothing above `largest` bytes and includes everything else at once.
async fn node(largest: usize) -> (FakeNode, Sent) {
    let (node, sent) = (FakeNode::start(20).await, Sent::default());
    let all = sent.clone();
    node.lie(move |method, params, answer| {
        let mut sent = all.lock().expect("no panic");
        let text = params[0].as_str().unwrap_or_default();
        *answer = match method {
            "eth_estimateGas" => json!({"result": "0x186a0"}),
            "eth_getTransactionCount" => json!({"result": U256::from(sent.len())}),
            "eth_getBalance" => json!({"result": U256::from(10_u64.pow(18))}),
            "eth_maxPriorityFeePerGas" => json!({"result": "0x1"}),
            "eth_sendRawTransaction" => {
                let raw = hex::decode(text).expect("hex");
                if raw.len() > largest {
                    let message = format!("oversized data: transaction size {}, limit {largest}", raw.len());
                    json!({"error": {"code": -32000, "message": message}})
                } else {
                    let envelope = TxEnvelope::decode_2718(&mut raw.as_slice()).expect("a transaction");
                    let hash = *envelope.tx_hash();
                    sent.push(envelope);
                    json!({"result": hash})
                }
            }
            "eth_getTransactionReceipt" => {
                let known = sent.iter().any(|envelope| envelope.tx_hash().to_string() == text);
                let receipt =
                    json!({"transactionHash": text, "blockNumber": "0x14", "status": "0x1", "gasUsed": "0x5208"});
                json!({"result": if known { receipt } else { Value::Null }})
            }
            _ => return,
        };
    });
    (node, sent)
}

fn start(urls: &[&str], folder: &std::path::Path, stop: &CancellationToken) -> Submitter {
    let config = config(urls, 0);
    let terms = Terms {
        block_time: Duration::from_millis(200),
        patience: Duration::from_secs(20),
        policy: Policy::default(),
        nodes: urls.len(),
    };
    let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
    let rpc = Rpc::new(&config).expect("the URLs are valid");
    Submitter::start(&rpc, signer.into(), &config, folder, terms, stop.clone()).expect("the ledger opens")
}

#[tokio::test]
async fn what_a_node_will_never_take_is_given_up_and_the_next_goes_through() {
    let (node, sent) = node(131_072).await;
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    let submitter = start(&[&node.url], folder.path(), &stop);
    let call = plain_call(Address::repeat_byte(3), &Counter::recordCall { value: U256::from(1) });
    let mut large = call.clone();
    large.input = Bytes::from(vec![1; 140_000]);
    let done = submitter.enqueue(B256::repeat_byte(1), large).await;
    let Done::Failed(why) = &*done else { panic!("{done:?}") };
    assert!(why.contains("oversized data") && why.contains("smaller outcomes"), "{why}");
    let trouble = submitter.standing().trouble().expect("it is shown");
    assert!(trouble.contains("oversized data"), "{trouble}");
    let done = submitter.enqueue(B256::repeat_byte(2), call).await;
    assert!(matches!(&*done, Done::Mined { .. }), "{done:?}");
    let sent = sent.lock().expect("no panic");
    assert_eq!(sent.iter().map(Transaction::nonce).collect::<Vec<_>>(), [0], "no nonce was lost");
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_outcomes_of_64_kib_are_sent_in_parts_that_the_node_takes_one_after_the_other() {
    let (node, sent) = node(131_072).await;
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    let submitter = start(&[&node.url], folder.path(), &stop);
    let settlement = crate::chain::parts::tests::settlement(&[(65_536, 200_000); 8]);
    let parts = split(&settlement, submitter.anchor_age);
    let parts: Vec<Bytes> = parts.into_iter().map(|part| settle_call(&submitter.contracts, part).1.input).collect();
    // The fake node's calls return nothing, which is no count.
    let result = submitter.submit(settlement).await;
    assert!(matches!(&result, crate::chain::SettlementResult::Mined { .. }), "{result:?}");
    let sent = sent.lock().expect("no panic");
    assert_eq!(sent.len(), 9, "one outcome a transaction, and the skips");
    assert!(sent.iter().all(|envelope| envelope.gas_limit() < 1 << 24));
    let mut inputs: Vec<(u64, &Bytes)> = sent.iter().map(|envelope| (envelope.nonce(), envelope.input())).collect();
    inputs.sort_by_key(|(nonce, _)| *nonce);
    let places: Vec<_> = inputs.iter().map(|(_, input)| parts.iter().position(|part| part == *input)).collect();
    assert_eq!(places, (0..9).map(Some).collect::<Vec<_>>(), "in the order of the batch");
    stop.cancel();
}

#[tokio::test]
async fn a_transaction_goes_to_every_node() {
    let ((first, one), (second, two)) = (node(131_072).await, node(131_072).await);
    let folder = tempfile::tempdir().expect("a folder");
    let stop = CancellationToken::new();
    let submitter = start(&[&first.url, &second.url], folder.path(), &stop);
    let call = plain_call(Address::repeat_byte(3), &Counter::recordCall { value: U256::from(1) });
    let done = submitter.enqueue(B256::repeat_byte(2), call).await;
    assert!(matches!(&*done, Done::Mined { .. }), "{done:?}");
    let hashes = |sent: &Sent| sent.lock().expect("no panic").iter().map(|sent| *sent.tx_hash()).collect::<Vec<_>>();
    // The first node that has it is enough for whoever waits; the other one gets it all the same.
    until("both have it", async || hashes(&one).len() == 1 && hashes(&one) == hashes(&two)).await;
    stop.cancel();
}

/// A count of nonces that stands still, of the preferred node or of the only one, as caches show it, with receipts or without.
#[tokio::test]
async fn a_count_of_nonces_that_stands_wedges_nothing() {
    for (name, shows_receipts, others) in
        [("receipts, and another node", true, 1), ("none, and another node", false, 1), ("the only node", true, 0)]
    {
        let (first, sent) = node(131_072).await;
        let mut honest = first.chain().lie.take().expect("it was set");
        first.lie(move |method, params, answer| {
            honest(method, params, answer);
            match method {
                "eth_getTransactionCount" => *answer = json!({"result": "0x0"}),
                "eth_getTransactionReceipt" if !shows_receipts => *answer = json!({"result": null}),
                _ => {}
            }
        });
        let mut others_started = Vec::new();
        for _ in 0..others {
            others_started.push(node(131_072).await);
        }
        let urls: Vec<&str> =
            std::iter::once(&first).chain(others_started.iter().map(|(node, _)| node)).map(|node| &*node.url).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let stop = CancellationToken::new();
        let submitter = start(&urls, folder.path(), &stop);
        for number in 1..=5 {
            let call = plain_call(Address::repeat_byte(3), &Counter::recordCall { value: U256::from(number) });
            let done = submitter.enqueue(B256::repeat_byte(number), call).await;
            assert!(matches!(&*done, Done::Mined { .. }), "{name}, {number}: {done:?}");
        }
        let nonces: Vec<u64> = sent.lock().expect("no panic").iter().map(Transaction::nonce).collect();
        assert_eq!(nonces, [0, 1, 2, 3, 4], "{name}");
        stop.cancel();
    }
}

/// One absurd number of the preferred node ends nothing where another node knows better.
#[tokio::test]
async fn gas_that_only_one_node_names_is_not_believed() {
    let estimate = |gas: u64| {
        move |method: &str, answer: &mut Value| {
            if method == "eth_estimateGas" {
                *answer = json!({"result": U256::from(gas)});
            }
        }
    };
    let block_gas = |method: &str, answer: &mut Value| {
        if method == "eth_getBlockByNumber" && answer["result"].is_object() {
            answer["result"]["gasLimit"] = json!("0x0");
        }
    };
    type Lie = Box<dyn FnMut(&str, &mut Value) + Send>;
    let table: [(&str, Lie); 4] = [
        ("more than any transaction may have", Box::new(estimate(1 << 40))),
        ("the most there is", Box::new(estimate(u64::MAX))),
        ("four times our own worst case", Box::new(estimate(1_200_001))),
        ("blocks without gas", Box::new(block_gas)),
    ];
    for (name, mut lie) in table {
        let ((odd, _), (good, sent)) = (node(131_072).await, node(131_072).await);
        let mut honest = odd.chain().lie.take().expect("it was set");
        odd.lie(move |method, params, answer| {
            honest(method, params, answer);
            lie(method, answer);
        });
        let folder = tempfile::tempdir().expect("a folder");
        let stop = CancellationToken::new();
        let submitter = start(&[&odd.url, &good.url], folder.path(), &stop);
        let mut call = plain_call(Address::repeat_byte(3), &Counter::recordCall { value: U256::from(1) });
        call.gas_floor = 300_000;
        let done = submitter.enqueue(B256::repeat_byte(2), call).await;
        assert!(matches!(&*done, Done::Mined { .. }), "{name}: {done:?}");
        let limits: Vec<u64> = sent.lock().expect("no panic").iter().map(Transaction::gas_limit).collect();
        assert_eq!(limits, [300_000], "{name}");
        stop.cancel();
    }
}
