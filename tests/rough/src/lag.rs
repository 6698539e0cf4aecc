//! A node that has not seen the newest blocks: what it makes of a call, and what it hides from an answer.

use serde_json::{Value, json};

use crate::refusal::error;

/// What a node that has seen blocks up to a top makes of a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    /// It asks this.
    Ask(Value),
    /// It asks this if it has seen the block with this hash.
    AskIfKnown(Value, Value),
    /// It knows the answer: this is `result`.
    Result(Value),
    /// It does not know the block.
    Unknown,
}

/// The error for a block that the node does not have.
pub(crate) fn header_not_found() -> Value {
    error(-32000, "header not found")
}

/// Where a method takes its block, by number or tag.
fn place(method: &str) -> Option<usize> {
    match method {
        "eth_getBlockByNumber" | "eth_getBlockReceipts" | "eth_getBlockTransactionCountByNumber" => Some(0),
        "eth_call"
        | "eth_estimateGas"
        | "eth_getBalance"
        | "eth_getCode"
        | "eth_getTransactionCount"
        | "eth_feeHistory"
        | "eth_createAccessList" => Some(1),
        "eth_getStorageAt" | "eth_getProof" => Some(2),
        _ => None,
    }
}

/// The number that a block parameter stands for at a node with this top; `None` for what is no number or tag.
pub(crate) fn number(block: &Value, top: u64) -> Option<u64> {
    match block.as_str()? {
        "latest" | "pending" | "safe" | "finalized" => Some(top),
        "earliest" => Some(0),
        hex => u64::from_str_radix(hex.strip_prefix("0x")?, 16).ok(),
    }
}

/// The first and the last block of a log filter; `None` for a filter by hash, or one that makes no sense.
pub(crate) fn range(call: &Value, top: u64) -> Option<(u64, u64)> {
    let filter = call["params"].get(0)?;
    let end = |name: &str| match filter.get(name) {
        None | Some(Value::Null) => Some(top),
        Some(block) => number(block, top),
    };
    if filter.get("blockHash").is_some_and(|hash| !hash.is_null()) {
        return None;
    }
    Some((end("fromBlock")?, end("toBlock")?))
}

/// What the node makes of a call.
pub(crate) fn see(call: &Value, top: u64) -> Seen {
    let method = call["method"].as_str().unwrap_or_default();
    if method == "eth_blockNumber" {
        return Seen::Result(hex(top));
    }
    if method == "eth_getLogs" {
        return see_logs(call, top);
    }
    let Some(place) = place(method) else { return Seen::Ask(call.clone()) };
    let mut asked = call.clone();
    let Some(params) = asked["params"].as_array_mut() else { return Seen::Ask(asked) };
    if params.len() < place {
        return Seen::Ask(asked);
    }
    if params.len() == place {
        params.push(json!("latest"));
    }
    let block = &mut params[place];
    if let Some(hash) = block.get("blockHash").cloned() {
        return Seen::AskIfKnown(hash, asked);
    }
    let by_number = block.get("blockNumber").cloned().unwrap_or_else(|| block.clone());
    match number(&by_number, top) {
        Some(number) if number <= top => {
            *block = hex(number);
            Seen::Ask(asked)
        }
        Some(_) if place == 0 => Seen::Result(Value::Null),
        Some(_) => Seen::Unknown,
        None => Seen::Ask(asked),
    }
}

/// It says nothing of blocks it has not seen, as if they held no logs.
fn see_logs(call: &Value, top: u64) -> Seen {
    let mut asked = call.clone();
    let Some((first, last)) = range(call, top) else {
        return match call["params"].get(0).and_then(|filter| filter.get("blockHash")).cloned() {
            Some(hash) => Seen::AskIfKnown(hash, asked),
            None => Seen::Ask(asked),
        };
    };
    if first > top {
        return Seen::Result(json!([]));
    }
    asked["params"][0]["fromBlock"] = hex(first);
    asked["params"][0]["toBlock"] = hex(last.min(top));
    Seen::Ask(asked)
}

/// Hides what lies in blocks above the top: blocks, transactions and receipts asked for by hash.
pub(crate) fn hide(method: &str, result: &mut Value, top: u64) {
    let place = match method {
        "eth_getBlockByHash" => "number",
        "eth_getTransactionByHash" | "eth_getTransactionReceipt" => "blockNumber",
        _ => return,
    };
    if result.get(place).and_then(|block| number(block, top)).is_some_and(|number| number > top) {
        *result = Value::Null;
    }
}

pub(crate) fn hex(number: u64) -> Value {
    json!(format!("0x{number:x}"))
}

#[cfg(test)]
mod tests;
