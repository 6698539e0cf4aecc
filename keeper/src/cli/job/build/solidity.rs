//! Solidity: npm's `solc`, by the folder's own script. What it makes is deployed by whoever likes to; keepers need only its address.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::tools::{npm_install, run};

/// The script: it writes `build/<contract>.bin`, code to deploy in hexadecimal.
pub(super) const COMPILER: &str = "compile.mjs";

/// Compiles the folder's contracts; gives where their code is, and its size in bytes.
pub(super) fn compile(folder: &Path) -> Result<Vec<(PathBuf, usize)>> {
    npm_install(folder)?;
    run(Command::new("node").current_dir(folder).arg(COMPILER), false, "install Node 20 or newer, https://nodejs.org")?;
    let build = folder.join("build");
    let files = std::fs::read_dir(&build).with_context(|| format!("{COMPILER} has made no {}", build.display()))?;
    let mut made = Vec::new();
    for file in files.flatten().map(|file| file.path()).filter(|file| file.extension().is_some_and(|end| end == "bin"))
    {
        let text = std::fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
        made.push((file, text.trim().trim_start_matches("0x").len() / 2));
    }
    made.sort();
    ensure!(!made.is_empty(), "{COMPILER} has made no contract");
    Ok(made)
}
