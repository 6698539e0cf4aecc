//! What other networks' entries carry, for [`crate::cli::fuzz`].

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolValue;

use super::{gelato, offchain};

/// A trigger of Gelato's.
pub fn gelato_trigger(bytes: &[u8]) {
    let mut notes = Vec::new();
    let _ = (gelato::trigger::trigger(bytes, &mut notes), gelato::trigger::time(bytes, &mut notes));
}

/// One of each kind.
#[must_use]
pub fn gelato_trigger_seeds() -> Vec<Vec<u8>> {
    let of = |kind: u8, config: Vec<u8>| (U256::from(kind), Bytes::from(config)).abi_encode_params();
    let times = (U256::from(1_700_000_000_000_u64), U256::from(60_000)).abi_encode_params();
    let event = (Address::repeat_byte(3), vec![vec![B256::repeat_byte(1)], vec![]], U256::from(2)).abi_encode_params();
    vec![of(0, times.clone()), of(1, "0 9 * * 1-5".abi_encode()), of(2, event), of(3, Vec::new()), times]
}

/// What Chainlink's nodes read of an upkeep off chain.
pub fn offchain_config(bytes: &[u8]) {
    let _ = offchain::most_gas_price(bytes);
}

/// Prices, as a number and as one that is too large for that.
#[must_use]
pub fn offchain_config_seeds() -> Vec<Vec<u8>> {
    use ciborium::Value;
    let prices = [Value::from(2_000_000_000_u64), Value::Tag(2, Box::new(Value::Bytes(vec![1; 9]))), Value::Null];
    prices
        .map(|price| {
            let mut bytes = Vec::new();
            let fields = vec![(Value::Text("maxGasPrice".to_owned()), price)];
            ciborium::into_writer(&Value::Map(fields), &mut bytes).expect("memory takes everything");
            bytes
        })
        .to_vec()
}
