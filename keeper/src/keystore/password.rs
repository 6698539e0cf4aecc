//! Where a password comes from: a file, systemd's credential, or a prompt on a terminal. Never an argument, and on local
//! chains alone an environment variable.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::Error;
use crate::text;

/// Longest password file.
const MAX_BYTES: u64 = 4096;
/// What the password is called among systemd's credentials.
const CREDENTIAL: &str = "keystore-password";
/// The variable that may hold a password on a local chain.
const VARIABLE: &str = "KEEPER_PASSWORD";

/// A password; wiped when dropped and never shown.
pub struct Password(Zeroizing<String>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Password {
    /// A password given in memory.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Reads a password file: its first line, without the line end.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read, [`Error::NoPassword`] when it is empty.
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(Vec::new());
        let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
        read.map_err(|source| Error::Io { action: "read the password file", path: path.to_owned(), source })?;
        let text = text::decode(&bytes)
            .map(Zeroizing::new)
            .map_err(|why| Error::NoPassword(format!("the password file {} cannot be read: {why}", path.display())))?;
        let line = text.lines().next().unwrap_or_default();
        if line.is_empty() {
            let message = format!("the password file {} is empty: put the password on its first line", path.display());
            return Err(Error::NoPassword(message));
        }
        Ok(Self::new(line))
    }

    /// The file that systemd puts the password into (`LoadCredential=keystore-password:...`), if it has.
    #[must_use]
    pub fn credential() -> Option<PathBuf> {
        let file = Path::new(&std::env::var_os("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
        file.exists().then_some(file)
    }

    /// Reads the file if one is given, else systemd's credential, on a `local` chain the environment, else asks on the
    /// terminal, twice if the password is `new`.
    ///
    /// # Errors
    /// [`Error::NoPassword`] without file and terminal, or when the two entries differ;
    /// [`Error::PasswordInEnvironment`] wherever something is at stake, also if it would not be used.
    pub fn obtain(file: Option<&Path>, local: bool, new: bool) -> Result<Self, Error> {
        let in_environment = std::env::var(VARIABLE).ok().map(Zeroizing::new).filter(|value| !value.is_empty());
        if in_environment.is_some() && !local {
            return Err(Error::PasswordInEnvironment);
        }
        if let Some(path) = file.map(Path::to_owned).or_else(Self::credential) {
            return Self::from_file(&path);
        }
        match in_environment {
            Some(value) => Ok(Self(value)),
            None => Self::ask("Password of the keystores", new),
        }
    }

    /// Asks on the terminal, twice if the password is `new`.
    ///
    /// # Errors
    /// [`Error::NoPassword`].
    pub fn ask(what: &str, new: bool) -> Result<Self, Error> {
        if !std::io::stdin().is_terminal() {
            return Err(Error::NoPassword(
                "no password: pass --password-file FILE (or KEEPER_PASSWORD_FILE), or run on a terminal to be asked"
                    .to_owned(),
            ));
        }
        let first = prompt(&format!("{what}: "))?;
        if new && *first.0 != *prompt("Again: ")?.0 {
            return Err(Error::NoPassword("the two passwords differ: nothing was changed, try again".to_owned()));
        }
        Ok(first)
    }

    /// The bytes as typed, which Web3 Secret Storage uses.
    pub(crate) fn raw(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// NFKD-normalised without control codes, which EIP-2335 uses.
    pub(super) fn normalized(&self) -> Zeroizing<Vec<u8>> {
        // C0, C1 and Delete, which `char::is_control` covers exactly.
        let text: Zeroizing<String> = Zeroizing::new(self.0.nfkd().filter(|c| !c.is_control()).collect());
        Zeroizing::new(text.as_bytes().to_vec())
    }
}

fn prompt(text: &str) -> Result<Password, Error> {
    let typed = rpassword::prompt_password(text);
    let typed = typed.map_err(|error| Error::NoPassword(format!("could not ask for the password: {error}")))?;
    if typed.is_empty() {
        return Err(Error::NoPassword("an empty password protects nothing: choose another".to_owned()));
    }
    Ok(Password(Zeroizing::new(typed)))
}
