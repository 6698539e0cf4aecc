use super::{Patience, Said, next_nonce, said};
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};
use crate::cli::Exit;
use crate::cli::chain::Chain;
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, U256, hex};
use alloy::signers::local::PrivateKeySigner;
use contracts::Counter;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const GWEI: u128 = 1_000_000_000;

/// What a node got, decoded.
type Sent = Arc<Mutex<Vec<TxEnvelope>>>;

/// A node that names such tips, and such an estimate, and includes everything at once.
async fn node(tip: u128, estimate: u64) -> (FakeNode, Sent) {
    let (node, sent) = (FakeNode::start(20).await, Sent::default());
    let all = sent.clone();
    node.lie(move |method, params: &Value, answer| {
        let mut sent = all.lock().expect("no panic");
        let text = params[0].as_str().unwrap_or_default();
        *answer = match method {
            "eth_estimateGas" => json!({"result": U256::from(estimate)}),
            "eth_getTransactionCount" => json!({"result": U256::from(sent.len())}),
            "eth_getBalance" => json!({"result": U256::from(10_u64.pow(18))}),
            "eth_maxPriorityFeePerGas" => json!({"result": U256::from(tip)}),
            "eth_feeHistory" => {
                let rewards = vec![[U256::from(tip); 2]; 5];
                let fees = vec!["0x1"; 6];
                json!({"result": {"oldestBlock": "0x1", "baseFeePerGas": fees, "gasUsedRatio": [0.5, 0.5, 0.5, 0.5, 0.5],
                    "reward": rewards}})
            }
            "eth_sendRawTransaction" => {
                let raw = hex::decode(text).expect("hex");
                let envelope = TxEnvelope::decode_2718(&mut raw.as_slice()).expect("a transaction");
                let hash = *envelope.tx_hash();
                sent.push(envelope);
                json!({"result": hash})
            }
            "eth_getTransactionReceipt" => {
                json!({"result": {"transactionHash": text, "blockNumber": "0x14", "blockHash": B256::repeat_byte(1),
                    "transactionIndex": "0x0", "status": "0x1", "gasUsed": "0x5208", "cumulativeGasUsed": "0x5208",
                    "effectiveGasPrice": "0x1", "from": Address::ZERO, "to": Address::ZERO, "contractAddress": null,
                    "logs": [], "logsBloom": hex::encode_prefixed([0; 256]), "type": "0x2"}})
            }
            _ => return,
        };
    });
    (node, sent)
}

/// Sends a transaction to these nodes, with another patience than verbs have.
async fn send_to(urls: &[&str], patience: impl Fn(&mut Patience)) -> anyhow::Result<()> {
    let config = config(urls, 0);
    let chain = Chain::over(Rpc::new(&config).expect("valid URLs"), config);
    let wallet = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
    let call = Counter::recordCall { value: U256::from(1) };
    let mut sender = chain.sender(wallet.into()).await?;
    patience(&mut sender.patience);
    sender.send("count", Address::repeat_byte(3), &call, U256::ZERO).await?;
    Ok(())
}

async fn send(node: &FakeNode) -> anyhow::Result<()> {
    send_to(&[&node.url], |_| {}).await
}

/// Changes further what a node answers.
fn also(node: &FakeNode, mut lie: impl FnMut(&str, &Value, &mut Value) + Send + 'static) {
    let mut before = node.chain().lie.take().expect("it was set");
    node.lie(move |method, params, answer| {
        before(method, params, answer);
        lie(method, params, answer);
    });
}

/// Looks quickly, and gives a transaction up that quickly.
fn quick(unseen: Duration) -> impl Fn(&mut Patience) {
    move |patience| {
        patience.poll = Duration::from_millis(5);
        patience.unseen = unseen;
    }
}

fn refused(words: &str) -> Value {
    json!({"error": {"code": -32000, "message": words}})
}

#[tokio::test]
async fn no_node_talks_a_wallet_into_a_large_tip() {
    for (named, paid) in [(GWEI / 2, GWEI / 2), (4_000_000 * GWEI, 2 * GWEI), (u128::MAX, 2 * GWEI)] {
        let (node, sent) = node(named, 60_000).await;
        send(&node).await.expect("it is sent");
        let sent = sent.lock().expect("no panic");
        let tips: Vec<_> = sent.iter().map(|sent| (sent.max_priority_fee_per_gas(), sent.max_fee_per_gas())).collect();
        assert_eq!(tips, [(Some(paid), paid + 2)], "{named} wei are named");
    }
}

#[tokio::test]
async fn absurd_gas_and_prices_are_refused_before_anything_is_sent() {
    let (node, sent) = node(1, 1 << 40).await;
    let error = format!("{:#}", send(&node).await.expect_err("no transaction has so much gas"));
    assert!(error.contains("could not count") && error.contains("16777216"), "{error}");
    let mut honest = node.chain().lie.take().expect("it was set");
    node.lie(move |method, params, answer| {
        honest(method, params, answer);
        if method == "eth_getBlockByNumber" {
            answer["result"]["baseFeePerGas"] = json!(U256::from(5_000 * GWEI));
        }
    });
    let error = format!("{:#}", send(&node).await.expect_err("too dear"));
    assert!(error.contains("5000 gwei") && error.contains("1000"), "{error}");
    assert!(sent.lock().expect("no panic").is_empty());
}

/// Behind one URL there may be a node that counts a transaction, and one that has no receipt of it yet.
#[tokio::test]
async fn a_receipt_that_comes_late_is_waited_for() {
    let (node, sent) = node(1, 60_000).await;
    let mut looks = 0;
    also(&node, move |method, _, answer| match method {
        "eth_getTransactionReceipt" if looks < 20 => (looks, *answer) = (looks + 1, json!({"result": null})),
        "eth_getTransactionByHash" => *answer = json!({"result": null}),
        _ => {}
    });
    send_to(&[&node.url], |patience| patience.poll = Duration::from_millis(20)).await.expect("the receipt comes");
    assert_eq!(sent.lock().expect("no panic").len(), 1, "paid once");
}

/// A transaction that some node knows is never given up, however long its nonce has been used.
#[tokio::test]
async fn what_is_known_somewhere_is_not_sent_again() {
    let (node, sent) = node(1, 60_000).await;
    let other = FakeNode::start(20).await;
    let mut looks = 0;
    also(&node, move |method, _, answer| match method {
        "eth_getTransactionReceipt" if looks < 50 => (looks, *answer) = (looks + 1, json!({"result": null})),
        "eth_getTransactionByHash" => *answer = json!({"result": null}),
        _ => {}
    });
    other.lie(|method, params, answer| {
        if method == "eth_getTransactionByHash" {
            *answer = json!({"result": {"hash": params[0]}});
        }
    });
    send_to(&[&node.url, &other.url], quick(Duration::ZERO)).await.expect("the receipt comes");
    assert_eq!(sent.lock().expect("no panic").len(), 1, "paid once");
}

/// Where another transaction has the nonce for good, the next one is taken.
#[tokio::test]
async fn a_nonce_that_another_transaction_used_is_given_up() {
    let (node, sent) = node(1, 60_000).await;
    let first = Arc::new(Mutex::new(None));
    also(&node, move |method, params, answer| {
        let mut first = first.lock().expect("no panic");
        match method {
            "eth_sendRawTransaction" if first.is_none() => *first = Some(answer["result"].clone()),
            "eth_getTransactionReceipt" if first.as_ref() == Some(&params[0]) => *answer = json!({"result": null}),
            "eth_getTransactionByHash" => *answer = json!({"result": null}),
            _ => {}
        }
    });
    send_to(&[&node.url], quick(Duration::from_millis(100))).await.expect("the second one is included");
    let nonces: Vec<_> = sent.lock().expect("no panic").iter().map(|sent| sent.nonce()).collect();
    assert_eq!(nonces, [0, 1]);
}

/// The node takes the transaction, and its answer is lost, or another one than that it took it.
#[tokio::test]
async fn a_transaction_whose_answer_is_lost_is_followed() {
    for lost in [json!("the gateway gave up"), refused("already known"), refused("nonce too low"), refused("timeout")] {
        let (node, sent) = node(1, 60_000).await;
        let words = lost.clone();
        also(&node, move |method, _, answer| {
            if method == "eth_sendRawTransaction" {
                *answer = words.clone();
            }
        });
        send(&node).await.unwrap_or_else(|error| panic!("{lost}: it is included: {error:#}"));
        assert_eq!(sent.lock().expect("no panic").len(), 1, "{lost}");
    }
}

/// Unclear to the end: the hash is there to be looked for.
#[tokio::test]
async fn what_is_never_shown_ends_with_its_hash() {
    let (node, sent) = node(1, 60_000).await;
    also(&node, |method, _, answer| match method {
        "eth_sendRawTransaction" => *answer = json!("the gateway gave up"),
        "eth_getTransactionReceipt" => *answer = json!({"result": null}),
        "eth_getTransactionByHash" => *answer = refused("not now"),
        _ => {}
    });
    let impatient = |patience: &mut Patience| {
        quick(Duration::ZERO)(patience);
        (patience.again, patience.deadline) = (Duration::from_millis(100), Duration::from_millis(500));
    };
    let error = send_to(&[&node.url], impatient).await.expect_err("nobody shows it");
    let sent = sent.lock().expect("no panic");
    assert!(sent.len() > 1, "nodes may have lost it, so they get it again");
    assert!(sent.iter().all(|again| again.tx_hash() == sent[0].tx_hash()), "it is the same one every time");
    assert!(format!("{error:#}").contains(&sent[0].tx_hash().to_string()), "{error:#}");
    assert_eq!(Exit::of(&error), Exit::Timeout);
}

#[tokio::test]
async fn a_refusal_is_told_in_the_nodes_words_with_the_hash() {
    for (words, looks) in [("insufficient funds for gas * price + value", 0), ("our own reasons", 1)] {
        let (node, sent) = node(1, 60_000).await;
        also(&node, move |method, _, answer| match method {
            "eth_sendRawTransaction" => *answer = refused(words),
            "eth_getTransactionReceipt" | "eth_getTransactionByHash" => *answer = json!({"result": null}),
            "eth_getTransactionCount" => *answer = json!({"result": "0x0"}),
            _ => {}
        });
        let error = send_to(&[&node.url], quick(Duration::from_millis(50))).await.expect_err("it is refused");
        let text = format!("{error:#}");
        let hash = sent.lock().expect("no panic")[0].tx_hash().to_string();
        assert!(text.contains(words) && text.contains(&hash), "{text}");
        assert_eq!(Exit::of(&error), Exit::Chain);
        assert!(node.asked("eth_getTransactionByHash") >= looks, "{words}: looked for before it is given up");
    }
}

#[test]
fn of_several_answers_the_most_hopeful_counts() {
    let low = "nonce too low: next nonce 5, tx nonce 4";
    let poor = "insufficient funds for gas * price + value";
    let tip = "transaction underpriced: gas tip cap 1, minimum needed 25000000000";
    let held = "replacement transaction underpriced";
    for (answers, wanted) in [
        (&[Ok(B256::ZERO), Err(poor)][..], Said::Open),
        (&[Err("no answer: http://a took too long"), Err(poor)], Said::Open),
        (&[Err(held), Err("OldNonce, Current state")], Said::Open),
        (&[Err(low)], Said::Open),
        (&[Err(held), Err(poor)], Said::Taken),
        (&[Err(poor), Err("what?")], Said::Unclear(format!("{poor}; what?"))),
        (&[Err(tip)], Said::Refused(tip.to_owned())),
        (&[Err("Too Many Requests: rate limit exceeded")], Said::Open),
        (&[Err("txpool is full"), Err(poor)], Said::Open),
        (&[], Said::Refused(String::new())),
    ] {
        let answers: Vec<_> = answers.iter().map(|answer| answer.map_err(str::to_owned)).collect();
        assert_eq!(said(&answers), wanted, "{answers:?}");
    }
}

#[test]
fn neither_a_node_that_lags_nor_one_that_lies_names_the_nonce() {
    for (counts, wanted) in
        [(&[][..], None), (&[5], Some(5)), (&[3, 5, 5], Some(5)), (&[5, 5, 900], Some(5)), (&[5, 3], Some(3))]
    {
        assert_eq!(next_nonce(counts.to_vec()), wanted, "{counts:?}");
    }
}
