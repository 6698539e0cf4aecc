//! The data directory and what a keeper keeps in it besides keys.

use std::fs::{self, File, TryLockError};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::{Finding, Subject};
use crate::archive::{self, Reader};
use crate::journal::{Identity, Inspected};
use crate::keystore::Keystore;

/// The rights of group and others to write.
const OTHERS_WRITE: u32 = 0o022;
/// Kinds of file systems (`statfs`) that forget all at a restart of the machine, or of the container.
const PASSING: [(i64, &str); 3] =
    [(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs"), (0x794c_7630, "an overlay of a container")];

pub(super) fn look(subject: &Subject) -> Vec<Finding> {
    let data = subject.paths.data();
    let mut findings = match fs::metadata(data) {
        Err(error) => {
            let found = format!("{} cannot be looked at: {error}", data.display());
            return vec![Finding::fail("datadir", found, "keeper init makes it; or name another one with --datadir")];
        }
        Ok(metadata) if !metadata.is_dir() => {
            return vec![Finding::fail(
                "datadir",
                format!("{} is no directory", data.display()),
                "name another --datadir",
            )];
        }
        Ok(metadata) => vec![directory(data, &metadata)],
    };
    findings.extend(passing(data));
    let (lock, is_held) = lock(subject);
    findings.push(lock);
    findings.extend(journal(subject, is_held));
    findings.push(archive(subject));
    findings
}

fn directory(data: &Path, metadata: &fs::Metadata) -> Finding {
    let (mode, named) = (metadata.permissions().mode() & 0o7777, data.display());
    if mode & OTHERS_WRITE != 0 {
        let found = format!("others may write in {named} (mode {mode:o}), keys and journal too");
        return Finding::fail("datadir", found, format!("chmod 700 {named}"));
    }
    let me = nix::unistd::geteuid().as_raw();
    match nix::unistd::access(data, nix::unistd::AccessFlags::W_OK) {
        Ok(()) => Finding::ok("datadir", format!("{named}, mode {mode:o}")),
        Err(nix::errno::Errno::EROFS) => {
            let found = format!("{named} lies on a read-only disk: nothing can be signed there");
            let fix = "look at the system's log (dmesg) for why it was mounted so, then: mount -o remount,rw on its mount point";
            Finding::fail("datadir", found, fix)
        }
        Err(error) => {
            let found = format!("user {me} cannot write in {named}, which is user {}'s: {error}", metadata.uid());
            Finding::fail("datadir", found, format!("chown -R {me} {named}, or run the keeper as its owner"))
        }
    }
}

/// What is kept on a disk that forgets is lost with the machine, the journal too.
fn passing(data: &Path) -> Option<Finding> {
    let kind = nix::sys::statfs::statfs(data).ok()?.filesystem_type().0;
    let (_, name) = PASSING.iter().find(|(number, _)| *number == kind)?;
    let found =
        format!("{} is on {name}: the journal is lost with it, and without it the key must not sign", data.display());
    Some(Finding::warn("datadir_disk", found, "keep the data directory on a disk or a named volume"))
}

/// Who holds the directory, and whether anybody does.
fn lock(subject: &Subject) -> (Finding, bool) {
    let path = subject.paths.data().join("LOCK");
    let Ok(mut file) = File::open(&path) else {
        return (Finding::ok("lock", "no keeper has run here yet"), false);
    };
    match crate::lock::take(&file) {
        Err(TryLockError::WouldBlock) => {}
        _ => return (Finding::ok("lock", "no keeper runs on this data directory"), false),
    }
    let mut text = String::new();
    let _ = (&mut file).take(32).read_to_string(&mut text);
    let pid: Option<u32> = text.trim().parse().ok();
    let process = pid.map_or("a process".to_owned(), |pid| format!("process {pid}"));
    let finding = match subject.running {
        Some(_) => Finding::ok("lock", format!("{process} runs on this data directory, and answers")),
        None => {
            let found = format!("{process} holds the data directory, and no keeper answers where it should");
            Finding::fail(
                "lock",
                found,
                "look at that process and its log; if it hangs, stop it and start the keeper again",
            )
        }
    };
    (finding, true)
}

/// The journal is its keeper's alone: while one runs, that one says how it is.
fn journal(subject: &Subject, is_held: bool) -> Option<Finding> {
    let path = subject.paths.journal();
    if is_held {
        return None;
    }
    if !path.exists() {
        let found = format!("there is none at {}: this key has signed nothing here", path.display());
        return Some(Finding::ok("journal", found));
    }
    let (_, network) = subject.network.as_ref()?;
    let keys = Keystore::at(&subject.paths.keystores()).public().ok()?;
    let identity = Identity::new(&keys.bls.to_bytes(), network.domain_separator());
    // Looked at as a file: a start would write it anew.
    Some(match Inspected::open(&path, identity) {
        Ok(found) => {
            let found = format!("{} is whole, and this key's: {} reports", path.display(), found.reports());
            Finding::ok("journal", found)
        }
        Err(error) => {
            let fix = "restore it from a backup; never sign without it what it may have signed: docs/operators.md";
            Finding::fail("journal", error.to_string(), fix)
        }
    })
}

fn archive(subject: &Subject) -> Finding {
    match Reader::open(&subject.paths.archive()) {
        Ok(reader) => match reader.last_change() {
            Ok(0) => Finding::ok("archive", "no run is recorded yet"),
            Ok(last) => Finding::ok("archive", format!("the last record is of second {}", last / 1_000_000)),
            Err(error) => {
                Finding::warn("archive", error.to_string(), "the keeper begins anew; or move runs.sqlite away")
            }
        },
        Err(archive::Error::Missing { .. }) => Finding::ok("archive", "no run is recorded yet"),
        Err(error) => Finding::warn("archive", error.to_string(), "the keeper begins anew; or move runs.sqlite away"),
    }
}
