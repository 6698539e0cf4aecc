//! Bytes under a password.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::keystore::{Derivation, Error, Password, Strength, random};

const FORMAT: &str = "keeper-mesh backup";
const VERSION: u32 = 1;
/// Longest first line.
const MAX_HEAD: usize = 1024;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: String,
    version: u32,
    scrypt: Derivation,
    nonce: String,
}

/// Why nothing came out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    /// The password, or a byte that was changed.
    Password,
    /// It is something else.
    Malformed(String),
}

pub(super) fn seal(bytes: &[u8], password: &Password, strength: Strength) -> Result<Vec<u8>, Error> {
    Ok(sealed(bytes, password, Derivation::fresh(strength)?, *random::<24>()?))
}

/// The same with what is drawn at random for each.
pub(super) fn sealed(bytes: &[u8], password: &Password, scrypt: Derivation, nonce: [u8; 24]) -> Vec<u8> {
    let key = scrypt.derive(password.raw()).expect("parameters of our own are in bounds");
    let head = Head { format: FORMAT.to_owned(), version: VERSION, scrypt, nonce: alloy::hex::encode(nonce) };
    let mut sealed = serde_json::to_vec(&head).expect("words and numbers serialise");
    sealed.push(b'\n');
    let cipher = XChaCha20Poly1305::new((&*key).into());
    let body = cipher.encrypt(XNonce::from_slice(&nonce), Payload { msg: bytes, aad: &sealed });
    sealed.extend(body.expect("a backup is far shorter than the cipher's limit"));
    sealed
}

pub(super) fn open(sealed: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let malformed = |why: &str| Unopened::Malformed(why.to_owned());
    let end = sealed.iter().take(MAX_HEAD).position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| malformed("its first line is missing"))? + 1;
    let (first, body) = sealed.split_at(end);
    let head: Head = serde_json::from_slice(first).map_err(|_| malformed("its first line is not a backup's"))?;
    if head.format != FORMAT {
        return Err(malformed("its format is another one"));
    }
    if head.version != VERSION {
        let version = head.version;
        return Err(Unopened::Malformed(format!("it has version {version}, this keeper reads version {VERSION}")));
    }
    let mut nonce = [0; 24];
    alloy::hex::decode_to_slice(&head.nonce, &mut nonce).map_err(|_| malformed("its nonce is not one"))?;
    let key = head.scrypt.derive(password.raw()).map_err(Unopened::Malformed)?;
    let opened = XChaCha20Poly1305::new((&*key).into())
        .decrypt(XNonce::from_slice(&nonce), Payload { msg: body, aad: first })
        .map_err(|_| Unopened::Password)?;
    Ok(Zeroizing::new(opened))
}
