//! What people type and hand over, for fuzz targets (`tests/fuzz`).

use super::chain::parse_amount;
pub use super::currency::fuzz::{token_symbol, token_symbol_seeds};
use super::currency::{Amount, TokenName};
pub use super::job::fuzz::{
    gelato_trigger, gelato_trigger_seeds, job_file, job_file_seeds, offchain_config, offchain_config_seeds,
};

/// An amount of coin or of a token.
pub fn amount(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = (parse_amount(text), text.parse::<Amount>(), text.parse::<TokenName>());
    let _ = text.parse::<crate::config::Coin>();
}

/// Amounts in each unit, and tokens.
#[must_use]
pub fn amount_seeds() -> Vec<Vec<u8>> {
    [
        "0.05ether",
        "20gwei",
        "1000000000000000000",
        "1.5 USDC",
        "USDC",
        "0x00000000000000000000000000000000000000aa",
        "1.e",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
