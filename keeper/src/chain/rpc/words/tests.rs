use super::{Meaning, is_about_amount, is_rate_limit, meaning, proposed_blocks};
use alloy_json_rpc::ErrorPayload;
use serde_json::json;
use std::time::Duration;

fn error(code: i64, message: &str) -> ErrorPayload {
    serde_json::from_value(json!({"code": code, "message": message})).expect("an error")
}

#[test]
fn errors_mean_what_providers_mean_by_them() {
    let limited = |seconds| Meaning::Limited(Some(Duration::from_secs(seconds)));
    for (method, code, message, wanted) in [
        ("eth_call", 3, "execution reverted", Meaning::Answer),
        ("eth_call", -32000, "out of gas", Meaning::Answer),
        ("eth_call", -32603, "EVM error OutOfGas", Meaning::Answer),
        ("eth_call", -32000, "execution reverted: rate limit", Meaning::Answer),
        ("eth_call", -32000, "header not found", Meaning::Trouble),
        ("eth_call", -32000, "missing trie node 0xab (path )", Meaning::Trouble),
        ("eth_call", -32603, "Internal error", Meaning::Trouble),
        ("eth_sendRawTransaction", -32000, "nonce too low", Meaning::Answer),
        ("eth_sendRawTransaction", -32000, "insufficient funds for gas * price + value", Meaning::Answer),
        ("eth_sendRawTransaction", -32601, "the method eth_sendRawTransaction is disabled", Meaning::Trouble),
        ("eth_getBalance", -32000, "whatever", Meaning::Trouble),
        ("eth_chainId", -32000, "project is over its limit", Meaning::Trouble),
        ("eth_chainId", 429, "slow down", Meaning::Limited(None)),
        ("eth_call", -32005, "daily request count exceeded, request rate limited", Meaning::Limited(None)),
        ("eth_call", -32007, "100/second request limit reached - reduce calls per second", Meaning::Limited(None)),
        ("eth_call", -32000, "Too Many Requests, retry after 12", limited(12)),
        ("eth_call", -32000, "rate limit exceeded: try again in 3 seconds", limited(3)),
        ("eth_call", 429, "compute units per second capacity: retry in 3000ms", limited(3)),
    ] {
        assert_eq!(meaning(method, &error(code, message)), wanted, "{method}: {message}");
    }
    let infura = json!({"code": -32005, "message": "project ID request rate exceeded",
        "data": {"rate": {"backoff_seconds": 30, "allowed_rps": 10}}});
    let infura: ErrorPayload = serde_json::from_value(infura).expect("an error");
    assert_eq!(meaning("eth_call", &infura), limited(30));
    assert!(!is_rate_limit(&error(-32005, "query returned more than 10000 results")), "too much, not too often");
}

#[test]
fn what_is_about_the_amount_of_logs_is_told_from_all_else_that_is_refused() {
    for (code, message, wanted) in [
        (-32005, "query returned more than 10000 results", true),
        (-32000, "logs matched by query exceeds limit of 10000", true),
        (-32000, "response size should not greater than 10485760 bytes", true),
        (-32020, "backend response too large", true),
        (-32008, "Response is too big", true),
        (-32602, "query exceeds max results 20000", true),
        (-32602, "exceed max addresses or topics per search position", true),
        (-32005, "limit exceeded", false),
        (429, "too many results asked for", false),
        (-32005, "request rate limited: more than 10 responses per second", false),
        (-32000, "too many logs, try again in 3 seconds", false),
        (-32600, "your plan does not include eth_getLogs: limit exceeded", false),
        (-32000, "exceed maximum block range: 1,024", false),
        (-32000, "query timeout exceeded", false),
        (-32603, "Internal error", false),
    ] {
        assert_eq!(is_about_amount(&error(code, message)), wanted, "{message}");
    }
}

#[test]
fn the_range_a_node_would_answer_for_is_read_from_its_words() {
    for (words, wanted) in [
        ("this block range should work: [0x2710, 0x2719]", Some(10)),
        ("query returned more than 10000 results. Try with this block range [0xc5dc00, 0xc5dcff].", Some(256)),
        ("eth_getLogs is limited to a 1,000 range", Some(1_000)),
        ("requested too many blocks from 20000 to 21999, maximum is set to 100", Some(100)),
        ("block range is too wide (maximum 1024)", Some(1_024)),
        ("eth_getLogs range is too large, max is 1k blocks", Some(1_000)),
        ("exceeds the range allowed for your plan (2000 > 50)", Some(50)),
        ("Max range: 800", Some(800)),
        ("maximum [from, to] blocks distance: 999", Some(999)),
        ("query returned more than 10000 results", None),
        ("response size should not greater than 10485760 bytes", None),
        ("block range is too wide", None),
        ("99999999999999999999999999 0xffffffffffffffff 0 [", None),
    ] {
        assert_eq!(proposed_blocks(words, 2_000), wanted, "{words}");
    }
}
