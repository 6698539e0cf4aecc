use serde_json::{Value, json};

use super::{Seen, hide, range, see};

const TOP: u64 = 0x10;

fn call(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

#[test]
fn the_newest_block_is_the_top_under_every_name() {
    assert_eq!(see(&call("eth_blockNumber", json!([])), TOP), Seen::Result(json!("0x10")));
    for tag in ["latest", "pending", "safe", "finalized"] {
        let seen = see(&call("eth_getBlockByNumber", json!([tag, false])), TOP);
        assert_eq!(seen, Seen::Ask(call("eth_getBlockByNumber", json!(["0x10", false]))), "{tag}");
    }
    let seen = see(&call("eth_getTransactionCount", json!(["0xaa", "pending"])), TOP);
    assert_eq!(seen, Seen::Ask(call("eth_getTransactionCount", json!(["0xaa", "0x10"]))));
    let seen = see(&call("eth_call", json!([{"to": "0xaa"}])), TOP);
    assert_eq!(seen, Seen::Ask(call("eth_call", json!([{"to": "0xaa"}, "0x10"]))), "left out, it is the newest");
}

#[test]
fn blocks_above_the_top_are_not_there() {
    assert_eq!(see(&call("eth_getBlockByNumber", json!(["0x11", false])), TOP), Seen::Result(Value::Null));
    assert_eq!(see(&call("eth_getBlockReceipts", json!(["0x11"])), TOP), Seen::Result(Value::Null));
    assert_eq!(see(&call("eth_call", json!([{}, "0x11"])), TOP), Seen::Unknown);
    assert_eq!(see(&call("eth_call", json!([{}, {"blockNumber": "0x11"}])), TOP), Seen::Unknown);
    let by_hash = call("eth_call", json!([{}, {"blockHash": "0xbb"}]));
    assert_eq!(see(&by_hash, TOP), Seen::AskIfKnown(json!("0xbb"), by_hash.clone()));
}

#[test]
fn logs_end_at_the_top_without_a_word() {
    let logs = |first: &str, last: &str| call("eth_getLogs", json!([{"fromBlock": first, "toBlock": last}]));
    assert_eq!(see(&logs("0x1", "0x20"), TOP), Seen::Ask(logs("0x1", "0x10")));
    assert_eq!(see(&logs("0x1", "latest"), TOP), Seen::Ask(logs("0x1", "0x10")));
    assert_eq!(see(&logs("0x11", "0x20"), TOP), Seen::Result(json!([])));
    let by_hash = call("eth_getLogs", json!([{"blockHash": "0xbb"}]));
    assert_eq!(see(&by_hash, TOP), Seen::AskIfKnown(json!("0xbb"), by_hash.clone()));
    assert_eq!(range(&logs("earliest", "0x3"), TOP), Some((0, 3)));
    assert_eq!(range(&by_hash, TOP), None);
}

#[test]
fn what_is_asked_for_by_hash_is_hidden_above_the_top() {
    for (method, field) in [("eth_getBlockByHash", "number"), ("eth_getTransactionReceipt", "blockNumber")] {
        let (mut new, mut old) = (json!({field: "0x11"}), json!({field: "0x10"}));
        hide(method, &mut new, TOP);
        hide(method, &mut old, TOP);
        assert!(new.is_null() && !old.is_null(), "{method}");
    }
    let mut pending = json!({"blockNumber": null});
    hide("eth_getTransactionByHash", &mut pending, TOP);
    assert!(!pending.is_null());
}

#[test]
fn calls_that_make_no_sense_are_passed_on() {
    for odd in [call("eth_call", json!({})), call("eth_getProof", json!([])), json!({"method": 1}), json!(null)] {
        assert_eq!(see(&odd, TOP), Seen::Ask(odd.clone()));
    }
}
