//! The account's key: a signature is the draft written out.

use alloy::primitives::{Address, B256, Bytes};
use keeper::chain::fees::Fees;
use keeper::chain::lane::{Draft, Sign};

use super::chain::Tx;
use crate::sim::random::Fingerprint;

/// Signs by writing the draft out.
#[derive(Debug)]
pub(super) struct Pen;

impl Sign for Pen {
    fn sign(&self, draft: &Draft<'_>) -> Result<(B256, Bytes), String> {
        let content = draft.input.get(..8).map_or([0; 8], |id| id.try_into().unwrap_or_default());
        let mut raw = Vec::with_capacity(56);
        raw.extend(draft.nonce.to_be_bytes());
        raw.extend(content);
        raw.extend(draft.gas_limit.to_be_bytes());
        raw.extend(draft.fees.max_fee.to_be_bytes());
        raw.extend(draft.fees.tip.to_be_bytes());
        let mut hash = Fingerprint::default();
        hash.bytes(&raw);
        let mut tx = [0; 32];
        tx[..8].copy_from_slice(&hash.value().to_be_bytes());
        tx[8..16].copy_from_slice(&draft.nonce.to_be_bytes());
        tx[16..24].copy_from_slice(&content);
        tx[24..].copy_from_slice(&draft.fees.max_fee.to_be_bytes()[8..]);
        Ok((tx.into(), raw.into()))
    }
}

/// The transaction behind the bytes.
pub(super) fn read(raw: &[u8]) -> Tx {
    let word = |from: usize| u64::from_be_bytes(raw[from..from + 8].try_into().expect("eight bytes"));
    let wide = |from: usize| u128::from_be_bytes(raw[from..from + 16].try_into().expect("sixteen bytes"));
    let (nonce, content, gas_limit) = (word(0), word(8), word(16));
    let fees = Fees { max_fee: wide(24), tip: wide(40) };
    let input = if content == 0 { Bytes::new() } else { Bytes::copy_from_slice(&content.to_be_bytes()) };
    let draft = Draft { nonce, to: Address::ZERO, input: &input, gas_limit, fees };
    let hash = Pen.sign(&draft).map(|(hash, _)| hash).unwrap_or_default();
    Tx { hash, nonce, content, gas_limit, fees, foreign: false }
}
