//! ECDSA keystores: Web3 Secret Storage version 3, as geth, cast and alloy write them.
//!
//! Own code rather than alloy's because that writes scrypt with N = 8,192 where geth uses 262,144, and because it
//! reads files without bounds on their cost parameters.

use std::path::Path;

use alloy::primitives::{Address, keccak256};
use alloy::signers::local::PrivateKeySigner;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::cipher::{self, DERIVED, Derivation, Strength};
use super::remote::Remote;
use super::{Error, Password, files};

const VERSION: u32 = 3;

/// The whole file.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    /// Hex without prefix; optional in the wild.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(alias = "Crypto")]
    crypto: Crypto,
    #[serde(default)]
    id: Option<String>,
    version: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: Cipher,
    ciphertext: String,
    kdf: String,
    kdfparams: Derivation,
    mac: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Cipher {
    iv: String,
}

/// Writes a new keystore file.
pub(super) fn store(
    path: &Path,
    secret: &[u8; 32],
    address: Address,
    password: &Password,
    strength: Strength,
) -> Result<(), Error> {
    let malformed = |reason| Error::Malformed { path: path.to_owned(), reason };
    let derivation = Derivation::fresh(strength)?;
    let derived = derivation.derive(password.raw()).map_err(malformed)?;
    let iv = *cipher::random()?;
    let mut ciphertext = *secret;
    cipher::apply_aes128_ctr(&derived, &iv, &mut ciphertext);
    let file = File {
        address: Some(alloy::hex::encode(address)),
        crypto: Crypto {
            cipher: "aes-128-ctr".to_owned(),
            cipherparams: Cipher { iv: alloy::hex::encode(iv) },
            ciphertext: alloy::hex::encode(ciphertext),
            kdf: derivation.function().to_owned(),
            mac: alloy::hex::encode(mac(&derived, &ciphertext)),
            kdfparams: derivation,
        },
        id: Some(uuid::Uuid::new_v4().to_string()),
        version: VERSION,
    };
    let text = serde_json::to_string_pretty(&file).map_err(|error| malformed(error.to_string()))?;
    files::write_private(path, text.as_bytes())
}

/// Opens a keystore file and checks that its key is the one it names.
pub(super) fn open(path: &Path, password: &Password) -> Result<PrivateKeySigner, Error> {
    unlock(path, &files::read(path)?, password)
}

/// The same with the file's text at hand.
pub(super) fn unlock(path: &Path, text: &str, password: &Password) -> Result<PrivateKeySigner, Error> {
    let malformed = |reason| Error::Malformed { path: path.to_owned(), reason };
    if let Some(remote) = Remote::of(path, text)? {
        return Err(malformed(format!("its key is not here: {} has it", remote.named())));
    }
    let file = parse(path, text)?;
    if file.crypto.cipher != "aes-128-ctr" {
        return Err(malformed(format!("unknown cipher {:?}", file.crypto.cipher)));
    }
    let derived = file.crypto.kdfparams.derive(password.raw()).map_err(malformed)?;
    let iv = cipher::unhex_array("iv", &file.crypto.cipherparams.iv).map_err(malformed)?;
    let expected: [u8; 32] = cipher::unhex_array("mac", &file.crypto.mac).map_err(malformed)?;
    let mut secret = Zeroizing::new(cipher::unhex("cipher text", &file.crypto.ciphertext).map_err(malformed)?);
    if mac(&derived, &secret) != expected {
        return Err(Error::WrongPassword { path: path.to_owned() });
    }
    cipher::apply_aes128_ctr(&derived, &iv, &mut secret);
    let signer = PrivateKeySigner::from_slice(&secret).map_err(|error| malformed(error.to_string()))?;
    match file.address.filter(|named| !named.is_empty()) {
        Some(named) if parse_address(&named) != Some(signer.address()) => {
            Err(Error::Mismatch { path: path.to_owned(), named })
        }
        _ => Ok(signer),
    }
}

/// The address a keystore file names: in it, or, where cast has left it out, as the end of its name.
pub(super) fn address(path: &Path) -> Result<Address, Error> {
    let text = files::read(path)?;
    if let Some(remote) = Remote::of(path, &text)? {
        return Ok(remote.address());
    }
    let file = parse(path, &text)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_suffix(".json").unwrap_or(name);
    let written = file.address.as_deref().filter(|named| !named.is_empty());
    let named = written.or_else(|| name.rsplit_once('-').map(|(_, end)| end));
    named.and_then(parse_address).ok_or_else(|| Error::Malformed {
        path: path.to_owned(),
        reason:
            "it names no address: find it out with `cast wallet address --keystore FILE`, and end the file's name with \
                 it, as in ecdsa-<address>.json"
                .to_owned(),
    })
}

/// The address of a secret key; `None` if the bytes are no key.
pub(super) fn address_of(secret: &[u8; 32]) -> Option<Address> {
    PrivateKeySigner::from_slice(secret).ok().map(|signer| signer.address())
}

fn parse_address(text: &str) -> Option<Address> {
    let bytes = alloy::hex::decode(text).ok()?;
    Address::try_from(bytes.as_slice()).ok()
}

/// Keccak-256 over the second half of the derived key and the cipher text.
pub(super) fn mac(derived: &[u8; DERIVED], ciphertext: &[u8]) -> [u8; 32] {
    keccak256([&derived[16..], ciphertext].concat()).0
}

fn parse(path: &Path, text: &str) -> Result<File, Error> {
    let malformed = |reason| Error::Malformed { path: path.to_owned(), reason };
    let file: File = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    if file.version != VERSION {
        return Err(malformed(format!("it is version {}, Web3 Secret Storage is version {VERSION}", file.version)));
    }
    Ok(file)
}
