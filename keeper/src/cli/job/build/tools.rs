//! Programs that build, run with their words on stderr: stdout is for the answer alone.

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};

use crate::cli::{Exit, WithExit};

/// Runs a program to its end; gives what it wrote to stdout if that is asked for. `install`: how to come by it.
pub(super) fn run(command: &mut Command, keeps_output: bool, install: &str) -> Result<Vec<u8>> {
    let name = Path::new(command.get_program()).display().to_string();
    let out = if keeps_output { Stdio::piped() } else { Stdio::from(std::io::stderr()) };
    let done =
        command.stdin(Stdio::null()).stdout(out).stderr(Stdio::inherit()).spawn().and_then(|it| it.wait_with_output());
    let done = match done {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(anyhow!("{name} is missing: {install}")).exit(Exit::NotFound);
        }
        done => done.with_context(|| format!("could not run {name}"))?,
    };
    ensure!(done.status.success(), "{name} failed ({}): what it says is above", done.status);
    Ok(done.stdout)
}

/// Installs what a `package.json` names, unless it has been since the file was changed.
pub(super) fn npm_install(folder: &Path) -> Result<()> {
    let time = |file: &str| folder.join(file).metadata().and_then(|file| file.modified()).ok();
    let installed = time("node_modules/.package-lock.json");
    if installed.is_some() && installed >= time("package.json") {
        return Ok(());
    }
    say("npm install (the first time takes a minute)");
    let mut npm = Command::new("npm");
    npm.current_dir(folder).args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
    run(&mut npm, false, "install Node 20 or newer, https://nodejs.org")?;
    Ok(())
}

/// A line about what is going on.
pub(super) fn say(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}
