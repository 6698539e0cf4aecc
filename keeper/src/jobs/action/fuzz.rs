//! What contracts answer that are asked before a run, for fuzz targets (`tests/fuzz`).

use alloy::primitives::Bytes;
use alloy::sol_types::SolValue;

use super::checked::{self, Verdict};

/// The answer of `checkUpkeep`, `checkLog` or `checker`: what the library reads too is read alike here.
pub fn answer(bytes: &[u8]) {
    let read = checked::decode(&Bytes::copy_from_slice(bytes));
    if let Ok((is_yes, data)) = <(bool, Bytes)>::abi_decode_params_validate(bytes) {
        match read {
            Some(Verdict::Yes(own)) => assert!(is_yes && own == data, "the same bytes"),
            Some(Verdict::No(own)) => assert!(!is_yes && own == data, "the same bytes"),
            None => panic!("what decodes for everybody decodes here"),
        }
    }
}

/// A yes and a no, with bytes and without.
#[must_use]
pub fn answer_seeds() -> Vec<Vec<u8>> {
    let of = |is_yes: bool, data: &'static [u8]| (is_yes, Bytes::from_static(data)).abi_encode_params();
    vec![of(true, b"perform"), of(false, b"nothing to do"), of(true, b""), of(false, &[0; 33])]
}
