use super::oracle::Oracle;
use super::{BYTES_MAX, DataPrice, ENVELOPE_BYTES, worst};
use crate::chain::Rpc;
use crate::chain::fake_node::{FakeNode, config, contracts};
use crate::chain::fees::Fees;
use alloy::primitives::{U256, address};
use alloy::sol_types::SolCall;
use contracts::TaskManager;
use contracts::deploy::{ChainKind, GAS_PRICE_ORACLE, getL1FeeUpperBoundCall};
use serde_json::{Value, json};

/// The bound that OP-stack chains give from Fjord on, at a price for a million bytes that nothing compresses.
fn bound(bytes: u64, price: u128) -> u128 {
    let size = u128::from(bytes) + 68;
    let left = (size + size / 255 + 16) * 836_500;
    left.saturating_sub(42_585_600).max(100_000_000) * price / 1_000_000_000_000
}

#[test]
fn between_two_sizes_no_fee_of_the_oracle_is_above_the_line() {
    for price in [0, 1, 1_000_000, 10_u128.pow(15), 10_u128.pow(19)] {
        let data = DataPrice { empty: bound(0, price), full: bound(BYTES_MAX, price) };
        for calldata in [0_u64, 1, 68, 200, 1_000, 1_001, 30_000, 100_000, 130_000] {
            let (most, asked) =
                (data.of(usize::try_from(calldata).expect("small")), bound(calldata + ENVELOPE_BYTES, price));
            assert!(most >= U256::from(asked), "{calldata} bytes at {price}: {most} < {asked}");
            let close = U256::from(asked) * U256::from(120) / U256::from(100) + U256::from(2);
            assert!(calldata < 500 || most <= close, "{calldata} bytes at {price}: {most} > {asked}");
        }
    }
    assert_eq!(DataPrice::default().of(131_072), U256::ZERO, "no fee of its own");
    let mad = DataPrice { empty: u128::MAX, full: u128::MAX };
    assert!(worst(u64::MAX, Fees { max_fee: u128::MAX, tip: 0 }, mad, usize::MAX) > U256::from(u128::MAX));
}

#[test]
fn the_worst_is_all_gas_at_the_highest_price_and_data_become_twice_as_dear() {
    let fees = Fees { max_fee: 7, tip: 1 };
    assert_eq!(worst(100, fees, DataPrice::default(), 1_000), U256::from(700));
    let data = DataPrice { empty: 1_000, full: 1_000 };
    assert_eq!(worst(100, fees, data, 1_000), U256::from(700 + 2 * 1_001));
}

/// A node of a chain of this kind, whose oracle names `full` for the largest transaction.
async fn node(kind: ChainKind, full: u128) -> FakeNode {
    let node = FakeNode::start(5).await;
    let tasks = contracts().task_manager.to_string().to_lowercase();
    node.lie(move |method, params, answer| {
        let word = |word: u128| json!({"result": format!("{word:#066x}")});
        let text = |key: &str| params[0][key].as_str().unwrap_or_default().to_lowercase();
        let data = if text("input").is_empty() { text("data") } else { text("input") };
        let asks = |selector: [u8; 4]| data.starts_with(&alloy::primitives::hex::encode_prefixed(selector));
        if method == "eth_call" && text("to") == tasks && asks(TaskManager::chainKindCall::SELECTOR) {
            *answer = word(kind as u128);
        } else if method == "eth_call" && text("to") == GAS_PRICE_ORACLE.to_string().to_lowercase() {
            assert!(asks(getL1FeeUpperBoundCall::SELECTOR), "{data}");
            *answer = word(if data.ends_with("20000") { full } else { 10 });
        }
    });
    node
}

async fn price(nodes: &[&FakeNode]) -> DataPrice {
    let urls: Vec<&str> = nodes.iter().map(|node| node.url.as_str()).collect();
    let rpc = Rpc::new(&config(&urls, 0)).expect("the URLs are valid");
    Oracle::new(contracts().task_manager).price(&rpc).await
}

#[tokio::test]
async fn the_oracle_is_asked_where_the_contracts_found_one() {
    assert_eq!(GAS_PRICE_ORACLE, address!("420000000000000000000000000000000000000F"));
    let op = node(ChainKind::OpStack, 5_000).await;
    assert_eq!(price(&[&op]).await, DataPrice { empty: 10, full: 5_000 });
    for kind in [ChainKind::Plain, ChainKind::Arbitrum] {
        assert_eq!(price(&[&node(kind, 5_000).await]).await, DataPrice::default(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_price_that_lasts_is_asked_once_and_silence_changes_nothing() {
    let op = node(ChainKind::OpStack, 5_000).await;
    let rpc = Rpc::new(&config(&[&op.url], 0)).expect("the URL is valid");
    let oracle = Oracle::new(contracts().task_manager);
    assert_eq!(oracle.price(&rpc).await.full, 5_000);
    op.lie(|method, _, answer: &mut Value| {
        if method == "eth_call" {
            *answer = json!({"error": {"code": -32000, "message": "not now"}});
        }
    });
    assert_eq!(oracle.price(&rpc).await.full, 5_000, "believed for a while");
    assert_eq!(Oracle::new(contracts().task_manager).price(&rpc).await, DataPrice::default(), "nobody ever said one");
}

#[tokio::test]
async fn an_absurd_price_of_one_node_is_not_believed() {
    let (odd, good) = (node(ChainKind::OpStack, u128::MAX).await, node(ChainKind::OpStack, 5_000).await);
    assert_eq!(price(&[&odd, &good]).await.full, 5_000);
}
