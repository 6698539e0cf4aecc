use prometheus_client::registry::Registry;
use serde_json::json;

use super::*;
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config};
use crate::metrics::plain;

#[test]
fn failures_of_nodes_are_counted_once_and_reorganisations_are_none() {
    let metrics = Metrics::register(&mut Registry::default());
    let mut counts = BTreeMap::from([("no_answer", 2), ("reorg", 1), ("deep_reorg", 1)]);
    count_errors(&counts, &metrics);
    count_errors(&counts, &metrics);
    assert_eq!((metrics.chain_rpc_errors.get(["no_answer"]), metrics.chain_rpc_errors.get(["reorg"])), (2, 0));
    counts.extend([("no_answer", 3), ("limited", 1)]);
    count_errors(&counts, &metrics);
    assert_eq!((metrics.chain_rpc_errors.get(["no_answer"]), metrics.chain_rpc_errors.get(["limited"])), (3, 1));
}

#[tokio::test]
async fn the_wallet_shows_what_the_node_says_and_keeps_the_last_word() {
    let node = FakeNode::start(3).await;
    let rpc = Rpc::new(&config(&[&node.url], 0)).unwrap();
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let shown = |line: &str| plain(&registry).unwrap().lines().any(|found| found == line);
    let account = Address::repeat_byte(9);
    node.lie(move |method, params, answer| match method {
        "eth_getBalance" if params[0] == json!(account) => *answer = json!({"result": "0x1bc16d674ec80000"}),
        "eth_gasPrice" => *answer = json!({"result": "0x7"}),
        _ => {}
    });
    let wallet = weigh_wallet(&rpc.provider(), account, &metrics).await;
    assert_eq!(wallet, Some(Wallet { balance: 2_000_000_000_000_000_000, gas_price: 7 }));
    assert!(shown("keeper_wallet_balance_wei 2000000000000000000.0"));
    assert_eq!(weigh_wallet(&rpc.provider(), Address::ZERO, &metrics).await, None);
    assert!(shown("keeper_wallet_balance_wei 2000000000000000000.0"), "this node knows no such account");
}
