//! What becomes of one call: chosen by the script before it is passed on, and once more when the answer is there.

use alloy_primitives::keccak256;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::lag::range;
use crate::refusal::{error, too_large, too_many_logs};
use crate::script::{Does, Script};

/// What happens to a whole HTTP answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Http {
    TooManyRequests(u64),
    Html,
    Truncated,
    Endless,
    Silence,
    Hangup,
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fate {
    /// It goes wrong, and the HTTP answer with it.
    Http(Http),
    /// This is its answer (`result` or `error` and its value); the node is not asked.
    Said(&'static str, Value),
    /// The node is asked, and this happens to its answer.
    Changed(Does),
    /// The node is asked.
    Asked,
}

/// Chooses: the first rule that fits a call and whose time has come. `used` counts how often each rule has struck.
pub(crate) fn choose(call: &Value, script: &Script, used: &mut [u64], dice: &mut Dice, head: u64) -> Fate {
    let method = call["method"].as_str().unwrap_or_default();
    for (rule, used) in script.rules.iter().zip(used) {
        let named = rule.method.as_deref().is_none_or(|name| name == method);
        let spent = rule.times.is_some_and(|most| *used >= most);
        if !named || spent || !rule.does.concerns(method) || !applies(&rule.does, call, head) {
            continue;
        }
        if dice.one_in(rule.one_in) {
            *used += 1;
            return fate(&rule.does, call, head);
        }
    }
    Fate::Asked
}

/// Whether there is something to be wrong with.
fn applies(does: &Does, call: &Value, head: u64) -> bool {
    match does {
        Does::CapRange { blocks, .. } | Does::CapRangePage { blocks } => {
            range(call, head).is_some_and(|(first, last)| last.saturating_sub(first) >= *blocks)
        }
        _ => true,
    }
}

fn fate(does: &Does, call: &Value, head: u64) -> Fate {
    match does {
        Does::TooManyRequests { retry_after } => Fate::Http(Http::TooManyRequests(*retry_after)),
        Does::Html | Does::CapRangePage { .. } => Fate::Http(Http::Html),
        Does::Truncated => Fate::Http(Http::Truncated),
        Does::Endless => Fate::Http(Http::Endless),
        Does::Silence => Fate::Http(Http::Silence),
        Does::Hangup => Fate::Http(Http::Hangup),
        Does::Error { code, message } => Fate::Said("error", error(*code, message)),
        Does::Null => Fate::Said("result", Value::Null),
        Does::LoseLogs => Fate::Said("result", json!([])),
        Does::CapRange { blocks, words } => {
            let (first, last) = range(call, head).unwrap_or_default();
            Fate::Said("error", words.error(first, last, *blocks))
        }
        Does::Swallow => Fate::Said("result", transaction_hash(call)),
        Does::Refuse(words) => Fate::Said("error", words.error()),
        Does::Nothing | Does::Extra | Does::Without { .. } | Does::CapLogs { .. } | Does::CapBytes { .. } => {
            Fate::Changed(does.clone())
        }
    }
}

/// The hash of a raw transaction is that of its bytes.
fn transaction_hash(call: &Value) -> Value {
    let raw = call["params"].get(0).and_then(Value::as_str).unwrap_or_default();
    let bytes = alloy_primitives::hex::decode(raw).unwrap_or_default();
    json!(keccak256(bytes).to_string())
}

/// Changes the node's answer to a call.
pub(crate) fn change(does: &Does, call: &Value, answer: &mut Value, head: u64) {
    let (first, last) = range(call, head).unwrap_or_default();
    let Some(fields) = answer.as_object_mut() else { return };
    match does {
        Does::Nothing => {
            fields.remove("result");
            fields.remove("error");
        }
        Does::Extra => {
            fields.insert("unheardOf".to_owned(), json!({"of": 1}));
            if let Some(result) = fields.get_mut("result").and_then(Value::as_object_mut) {
                result.insert("unheardOf".to_owned(), json!(["0x1"]));
            }
        }
        Does::Without { field } => {
            if let Some(result) = fields.get_mut("result").and_then(Value::as_object_mut) {
                result.remove(field);
            }
        }
        Does::CapLogs { logs }
            if fields.get("result").and_then(Value::as_array).is_some_and(|all| all.len() > *logs) =>
        {
            refuse(fields, too_many_logs(first, last, *logs));
        }
        Does::CapBytes { bytes } if fields.get("result").is_some_and(|all| all.to_string().len() > *bytes) => {
            refuse(fields, too_large(first, last));
        }
        _ => {}
    }
}

fn refuse(fields: &mut serde_json::Map<String, Value>, error: Value) {
    fields.remove("result");
    fields.insert("error".to_owned(), error);
}

#[cfg(test)]
mod tests;
