//! What tokens say of themselves, for [`crate::cli::fuzz`].

use alloy::sol_types::SolValue;

use super::{UNITS, list};

/// The answer of a token that was asked for its symbol.
pub fn token_symbol(bytes: &[u8]) {
    if let Some(symbol) = list::symbol_in(bytes) {
        assert!(
            symbol.bytes().all(|byte| byte.is_ascii_graphic()) && !symbol.is_empty(),
            "it does no harm where it is shown"
        );
        assert!(!UNITS.iter().any(|unit| unit.eq_ignore_ascii_case(&symbol)), "no token passes for the chain's coin");
    }
}

/// A symbol as ERC-20 has it, as older tokens have it, and one that passes for a unit.
#[must_use]
pub fn token_symbol_seeds() -> Vec<Vec<u8>> {
    let mut old = vec![0; 32];
    old[..3].copy_from_slice(b"MKR");
    vec!["USDC".abi_encode(), old, "ether".abi_encode()]
}
