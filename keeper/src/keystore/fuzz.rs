//! Files with keys, whoever wrote them, for fuzz targets (`tests/fuzz`). Only cheap derivations are made here: the dear ones
//! have a bound of their own.

use std::path::Path;

use alloy::primitives::Address;
use consensus::bls::{PublicKey, SecretKey};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::cipher::{self, Derivation};
use super::{ForeignKey, OpenKey, Password, SecretName, Secrets, bls, secrets, wallet};

const PASSWORD: &str = "pässword";
const FILE: &str = "key.json";
const IV: [u8; 16] = [7; 16];
/// What one derivation may cost here, in steps of its own.
const MOST_COST: u64 = 64;

fn password() -> Password {
    Password::new(PASSWORD)
}

fn derivation() -> Derivation {
    Derivation::Scrypt { dklen: 32, n: 2, r: 1, p: 1, salt: "ab".repeat(32) }
}

fn derived() -> Zeroizing<[u8; 32]> {
    derivation().derive(password().raw()).expect("in bounds")
}

/// Whether to open it takes no longer than to read it.
pub(crate) fn is_cheap(document: &Value) -> bool {
    match document {
        Value::Object(fields) => {
            let number = |name: &str| fields.get(name).and_then(Value::as_u64);
            let scrypt = ["n", "r", "p"].into_iter().filter_map(number).fold(1_u64, u64::saturating_mul);
            scrypt.max(number("c").unwrap_or_default()) <= MOST_COST && fields.values().all(is_cheap)
        }
        Value::Array(values) => values.iter().all(is_cheap),
        _ => true,
    }
}

/// The text, if it is worth to be opened here.
fn cheap(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str(text).map_or(true, |document| is_cheap(&document)).then_some(text)
}

/// A keystore with a BLS key (EIP-2335).
pub fn bls_keystore(bytes: &[u8]) {
    let Some(text) = cheap(bytes) else { return };
    if let Ok(key) = bls::unlock(Path::new(FILE), text, &password()) {
        let own = key.public_key().to_bytes();
        assert!(named(text, "pubkey").is_none_or(|named| named == own), "a file opens as the key that it names");
    }
}

fn secret() -> SecretKey {
    SecretKey::generate(&[3; 32])
}

/// Such keystores, with each derivation.
#[must_use]
pub fn bls_keystore_seeds() -> Vec<Vec<u8>> {
    let pbkdf2 = Derivation::Pbkdf2 { dklen: 32, c: 2, prf: "hmac-sha256".to_owned(), salt: "cd".repeat(32) };
    let key = secret();
    [derivation(), pbkdf2]
        .map(|derivation| {
            let crypto = bls::Crypto::seal(&*key.to_bytes(), &password(), derivation, IV).expect("in bounds");
            let pubkey = alloy::hex::encode(key.public_key().to_bytes());
            let file = json!({"crypto": crypto, "pubkey": pubkey, "path": "m/12381/60/0/0", "uuid": "x", "version": 4});
            file.to_string().into_bytes()
        })
        .to_vec()
}

/// A keystore with a wallet (Web3 Secret Storage).
pub fn wallet_keystore(bytes: &[u8]) {
    let Some(text) = cheap(bytes) else { return };
    if let Ok(signer) = wallet::unlock(Path::new(FILE), text, &password()) {
        let own = signer.address();
        assert!(named(text, "address").is_none_or(|named| named == own[..]), "a file opens as the key that it names");
    }
}

/// The key that a file names. One that names none may open as any: neither format's check covers where its cipher begins.
fn named(text: &str, field: &str) -> Option<Vec<u8>> {
    let file: Value = serde_json::from_str(text).ok()?;
    let named = file[field].as_str().filter(|named| !named.is_empty())?;
    Some(alloy::hex::decode(named).unwrap_or_default())
}

fn address() -> Address {
    wallet::address_of(&[3; 32]).expect("it is a key")
}

/// Such a keystore, as geth writes it, and one without an address.
#[must_use]
pub fn wallet_keystore_seeds() -> Vec<Vec<u8>> {
    let (derived, mut ciphertext) = (derived(), [3; 32]);
    cipher::apply_aes128_ctr(&derived, &IV, &mut ciphertext);
    let crypto = json!({
        "cipher": "aes-128-ctr", "cipherparams": {"iv": alloy::hex::encode(IV)},
        "ciphertext": alloy::hex::encode(ciphertext), "kdf": "scrypt", "kdfparams": derivation(),
        "mac": alloy::hex::encode(wallet::mac(&derived, &ciphertext)),
    });
    let named = json!({"address": alloy::hex::encode(address()), "crypto": crypto, "id": "x", "version": 3});
    let bare = json!({"Crypto": crypto, "version": 3});
    [named, bare].map(|file| file.to_string().into_bytes()).to_vec()
}

/// A file with a key that another program wrote.
pub fn foreign_key(bytes: &[u8]) {
    let Some(text) = cheap(bytes) else { return };
    let Ok(key) = ForeignKey::of(Path::new(FILE), Zeroizing::new(text.to_owned())) else { return };
    match key.open(Some(&password())) {
        Ok(OpenKey::Wallet(secret, named)) => assert_eq!(wallet::address_of(&secret), Some(named)),
        Ok(OpenKey::Bls(opened)) => assert!(PublicKey::from_bytes(&opened.public_key().to_bytes()).is_ok()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Keystores, a key in plain hex, and keys of other schemes.
#[must_use]
pub fn foreign_key_seeds() -> Vec<Vec<u8>> {
    let of_eigenlayer = json!({"pubKey": "E([1,2])", "crypto": {}, "version": 4});
    let of_a_validator = json!({"pubkey": "ab".repeat(48), "crypto": {}, "version": 4});
    let others = [of_eigenlayer.to_string(), of_a_validator.to_string(), format!("0x{}\n", "03".repeat(32))];
    let own = bls_keystore_seeds().into_iter().chain(wallet_keystore_seeds());
    own.chain(others.map(String::into_bytes)).collect()
}

/// What an operator lets jobs have sent.
pub fn secrets_file(bytes: &[u8]) {
    let Some(text) = cheap(bytes) else { return };
    if let Ok(opened) = secrets::unlock(Path::new(FILE), text, &password()) {
        let names = opened.names();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]), "each once, and in order");
    }
    // What is inside of such a file, without its cover.
    let rows: Vec<(SecretName, String)> = serde_json::from_str(text).unwrap_or_default();
    let mut secrets = Secrets::default();
    for (name, value) in rows {
        let _ = secrets.set(name, &value);
    }
}

/// Such a file, and what is inside of one.
#[must_use]
pub fn secrets_file_seeds() -> Vec<Vec<u8>> {
    let name = SecretName { name: "KEY".to_owned(), host: "api.example.com".to_owned(), job: Some(7) };
    let row = json!({"name": name.name, "host": name.host, "job": name.job, "value": "s3cr3t"});
    let mut message = json!([row]).to_string().into_bytes();
    let derived = derivation().derive(&password().normalized()).expect("in bounds");
    cipher::apply_aes128_ctr(&derived, &IV, &mut message);
    let file = json!({
        "version": 1, "kdf": derivation(), "iv": alloy::hex::encode(IV),
        "checksum": alloy::hex::encode(secrets::checksum(&derived, &message)), "message": alloy::hex::encode(&message),
    });
    vec![file.to_string().into_bytes(), json!([[name, "s3cr3t"]]).to_string().into_bytes()]
}
