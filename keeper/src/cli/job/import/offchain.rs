//! What Chainlink's nodes read of an upkeep off chain: CBOR, `{"maxGasPrice": wei}`.

use ciborium::Value;

/// Longest that is looked at.
const MAX_BYTES: usize = 4_096;
/// Deepest nesting.
const DEPTH: usize = 8;
/// CBOR's tag of a whole number that is too large for its own.
const BIGNUM: u64 = 2;

/// The most that it pays for a gas, in wei; `None` where it does not say. More than 64 bits is no limit.
///
/// # Errors
/// What is wrong with the bytes.
pub(super) fn most_gas_price(config: &[u8]) -> Result<Option<u64>, &'static str> {
    if config.is_empty() {
        return Ok(None);
    }
    if config.len() > MAX_BYTES {
        return Err("they are too long");
    }
    let mut rest = config;
    let value = ciborium::de::from_reader_with_recursion_limit(&mut rest, DEPTH);
    let value: Value = value.map_err(|_| "they are no CBOR")?;
    if !rest.is_empty() {
        return Err("more follows after them");
    }
    let fields = value.into_map().map_err(|_| "they have no names")?;
    let field = fields.into_iter().find(|(name, _)| name.as_text() == Some("maxGasPrice"));
    let Some((_, price)) = field else { return Ok(None) };
    let wei = match price {
        Value::Null => 0,
        Value::Integer(number) => u128::try_from(number).map_err(|_| "maxGasPrice is below zero")?,
        Value::Tag(BIGNUM, bytes) => {
            let bytes = bytes.into_bytes().map_err(|_| "maxGasPrice is no number")?;
            let digits: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
            let mut word = [0; 16];
            let place = word.len().checked_sub(digits.len()).ok_or("maxGasPrice is beyond all prices")?;
            word[place..].copy_from_slice(&digits);
            u128::from_be_bytes(word)
        }
        _ => return Err("maxGasPrice is no number"),
    };
    Ok(u64::try_from(wei).ok().filter(|wei| *wei != 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As JavaScript and Go write it.
    fn written(price: Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        let fields = vec![(Value::Text("maxGasPrice".to_owned()), price)];
        ciborium::into_writer(&Value::Map(fields), &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_price_is_read_as_nodes_write_it() {
        assert_eq!(most_gas_price(&[]), Ok(None));
        assert_eq!(most_gas_price(&written(Value::from(2_000_000_000_u64))), Ok(Some(2_000_000_000)));
        let bignum = |bytes: Vec<u8>| written(Value::Tag(BIGNUM, Box::new(Value::Bytes(bytes))));
        assert_eq!(most_gas_price(&bignum(vec![0, 0x77, 0x35, 0x94, 0])), Ok(Some(2_000_000_000)));
        assert_eq!(most_gas_price(&bignum(vec![1; 9])), Ok(None), "no chain has it");
        assert_eq!(most_gas_price(&written(Value::from(0))), Ok(None), "as nodes take it");
        assert_eq!(most_gas_price(&written(Value::Null)), Ok(None));
        let mut other = Vec::new();
        ciborium::into_writer(&Value::Map(vec![(Value::from("x"), Value::from(1))]), &mut other).unwrap();
        assert_eq!(most_gas_price(&other), Ok(None));
    }

    #[test]
    fn what_is_none_is_said() {
        let bignum = |length| written(Value::Tag(BIGNUM, Box::new(Value::Bytes(vec![1; length]))));
        for wrong in [
            vec![0xff],
            vec![0; MAX_BYTES + 1],
            vec![0x81; 64],
            [written(Value::from(1)), vec![0]].concat(),
            written(Value::from(-1)),
            written(Value::from("1")),
            bignum(17),
            // a map of more fields than there is memory
            vec![0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(most_gas_price(&wrong).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = most_gas_price(&bytes);
        }
    }
}
