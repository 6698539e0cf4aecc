//! What an operator lets jobs have sent in headers, encrypted under the password of its keys: one file, `secrets.json`, beside them.
//!
//! Each secret is for one host, and for one job if its operator says so: the job's own word where to send it counts for nothing.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::cipher::{self, DERIVED, Derivation, Strength};
use super::{Error, Keystore, Password, files};

const FILE: &str = "secrets.json";
const VERSION: u32 = 1;
/// Most secrets, and the longest, in bytes.
const MAX_SECRETS: usize = 64;
const MAX_VALUE_BYTES: usize = 512;
/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// A secret without its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretName {
    /// As jobs write it: `{{secret:NAME}}`.
    pub name: String,
    /// The host that it is sent to, `name` or `name:port`.
    pub host: String,
    /// The one job it is for; any that names the host, if none.
    pub job: Option<u64>,
}

/// An operator's secrets, open in memory. `Debug` shows how many.
#[derive(Default)]
pub struct Secrets(Vec<(SecretName, Zeroizing<String>)>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

impl executor::Secrets for Secrets {
    fn secret(&self, name: &str, host: &str, job: u64) -> Option<String> {
        let fits = |of: &SecretName| of.name == name && of.host == host && of.job.is_none_or(|only| only == job);
        // One of the job's own goes before one of any.
        let mut found: Vec<_> = self.0.iter().filter(|(of, _)| fits(of)).collect();
        found.sort_by_key(|(of, _)| of.job.is_none());
        found.first().map(|(_, value)| value.to_string())
    }
}

impl Secrets {
    /// Their names, in order.
    #[must_use]
    pub fn names(&self) -> Vec<SecretName> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Adds one, in place of the one of that name; tells whether there was one.
    ///
    /// # Errors
    /// It cannot be one, or there are too many: what is wrong, in words.
    pub fn set(&mut self, name: SecretName, value: &str) -> Result<bool, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if name.name.is_empty() || name.name.len() > MAX_NAME_BYTES || !name.name.bytes().all(plain) {
            return Err(format!("{:?} is no name of a secret: letters, digits, _ and -, at most 64", name.name));
        }
        executor::AllowList::new(vec![name.host.clone()])?;
        let is_sendable = |letter: char| letter == ' ' || letter.is_ascii_graphic();
        if value.is_empty() || value.len() > MAX_VALUE_BYTES || !value.chars().all(is_sendable) {
            return Err(format!(
                "a secret has 1 to {MAX_VALUE_BYTES} printable ASCII characters: a header takes no others"
            ));
        }
        let was = self.remove(&name);
        if self.0.len() >= MAX_SECRETS {
            return Err(format!("there are {MAX_SECRETS} secrets already: remove one with `keeper secrets rm`"));
        }
        self.0.push((name, Zeroizing::new(value.to_owned())));
        self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(was)
    }

    /// Lets go of one; tells whether there was one.
    pub fn remove(&mut self, name: &SecretName) -> bool {
        let before = self.0.len();
        self.0.retain(|(of, _)| of != name);
        self.0.len() < before
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    kdf: Derivation,
    iv: String,
    /// SHA-256 over the second half of the derived key and the cipher text.
    checksum: String,
    /// AES-128-CTR under the first half.
    message: String,
}

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    of: SecretName,
    value: String,
}

impl Keystore {
    fn secrets_file(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// Opens the secrets; none, where there is no file. Takes about a second: keep it off async threads.
    ///
    /// # Errors
    /// [`Error`].
    pub fn secrets(&self, password: &Password) -> Result<Secrets, Error> {
        let path = self.secrets_file();
        match path.try_exists() {
            Ok(false) => Ok(Secrets::default()),
            _ => open(&path, password),
        }
    }

    /// Whether there is a file of secrets, and it can be read as far as that takes no password.
    ///
    /// # Errors
    /// [`Error`]: with such a file no keeper starts.
    pub fn has_secrets(&self) -> Result<bool, Error> {
        let path = self.secrets_file();
        match path.try_exists() {
            Ok(false) => Ok(false),
            _ => read(&path).map(|_| true),
        }
    }

    /// Writes the secrets, under a fresh derivation of the keys' own strength where they have one.
    ///
    /// # Errors
    /// [`Error`].
    pub fn store_secrets(&self, secrets: &Secrets, password: &Password, strength: Strength) -> Result<PathBuf, Error> {
        let path = self.secrets_file();
        let malformed = |reason| Error::Malformed { path: path.clone(), reason };
        let row = |(of, value): &(SecretName, Zeroizing<String>)| Row { of: of.clone(), value: value.to_string() };
        let rows: Vec<Row> = secrets.0.iter().map(row).collect();
        let text = serde_json::to_vec(&rows).map_err(|error| malformed(error.to_string()))?;
        let mut message = Zeroizing::new(text);
        let (kdf, iv) = (Derivation::fresh(strength)?, *cipher::random::<16>()?);
        let derived = kdf.derive(&password.normalized()).map_err(malformed)?;
        cipher::apply_aes128_ctr(&derived, &iv, &mut message);
        let file = File {
            version: VERSION,
            kdf,
            iv: alloy::hex::encode(iv),
            checksum: alloy::hex::encode(checksum(&derived, &message)),
            message: alloy::hex::encode(&*message),
        };
        let text = serde_json::to_string_pretty(&file).map_err(|error| malformed(error.to_string()))?;
        files::private_directory(&self.directory)?;
        files::write_private(&path, text.as_bytes())?;
        Ok(path)
    }
}

/// The file, still closed.
fn read(path: &Path) -> Result<File, Error> {
    parse(path, &files::read(path)?)
}

fn parse(path: &Path, text: &str) -> Result<File, Error> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let file: File = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
    if file.version != VERSION {
        return Err(malformed(format!("it has version {}, and this program reads version {VERSION}", file.version)));
    }
    Ok(file)
}

fn open(path: &Path, password: &Password) -> Result<Secrets, Error> {
    unlock(path, &files::read(path)?, password)
}

/// The same with the file's text at hand.
pub(super) fn unlock(path: &Path, text: &str, password: &Password) -> Result<Secrets, Error> {
    let malformed = |reason: String| Error::Malformed { path: path.to_owned(), reason };
    let file = parse(path, text)?;
    let derived = file.kdf.derive(&password.normalized()).map_err(malformed)?;
    let iv = cipher::unhex_array("iv", &file.iv).map_err(malformed)?;
    let expected: [u8; 32] = cipher::unhex_array("checksum", &file.checksum).map_err(malformed)?;
    let message =
        alloy::hex::decode(&file.message).map_err(|error| malformed(format!("its message is not hex: {error}")))?;
    let mut message = Zeroizing::new(message);
    if checksum(&derived, &message) != expected {
        return Err(Error::WrongPassword { path: path.to_owned() });
    }
    cipher::apply_aes128_ctr(&derived, &iv, &mut message);
    let rows: Vec<Row> = serde_json::from_slice(&message).map_err(|error| malformed(error.to_string()))?;
    let mut secrets = Secrets::default();
    for Row { of, value } in rows {
        secrets.set(of, &value).map_err(malformed)?;
    }
    Ok(secrets)
}

pub(super) fn checksum(derived: &[u8; DERIVED], message: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&derived[16..]).chain_update(message).finalize().into()
}

#[cfg(test)]
mod tests;
