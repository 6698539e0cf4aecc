//! Keys: whether they are there, private, readable, and open with the password.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Finding, Level, Subject};
use crate::keystore::{self, Keystore, Password};

pub(super) async fn look(subject: &Subject) -> Vec<Finding> {
    // Nothing is in a directory that is not there, which has been told.
    if !subject.paths.data().is_dir() {
        return Vec::new();
    }
    let keystore = Keystore::at(&subject.paths.keystores());
    let (mut findings, mut is_open_with_it) = (Vec::new(), false);
    match keystore.public() {
        Ok(keys) => {
            findings.push(Finding::ok("keystores", format!("operator {}", keys.operator)));
            findings.extend(is_open(&keys.wallet_path));
            if let Some(file) = subject.settings.password_file.clone() {
                let found = password(keystore, file).await;
                is_open_with_it = found.level == Level::Ok;
                findings.push(found);
            }
        }
        // One that others may read is not even looked at.
        Err(keystore::Error::Permissions { path, mode }) => findings.push(open_to_others(&path, mode)),
        Err(error @ keystore::Error::Missing { .. }) => {
            findings.push(Finding::fail("keystores", error.to_string(), "keeper keys new"));
        }
        Err(error) => {
            let fix =
                "restore the file from a backup; a BN254 key of EigenLayer is no key for this network: keeper keys new";
            findings.push(Finding::fail("keystores", error.to_string(), fix));
        }
    }
    findings.extend(remote(subject).await);
    findings.extend(secrets(subject, is_open_with_it).await);
    findings.push(identity(&subject.paths.identity()));
    findings
}

/// Whether the program that has the wallet's key answers, and has it.
async fn remote(subject: &Subject) -> Option<Finding> {
    let remote = Keystore::at(&subject.paths.keystores()).remote().ok().flatten()?;
    let (named, address) = (remote.named(), remote.address());
    let accounts = tokio::task::spawn_blocking(move || remote.accounts()).await;
    Some(match accounts.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(accounts) if accounts.contains(&address) => {
            Finding::ok("signer", format!("{named} has the key of {address}"))
        }
        Ok(accounts) => {
            let found = format!("{named} has no key of {address}, but {} others", accounts.len());
            Finding::fail(
                "signer",
                found,
                "give it that key; or keeper operator deregister, and begin with another account",
            )
        }
        Err(why) => {
            Finding::fail("signer", why, "start the program that has the wallet's key, and look at the URL in its file")
        }
    })
}

/// What jobs may have sent in headers: a keeper does not start with a file that it cannot open. Opened only with a password that
/// opens the keys: of one that is wrong for them has been told.
async fn secrets(subject: &Subject, is_right: bool) -> Option<Finding> {
    let keystore = Keystore::at(&subject.paths.keystores());
    let file = subject.settings.password_file.clone().filter(|_| is_right);
    let opened = tokio::task::spawn_blocking(move || match (keystore.has_secrets()?, file) {
        (false, _) => Ok::<_, keystore::Error>(None),
        (true, None) => Ok(Some(None)),
        (true, Some(file)) => {
            let secrets = keystore.secrets(&Password::from_file(&file)?)?;
            Ok(Some(Some(secrets.names().len())))
        }
    });
    match opened.await {
        Ok(Ok(None)) => None,
        Ok(Ok(Some(Some(count)))) => Some(Finding::ok("secrets", format!("{count} open with the keys' password"))),
        Ok(Ok(Some(None))) => Some(Finding::ok("secrets", "there are some; no password file is named to open them")),
        Ok(Err(keystore::Error::Permissions { path, mode })) => {
            let found = format!("others may read {} (mode {mode:o})", path.display());
            Some(Finding::fail("secrets", found, format!("chmod 600 {}", path.display())))
        }
        Ok(Err(error @ keystore::Error::WrongPassword { .. })) => {
            let fix =
                "they were stored with another password than the keys': remove secrets.json, and keeper secrets set";
            Some(Finding::fail("secrets", error.to_string(), fix))
        }
        Ok(Err(error)) => {
            let fix = "restore the file from a backup, or remove it and name the secrets again: keeper secrets set";
            Some(Finding::fail("secrets", error.to_string(), fix))
        }
        Err(error) => Some(Finding::fail("secrets", error.to_string(), "run keeper doctor again")),
    }
}

/// A keystore that others may read is as safe as its password.
fn is_open(path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then(|| open_to_others(path, mode))
}

fn open_to_others(path: &Path, mode: u32) -> Finding {
    let found = format!("others may read {} (mode {mode:o})", path.display());
    Finding::fail("keystore_mode", found, format!("chmod 600 {}", path.display()))
}

async fn password(keystore: Keystore, file: std::path::PathBuf) -> Finding {
    let named = file.display().to_string();
    let opened =
        tokio::task::spawn_blocking(move || Password::from_file(&file).and_then(|password| keystore.open(&password)));
    match opened.await {
        Ok(Ok(_)) => Finding::ok("password", format!("{named} opens both keys")),
        Ok(Err(error)) => {
            Finding::fail("password", error.to_string(), "put the password the keys were made with on its first line")
        }
        Err(error) => Finding::fail("password", error.to_string(), "run keeper doctor again"),
    }
}

fn identity(path: &Path) -> Finding {
    match p2p::Identity::load(path) {
        Ok(identity) => Finding::ok("identity", format!("peer {}", identity.peer_id())),
        Err(p2p::IdentityError::Permissions { mode, .. }) => {
            let found = format!("others may read {} (mode {mode:o})", path.display());
            Finding::fail("identity", found, format!("chmod 600 {}", path.display()))
        }
        Err(error) if !path.exists() => Finding::fail("identity", error.to_string(), "keeper init"),
        Err(error) => {
            let fix = "restore it from a backup; a new one must be registered: keeper keys rotate";
            Finding::fail("identity", error.to_string(), fix)
        }
    }
}
