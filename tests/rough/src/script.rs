//! What a node does wrong, and how often.

use serde::{Deserialize, Serialize};

use crate::refusal::{RangeWords, SendWords};

/// A node's ways. The default is a good node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Every answer comes this late: least and most, in milliseconds.
    pub delay_ms: [u64; 2],
    /// How many blocks behind the chain it is.
    pub lag: u64,
    /// What it does wrong; the first rule that fits a call decides.
    pub rules: Vec<Rule>,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The method it happens to; every method when left out.
    #[serde(default)]
    pub method: Option<String>,
    /// It happens once in so many calls (that fit); one: always, which is the default.
    #[serde(default = "always")]
    pub one_in: u64,
    /// It happens at most so often; without end when left out.
    #[serde(default)]
    pub times: Option<u64>,
    /// What happens.
    pub does: Does,
}

const fn always() -> u64 {
    1
}

impl Rule {
    /// Something that happens to every call of a method.
    #[must_use]
    pub fn to(method: &str, does: Does) -> Self {
        Self { method: Some(method.to_owned()), one_in: 1, times: None, does }
    }

    /// Something that happens to any call, once in so many.
    #[must_use]
    pub const fn one_in(n: u64, does: Does) -> Self {
        Self { method: None, one_in: n, times: None, does }
    }

    /// The same, at most so often.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }
}

/// What can go wrong with a call. Where a call is part of a batch, what goes wrong with the HTTP answer goes wrong with
/// the whole batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// HTTP 429, with the seconds after which to come again.
    TooManyRequests {
        /// Of the header `Retry-After`.
        retry_after: u64,
    },
    /// HTTP 502 with a web page.
    Html,
    /// HTTP 200 with the first half of the answer, then the end of the connection.
    Truncated,
    /// HTTP 200 and JSON that never ends.
    Endless,
    /// No answer, ever.
    Silence,
    /// The connection closes before a byte is said.
    Hangup,
    /// An error object.
    Error {
        /// JSON-RPC error code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// `"result": null`, whatever was asked.
    Null,
    /// Neither `result` nor `error`.
    Nothing,
    /// A field nobody knows in the answer, and in the result if that is an object.
    Extra,
    /// A field is missing from the result.
    Without {
        /// Its name.
        field: String,
    },
    /// `eth_getLogs` over more blocks is refused.
    CapRange {
        /// Most blocks.
        blocks: u64,
        /// Whose words.
        words: RangeWords,
    },
    /// `eth_getLogs` over more blocks ends at a gateway, with a page that says nothing.
    CapRangePage {
        /// Most blocks.
        blocks: u64,
    },
    /// `eth_getLogs` that finds more logs is refused.
    CapLogs {
        /// Most logs.
        logs: usize,
    },
    /// `eth_getLogs` with a longer answer is refused.
    CapBytes {
        /// Most bytes of the result.
        bytes: usize,
    },
    /// `eth_getLogs` finds nothing, as a node does that has the block but has not indexed it yet.
    LoseLogs,
    /// `eth_sendRawTransaction` gives the hash, and the transaction goes nowhere.
    Swallow,
    /// `eth_sendRawTransaction` is refused.
    Refuse(SendWords),
}

impl Does {
    /// What it is called in the counts: as in a script.
    pub(crate) fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        let named = value.as_object().and_then(|fields| fields.keys().next()).map(String::as_str);
        named.or(value.as_str()).unwrap_or("unknown").to_owned()
    }

    /// Whether it can happen to a method at all.
    pub(crate) fn concerns(&self, method: &str) -> bool {
        match self {
            Self::CapRange { .. }
            | Self::CapRangePage { .. }
            | Self::CapLogs { .. }
            | Self::CapBytes { .. }
            | Self::LoseLogs => method == "eth_getLogs",
            Self::Swallow | Self::Refuse(_) => method == "eth_sendRawTransaction",
            _ => true,
        }
    }
}

impl Script {
    /// The chain as it is, for the `number`th of several URLs: answers 20 to 200 ms late, logs of 10 blocks at a time,
    /// one refusal in 20, and every third URL two blocks behind.
    #[must_use]
    pub fn rough(number: u64) -> Self {
        let words = RangeWords::ALL[usize::try_from(number).unwrap_or_default() % RangeWords::ALL.len()];
        Self {
            delay_ms: [20, 200],
            lag: if number % 3 == 2 { 2 } else { 0 },
            rules: vec![
                Rule::to("eth_getLogs", Does::CapRange { blocks: 10, words }),
                Rule::one_in(20, Does::TooManyRequests { retry_after: 1 }),
            ],
        }
    }
}
