//! What an operator wants to be told of (`min_balance` and `alert_webhook`).

use std::str::FromStr;

use alloy::primitives::U256;
use alloy::primitives::utils::parse_units;
use serde::{Deserialize, Serialize};
use url::Url;

/// An amount of the chain's coin: `0.05ether`, `20gwei`, or wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Coin(pub U256);

impl FromStr for Coin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("\"{text}\" is no amount: write 0.05ether, 20gwei, or a number of wei");
        let text = text.trim();
        let (number, unit) = text.find(|c: char| c.is_ascii_alphabetic()).map_or((text, "wei"), |at| text.split_at(at));
        if !["ether", "gwei", "wei"].contains(&unit) || !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(wrong());
        }
        parse_units(number.trim(), unit).map(|amount| Self(amount.get_absolute())).map_err(|_| wrong())
    }
}

impl TryFrom<String> for Coin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Coin> for String {
    fn from(coin: Coin) -> Self {
        coin.0.to_string()
    }
}

/// One that is wrong is not repeated: it may hold a secret.
pub(super) fn url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    webhook(&text).map(Some).map_err(serde::de::Error::custom)
}

/// Reads the URL of a webhook.
///
/// # Errors
/// When it is none, or neither `http` nor `https`; it is not repeated.
pub fn webhook(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("`alert_webhook` is no URL: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err("`alert_webhook` must begin with http:// or https://".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_with_their_units() {
        for (text, wei) in
            [("0.05ether", 50_000_000_000_000_000_u64), ("20gwei", 20_000_000_000), ("7", 7), (" 1 wei", 1)]
        {
            assert_eq!(text.parse(), Ok(Coin(U256::from(wei))), "{text}");
        }
        for text in ["", "x", "-1ether", "1 dollar", "0.1.2ether", "1e18"] {
            let error = text.parse::<Coin>().unwrap_err();
            assert!(error.contains("0.05ether") && error.contains(text), "{error}");
        }
    }

    #[test]
    fn a_webhook_that_is_wrong_is_not_repeated() {
        assert!(webhook("https://hooks.example/T0/s3cret").is_ok());
        for text in ["s3cret", "ftp://s3cret@host/", "http://[s3cret"] {
            let error = webhook(text).unwrap_err();
            assert!(error.contains("alert_webhook") && !error.contains("s3cret"), "{error}");
        }
    }
}
