//! What jobs pay in: the chain's coin, or one of the tokens that the network's owner has listed; and amounts of either.

#[cfg(feature = "fuzz")]
pub(super) mod fuzz;
mod list;

use std::fmt;
use std::str::FromStr;

use alloy::primitives::utils::{format_units, parse_units};
use alloy::primitives::{Address, U256};
use anyhow::{Context, Result, bail, ensure};

use super::chain::{coin, parse_amount};
pub(super) use list::{by_address, by_name, each};

/// Longest symbol that is shown.
const MAX_SYMBOL: usize = 16;
/// Units of the chain's coin: no token is shown by one of these names.
const UNITS: [&str; 3] = ["ether", "gwei", "wei"];
/// Most decimals of a token that amounts are written with.
const MAX_DECIMALS: u8 = 36;

/// What an amount is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Currency {
    /// The chain's own coin.
    Coin,
    /// A token.
    Token(Token),
}

/// A token as it describes itself, where that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) address: Address,
    /// Letters that say nothing else on a terminal, and are no unit of the coin.
    pub(super) symbol: Option<String>,
    /// Amounts are in its smallest unit where it does not tell.
    pub(super) decimals: Option<u8>,
}

/// A token as its user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenName {
    Address(Address),
    Symbol(String),
}

/// An amount as its user writes it; what it comes to depends on the currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Amount {
    text: String,
    number: String,
    unit: String,
}

impl Currency {
    /// Zero for the coin, as the contract has it.
    pub(super) const fn address(&self) -> Address {
        match self {
            Self::Coin => Address::ZERO,
            Self::Token(token) => token.address,
        }
    }

    /// An amount for people: `0.05 ether`, `1.5 USDC`.
    pub(super) fn show(&self, amount: U256) -> String {
        let Self::Token(Token { address, symbol, decimals }) = self else { return coin(amount) };
        let number = decimals.and_then(|decimals| format_units(amount, decimals).ok());
        match (number.as_deref().map(trimmed), symbol) {
            (Some(number), Some(symbol)) => format!("{number} {symbol}"),
            (Some(number), None) => format!("{number} of token {address}"),
            (None, _) => format!("{amount} of the smallest unit of token {address}"),
        }
    }

    /// An amount as [`Amount`] reads it, to the last digit.
    pub(super) fn write(&self, amount: U256) -> String {
        match self {
            Self::Coin => coin(amount),
            Self::Token(Token { decimals: None, .. }) => amount.to_string(),
            Self::Token(Token { decimals: Some(decimals), .. }) => {
                format_units(amount, *decimals).map_or_else(|_| amount.to_string(), |text| trimmed(&text).to_owned())
            }
        }
    }

    /// What an amount comes to; `flag` is where it was given.
    pub(super) fn read(&self, amount: &Amount, flag: &str) -> Result<U256> {
        match self {
            Self::Coin => parse_amount(&amount.text).with_context(|| format!("{flag} is in the chain's coin")),
            Self::Token(token) => token.read(amount).with_context(|| format!("{flag} is in {self}")),
        }
    }
}

/// A name that says which one it is: `USDC (0x…)`.
impl fmt::Display for Currency {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Coin => write!(to, "the chain's coin"),
            Self::Token(token) => token.fmt(to),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.symbol {
            Some(symbol) => write!(to, "{symbol} ({})", self.address),
            None => write!(to, "token {}", self.address),
        }
    }
}

impl Token {
    fn read(&self, amount: &Amount) -> Result<U256> {
        let Amount { text, number, unit } = amount;
        let is_own = unit.is_empty() || self.symbol.as_ref().is_some_and(|symbol| symbol.eq_ignore_ascii_case(unit));
        if !is_own {
            bail!("{text:?} has the unit {unit}: write a number alone, in whole tokens");
        }
        let Some(decimals) = self.decimals else {
            return number.parse().with_context(|| {
                format!("{text:?} is no whole number: the token does not tell its decimals, so amounts are in its smallest unit")
            });
        };
        // The parser would cut off what it cannot keep.
        let fraction = number.split_once('.').map_or("", |(_, fraction)| fraction);
        ensure!(fraction.len() <= usize::from(decimals), "{text:?} has more decimals than the token's {decimals}");
        Ok(parse_units(number, decimals).with_context(|| format!("{text:?} is too large"))?.get_absolute())
    }
}

impl FromStr for Amount {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = [whole, fraction].iter().all(|part| !part.is_empty() && !part.contains('.'));
        let unit = unit.trim();
        let wrong = "is no amount: write 0.05ether, 20gwei, or a whole number of wei; of a token 1.5, in whole tokens";
        ensure!(is_number && unit.len() <= MAX_SYMBOL, "{text:?} {wrong}");
        Ok(Self { text: text.to_owned(), number: number.to_owned(), unit: unit.to_owned() })
    }
}

impl FromStr for TokenName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with("0x") {
            return text.parse().map(Self::Address).with_context(|| format!("{text:?} is no address"));
        }
        let symbol = symbol_of(text).with_context(|| format!("{text:?} is neither an address nor a token's symbol"))?;
        Ok(Self::Symbol(symbol))
    }
}

/// A text as a symbol, if it can be shown as one.
fn symbol_of(text: &str) -> Option<String> {
    let is_plain = text.len() <= MAX_SYMBOL && text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_unit = UNITS.iter().any(|unit| unit.eq_ignore_ascii_case(text));
    (is_plain && !is_unit && !text.is_empty()).then(|| text.to_owned())
}

/// A number without zeros at its end.
fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests;
