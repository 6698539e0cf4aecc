//! Keys that go elsewhere, and keys under another password.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Error, Found, Keystore, Password, PublicKeys, Remote, Strength, bls, files, wallet};

/// Which of an operator's two keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum KeyKind {
    /// Signs batches.
    Bls,
    /// The wallet: sends transactions, and is the operator.
    Ecdsa,
}

impl Keystore {
    /// All files of the directory.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn list(&self) -> Result<Vec<Found>, Error> {
        files::all(&self.directory)
    }

    /// Writes one of the keys to a new file under a password of its own, and opens it there once.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is such a file; else as [`Self::open`].
    pub fn export(
        &self,
        kind: KeyKind,
        (password, new): (&Password, &Password),
        strength: Strength,
        file: &Path,
    ) -> Result<(), Error> {
        let name = match kind {
            KeyKind::Bls => "BLS",
            KeyKind::Ecdsa => "ECDSA",
        };
        if fs::symlink_metadata(file).is_ok() {
            return Err(Error::Exists { kind: name, path: file.to_owned() });
        }
        match kind {
            KeyKind::Bls => {
                let key = bls::open(&self.require("bls", "BLS")?, password)?;
                bls::store(file, &key, new, strength)?;
                bls::open(file, new).map(|_| ())
            }
            KeyKind::Ecdsa => {
                let signer = wallet::open(&self.require("ecdsa", "ECDSA")?, password)?;
                wallet::store(file, &signer.to_bytes().0, signer.address(), new, strength)?;
                wallet::open(file, new).map(|_| ())
            }
        }
    }

    /// Puts both keys, and the secrets for jobs, under another password. Interrupted, it can be run again: what has the new password already is left
    /// as it is.
    ///
    /// # Errors
    /// Either key opens with neither password: then nothing is changed. Or a file cannot be written.
    pub fn change_password(&self, old: &Password, new: &Password, strength: Strength) -> Result<(), Error> {
        let (bls_path, wallet_path) = (self.require("bls", "BLS")?, self.require("ecdsa", "ECDSA")?);
        let signing = either(bls::open(&bls_path, old), || bls::open(&bls_path, new))?;
        // One that another program has is under no password of ours.
        let sending = match self.remote()? {
            Some(_) => None,
            None => either(wallet::open(&wallet_path, old), || wallet::open(&wallet_path, new))?,
        };
        let secrets = either(self.secrets(old), || self.secrets(new))?;
        // All are open: from here on only the disk can fail.
        if let Some(key) = signing {
            replace(&bls_path, |path| bls::store(path, &key, new, strength), |path| bls::open(path, new).map(|_| ()))?;
        }
        if let Some(signer) = sending {
            let (secret, address) = (signer.to_bytes().0, signer.address());
            let store = |path: &Path| wallet::store(path, &secret, address, new, strength);
            replace(&wallet_path, store, |path| wallet::open(path, new).map(|_| ()))?;
        }
        if let Some(secrets) = secrets.filter(|secrets| !secrets.names().is_empty()) {
            self.store_secrets(&secrets, new, strength)?;
        }
        Ok(())
    }
}

/// Opens both of an operator's keys where they lie in memory, by their files' names and texts.
///
/// # Errors
/// One is missing, opens with another password, or is none.
pub fn check<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>, password: &Password) -> Result<PublicKeys, Error> {
    let (mut signing, mut sending) = (None, None);
    for (name, bytes) in files {
        let path = PathBuf::from(name);
        let malformed = |why: &str| Error::Malformed { path: path.clone(), reason: why.to_owned() };
        let text = crate::text::decode(bytes).map_err(malformed)?;
        if name.starts_with("bls-") {
            signing = Some((bls::unlock(&path, &text, password)?, path));
        } else {
            let remote = Remote::of(&path, &text)?.map(|remote| remote.address());
            let address = match remote {
                Some(address) => address,
                None => wallet::unlock(&path, &text, password)?.address(),
            };
            sending = Some((address, path));
        }
    }
    let missing = |kind| move || Error::Missing { kind, directory: PathBuf::from("the backup") };
    let (bls, bls_path) = signing.ok_or_else(missing("BLS"))?;
    let (operator, wallet_path) = sending.ok_or_else(missing("ECDSA"))?;
    Ok(PublicKeys { operator, bls: bls.public_key(), bls_path, wallet_path })
}

/// A key under the old password; nothing if it is under the new one already.
fn either<K>(old: Result<K, Error>, new: impl FnOnce() -> Result<K, Error>) -> Result<Option<K>, Error> {
    match old {
        Ok(key) => Ok(Some(key)),
        Err(error @ Error::WrongPassword { .. }) => new().map(|_| None).map_err(|_| error),
        Err(error) => Err(error),
    }
}

/// Writes a file beside, opens it once, and only then puts it in the place of the one that is there.
fn replace(
    path: &Path,
    store: impl FnOnce(&Path) -> Result<(), Error>,
    open: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let beside: PathBuf = [path.as_os_str(), ".tmp".as_ref()].into_iter().collect::<std::ffi::OsString>().into();
    store(&beside)?;
    open(&beside)?;
    fs::rename(&beside, path).map_err(|source| Error::Io { action: "replace", path: path.to_owned(), source })
}
