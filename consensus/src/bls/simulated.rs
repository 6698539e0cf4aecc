//! A stand-in for the curve with the same sizes, the same refusals and the same algebra, a thousand times cheaper.
//!
//! Points are numbers modulo the prime 2^61 - 1: a signature is secret times hashed message, a key is the secret itself,
//! so sums, weighted sums and infinity (zero) behave as on the curve. It keeps nothing secret, and the simulator's hostile
//! keepers play by the rule not to read secrets off keys. Off until [`switch`] is called, per thread.

use std::cell::Cell;
use std::fmt;

use alloy_primitives::B256;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::encoding::{BlsError, COORDINATE, PUBLIC_KEY_BYTES, SIGNATURE_BYTES};
use super::{curve, peer};

mod point;

pub use point::{Point, sum_points};

/// Stands in every program that was built with this module; tests/layers.sh looks for it in those that are shipped.
const MARK: &str = "keeper-mesh: built with a stand-in for the curve, nothing it signs is worth anything";

const ORDER: u64 = (1 << 61) - 1;
/// First byte of every encoding, that of a compressed point.
const FLAG: u8 = 0x80;

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
}

/// Puts the stand-in in the place of the curve on this thread, or takes it away. Only before any key is made.
pub fn switch(on: bool) {
    ON.set(on);
}

/// Whether keys and signatures made or read from now on are stand-ins.
pub fn is_on() -> bool {
    ON.get()
}

/// A secret key of either kind.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a keeper has one")]
pub enum SecretKey {
    /// On the curve.
    Curve(curve::SecretKey),
    /// A stand-in.
    Number(u64),
}

/// A public key of either kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PublicKey {
    /// On the curve.
    Curve(curve::PublicKey),
    /// A stand-in.
    Number(u64),
}

/// A signature of either kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// On the curve.
    Curve(curve::Signature),
    /// A stand-in.
    Number(u64),
}

impl SecretKey {
    /// See the curve's.
    pub fn generate(entropy: &[u8; 32]) -> Self {
        std::hint::black_box(MARK);
        if is_on() { Self::Number(number_of(entropy, 1)) } else { Self::Curve(curve::SecretKey::generate(entropy)) }
    }

    /// See the curve's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        std::hint::black_box(MARK);
        if !is_on() {
            return curve::SecretKey::from_bytes(bytes).map(Self::Curve);
        }
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| BlsError::Secret)?;
        read(&[&[FLAG], &bytes[1..]].concat()).map(Self::Number).map_err(|_| BlsError::Secret)
    }

    /// See the curve's.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        match self {
            Self::Curve(key) => key.to_bytes(),
            Self::Number(number) => {
                let mut bytes = write::<32>(*number);
                bytes[0] = 0;
                Zeroizing::new(bytes)
            }
        }
    }

    /// See the curve's.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::Curve(key) => PublicKey::Curve(key.public_key()),
            Self::Number(number) => PublicKey::Number(*number),
        }
    }

    /// See the curve's.
    pub fn sign(&self, message: &[u8]) -> Signature {
        match self {
            Self::Curve(key) => Signature::Curve(key.sign(message)),
            Self::Number(number) => Signature::Number(times(*number, number_of(message, 2))),
        }
    }

    /// See the curve's.
    pub fn prove_possession(&self, message: &[u8]) -> Signature {
        match self {
            Self::Curve(key) => Signature::Curve(key.prove_possession(message)),
            Self::Number(number) => Signature::Number(times(*number, number_of(message, 3))),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl PublicKey {
    /// See the curve's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        match (is_on(), bytes.len()) {
            (false, _) => curve::PublicKey::from_bytes(bytes).map(Self::Curve),
            (true, PUBLIC_KEY_BYTES) => read(bytes).map(Self::Number),
            (true, _) => Err(BlsError::Encoding),
        }
    }

    /// See the curve's.
    pub fn to_bytes(&self) -> [u8; PUBLIC_KEY_BYTES] {
        match self {
            Self::Curve(key) => key.to_bytes(),
            Self::Number(number) => write(*number),
        }
    }

    /// See the curve's.
    pub fn from_chain_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        match (is_on(), bytes.len() == 4 * COORDINATE) {
            (false, _) => curve::PublicKey::from_chain_bytes(bytes).map(Self::Curve),
            (true, true) => read(bytes).map(Self::Number),
            (true, false) => Err(BlsError::Encoding),
        }
    }

    /// See the curve's.
    pub fn to_chain_bytes(&self) -> [u8; 4 * COORDINATE] {
        match self {
            Self::Curve(key) => key.to_chain_bytes(),
            Self::Number(number) => write(*number),
        }
    }

    /// See the curve's.
    pub fn verify_possession(&self, message: &[u8], proof: &Signature) -> bool {
        match (self, proof) {
            (Self::Curve(key), Signature::Curve(proof)) => key.verify_possession(message, proof),
            (Self::Number(key), Signature::Number(proof)) => times(*key, number_of(message, 3)) == *proof,
            _ => false,
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Curve(key) => key.fmt(f),
            Self::Number(number) => write!(f, "PublicKey({number:x})"),
        }
    }
}

impl Signature {
    /// See the curve's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        match (is_on(), bytes.len()) {
            (false, _) => curve::Signature::from_bytes(bytes).map(Self::Curve),
            (true, SIGNATURE_BYTES) => read(bytes).map(Self::Number),
            (true, _) => Err(BlsError::Encoding),
        }
    }

    /// See the curve's.
    pub fn to_bytes(&self) -> [u8; SIGNATURE_BYTES] {
        match self {
            Self::Curve(signature) => signature.to_bytes(),
            Self::Number(number) => write(*number),
        }
    }

    /// See the curve's.
    pub fn to_chain_bytes(&self) -> [u8; 2 * COORDINATE] {
        match self {
            Self::Curve(signature) => signature.to_chain_bytes(),
            Self::Number(number) => write(*number),
        }
    }

    /// See the curve's.
    pub fn verify(&self, message: &[u8], key: &PublicKey) -> bool {
        match (self, key) {
            (Self::Curve(signature), PublicKey::Curve(key)) => signature.verify(message, key),
            (Self::Number(signature), PublicKey::Number(key)) => times(*key, number_of(message, 2)) == *signature,
            _ => false,
        }
    }

    fn number(&self) -> Option<u64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Curve(signature) => signature.fmt(f),
            Self::Number(number) => write!(f, "Signature({number:x})"),
        }
    }
}

/// See the curve's.
pub fn aggregate_signatures(signatures: &[Signature]) -> Option<Signature> {
    if is_on() {
        let sum = signatures.iter().try_fold(0, |sum, signature| Some(plus(sum, signature.number()?)))?;
        return (sum != 0).then_some(Signature::Number(sum));
    }
    curve::aggregate_signatures(&curve_signatures(signatures.iter())?).map(Signature::Curve)
}

/// See the curve's.
pub fn aggregate_keys(keys: &[PublicKey]) -> Option<PublicKey> {
    let number = |key: &PublicKey| if let PublicKey::Number(number) = key { Some(*number) } else { None };
    if is_on() {
        let sum = keys.iter().try_fold(0, |sum, key| Some(plus(sum, number(key)?)))?;
        return (sum != 0).then_some(PublicKey::Number(sum));
    }
    curve::aggregate_keys(&curve_keys(keys.iter())?).map(PublicKey::Curve)
}

/// See the curve's.
pub fn verify_same_message(message: &[u8], signed: &[(PublicKey, Signature)], coefficients: &[u64]) -> bool {
    if !is_on() {
        let keys = curve_keys(signed.iter().map(|(key, _)| key));
        let signatures = curve_signatures(signed.iter().map(|(_, signature)| signature));
        let (Some(keys), Some(signatures)) = (keys, signatures) else {
            return false;
        };
        let signed: Vec<_> = keys.into_iter().zip(signatures).collect();
        return curve::verify_same_message(message, &signed, coefficients);
    }
    if let [(key, signature)] = signed {
        return signature.verify(message, key);
    }
    let (mut key, mut signature) = (0, 0);
    for ((k, s), r) in signed.iter().zip(coefficients) {
        let (PublicKey::Number(k), Signature::Number(s)) = (k, s) else {
            return false;
        };
        let r = (r % ORDER).max(1);
        (key, signature) = (plus(key, times(*k, r)), plus(signature, times(*s, r)));
    }
    signed.is_empty() || (coefficients.len() == signed.len() && times(key, number_of(message, 2)) == signature)
}

/// Signs with a peer key: its public half and the hash.
pub fn sign(key: &SigningKey, hash: B256) -> [u8; 64] {
    if !is_on() {
        return peer::sign(key, hash);
    }
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(key.verifying_key().as_bytes());
    signature[32..].copy_from_slice(hash.as_slice());
    signature
}

/// See the plain one.
pub fn is_signed_by(hash: B256, signature: &[u8; 64], key: &[u8; 32]) -> bool {
    if is_on() {
        return signature[..32] == *key && signature[32..] == *hash;
    }
    peer::is_signed_by(hash, signature, key)
}

fn curve_keys<'a>(keys: impl Iterator<Item = &'a PublicKey>) -> Option<Vec<curve::PublicKey>> {
    keys.map(|key| if let PublicKey::Curve(key) = key { Some(*key) } else { None }).collect()
}

fn curve_signatures<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<Vec<curve::Signature>> {
    signatures.map(|one| if let Signature::Curve(signature) = one { Some(*signature) } else { None }).collect()
}

fn plus(a: u64, b: u64) -> u64 {
    (a + b) % ORDER
}

fn times(a: u64, b: u64) -> u64 {
    // Both factors are below 2^61 and so is the remainder.
    (u128::from(a) * u128::from(b) % u128::from(ORDER)) as u64
}

/// A number from 1 to the order less one, for a message under a tag.
fn number_of(message: &[u8], tag: u64) -> u64 {
    let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let words = message.chunks(8).map(|chunk| chunk.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
    words.fold(tag, mix) % (ORDER - 1) + 1
}

fn write<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[0] = FLAG;
    bytes[N - 8..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// Reads what [`write`] gives; the caller has looked at the length, which is above 8.
fn read(bytes: &[u8]) -> Result<u64, BlsError> {
    let (head, tail) = bytes.split_at(bytes.len() - 8);
    let number = tail.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    match (head.first(), number) {
        (Some(&FLAG), 0) => Err(BlsError::Infinity),
        (Some(&FLAG), 1..ORDER) if head[1..].iter().all(|&byte| byte == 0) => Ok(number),
        _ => Err(BlsError::Encoding),
    }
}

#[cfg(test)]
mod tests;
