//! What a node means by an error: providers number and word the same thing differently.

use crate::executor::is_failed_call;
use alloy_json_rpc::ErrorPayload;
use std::time::Duration;

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The question was understood, and this is the answer: a revert, a refused transaction.
    Answer,
    /// Asked too often; when to ask again, if it says so.
    Limited(Option<Duration>),
    /// The node's own trouble, or something it does not keep: another one may well answer.
    Trouble,
}

/// Methods whose errors are answers unless their words say otherwise. Every other question has an answer on every good
/// node, so an error there is the node's.
const TRIES: [&str; 3] = ["eth_call", "eth_estimateGas", "eth_sendRawTransaction"];

const LIMITS: [&str; 14] = [
    "rate limit",
    "rate-limit",
    "ratelimit",
    "rate exceeded",
    "rate limited",
    "too many requests",
    "request limit",
    "requests per",
    "credits",
    "compute units",
    "throttl",
    "quota",
    "concurrent requests",
    "capacity exceeded",
];

const TROUBLES: [&str; 25] = [
    "header not found",
    "block not found",
    "unknown block",
    "could not find block",
    "missing trie node",
    "state not available",
    "state is not available",
    "historical state",
    "pruned",
    "not canonical",
    "internal error",
    "internal server",
    "server error",
    "upstream",
    "backend",
    "bad gateway",
    "unavailable",
    "timeout",
    "timed out",
    "deadline exceeded",
    "unauthorized",
    "not allowed",
    "not supported",
    "does not exist",
    "not whitelisted",
];

/// What `error` means as the answer to `method`.
pub(super) fn meaning(method: &str, error: &ErrorPayload) -> Meaning {
    let words = error.message.to_lowercase();
    // Code 3 is "execution error"; nodes that do not send it say "revert".
    let is_revert = error.code == 3 || words.contains("revert") || error.as_revert_data().is_some();
    if TRIES.contains(&method) && (is_revert || is_failed_call(error)) {
        return Meaning::Answer;
    }
    // Infura's -32005 is also its word for too many logs, which is told by whoever asked for logs.
    if matches!(error.code, 429 | -32005 | -32055) || LIMITS.iter().any(|limit| words.contains(limit)) {
        let data = error.data.as_ref().map(|data| data.get().to_lowercase()).unwrap_or_default();
        return Meaning::Limited(pause(&words).or_else(|| pause(&data)));
    }
    let trouble = matches!(error.code, -32_700 | -32_601 | -32_603) || TROUBLES.iter().any(|word| words.contains(word));
    if trouble || !TRIES.contains(&method) { Meaning::Trouble } else { Meaning::Answer }
}

/// Whether a refused question about logs was refused for being asked too often, not for what it asks.
pub(super) fn is_rate_limit(error: &ErrorPayload) -> bool {
    let words = error.message.to_lowercase();
    error.code == 429 || LIMITS.iter().any(|limit| words.contains(limit))
}

/// What there may be too much of in the answer to a question about logs, or in the question itself, and how nodes say so.
const AMOUNTS: [&str; 8] = ["result", "logs", "response", "payload", "entity", "body", "topics", "addresses"];
const TOO_MUCH: [&str; 8] = ["more than", "too many", "too large", "too big", "greater than", "exceed", "limit", "max"];

/// Whether a question about logs was refused for how much it is about. Stricter than what has fewer blocks asked for next: where there
/// is but one, what is taken for this is let go of, and blocks, plans and times are no amount of logs.
pub(super) fn is_about_amount(error: &ErrorPayload) -> bool {
    let words = error.message.to_lowercase().replace("eth_getlogs", "");
    let says = |list: &[&str]| list.iter().any(|word| words.contains(word));
    !is_rate_limit(error) && pause(&words).is_none() && says(&AMOUNTS) && says(&TOO_MUCH)
}

/// `retry after 5`, `try again in 2 s`, `"backoff_seconds": 30`.
fn pause(words: &str) -> Option<Duration> {
    let marks = ["retry after", "retry in", "try again in", "backoff_seconds"];
    let rest = marks.iter().find_map(|mark| words.split_once(mark).map(|(_, rest)| rest))?;
    let number: String = rest
        .chars()
        .skip_while(|sign| matches!(sign, ' ' | ':' | '"' | '='))
        .take_while(|sign| sign.is_ascii_digit() || *sign == '.')
        .collect();
    let number: f64 = number.trim_end_matches('.').parse().ok()?;
    let unit = rest.trim_start_matches([' ', ':', '"', '=', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    let seconds = if unit.starts_with("ms") || unit.starts_with("milli") { number / 1000.0 } else { number };
    Duration::try_from_secs_f64(seconds).ok()
}

/// How many blocks a node would answer for, as far as its words say: the range it proposes, or else the largest number
/// in them that is smaller than what was asked. A wrong guess costs one more question.
pub(super) fn proposed_blocks(words: &str, asked: u64) -> Option<u64> {
    let words = words.to_lowercase();
    let numbers = numbers(&words);
    let range = words.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(range, _)| self::numbers(range));
    if let Some([from, to]) = range.as_deref()
        && let Some(blocks) = to.checked_sub(*from)
        && (1..asked).contains(&(blocks + 1))
    {
        return Some(blocks + 1);
    }
    numbers.into_iter().filter(|number| (1..asked).contains(number)).max()
}

/// The whole numbers in a text: `10,000`, `10k`, `0x1f`.
fn numbers(words: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for word in words.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == ',')) {
        let word = word.replace(',', "");
        let number = match (word.strip_prefix("0x"), word.strip_suffix('k')) {
            (Some(hex), _) => u64::from_str_radix(hex, 16).ok(),
            (None, Some(thousands)) => thousands.parse::<u64>().ok().and_then(|number| number.checked_mul(1_000)),
            (None, None) => word.parse().ok(),
        };
        found.extend(number.filter(|number| *number < u64::MAX));
    }
    found
}

#[cfg(test)]
mod tests;
