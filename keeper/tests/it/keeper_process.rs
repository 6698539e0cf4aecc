//! Runs the real binary in a directory of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a run of the binary said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// The one JSON document on stdout.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.trim_end().lines().count(), 1, "not one line: {self:?}");
        let document: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(document["schema"], 1, "{self:?}");
        document
    }

    /// Checks the exit code, and that every part stands in the error on stderr.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        // Errors that a test makes by itself have no code.
        assert!(self.stderr.contains("error[K-") || self.stderr.contains("error: "), "{self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {self:?}");
        }
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

/// A keeper's home: data directory and password file, removed at the end.
pub(crate) struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    /// Empty, with a password file.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("password"), "correct horse\n").unwrap();
        Self { directory }
    }

    /// With cheaply encrypted keys.
    pub(crate) fn with_keys() -> Self {
        let home = Self::new();
        home.keeper(&["keys", "new", "--light-scrypt"]).succeeded();
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Runs `keeper <arguments>` on this home, with its password.
    pub(crate) fn keeper(&self, arguments: &[&str]) -> Said {
        self.keeper_with(arguments, &self.path("password"))
    }

    pub(crate) fn keeper_with(&self, arguments: &[&str], password: &Path) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_keeper"))
            .args(arguments)
            .arg("--datadir")
            .arg(self.data())
            .arg("--password-file")
            .arg(password)
            // Nothing of the machine's own settings may change the outcome.
            .env_clear()
            .output()
            .unwrap();
        Said {
            code: output.status.code().expect("the binary was not killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
