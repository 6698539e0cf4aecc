//! Runs the `swarm` binary and reads its proof document.

use std::process::{Output, Stdio};

use anyhow::{Context, Result};
use bootstrap::swarm::keepers::binary;
use serde_json::Value;

/// What a run of the `swarm` binary left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The document, if it printed one.
    pub document: Value,
    /// What it printed on standard error.
    pub log: String,
}

/// Runs `swarm` with these arguments to its end; roughly where all tests are rough.
///
/// # Errors
/// When it was not built or cannot start.
pub async fn swarm(arguments: &[&str]) -> Result<Outcome> {
    let mut command = tokio::process::Command::new(binary("swarm")?);
    if crate::is_rough() && arguments.contains(&"--once") && !arguments.contains(&"--rough") {
        command.arg("--rough");
    }
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let Output { status, stdout, stderr } = command.output().await.context("swarm does not start")?;
    let document = serde_json::from_slice(&stdout).unwrap_or(Value::Null);
    Ok(Outcome { code: status.code(), document, log: String::from_utf8_lossy(&stderr).into_owned() })
}

impl Outcome {
    /// A number of the document, by JSON pointer.
    ///
    /// # Panics
    /// When the document has no such number: with everything that was printed.
    #[must_use]
    pub fn number(&self, pointer: &str) -> i64 {
        let number = self.document.pointer(pointer).and_then(Value::as_i64);
        number.unwrap_or_else(|| panic!("the document has no number at {pointer}: {self:#?}"))
    }

    /// Checks what every run must fulfil: exit code 0, at least `tasks` settled, none missed, none twice, three leaders,
    /// a batch of two, and a target that counted exactly what the chain's logs say.
    ///
    /// # Panics
    /// When something of this does not hold.
    pub fn holds(&self, tasks: i64) {
        assert_eq!(self.code, Some(0), "{self:#?}");
        assert!(self.number("/tasks/settled") >= tasks, "{self:#?}");
        assert_eq!(self.number("/tasks/missed"), 0, "{self:#?}");
        assert_eq!(self.number("/tasks/duplicates"), 0, "{self:#?}");
        let due = self.number("/tasks/due");
        assert_eq!(due, self.number("/tasks/settled") + self.number("/tasks/skipped"), "{self:#?}");
        let leaders = self.document["leaders"].as_object().expect("leaders");
        assert!(leaders.len() >= 3, "{self:#?}");
        let led: i64 = leaders.values().filter_map(Value::as_i64).sum();
        assert_eq!(led, self.number("/tasks/settled"), "{self:#?}");
        assert!(self.number("/batches/max") >= 2, "{self:#?}");
        assert_eq!(self.number("/target/counter"), self.number("/jobs/0/settled"), "{self:#?}");
        assert!(self.number("/latency_ms/due_to_certificate/p50") > 0, "{self:#?}");
    }
}
