//! Files and directories that are this user's alone.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;

/// Whether a file is this user's and nobody else may read or write it.
pub(super) fn is_private(path: &Path) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    Ok(metadata.uid() == nix::unistd::geteuid().as_raw() && metadata.mode() & OTHERS == 0)
}

/// Shuts others out of a directory of this user. Whether they were out already.
pub(super) fn make_private(directory: &Path) -> io::Result<bool> {
    // The user may have put a link in the directory's place; whose it is then decides.
    let metadata = fs::metadata(directory)?;
    if metadata.uid() != nix::unistd::geteuid().as_raw() {
        let owner = metadata.uid();
        return Err(io::Error::other(format!(
            "it belongs to another user (id {owner}), who could plant code in it; name a directory of your own"
        )));
    }
    if metadata.mode() & OTHERS == 0 {
        return Ok(true);
    }
    fs::set_permissions(directory, Permissions::from_mode(0o700))?;
    Ok(false)
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
