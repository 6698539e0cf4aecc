//! Keys: whether they are there, private, readable, and open with the password.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Finding, Subject};
use crate::keystore::{self, Keystore, Password};

pub(super) async fn look(subject: &Subject) -> Vec<Finding> {
    let keystore = Keystore::at(&subject.paths.keystores());
    let mut findings = Vec::new();
    match keystore.public() {
        Ok(keys) => {
            findings.push(Finding::ok("keystores", format!("operator {}", keys.operator)));
            findings.extend(is_open(&keys.wallet_path));
            if let Some(file) = subject.settings.password_file.clone() {
                findings.push(password(keystore, file).await);
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
    findings.push(identity(&subject.paths.identity()));
    findings
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
