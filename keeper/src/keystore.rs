//! The keys of an operator, encrypted on disk.
//!
//! | file in `keystores/` | key | format |
//! |---|---|---|
//! | `bls-<first 8 hex of the public key>.json` | BLS12-381 key that signs batches | EIP-2335 version 4 |
//! | `ecdsa-<address>.json` | wallet that sends transactions; its address is the operator | Web3 Secret Storage v3 |
//!
//! A wallet's file may also say which other program has its key ([`Remote`]). `secrets.json`, if there is one, has what the operator lets jobs have sent in headers ([`Secrets`]).
//!
//! A wallet may also be a file of geth or cast under its own name, `UTC--<moment>--<address>`; `.json` may be missing.
//!
//! Both open with one password. Files are 0600 in a directory 0700 and come into being by a rename, so a crash leaves
//! a whole file or none. Every key is decrypted once before it is reported as there: a keystore nobody can open is
//! found out at once. The peer identity (`p2p.key`) is the `p2p` crate's.

mod account;
mod bls;
mod change;
mod cipher;
mod files;
mod foreign;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod password;
mod published;
mod remote;
mod secrets;
mod wallet;

use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use consensus::bls::{PublicKey, SecretKey};

pub use account::Account;
pub use change::{KeyKind, check};
pub use cipher::Strength;
pub(crate) use cipher::{Derivation, random};
pub(crate) use files::private_directory;
pub use files::{Found, others_may_read, write_private};
pub use foreign::{ForeignKey, OpenKey};
pub use password::Password;
pub use published::{is_local, is_published, refuse_published};
pub use remote::{Program, Remote};
pub use secrets::{SecretName, Secrets};

/// Why keys could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No keystore of this kind.
    #[error("there is no {kind} keystore in {directory}: make one with `keeper keys new`")]
    Missing {
        /// `BLS` or `ECDSA`.
        kind: &'static str,
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// Several keystores of one kind.
    #[error("there are {count} {kind} keystores in {directory}: keep the one this operator uses and move the others")]
    Ambiguous {
        /// `BLS` or `ECDSA`.
        kind: &'static str,
        /// How many were found.
        count: usize,
        /// Where.
        directory: PathBuf,
    },
    /// The password does not open the file.
    #[error("wrong password for {path}: check the file given by --password-file (or KEEPER_PASSWORD_FILE)")]
    WrongPassword {
        /// The keystore.
        path: PathBuf,
    },
    /// Not a keystore this keeper reads.
    #[error("{path} is not a keystore this keeper can read: {reason}")]
    Malformed {
        /// The keystore.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file contradicts itself.
    #[error("{path} holds a key other than the one it names ({named}): restore it from a backup")]
    Mismatch {
        /// The keystore.
        path: PathBuf,
        /// Public key or address in the file.
        named: String,
    },
    /// Reading or writing failed.
    #[error("could not {action} {path}: {source}")]
    Io {
        /// `read`, `write`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// No password at hand.
    #[error("{0}")]
    NoPassword(String),
    /// Others can read a secret key.
    #[error("{path} has mode {mode:04o}, so others can read the secret key: run chmod 600 {path}")]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A BLS key of another scheme.
    #[error("{path} {what}: make the BLS key with `keeper keys new`, and import the ECDSA key alone")]
    WrongCurve {
        /// The file.
        path: PathBuf,
        /// Whose it is, and why it cannot be used.
        what: &'static str,
    },
    /// There is a key of this kind already.
    #[error(
        "there is a {kind} keystore already, {path}: keys are never overwritten; move it away, or use another --datadir"
    )]
    Exists {
        /// `BLS` or `ECDSA`.
        kind: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A password where every program that is started inherits it.
    #[error(
        "KEEPER_PASSWORD holds a password, which counts on local chains alone (31337, 1337): programs and crash reports \
         inherit the environment; unset it, and name a file with mode 600 by KEEPER_PASSWORD_FILE"
    )]
    PasswordInEnvironment,
    /// A wallet that everybody has the key of.
    #[error(
        "{address} is one of the accounts that anvil and Hardhat print: everybody has its key, so on chain {chain_id} \
         whatever it holds is taken at once; use a wallet of your own (`keeper keys new` or `keeper keys import FILE`)"
    )]
    PublicKeyOfTests {
        /// The account.
        address: Address,
        /// The chain, no local one.
        chain_id: u64,
    },
    /// The system's random numbers are not to be had.
    #[error("the operating system gives no random numbers: {0}")]
    Entropy(String),
}

/// An operator's secret keys, open in memory. `Debug` shows the public halves only.
pub struct Keys {
    /// Signs batches.
    pub bls: SecretKey,
    /// Signs transactions.
    pub wallet: Account,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("operator", &self.wallet.address()).finish_non_exhaustive()
    }
}

/// What can be told of the keys without a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// Address of the wallet: the operator.
    pub operator: Address,
    /// BLS public key, compressed G2, 96 bytes.
    pub bls: PublicKey,
    /// File of the BLS key.
    pub bls_path: PathBuf,
    /// File of the wallet.
    pub wallet_path: PathBuf,
}

/// A directory of keystores.
#[derive(Debug, Clone)]
pub struct Keystore {
    directory: PathBuf,
}

impl Keystore {
    /// The keystores in `directory`, which need not exist yet.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Makes the keys that are missing and opens those that are there; returns whether any was made.
    ///
    /// # Errors
    /// [`Error`]; in particular [`Error::WrongPassword`] when existing keys do not open, so that an operator never
    /// ends up with keys under two passwords.
    pub fn create(&self, password: &Password, strength: Strength) -> Result<bool, Error> {
        files::private_directory(&self.directory)?;
        let made_bls = match self.find("bls", "BLS")? {
            Some(path) => bls::open(&path, password).map(|_| false)?,
            None => self.create_bls(password, strength).map(|()| true)?,
        };
        let made_wallet = match self.find("ecdsa", "ECDSA")? {
            Some(path) => Account::open(&path, password).map(|_| false)?,
            None => self.create_wallet(password, strength).map(|()| true)?,
        };
        Ok(made_bls || made_wallet)
    }

    /// Opens both keys. Takes about a second each at standard strength: keep it off async threads.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(&self, password: &Password) -> Result<Keys, Error> {
        let bls = bls::open(&self.require("bls", "BLS")?, password)?;
        let wallet = Account::open(&self.require("ecdsa", "ECDSA")?, password)?;
        Ok(Keys { bls, wallet })
    }

    /// Opens the wallet alone.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open_wallet(&self, password: &Password) -> Result<Account, Error> {
        Account::open(&self.require("ecdsa", "ECDSA")?, password)
    }

    /// Who has the wallet's key, if it is not here; without a password.
    ///
    /// # Errors
    /// [`Error`].
    pub fn remote(&self) -> Result<Option<Remote>, Error> {
        let path = self.require("ecdsa", "ECDSA")?;
        Remote::of(&path, &files::read(&path)?)
    }

    /// Writes down that another program has the wallet's key; where the file is.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is a wallet already.
    pub fn store_remote(&self, remote: &Remote) -> Result<PathBuf, Error> {
        files::private_directory(&self.directory)?;
        if let Some(path) = self.find("ecdsa", "ECDSA")? {
            return Err(Error::Exists { kind: "ECDSA", path });
        }
        let path = self.directory.join(format!("ecdsa-{}.json", alloy::hex::encode(remote.address())));
        let malformed = |error: serde_json::Error| Error::Malformed { path: path.clone(), reason: error.to_string() };
        files::write_private(&path, serde_json::to_string_pretty(remote).map_err(malformed)?.as_bytes())?;
        Ok(path)
    }

    /// Reads the wallet's address, without a password.
    ///
    /// # Errors
    /// [`Error`].
    pub fn wallet_address(&self) -> Result<Address, Error> {
        wallet::address(&self.require("ecdsa", "ECDSA")?)
    }

    /// Reads the public halves, without a password.
    ///
    /// # Errors
    /// [`Error`].
    pub fn public(&self) -> Result<PublicKeys, Error> {
        let bls_path = self.require("bls", "BLS")?;
        let wallet_path = self.require("ecdsa", "ECDSA")?;
        Ok(PublicKeys {
            operator: wallet::address(&wallet_path)?,
            bls: bls::public_key(&bls_path)?,
            bls_path,
            wallet_path,
        })
    }

    fn create_bls(&self, password: &Password, strength: Strength) -> Result<(), Error> {
        let key = SecretKey::generate(&*cipher::random::<32>()?);
        let name = alloy::hex::encode(&key.public_key().to_bytes()[..4]);
        let path = self.directory.join(format!("bls-{name}.json"));
        bls::store(&path, &key, password, strength)?;
        bls::open(&path, password).map(|_| ())
    }

    fn create_wallet(&self, password: &Password, strength: Strength) -> Result<(), Error> {
        let secret = loop {
            // All but one in 2^127 numbers of 32 bytes are keys of secp256k1.
            let candidate = cipher::random::<32>()?;
            if PrivateKeySigner::from_slice(&*candidate).is_ok() {
                break candidate;
            }
        };
        let address = wallet::address_of(&secret).expect("checked above");
        let path = self.directory.join(format!("ecdsa-{}.json", alloy::hex::encode(address)));
        wallet::store(&path, &secret, address, password, strength)?;
        wallet::open(&path, password).map(|_| ())
    }

    fn require(&self, prefix: &'static str, kind: &'static str) -> Result<PathBuf, Error> {
        self.find(prefix, kind)?.ok_or_else(|| Error::Missing { kind, directory: self.directory.clone() })
    }

    /// The only file `<prefix>-*`, or for a wallet `UTC--*`.
    fn find(&self, prefix: &'static str, kind: &'static str) -> Result<Option<PathBuf>, Error> {
        let mut found = files::list(&self.directory, prefix)?;
        if kind == "ECDSA" {
            found.extend(files::list(&self.directory, "UTC")?);
        }
        if found.len() > 1 {
            return Err(Error::Ambiguous { kind, count: found.len(), directory: self.directory.clone() });
        }
        Ok(found.pop())
    }
}

#[cfg(test)]
mod tests;
