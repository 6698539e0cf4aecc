//! The ledger of transactions on disk, for fuzz targets (`tests/fuzz`).

use alloy::primitives::{Address, B256, Bytes};
use serde_json::json;

use super::file::Texts;
use super::{Attempt, Call, Entry, Ledger, file};
use crate::chain::fees::Fees;

/// A ledger's file, of any version.
pub fn ledger(bytes: &[u8]) {
    if let Ok(ledger) = file::decode(bytes) {
        let written = file::encode(&ledger, &mut Texts::new()).expect("what was read can be written");
        assert_eq!(file::decode(&written), Ok(ledger), "no nonce is forgotten on disk");
    }
}

/// An empty ledger, one with open transactions, and one of the version before.
///
/// # Panics
/// Never: what is in a ledger can be written.
#[must_use]
pub fn ledger_seeds() -> Vec<Vec<u8>> {
    let (account, key) = (Address::repeat_byte(9), B256::with_last_byte(7));
    let to = Address::repeat_byte(3);
    let call = Call { to, input: Bytes::from_static(b"one"), gas_floor: 5, last_block: Some(9), counts: true };
    let fees = Fees { max_fee: u128::from(u64::MAX) * 3, tip: 1 };
    let tx = B256::repeat_byte(1);
    let entry = Entry { nonce: 4, key, call, gas_limit: 21_000, attempts: vec![Attempt { tx, key, fees }] };
    let empty = Ledger::empty(31337, account);
    let idle = Entry { attempts: entry.attempts.clone(), ..Entry::idle(6, account) };
    let filled = Ledger { floor: 3, entries: [(4, entry), (6, idle)].into(), ..empty.clone() };
    let intent = |nonce: u64, closed: bool| {
        let attempts = json!([{"tx": tx, "max_fee": 7, "tip": 1}]);
        json!({"nonce": nonce, "to": to, "input": "0x01", "gas_limit": 9, "attempts": attempts, "closed": closed})
    };
    let old =
        json!({"version": 1, "chain_id": 31337, "address": account, "intents": [intent(1, true), intent(2, false)]});
    let new = [empty, filled].map(|ledger| file::encode(&ledger, &mut Texts::new()).expect("it can be written"));
    new.into_iter().chain([old.to_string().into_bytes()]).collect()
}
