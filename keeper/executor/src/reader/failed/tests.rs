use serde_json::{Value, json};

use super::*;

fn error(code: i64, message: &str, data: Option<Value>) -> ErrorPayload {
    let mut error = json!({"code": code, "message": message});
    if let Some(data) = data {
        error["data"] = data;
    }
    serde_json::from_value(error).expect("an error")
}

/// Words of clients in their own repositories and issues.
#[test]
fn a_call_that_failed_is_known_by_every_clients_words() {
    for (client, code, message, data) in [
        ("geth", 3, "execution reverted: no", Some(json!("0x08c379a0"))),
        ("geth, a custom error", 3, "execution reverted", Some(json!("0xdf2d9b42"))),
        ("geth, without data", 3, "execution reverted", Some(json!("0x"))),
        ("old geth, without data", -32_000, "execution reverted", None),
        ("geth", -32_000, "out of gas", None),
        ("geth", -32_000, "invalid opcode: INVALID", None),
        ("geth", -32_000, "invalid jump destination", None),
        ("geth", -32_000, "stack underflow (0 <=> 2)", None),
        ("geth", -32_000, "stack limit reached 1024 (1023)", None),
        ("geth", -32_000, "return data out of bounds", None),
        ("geth", -32_000, "gas uint64 overflow", None),
        ("Erigon, without data", -32_000, "execution reverted", None),
        ("Nitro", 3, "execution reverted: ERC20: too much", Some(json!("0x08c379a0"))),
        ("Parity", -32_015, "VM execution error.", Some(json!("Reverted 0x08c379a0"))),
        ("Parity", -32_015, "VM execution error.", Some(json!("Bad instruction fe"))),
        ("Parity", -32_015, "VM execution error.", Some(json!("Out of gas"))),
        ("Nethermind 1.31", -32_015, "VM execution error.", Some(json!("err: 0xdf2d9b42 (supplied gas 36000000)"))),
        ("Nethermind 1.31", -32_015, "VM execution error.", Some(json!("err: revert (supplied gas 36000000)"))),
        ("Nethermind 1.35", -32_000, "execution reverted", Some(json!("0xf4f28e99"))),
        ("Nethermind 1.35", -32_000, "out of gas", Some(json!("0x"))),
        ("Nethermind 1.37", -32_003, "out of gas", None),
        ("Nethermind 1.37", -32_003, "stack underflow", None),
        ("reth", 3, "execution reverted", Some(json!("0x"))),
        ("reth", -32_003, "out of gas: gas required exceeds: 10000000", None),
        ("reth", -32_003, "out of gas: gas exhausted during memory expansion: 10000000", None),
        ("reth", -32_003, "EVM error: InvalidFEOpcode", None),
        ("reth", -32_003, "EVM error: StackUnderflow", None),
        ("reth", -32_003, "out of memory: memory limit exceeded during memory expansion", None),
        ("anvil", 3, "execution reverted: custom error 0xdeadbeef", Some(json!("0xdeadbeef"))),
        ("anvil", -32_603, "EVM error OutOfGas", None),
        ("anvil", -32_603, "EVM error MemoryLimitOOG", None),
        ("anvil", -32_603, "EVM error InvalidFEOpcode", None),
        ("Besu", -32_000, "Execution reverted", Some(json!("0x"))),
        ("Besu", -32_000, "Execution reverted (no)", Some(json!("0x08c379a0"))),
        ("Besu", -32_000, "Transaction processing could not be completed due to an exception", None),
        ("Besu", -32_000, "Transaction processing could not be completed due to an exception: INVALID_OPERATION", None),
    ] {
        assert!(is_failed_call(&error(code, message, data)), "{client}: {message}");
    }
}

#[test]
fn a_nodes_own_trouble_is_no_failed_call() {
    for (code, message) in [
        (-32_000, "header not found"),
        (-32_000, "hash is not currently canonical"),
        (-32_000, "missing trie node 0xab (path ) state 0xcd is not available"),
        (-32_000, "execution aborted (timeout = 5s)"),
        (-32_000, "request timed out"),
        (-32_000, "out of memory"),
        (-32_000, "err: intrinsic gas too low: have 10000000, want 12000000 (supplied gas 10000000)"),
        (-32_000, "insufficient funds for gas * price + value"),
        (-32_000, "call returned result on length 300000 exceeding --rpc.returndata.limit 100000"),
        (-32_000, "your account is not activated"),
        (-32_001, "Unknown block"),
        (-32_002, "No state available for block 0xab"),
        (-32_005, "daily request count exceeded, request rate limited"),
        (-32_016, "eth_call request was canceled due to enabled timeout."),
        (-32_601, "the method eth_call does not exist"),
        (-32_602, "Invalid block hash params"),
        // What older versions of Besu say when a call runs out of gas; and of everything else that goes wrong.
        (-32_603, "Internal error"),
        (-32_603, "EVM error FatalExternalError"),
        (-32_603, "query response was not successful, error code 500, msg out of gas"),
        (429, "Too Many Requests"),
    ] {
        assert!(!is_failed_call(&error(code, message, None)), "{message}");
    }
}
