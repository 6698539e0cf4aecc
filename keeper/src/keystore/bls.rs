//! BLS keystores: EIP-2335, version 4.
//!
//! The secret is 32 bytes big-endian. `pubkey` is the compressed G2 point, 96 bytes (Ethereum validators write 48-byte
//! G1 points there: keeper keys are min_sig, so a validator's keystore opens, but its `pubkey` does not match and it
//! is refused). `path` is `m/12381/60/0/0` for readers of the file; the key is random, not derived.

use std::path::Path;

use consensus::bls::{PublicKey, SecretKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::cipher::{self, DERIVED, Derivation, Strength};
use super::{Error, Password, files};

const VERSION: u32 = 4;

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) crypto: Crypto,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    pubkey: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    uuid: Option<String>,
    version: u32,
}

/// The encrypted secret and how to get at it: key derivation, check, cipher.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Crypto {
    kdf: Module<Derivation>,
    checksum: Module<Empty>,
    cipher: Module<Cipher>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Module<P> {
    function: String,
    params: P,
    message: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Empty {}

#[derive(Debug, Serialize, Deserialize)]
struct Cipher {
    iv: String,
}

/// Opening failed, before it is known which file it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    WrongPassword,
    Malformed(String),
}

impl Crypto {
    /// Encrypts `secret`.
    pub(super) fn seal(
        secret: &[u8],
        password: &Password,
        derivation: Derivation,
        iv: [u8; 16],
    ) -> Result<Self, String> {
        let derived = derivation.derive(&password.normalized())?;
        let mut message = secret.to_vec();
        cipher::apply_aes128_ctr(&derived, &iv, &mut message);
        Ok(Self {
            checksum: Module {
                function: "sha256".to_owned(),
                params: Empty {},
                message: alloy::hex::encode(checksum(&derived, &message)),
            },
            kdf: Module { function: derivation.function().to_owned(), params: derivation, message: String::new() },
            cipher: Module {
                function: "aes-128-ctr".to_owned(),
                params: Cipher { iv: alloy::hex::encode(iv) },
                message: alloy::hex::encode(message),
            },
        })
    }

    /// Decrypts the secret.
    pub(super) fn open(&self, password: &Password) -> Result<Zeroizing<Vec<u8>>, Unopened> {
        if self.checksum.function != "sha256" || self.cipher.function != "aes-128-ctr" {
            let reason = format!("unknown functions {:?}, {:?}", self.checksum.function, self.cipher.function);
            return Err(Unopened::Malformed(reason));
        }
        let derived = self.kdf.params.derive(&password.normalized()).map_err(Unopened::Malformed)?;
        let iv = cipher::unhex_array("iv", &self.cipher.params.iv).map_err(Unopened::Malformed)?;
        let expected: [u8; 32] =
            cipher::unhex_array("checksum", &self.checksum.message).map_err(Unopened::Malformed)?;
        let mut message =
            Zeroizing::new(cipher::unhex("cipher text", &self.cipher.message).map_err(Unopened::Malformed)?);
        if checksum(&derived, &message) != expected {
            return Err(Unopened::WrongPassword);
        }
        cipher::apply_aes128_ctr(&derived, &iv, &mut message);
        Ok(message)
    }
}

/// SHA-256 over the second half of the derived key and the cipher text.
fn checksum(derived: &[u8; DERIVED], message: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&derived[16..]).chain_update(message).finalize().into()
}

/// Writes a new keystore file.
pub(super) fn store(path: &Path, key: &SecretKey, password: &Password, strength: Strength) -> Result<(), Error> {
    let malformed = |reason| Error::Malformed { path: path.to_owned(), reason };
    let secret = key.to_bytes();
    let crypto = Crypto::seal(&*secret, password, Derivation::fresh(strength)?, *cipher::random()?);
    let file = File {
        crypto: crypto.map_err(malformed)?,
        description: Some("Keeper Mesh signing key, BLS12-381 min_sig: pubkey is a compressed G2 point".to_owned()),
        pubkey: Some(alloy::hex::encode(key.public_key().to_bytes())),
        path: Some("m/12381/60/0/0".to_owned()),
        uuid: Some(uuid::Uuid::new_v4().to_string()),
        version: VERSION,
    };
    let text = serde_json::to_string_pretty(&file).map_err(|error| malformed(error.to_string()))?;
    files::write_private(path, text.as_bytes())
}

/// Opens a keystore file and checks that its key is the one it names.
pub(super) fn open(path: &Path, password: &Password) -> Result<SecretKey, Error> {
    unlock(path, &files::read(path)?, password)
}

/// The same with the file's text at hand.
pub(super) fn unlock(path: &Path, text: &str, password: &Password) -> Result<SecretKey, Error> {
    let file = parse(path, text)?;
    let secret = file.crypto.open(password).map_err(|unopened| match unopened {
        Unopened::WrongPassword => Error::WrongPassword { path: path.to_owned() },
        Unopened::Malformed(reason) => Error::Malformed { path: path.to_owned(), reason },
    })?;
    let key = SecretKey::from_bytes(&secret)
        .map_err(|error| Error::Malformed { path: path.to_owned(), reason: error.to_string() })?;
    // Optional in the wild, and written in any way that hex is.
    let named = file.pubkey.filter(|named| !named.is_empty());
    match named.filter(|named| alloy::hex::decode(named).ok().as_deref() != Some(&key.public_key().to_bytes()[..])) {
        Some(named) => Err(Error::Mismatch { path: path.to_owned(), named }),
        None => Ok(key),
    }
}

/// The public key a keystore file names, checked to be a key.
pub(super) fn public_key(path: &Path) -> Result<PublicKey, Error> {
    let malformed = |reason| Error::Malformed { path: path.to_owned(), reason };
    let file = parse(path, &files::read(path)?)?;
    let named = file.pubkey.filter(|named| !named.is_empty());
    let named = named.ok_or_else(|| malformed("it names no pubkey".to_owned()))?;
    let bytes = alloy::hex::decode(named).map_err(|error| malformed(format!("its pubkey: {error}")))?;
    PublicKey::from_bytes(&bytes).map_err(|error| malformed(format!("its pubkey: {error}")))
}

fn parse(path: &Path, text: &str) -> Result<File, Error> {
    let malformed = |reason| Error::Malformed { path: path.to_owned(), reason };
    let file: File = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    if file.version != VERSION {
        return Err(malformed(format!("it is version {}, EIP-2335 is version {VERSION}", file.version)));
    }
    Ok(file)
}
