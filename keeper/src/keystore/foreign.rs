//! Keys that other programs made, on their way into a directory of keystores.
//!
//! | written by | file | taken as |
//! |---|---|---|
//! | geth, Foundry (`~/.foundry/keystores/x`), eigenlayer-cli (`x.ecdsa.key.json`) | Web3 Secret Storage 3 | wallet |
//! | anything that prints a private key | 64 hex digits | wallet |
//! | `keeper keys export`, EIP-2335 with a public key in G2 | EIP-2335 version 4 | BLS key |
//! | eigenlayer-cli (`x.bls.key.json`): BN254 | version 3 or 4 with a public key on BN254 | refused |
//! | Ethereum validators: public key in G1, 48 bytes | EIP-2335 version 4 | refused |
//!
//! Nothing is stored that was not opened.

use std::io::Read;
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use consensus::bls::SecretKey;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{Error, Keystore, Password, Strength, bls, files, wallet};

/// Stands for the standard input among files.
const STDIN: &str = "-";
/// Most that is read from it; a key is far less.
const MAX_STDIN: u64 = 64 * 1024;

const BN254: &str = "is a BLS key on BN254, the curve of EigenLayer's own keys, and keepers sign on BLS12-381, where it means \
                     nothing";
const VALIDATOR: &str = "is a BLS key with its public key in G1, as Ethereum validators have; keepers have theirs in G2, and one \
                         key must never serve two protocols";

/// What a file holds, by its looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Wallet,
    Bls,
    /// A secret key in plain hex.
    Plain,
}

/// A file with a key that another program wrote.
pub struct ForeignKey {
    path: PathBuf,
    text: Zeroizing<String>,
    shape: Shape,
}

impl std::fmt::Debug for ForeignKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForeignKey").field("path", &self.path).field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// A secret key in memory, of either kind.
pub enum OpenKey {
    /// Of an account.
    Wallet(Zeroizing<[u8; 32]>, Address),
    /// That signs batches.
    Bls(Box<SecretKey>),
}

impl std::fmt::Debug for OpenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenKey").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

impl ForeignKey {
    /// Reads a file, or the standard input for `-`, and finds out what it is.
    ///
    /// # Errors
    /// It cannot be read, is none of these, has a key of another scheme, or a key in plain text that others can read.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = Zeroizing::new(if path == Path::new(STDIN) { read_stdin()? } else { files::read_any(path)? });
        let key = Self::of(path, text)?;
        match files::others_may_read(path).filter(|_| key.shape == Shape::Plain) {
            Some(mode) => Err(Error::Permissions { path: path.to_owned(), mode }),
            None => Ok(key),
        }
    }

    /// The same with the file's text at hand.
    pub(super) fn of(path: &Path, text: Zeroizing<String>) -> Result<Self, Error> {
        let shape = shape(path, &text)?;
        Ok(Self { path: path.to_owned(), text, shape })
    }

    /// Whether it takes a password to open it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.shape != Shape::Plain
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it; a key in plain text needs no password.
    ///
    /// # Errors
    /// The wrong password, or what it holds is no key.
    pub fn open(&self, password: Option<&Password>) -> Result<OpenKey, Error> {
        let none =
            || Error::NoPassword(format!("{} is encrypted: pass --from-password-file FILE", self.path.display()));
        match self.shape {
            Shape::Plain => self.plain(),
            Shape::Wallet => {
                let signer = wallet::unlock(&self.path, &self.text, password.ok_or_else(none)?)?;
                Ok(OpenKey::Wallet(Zeroizing::new(signer.to_bytes().0), signer.address()))
            }
            Shape::Bls => Ok(OpenKey::Bls(Box::new(bls::unlock(&self.path, &self.text, password.ok_or_else(none)?)?))),
        }
    }

    fn plain(&self) -> Result<OpenKey, Error> {
        let wrong =
            || Error::Malformed { path: self.path.clone(), reason: "its number is no secp256k1 key".to_owned() };
        let mut secret = Zeroizing::new([0; 32]);
        let digits = self.text.trim();
        alloy::hex::decode_to_slice(digits, &mut *secret).map_err(|_| wrong())?;
        let address = wallet::address_of(&secret).ok_or_else(wrong)?;
        Ok(OpenKey::Wallet(secret, address))
    }
}

impl OpenKey {
    /// `BLS` or `ECDSA`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Wallet(..) => "ECDSA",
            Self::Bls(_) => "BLS",
        }
    }
}

impl Keystore {
    /// Keeps a key in a new file of this directory, and opens it there once.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is one of its kind; [`Error::WrongPassword`] if the other kind's does not open with this
    /// password, for one password opens both.
    pub fn take(&self, key: &OpenKey, password: &Password, strength: Strength) -> Result<PathBuf, Error> {
        files::private_directory(&self.directory)?;
        let (prefix, kind) = match key {
            OpenKey::Wallet(..) => ("ecdsa", "ECDSA"),
            OpenKey::Bls(_) => ("bls", "BLS"),
        };
        if let Some(path) = self.find(prefix, kind)? {
            return Err(Error::Exists { kind, path });
        }
        match key {
            OpenKey::Wallet(secret, address) => {
                self.find("bls", "BLS")?.map(|other| bls::open(&other, password)).transpose()?;
                let path = self.directory.join(format!("ecdsa-{}.json", alloy::hex::encode(address)));
                wallet::store(&path, secret, *address, password, strength)?;
                wallet::open(&path, password)?;
                Ok(path)
            }
            OpenKey::Bls(secret) => {
                self.find("ecdsa", "ECDSA")?.map(|other| wallet::open(&other, password)).transpose()?;
                let name = alloy::hex::encode(&secret.public_key().to_bytes()[..4]);
                let path = self.directory.join(format!("bls-{name}.json"));
                bls::store(&path, secret, password, strength)?;
                bls::open(&path, password)?;
                Ok(path)
            }
        }
    }
}

fn read_stdin() -> Result<String, Error> {
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_STDIN).read_to_string(&mut text);
    read.map_err(|source| Error::Io { action: "read", path: STDIN.into(), source })?;
    Ok(text)
}

fn shape(path: &Path, text: &str) -> Result<Shape, Error> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let digits = text.trim().trim_start_matches("0x");
    if digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Ok(Shape::Plain);
    }
    let file: Value = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    if let Some(what) = other_scheme(&file) {
        return Err(Error::WrongCurve { path: path.to_owned(), what });
    }
    match file["version"].as_u64() {
        Some(3) => Ok(Shape::Wallet),
        Some(4) => Ok(Shape::Bls),
        _ => Err(malformed("it is neither Web3 Secret Storage version 3 nor EIP-2335 version 4".to_owned())),
    }
}

/// Why a BLS key is not for keepers, by the public key that stands beside it.
fn other_scheme(file: &Value) -> Option<&'static str> {
    let word = |name: &str| file[name].as_str().unwrap_or_default();
    let curve = [word("curve_type"), word("curveType"), word("curve")].concat().to_lowercase();
    let named = [word("pubKey"), word("pubkey"), word("publicKey")].concat();
    let digits = named.trim_start_matches("0x");
    let bytes = if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { digits.len() / 2 } else { 0 };
    // A point as gnark prints it, or one of 32 or 64 bytes. What has `pubKey` and the parts of a wallet is BN254 as well.
    let is_point = named.starts_with("E(") || matches!(bytes, 32 | 64 | 128);
    if curve.contains("bn254") || is_point || word("path").starts_with("m/254") || !word("pubKey").is_empty() {
        return Some(BN254);
    }
    (bytes == 48).then_some(VALIDATOR)
}
