//! The checked-in corpus: a folder for each target, and in it what our own encoders wrote when it was made, next to inputs
//! that once did harm.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::Target;

/// Where a target's inputs are.
#[must_use]
pub fn folder(target: &Target) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).join(target.name)
}

/// The inputs of a target, in the order of their names.
///
/// # Errors
/// The folder cannot be read.
pub fn inputs(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder(target))?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    files.into_iter().map(fs::read).collect()
}

/// Writes what the encoders write today. Files of other names, such as inputs that once did harm, are left alone.
///
/// # Errors
/// The folder cannot be written.
pub fn write(target: &Target) -> io::Result<()> {
    let folder = folder(target);
    fs::create_dir_all(&folder)?;
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("written-")) {
            fs::remove_file(path)?;
        }
    }
    for (number, bytes) in (target.seeds)().into_iter().enumerate() {
        fs::write(folder.join(format!("written-{number:02}")), bytes)?;
    }
    Ok(())
}
