//! What goes to stdout: text for people or one JSON document, never both. And failures, to stderr.

use std::io::Write;

use serde_json::{Value, json};

use super::{Code, Exit, Global};
use crate::api::SCHEMA;
use crate::text::{escaped, shown};

/// Prints an answer: `document` (an object; `schema` is added) with `--json`, else `text`.
pub(super) fn answer(global: &Global, document: Value, text: &str) {
    // A reader that went away (`| head`) is no failure of ours.
    let _ = say(global, document, text);
}

/// The same, one of several: `document` is a line of its own.
///
/// # Errors
/// Nobody reads any more.
pub(super) fn say(global: &Global, mut document: Value, text: &str) -> std::io::Result<()> {
    let line = if global.json {
        if let Some(fields) = document.as_object_mut() {
            fields.insert("schema".to_owned(), json!(SCHEMA));
        }
        json_text(&document)
    } else {
        text.trim_end().to_owned()
    };
    writeln!(std::io::stdout(), "{line}")
}

/// Prints a failure on stderr: its code, what, then why, then how it is mended; with `--json` also as a document on stdout.
pub fn report_failure(error: &anyhow::Error, json_wanted: bool) {
    // Many errors name their cause in their own text; say nothing twice.
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !error.to_string().contains(&cause) && !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    let (code, exit) = (Code::of(error), Exit::of(error).code());
    if json_wanted {
        let failure = json!({
            "code": code.id(),
            "exit": exit,
            "message": error.to_string(),
            "causes": causes,
            "help": code.help(),
            "url": code.place(),
        });
        let _ = writeln!(std::io::stdout(), "{}", json_text(&json!({"schema": SCHEMA, "error": failure})));
    }
    let mut stderr = std::io::stderr();
    let _ = writeln!(stderr, "error[{}]: {}", code.id(), indented(error.to_string().trim_end()));
    for cause in causes {
        let _ = writeln!(stderr, "  because: {}", indented(&cause));
    }
    let _ = writeln!(stderr, "  help: {}\n  see:  {} (or `keeper explain {}`)", code.help(), code.place(), code.id());
}

/// The document on one line. Terminals act on more characters than JSON escapes by itself.
fn json_text(document: &Value) -> String {
    escaped(&document.to_string())
}

/// Aligns rows of (name, value) for people. Values may be anybody's words: each stays on its row.
pub(super) fn rows(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    rows.iter().map(|(name, value)| format!("{name:width$}  {}\n", shown(value))).collect()
}

/// An error's text, whose further lines cannot be taken for others.
fn indented(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n  ")
}
