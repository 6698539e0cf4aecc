//! A keeper in one file, for fuzz targets (`tests/fuzz`).

use serde_json::Value;
use zeroize::Zeroizing;

use super::{CONFIG, Unpacked, is_known, pack, seal, unpack};
use crate::keystore::{Derivation, Password, fuzz};

/// A sealed backup; and what is inside of one, without its seal.
pub fn backup(bytes: &[u8]) {
    if let Ok(files) = unpack(bytes) {
        assert!(files.iter().all(|(name, _)| is_known(name)), "nothing leads out of the data directory");
        let again = unpack(&pack(&files)).expect("it reads what it writes");
        assert_eq!(again, files, "no file is lost");
    }
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_cheap = serde_json::from_slice::<Value>(first).is_ok_and(|head| fuzz::is_cheap(&head));
    if is_cheap && let Ok(opened) = seal::open(bytes, &Password::new("password")) {
        assert!(unpack(&opened).is_ok(), "nobody can make up what the seal covers");
    }
}

fn files() -> Unpacked {
    let file = |name: &str, bytes: &[u8]| (name.to_owned(), Zeroizing::new(bytes.to_vec()));
    vec![file(CONFIG, b"max_peers = 7\n"), file("keystores/bls-01020304.json", b"{}")]
}

/// An archive of files, and a sealed one.
///
/// # Panics
/// Never: the seal's parameters are in bounds.
#[must_use]
pub fn backup_seeds() -> Vec<Vec<u8>> {
    let scrypt = Derivation::Scrypt { dklen: 32, n: 2, r: 1, p: 1, salt: "ab".repeat(32) };
    let sealed = seal::sealed(&pack(&files()), &Password::new("password"), scrypt, [7; 24]);
    vec![pack(&[]), pack(&files()), sealed]
}
