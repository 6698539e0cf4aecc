//! What both keystore formats share: a slow key derivation and AES-128-CTR.
//!
//! Cost parameters come from files, so they are capped before any memory is taken.

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Error;

/// Bytes derived from a password: 16 encrypt, 16 authenticate.
pub(crate) const DERIVED: usize = 32;
/// Most memory scrypt may take: 128 × n × r bytes. Standard strength takes 256 MiB.
const MAX_SCRYPT_MEMORY: u64 = 512 * 1024 * 1024;
/// Most passes over that memory.
const MAX_SCRYPT_P: u32 = 16;
/// Most PBKDF2 rounds; the specifications' examples use 262,144.
const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

/// How slow a keystore is to open, and so to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// scrypt with N = 262,144, r = 8, p = 1 (geth's standard): about a second and 256 MiB.
    Standard,
    /// scrypt with N = 4,096, r = 8, p = 6 (geth's light): for local networks.
    Light,
}

/// A key derivation as keystore files write it; hex strings carry no prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Derivation {
    /// RFC 7914.
    Scrypt { dklen: u32, n: u32, r: u32, p: u32, salt: String },
    /// RFC 8018 with HMAC-SHA-256.
    Pbkdf2 { dklen: u32, c: u32, prf: String, salt: String },
}

impl Derivation {
    /// scrypt of the given strength with a fresh salt.
    pub(crate) fn fresh(strength: Strength) -> Result<Self, Error> {
        let (n, p) = match strength {
            Strength::Standard => (1 << 18, 1),
            Strength::Light => (1 << 12, 6),
        };
        Ok(Self::Scrypt { dklen: 32, n, r: 8, p, salt: alloy::hex::encode(*random::<32>()?) })
    }

    /// The name files give it.
    pub(super) fn function(&self) -> &'static str {
        match self {
            Self::Scrypt { .. } => "scrypt",
            Self::Pbkdf2 { .. } => "pbkdf2",
        }
    }

    /// Derives the key, or says what is wrong with the parameters.
    pub(crate) fn derive(&self, password: &[u8]) -> Result<Zeroizing<[u8; DERIVED]>, String> {
        let mut key = Zeroizing::new([0; DERIVED]);
        match self {
            Self::Scrypt { dklen, n, r, p, salt } => {
                check_length(*dklen)?;
                let memory = 128u64.saturating_mul((*n).into()).saturating_mul((*r).into());
                if !n.is_power_of_two() || *n < 2 || memory > MAX_SCRYPT_MEMORY || *p > MAX_SCRYPT_P {
                    return Err(format!("its scrypt parameters n={n}, r={r}, p={p} are out of bounds"));
                }
                let log_n = u8::try_from(n.ilog2()).expect("ilog2 of a u32 is below 32");
                let params = scrypt::Params::new(log_n, *r, *p).map_err(|error| format!("scrypt: {error}"))?;
                scrypt::scrypt(password, &unhex("salt", salt)?, &params, &mut *key)
                    .map_err(|error| error.to_string())?;
            }
            Self::Pbkdf2 { dklen, c, prf, salt } => {
                check_length(*dklen)?;
                if prf != "hmac-sha256" {
                    return Err(format!("its pbkdf2 function {prf:?} is unknown, hmac-sha256 is known"));
                }
                if *c == 0 || *c > MAX_PBKDF2_ROUNDS {
                    return Err(format!("its pbkdf2 round count {c} is out of bounds"));
                }
                pbkdf2::pbkdf2_hmac::<Sha256>(password, &unhex("salt", salt)?, *c, &mut *key);
            }
        }
        Ok(key)
    }
}

fn check_length(dklen: u32) -> Result<(), String> {
    if dklen as usize == DERIVED { Ok(()) } else { Err(format!("its derived key has {dklen} bytes instead of 32")) }
}

/// AES-128-CTR under the first half of a derived key; encrypts and decrypts.
pub(super) fn apply_aes128_ctr(derived: &[u8; DERIVED], iv: &[u8; 16], data: &mut [u8]) {
    let key: &[u8; 16] = derived[..16].try_into().expect("half of 32 bytes");
    Ctr128BE::<Aes128>::new(key.into(), iv.into()).apply_keystream(data);
}

/// Hex without prefix, at most 64 bytes.
pub(super) fn unhex(what: &str, text: &str) -> Result<Vec<u8>, String> {
    if text.len() > 128 {
        return Err(format!("its {what} is longer than 64 bytes"));
    }
    alloy::hex::decode(text).map_err(|error| format!("its {what} is not hex: {error}"))
}

/// Hex of exactly `N` bytes.
pub(super) fn unhex_array<const N: usize>(what: &str, text: &str) -> Result<[u8; N], String> {
    let bytes = unhex(what, text)?;
    bytes.try_into().map_err(|bytes: Vec<u8>| format!("its {what} has {} bytes instead of {N}", bytes.len()))
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|error| Error::Entropy(error.to_string()))?;
    Ok(bytes)
}
