//! The signatures of peer keys: ed25519.

use alloy_primitives::B256;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// Signs `hash` with a peer key.
pub fn sign(key: &SigningKey, hash: B256) -> [u8; 64] {
    key.sign(hash.as_slice()).to_bytes()
}

/// Whether `signature` is the ed25519 signature of `hash` by `key`; small-order keys and malleable forms are refused.
pub fn is_signed_by(hash: B256, signature: &[u8; 64], key: &[u8; 32]) -> bool {
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(hash.as_slice(), &signature).is_ok())
}
