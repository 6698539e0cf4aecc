//! Removes a directory when this process is gone, however it went.
//!
//! A destructor does not run after SIGKILL. So a small shell holds the reading end of a pipe: when the last writer (we)
//! dies, it reads the end of file and removes the directory. It ignores Ctrl-C, which a terminal sends to it as well.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// `read` fails at the end of file: remove. The word `keep` comes: leave. Processes that are being killed may still
/// write into the directory, so removing is tried again.
const SCRIPT: &str = r#"
if read -r word; then exit 0; fi
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$1" 2>/dev/null && [ ! -e "$1" ] && exit 0
    sleep 0.2
done
"#;

/// Watches over a directory.
#[derive(Debug)]
pub struct Sweeper {
    directory: PathBuf,
    shell: Child,
}

impl Sweeper {
    /// Starts watching.
    ///
    /// # Errors
    /// When no shell can be started.
    pub fn watch(directory: &Path) -> Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "sweeper"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start /bin/sh")?;
        Ok(Self { directory: directory.to_owned(), shell })
    }

    /// What it watches over.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Leaves the directory where it is.
    pub fn keep(&mut self) {
        if let Some(pipe) = self.shell.stdin.as_mut() {
            let _ = pipe.write_all(b"keep\n");
        }
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests;
