//! The test vectors of EIP-2335 and of the Web3 Secret Storage definition.

use super::super::bls::{Crypto, File, Unopened};
use super::super::cipher::Derivation;
use super::*;

/// "testpassword🔑" in the letters of mathematical fraktur, with control codes strewn in: what EIP-2335 normalises.
const FRAKTUR: &str = "𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑";
const SECRET: &str = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
const SCRYPT: &str = include_str!("eip2335-scrypt.json");
const PBKDF2: &str = include_str!("eip2335-pbkdf2.json");

#[test]
fn eip2335_passwords_are_normalised_and_stripped() {
    let expected = alloy::hex!("7465737470617373776f7264f09f9491");
    assert_eq!(*Password::new(FRAKTUR).normalized(), expected);
    let strewn = format!("\u{7}{FRAKTUR}\u{7f}\u{9f}\n");
    assert_eq!(*Password::new(&strewn).normalized(), expected);
}

#[test]
fn eip2335_vectors_open() {
    for text in [SCRYPT, PBKDF2] {
        let file: File = serde_json::from_str(text).unwrap();
        let secret = file.crypto.open(&Password::new(FRAKTUR)).unwrap();
        assert_eq!(alloy::hex::encode(&*secret), SECRET);
        assert_eq!(file.crypto.open(&Password::new("testpassword")), Err(Unopened::WrongPassword));
    }
}

#[test]
fn eip2335_vectors_come_out_of_sealing() {
    for text in [SCRYPT, PBKDF2] {
        let expected: serde_json::Value = serde_json::from_str(text).unwrap();
        let params = expected["crypto"]["kdf"]["params"].clone();
        let derivation: Derivation = serde_json::from_value(params).unwrap();
        let iv = alloy::hex!("264daa3f303d7259501c93d997d84fe6");
        let secret = alloy::hex::decode(SECRET).unwrap();
        let sealed = Crypto::seal(&secret, &Password::new(FRAKTUR), derivation, iv).unwrap();
        assert_eq!(serde_json::to_value(sealed).unwrap(), expected["crypto"]);
    }
}

#[test]
fn a_validators_keystore_is_told_apart() {
    // Its public key is a G1 point: opening works, the comparison must fail rather than sign with it.
    let directory = tempfile::tempdir().unwrap();
    write_private(&directory.path().join("bls-validator.json"), PBKDF2.as_bytes()).unwrap();
    write_private(&directory.path().join("ecdsa-any.json"), include_bytes!("web3-pbkdf2.json")).unwrap();
    let error = Keystore::at(directory.path()).open(&Password::new(FRAKTUR)).unwrap_err();
    assert!(matches!(error, Error::Mismatch { .. }), "{error}");
}

#[test]
fn web3_secret_storage_vectors_open() {
    let expected = alloy::hex!("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d");
    for text in [include_str!("web3-pbkdf2.json"), include_str!("web3-scrypt.json")] {
        let directory = tempfile::tempdir().unwrap();
        write_private(&directory.path().join("ecdsa-vector.json"), text.as_bytes()).unwrap();
        let keystore = Keystore::at(directory.path());
        let wallet = keystore.open_wallet(&Password::new("testpassword")).unwrap();
        assert_eq!(wallet.key().to_bytes(), expected);
        assert!(matches!(keystore.open_wallet(&Password::new("wrong")), Err(Error::WrongPassword { .. })));
    }
}
