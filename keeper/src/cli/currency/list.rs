//! Tokens as the chain has them: which are listed, and what each says of itself. Their words are not believed further than they can
//! do no harm.

use std::collections::{BTreeMap, BTreeSet};

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, TransactionRequest};
use alloy::sol_types::{SolCall, SolEvent, SolValue};
use anyhow::{Result, anyhow};
use contracts::{JobManager, PlayMoney};
use tokio::task::JoinSet;

use super::{Currency, MAX_DECIMALS, Token, TokenName, symbol_of};
use crate::chain::{ChainError, ChainProvider};
use crate::cli::chain::Chain;
use crate::cli::{Exit, WithExit};

/// Gas that a token gets to say its symbol or decimals.
const WORD_GAS: u64 = 300_000;
/// Longest answer that is looked at.
const MAX_WORD_BYTES: usize = 1024;
/// Most tokens whose words are asked for.
const MAX_TOKENS: usize = 64;

/// The currency with this address, zero being the coin.
pub(in crate::cli) async fn by_address(chain: &Chain, address: Address) -> Currency {
    if address.is_zero() { Currency::Coin } else { Currency::Token(described(&chain.provider, address).await) }
}

/// The currencies with these addresses; of more than 64 tokens the rest by their addresses alone.
pub(in crate::cli) async fn each(
    chain: &Chain,
    addresses: impl Iterator<Item = Address>,
) -> BTreeMap<Address, Currency> {
    let addresses: BTreeSet<Address> = addresses.filter(|address| !address.is_zero()).collect();
    let mut asked = JoinSet::new();
    for &address in addresses.iter().take(MAX_TOKENS) {
        let provider = chain.provider.clone();
        asked.spawn(async move { described(&provider, address).await });
    }
    let unknown = |address| (address, Currency::Token(Token { address, symbol: None, decimals: None }));
    let mut found: BTreeMap<_, _> = addresses.into_iter().map(unknown).collect();
    found.extend(asked.join_all().await.into_iter().map(|token| (token.address, Currency::Token(token))));
    found.insert(Address::ZERO, Currency::Coin);
    found
}

/// The currency that a job is to pay in.
///
/// # Errors
/// The token is not listed, or several have the symbol; the error names those that may be meant.
pub(in crate::cli) async fn by_name(chain: &Chain, name: Option<&TokenName>) -> Result<Currency> {
    let manager = JobManager::new(chain.network.contracts.job_manager, &chain.provider);
    let symbol = match name {
        None => return Ok(Currency::Coin),
        Some(TokenName::Address(address)) => {
            if manager.leastFee(*address).call().await.map_err(ChainError::from)?.is_zero() {
                let listed = listed(chain).await?;
                return Err(anyhow!("--token {address} is not listed: {}", offer(&listed))).exit(Exit::Usage);
            }
            return Ok(by_address(chain, *address).await);
        }
        Some(TokenName::Symbol(symbol)) => symbol,
    };
    let listed = listed(chain).await?;
    let are = |same: fn(&str, &str) -> bool| -> Vec<&Token> {
        listed.iter().filter(|token| token.symbol.as_deref().is_some_and(|other| same(other, symbol))).collect()
    };
    let exact = are(|one, other| one == other);
    let found = if exact.is_empty() { are(str::eq_ignore_ascii_case) } else { exact };
    match found.as_slice() {
        [token] => Ok(Currency::Token((*token).clone())),
        [] => Err(anyhow!("no listed token calls itself {symbol} (--token): {}", offer(&listed))).exit(Exit::Usage),
        several => {
            let addresses: Vec<_> = several.iter().map(|token| token.address.to_string()).collect();
            let addresses = addresses.join(" and ");
            Err(anyhow!("{addresses} all call themselves {symbol}: name one of them by its address, with --token"))
                .exit(Exit::Usage)
        }
    }
}

fn offer(listed: &[Token]) -> String {
    let names: Vec<_> = listed.iter().map(ToString::to_string).collect();
    if names.is_empty() {
        "jobs can pay in the chain's coin alone here, without --token".to_owned()
    } else {
        format!("jobs can pay in {}, or without --token in the chain's coin", names.join(", "))
    }
}

/// The tokens that jobs may pay in.
async fn listed(chain: &Chain) -> Result<Vec<Token>> {
    let manager = chain.network.contracts.job_manager;
    let filter = Filter::new().address(manager).event_signature(JobManager::LeastFeeChanged::SIGNATURE_HASH);
    // From the newest back: the first word about a token is the one that holds.
    let mut least = BTreeMap::new();
    let all = chain.newest_log(&filter, 0, |log| {
        if let Ok(event) = log.log_decode::<JobManager::LeastFeeChanged>()
            && log.address() == manager
        {
            least.entry(event.inner.data.token).or_insert(event.inner.data.leastFee);
        }
        None::<()>
    });
    all.await?;
    let tokens = least.into_iter().filter(|(token, fee)| !token.is_zero() && !fee.is_zero()).map(|(token, _)| token);
    let described = each(chain, tokens).await.into_values();
    Ok(described.filter_map(|one| if let Currency::Token(token) = one { Some(token) } else { None }).collect())
}

async fn described(provider: &ChainProvider, address: Address) -> Token {
    let symbol = word(provider, address, PlayMoney::symbolCall {}.abi_encode());
    let decimals = word(provider, address, PlayMoney::decimalsCall {}.abi_encode());
    let (symbol, decimals) = tokio::join!(symbol, decimals);
    let decimals = decimals.and_then(|answer| u8::try_from(U256::abi_decode(&answer).ok()?).ok());
    Token {
        address,
        symbol: symbol.and_then(|answer| symbol_in(&answer)),
        decimals: decimals.filter(|decimals| *decimals <= MAX_DECIMALS),
    }
}

async fn word(provider: &ChainProvider, token: Address, question: Vec<u8>) -> Option<Bytes> {
    let request = TransactionRequest::default().with_to(token).with_input(question).with_gas_limit(WORD_GAS);
    provider.call(request).await.ok().filter(|answer| answer.len() <= MAX_WORD_BYTES)
}

/// A symbol as ERC-20 has it, or the 32 bytes of some older tokens.
pub(super) fn symbol_in(answer: &[u8]) -> Option<String> {
    let text = String::abi_decode(answer).ok().or_else(|| {
        let word = B256::try_from(answer).ok()?;
        let end = word.iter().position(|byte| *byte == 0).unwrap_or(word.len());
        String::from_utf8(word[..end].to_vec()).ok()
    })?;
    symbol_of(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_shown_only_where_it_can_do_no_harm() {
        let text = |text: &str| symbol_in(&text.to_owned().abi_encode());
        assert_eq!(text("USDC"), Some("USDC".to_owned()));
        let mut old = [0; 32];
        old[..3].copy_from_slice(b"MKR");
        assert_eq!(symbol_in(&old), Some("MKR".to_owned()));
        for harmful in ["", "ether", "GWEI", "a b", "U\u{1b}[2J", "USD\u{202e}", "\u{421}", "SEVENTEEN-LETTERS", "x\n"]
        {
            assert_eq!(text(harmful), None, "{harmful:?}");
        }
        for nonsense in [&[][..], &[0xff; 32], &[0xff; 31], &[0; 32], &[0x20; 96]] {
            assert_eq!(symbol_in(nonsense), None, "{nonsense:?}");
        }
    }
}
