use prometheus_client::registry::Registry;
use serde_json::json;

use super::*;
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};
use crate::metrics::plain;

#[tokio::test]
async fn the_wallet_shows_what_the_node_says_and_keeps_the_last_word() {
    let node = FakeNode::start(3).await;
    let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let shown = |line: &str| plain(&registry).unwrap().lines().any(|found| found == line);
    let account = Address::repeat_byte(9);
    node.lie(move |method, params, answer| {
        if method == "eth_getBalance" && params[0] == json!(account) {
            *answer = json!({"result": "0x1bc16d674ec80000"});
        }
        // Some nodes do not have it; once nothing was ever read of such a one.
        if method == "eth_gasPrice" {
            *answer = json!({"error": {"code": -32601, "message": "the method does not exist"}});
        }
        if method == "eth_getBlockByNumber" && params[0] == json!("latest") {
            answer["result"]["baseFeePerGas"] = json!("0x3b9aca00");
        }
        if method == "eth_maxPriorityFeePerGas" {
            *answer = json!({"result": "0x1312d00"});
        }
    });
    let found = weigh_wallet(&rpc.provider(), account, &metrics).await.expect("both are told");
    assert_eq!((found.balance, found.gas_price), (2_000_000_000_000_000_000, 1_020_000_000));
    assert!(shown("keeper_wallet_balance_wei 2000000000000000000.0"));
    assert!(weigh_wallet(&rpc.provider(), Address::ZERO, &metrics).await.is_none());
    assert!(shown("keeper_wallet_balance_wei 2000000000000000000.0"), "this node knows no such account");
}
