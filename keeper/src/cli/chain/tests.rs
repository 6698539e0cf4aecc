use super::{Chain, is_taken};
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::primitives::{Address, B256, U256, hex};
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::RpcError;
use contracts::Counter;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

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

async fn send(node: &FakeNode) -> anyhow::Result<()> {
    let config = config(&[&node.url], 0);
    let rpc = Rpc::new(&config).expect("a valid URL");
    let chain = Chain { network: config.network.clone(), provider: rpc.provider(), rpc, config };
    let wallet = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x42)).expect("a key");
    let call = Counter::recordCall { value: U256::from(1) };
    chain.sender(wallet).await?.send("count", Address::repeat_byte(3), &call, U256::ZERO).await?;
    Ok(())
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

#[test]
fn another_ones_nonce_is_told_from_a_price_that_is_too_low() {
    for (words, taken) in [
        ("nonce too low: next nonce 5, tx nonce 4", true),
        ("replacement transaction underpriced", true),
        ("OldNonce, Current state", true),
        ("transaction underpriced: gas tip cap 1, minimum needed 25000000000", false),
        ("insufficient funds for gas * price + value", false),
    ] {
        let payload = serde_json::from_value(json!({"code": -32000, "message": words})).expect("an error");
        assert_eq!(is_taken(&RpcError::ErrorResp(payload)), taken, "{words}");
    }
}
